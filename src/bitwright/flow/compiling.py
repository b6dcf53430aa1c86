"""`compile`: a Keras model (or the path of one) to a design."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitwright.core.errors import ConfigError
from bitwright.core.naming import identifier
from bitwright.flow.design import Design
from bitwright.flow.engines import EngineDesign
from bitwright.flow.mixing import MixedDesign, choose
from bitwright.flow.options import Options
from bitwright.flow.reloading import declarations, refuse_unknown
from bitwright.flow.streamed import StreamDesign
from bitwright.ir.graph import Graph, check
from bitwright.ir.interface import Decoder
from bitwright.passes import ARGMAX, STANDARD, apply

if TYPE_CHECKING:
    from bitwright.explore import Plan
    from bitwright.frontends.grid.reading import Reading
    from bitwright.numeric import Steps

__all__ = ["Built", "Imported", "compile_model", "designed", "graphs_of", "imported", "planned"]


def compile_model(model: Any, options: Options | None = None, **told: Any) -> Design:
    """The design for `model`, a Keras model or the path of a file that `load_model` reads.

    Options are keyword arguments (see `Options`), or an `Options` record, not both. Nothing is
    approximated: what cannot be exact raises `Unsupported`, `InvalidModel` or `Inexact`, naming
    the layer and the way out.

    folder: a build in stages, whose results stay there and are taken up again (see `flow.staging.Build`); then
    from_stage, to_stage and progress may be told too.

    Example: `compile(model, device="xcvu9p", clock_mhz=200)`.
    """
    staged = {key: told.pop(key) for key in ("folder", "from_stage", "to_stage", "progress") if key in told}
    if options is not None and told:
        raise ConfigError("options and keywords", where="compile", remedy="give one of them")
    chosen = options or Options.of(told)
    if staged:
        if "folder" not in staged:
            raise ConfigError("stages without a folder", where="compile", remedy="give folder= as well")
        from bitwright.flow.staging import Build

        return Build(model, chosen, Path(staged.pop("folder")), **staged).run().design
    return designed(graphs_of(imported(model, chosen), chosen), chosen)


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


def designed(built: Built, options: Options) -> Any:
    """The stage "explore": the design, its architecture chosen where none is named."""

    def streamed() -> Graph:
        return _made(built, replace(options, architecture="dataflow"), StreamDesign).streamed

    return planned(built, *choose(built.graph, options, streamed))


def planned(built: Built, options: Options, plan: Plan | None) -> Any:
    """The design of these options, with what is known of it from choosing its architecture."""
    design = _made(built, options, _KINDS[options.architecture])
    if plan is not None and isinstance(design, MixedDesign):
        design.plan = plan
    elif plan is not None and isinstance(design, StreamDesign):
        design.foldings = plan.foldings
    return design


_KINDS: dict[str, type[Any]] = {
    "parallel": Design, "dataflow": StreamDesign, "engine": EngineDesign, "mixed": MixedDesign,
}  # fmt: skip


def _made(built: Built, options: Options, kind: type[Any]) -> Any:
    reading, graph = built.read.reading, built.graph
    return kind(
        name=reading.graph.name,
        options=options,
        source=reading.graph,
        graph=graph,
        encoders=reading.encoders,
        decoders=tuple(_decoder(n.type.step, d, options) for n, d in zip(graph.results, reading.decoders, strict=True)),
        findings=reading.findings,
        kinds=reading.kinds,
        model=built.read.truth,
        origin=built.read.origin,
    )


def _decoder(step: Steps, found: Decoder, options: Options) -> Decoder:
    """The decoder of an output as built; scores that keep the order alone have no table of values."""
    return Decoder(step, found.head) if options.argmax_only else replace(found, step=step)


def _read(model: Any, options: Options, name: str) -> tuple[Reading, Any]:
    """What the frontend of the model's kind makes of it, and the model that integers are compared with."""
    from bitwright.frontends import qonnx, tflite

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


def _warn_of_dead_layers(model: Any) -> None:
    """Warn of layers that compute nothing: a look at the weights alone, which costs next to nothing."""
    from bitwright.train.health import Ailment, HealthLimits, HealthWarning, check

    for finding in check(model, limits=HealthLimits(zero=1.0)):
        if finding.ailment in (Ailment.ZERO_WEIGHTS, Ailment.RANGE_NEVER_SET):
            warnings.warn(str(finding), HealthWarning, stacklevel=3)


def _in_float64(model: Any, options: Options, reading: Reading) -> Graph:
    """The graph with its maps read in float64 where float32 does not hold every sum."""
    if not any(finding.wide for finding in reading.findings):
        return reading.graph
    from bitwright.frontends.keras.precise import graph_in_float64

    told = declarations(options.writable)
    found = graph_in_float64(model, options.input_format, options.output_format, told)
    return replace(found, name=reading.graph.name)
