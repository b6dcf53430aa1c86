"""From a model to the graph that is built of it: read, checked, and through the passes of every graph."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitwright.core.errors import ConfigError
from bitwright.core.naming import identifier
from bitwright.flow.options import Options
from bitwright.flow.reloading import declarations, refuse_unknown
from bitwright.ir.graph import Graph, check
from bitwright.passes import ARGMAX, STANDARD, apply

if TYPE_CHECKING:
    from bitwright.frontends.grid.reading import Reading

__all__ = ["Built", "Imported", "graphs_of", "imported", "with_states"]


@dataclass(frozen=True)
class Imported:
    """A model as read: exact integers, the model that they are compared with, where it came from."""

    reading: Reading
    truth: Any
    origin: str


def imported(model: Any, options: Options) -> Imported:
    """The stage "import": what the frontend makes of the model."""
    from bitwright.flow.models import load_model

    origin = str(model) if isinstance(model, str | Path) else ""
    loaded: Any = load_model(model) if origin else model
    name = identifier(options.name or (Path(origin).stem if origin else loaded.name))
    reading, truth = _read(loaded, options, name)
    check(reading.graph)
    refuse_unknown(declarations(options.writable), reading.graph)
    return Imported(reading, truth, origin)


@dataclass(frozen=True)
class Built:
    """A model as read, and the graph that is built of it."""

    read: Imported
    graph: Graph


def graphs_of(read: Imported, options: Options) -> Built:
    """The stage "graph": the passes that every graph goes through."""
    return Built(read, check(apply(read.reading.graph, ARGMAX if options.argmax_only else STANDARD)))


def _read(model: Any, options: Options, name: str) -> tuple[Reading, Any]:
    """What the frontend of the model's kind makes of it, and the model that integers are compared with."""
    from bitwright.frontends import qonnx, tflite

    model = with_states(model, options.state_format)
    if isinstance(model, tflite.Model):
        if options.writable:
            raise ConfigError("writable for a TFLite file", where="options", remedy="compile the Keras or ONNX model")
        return tflite.read_model(model, name=name), None
    told: dict[str, Any] = {"input_format": options.input_format, "output_format": options.output_format, "name": name}
    told["writable"] = declarations(options.writable)
    if isinstance(model, qonnx.Model):
        return qonnx.read_model(model, **told)
    from bitwright.frontends.keras import read_model

    reading = read_model(model, **told)
    _warn_of_dead_layers(model)
    return replace(reading, graph=_in_float64(model, options, reading)), model


def with_states(model: Any, state_format: str | None) -> Any:
    """`model`, its LSTM, GRU and RNN rounded to `state_format` where one is told; only ONNX files take one."""
    from bitwright.frontends import qonnx

    if state_format is None:
        return model
    if isinstance(model, qonnx.Model):
        return qonnx.with_states(model, state_format)
    raise ConfigError(
        "state_format for a model that is no ONNX file", where="options",
        remedy="give its cells state_quantizer='quantized_bits(8,1,1)'",
    )  # fmt: skip


def _warn_of_dead_layers(model: Any) -> None:
    """Warn of layers that compute nothing: a look at the weights alone, which costs next to nothing."""
    from bitwright.train.health import Ailment, HealthLimits, HealthWarning, check

    for finding in check(model, limits=HealthLimits(zero=1.0)):
        if finding.ailment in (Ailment.ZERO_WEIGHTS, Ailment.RANGE_NEVER_SET):
            warnings.warn(str(finding), HealthWarning, stacklevel=4)


def _in_float64(model: Any, options: Options, reading: Reading) -> Graph:
    """The graph with its maps read in float64 where float32 does not hold every sum."""
    if not any(finding.wide for finding in reading.findings):
        return reading.graph
    from bitwright.frontends.keras.precise import graph_in_float64

    told = declarations(options.writable)
    found = graph_in_float64(model, options.input_format, options.output_format, told)
    return replace(found, name=reading.graph.name)
