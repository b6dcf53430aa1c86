"""`to_onnx`: integer networks out, as QONNX or as ONNX with its own quantizers; `from_torch`: Brevitas modules in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bitwright.core.errors import StorageError
from bitwright.core.files import write_atomic
from bitwright.flow.compiled import Compiled
from bitwright.ir.graph import Graph
from bitwright.ir.interface import Decoder, Encoder

if TYPE_CHECKING:
    from bitwright.frontends.qonnx import Model

__all__ = ["from_torch", "to_onnx"]


def to_onnx(model: Any, path: str | Path, dialect: str = "qonnx", **options: Any) -> Path:
    """Write `model` as an ONNX file that computes the same integers; returns the path.

    model: a Keras model, the path of a model file, a design, or an integer graph (whose inputs are then code x step).
    dialect: "qonnx" (Quant, BipolarQuant, MultiThreshold) or "qdq" (QuantizeLinear and DequantizeLinear).
    options: those of `compile`, for models that are compiled first (`input_format`, ...).
    Raises `Inexact` naming the layer where float32 would not hold a sum; nothing is approximated.

    Example: `to_onnx(model, "model.onnx", dialect="qdq")`.
    """
    from bitwright.frontends.qonnx.write import model_of

    target = Path(path)
    if target.suffix != ".onnx":
        raise StorageError(f"an ONNX file ending in {target.suffix!r}", where=str(target), remedy="name it model.onnx")
    graph, encoders, decoders = _parts(model, options)
    proto = model_of(graph, dialect, encoders, decoders)
    return write_atomic(target, proto.SerializeToString())


def _parts(model: Any, options: dict[str, Any]) -> tuple[Graph, Sequence[Encoder], Sequence[Decoder]]:
    """The graph as it was read, and its doors."""
    if isinstance(model, Graph):
        return model, (), ()
    if not isinstance(model, Compiled):
        from bitwright.flow.compiling import compile_model

        model = compile_model(model, **options)
    steps = [node.type.step for node in model.source.results]
    decoders = [replace(d, step=s) for d, s in zip(model.decoders, steps, strict=True)]
    return model.source, model.encoders, decoders


def from_torch(module: Any, example: Any, name: str = "") -> Model:
    """A Brevitas module as a model that `compile` takes, through Brevitas's own QONNX exporter.

    example: a tensor (or a tuple of them) of the shapes that the module is called with, the batch first.
    Raises `Unsupported` for modules without Brevitas quantizers, `ToolMissing` without torch or Brevitas.

    Example: `compile(from_torch(module, torch.zeros(1, 3, 32, 32)))`.
    """
    from bitwright.frontends.qonnx.modules import read_module

    return read_module(module, example, name)
