"""The design that an hls4ml configuration asks for: its model, clock, part, strategy; reuse factors become foldings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from bitwright.core.errors import ConfigError
from bitwright.flow.compiling import compile_model
from bitwright.flow.design import Design
from bitwright.flow.hls import Hls
from bitwright.flow.hls4ml_config import layer_factors, project_of, read_hls4ml
from bitwright.flow.streamed import StreamDesign
from bitwright.ir.graph import Graph, TensorType
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense, GraphOp
from bitwright.ir.program import Node
from bitwright.passes.streaming import Folding, Kernel, fold_steps, legal_foldings
from bitwright.platforms import devices

__all__ = ["compile_hls4ml", "import_hls4ml", "read_hls4ml_file"]

_LINEAR = Dense | Conv | ConvTranspose


def compile_hls4ml(config: Mapping[str, Any], model: Any = None, **told: Any) -> tuple[Design, Hls]:
    """The design for hls4ml's `config` (a whole file's dictionary), and the options to write its HLS C++ with.

    model: a Keras model or a path; default: the file's KerasModel. told: options of `compile` beside what the file
    says (input_format of a model without quantizers at its input, say). io_parallel gives the parallel architecture,
    io_stream the dataflow architecture with each layer folded as near to its ReuseFactor as its sizes allow. Raises
    `ConfigError` for what `read_hls4ml` refuses.
    """
    source = model if model is not None else config.get("KerasModel")
    if source is None:
        raise ConfigError("no KerasModel", where="hls4ml config", remedy="name a model file, or give one")
    given = {**_asked(config), **told}
    design: Any = compile_model(source, **given)
    if isinstance(design, StreamDesign):
        design = _folded(design, config)
    return design, read_hls4ml(config, design)


def _asked(config: Mapping[str, Any]) -> dict[str, Any]:
    """Options of `compile` that the file implies."""
    name, part, period, streams = project_of(config)
    fits = [d for d in devices() if part.lower().startswith(d)]
    asked: dict[str, Any] = {"architecture": "dataflow" if streams else "parallel"}
    if fits:
        asked["device"] = max(fits, key=len)
    if period:
        asked["clock_mhz"] = 1000.0 / period
    if name and name != "myproject":
        asked["name"] = name
    return asked


def _folded(design: StreamDesign, config: Mapping[str, Any]) -> StreamDesign:
    """`design` with its linear layers folded as the reuse factors say; the others keep the pace that follows."""
    graph, factors = design.streamed, layer_factors(config, design)
    chosen: dict[str, dict[str, Any]] = {}
    pace = 1
    for node in graph.nodes:
        if not isinstance(node.op, _LINEAR):
            pace = max(pace, _least(node, graph))
            continue
        folding = _nearest(node, graph, factors.get(node.origin.layer, factors.get(node.name, 1)))
        chosen[node.name] = {"SIMD": folding.lanes, "PE": folding.units, "kernel": folding.kernel.value}
        pace = max(pace, _steps(node, graph, folding) * _places(node))
    return replace(design, options=replace(design.options, folding=chosen, initiation_cycles=pace))


def _nearest(node: Node[GraphOp, TensorType], graph: Graph, reuse: int) -> Folding:
    """The folding whose steps for an output pixel come nearest to `reuse` (of two equally near, the smaller unit)."""
    args = [a.type for a in graph.args_of(node)]
    choices = legal_foldings(node.op, node, args)
    if isinstance(node.op, Dense) or (isinstance(node.op, Conv) and node.op.groups == 1):
        choices = [*choices, Folding(kernel=Kernel.UNROLLED)]

    def key(folding: Folding) -> tuple[int, int, int]:
        steps = _steps(node, graph, folding)
        return abs(steps - reuse), -steps, folding.lanes

    return min(choices, key=key)


def _least(node: Node[GraphOp, TensorType], graph: Graph) -> int:
    """The cycles that a layer without weights takes at least."""
    args = [a.type for a in graph.args_of(node)]
    return min((fold_steps(node.op, node, args, f) for f in legal_foldings(node.op, node, args)), default=1)


def _places(node: Node[GraphOp, TensorType]) -> int:
    """Output pixels of a layer."""
    return prod(node.type.shape[:-1])


def _steps(node: Node[GraphOp, TensorType], graph: Graph, folding: Folding) -> int:
    """Clock cycles for an output pixel: what hls4ml calls the reuse factor."""
    if folding.kernel is Kernel.UNROLLED:
        return 1
    args = [a.type for a in graph.args_of(node)]
    return -(-fold_steps(node.op, node, args, folding) // _places(node))


def read_hls4ml_file(path: str | Path) -> dict[str, Any]:
    """The dictionary in hls4ml's YAML file; its tag !keras_model stands before the name of a model file.

    A relative name is looked for beside the file. Raises `ConfigError` where it cannot be read.
    """
    file = Path(path)
    try:
        import yaml
    except ImportError as error:
        raise ConfigError("YAML needs PyYAML", where=str(file), remedy="pip install pyyaml") from error

    class Loader(yaml.SafeLoader):
        """Plain data, and the tag of a model file."""

    Loader.add_constructor("!keras_model", lambda loader, node: loader.construct_scalar(node))  # pyright: ignore
    try:
        record: Any = yaml.load(file.read_text(), Loader)
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError("cannot be read", where=str(file), why=str(error), remedy="check path and syntax") from error
    if not isinstance(record, dict):
        raise ConfigError("holds no configuration", where=str(file), remedy="give hls4ml's hls4ml_config.yml")
    model = record.get("KerasModel")
    if isinstance(model, str) and not Path(model).is_absolute():
        record["KerasModel"] = str(file.parent / model)
    return record


def import_hls4ml(path: str | Path, out: str | Path, **told: Any) -> tuple[Design, Hls]:
    """Build what hls4ml's YAML file asks for and write it, with its HLS C++, into `out`."""
    design, hls = compile_hls4ml(read_hls4ml_file(path), **told)
    design.write(out, hls=hls)
    return design, hls
