"""`Model`: a TFLite file as a frozen record of tensors and operators. Source: TFLite's schema.fbs, version 3."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.frontends.tflite.flatbuffer import Table, root

__all__ = ["Model", "Operator", "Tensor", "read_file"]

_MAGIC = b"TFL3"
_KINDS = {0: np.float32, 2: np.int32, 3: np.uint8, 4: np.int64, 7: np.int16, 9: np.int8}
_NAMES = {
    0: "ADD", 1: "AVERAGE_POOL_2D", 2: "CONCATENATION", 3: "CONV_2D", 4: "DEPTHWISE_CONV_2D", 6: "DEQUANTIZE",
    9: "FULLY_CONNECTED", 14: "LOGISTIC", 17: "MAX_POOL_2D", 18: "MUL", 19: "RELU", 21: "RELU6", 22: "RESHAPE",
    25: "SOFTMAX", 28: "TANH", 34: "PAD", 39: "TRANSPOSE", 40: "MEAN", 41: "SUB", 45: "STRIDED_SLICE", 77: "SHAPE",
    83: "PACK", 98: "LEAKY_RELU", 114: "QUANTIZE",
}  # fmt: skip
_MOST = 1 << 30


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor: its shape with the batch, its type, scales and zero points (one, or one along `axis`), constants."""

    name: str
    shape: tuple[int, ...]
    kind: Any
    scales: NDArray[np.float32]
    zeros: NDArray[np.int64]
    axis: int
    data: NDArray[Any] | None


@dataclass(frozen=True, eq=False)
class Operator:
    """An operator by TFLite's name, its options as a table (None: all defaults), tensors by number (-1: left out)."""

    kind: str
    name: str
    options: Table | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]

    def option(self, field: int, form: str = "<i", default: Any = 0) -> Any:
        """An option by its number in the schema."""
        return default if self.options is None else self.options.number(field, form, default)


@dataclass(frozen=True, eq=False)
class Model:
    """A file's first subgraph: operators come in the order in which they run."""

    name: str
    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_file(path: str | Path) -> Model:
    """The model in a `.tflite` file. Raises InvalidModel for what is no such file, or a broken one."""
    file = Path(path)
    try:
        data = file.read_bytes()
        if data[4:8] != _MAGIC:
            raise ValueError("it does not begin as a TFLite model does")
        return _model(root(data), file)
    except (OSError, ValueError, LookupError) as error:
        raise InvalidModel(
            "no TFLite model", where=str(file), why=str(error), remedy="convert it again with TFLiteConverter"
        ) from error


def _model(told: Table, file: Path) -> Model:
    graphs = told.tables(2)
    if len(graphs) != 1:
        raise Unsupported(f"{len(graphs)} subgraphs", where=str(file), remedy="convert one inference function alone")
    graph, buffers = graphs[0], told.tables(4)
    kinds = [_kind(code) for code in told.tables(1)]
    tensors = tuple(_tensor(t, buffers) for t in graph.tables(0))
    operators: list[Operator] = []
    for number, item in enumerate(graph.tables(3)):
        kind = kinds[item.number(0, "<I")]
        inputs, outputs = (tuple(item.array(f, np.int32).tolist()) for f in (1, 2))
        operators.append(Operator(kind, f"{kind.lower()}_{number}", item.table(4), inputs, outputs))
    ends = [tuple(graph.array(f, np.int32).tolist()) for f in (1, 2)]
    if any(not -1 <= t < len(tensors) for o in operators for t in (*o.inputs, *o.outputs)) or any(
        not 0 <= t < len(tensors) for end in ends for t in end
    ):
        raise ValueError("an operator names a tensor that is not there")
    return Model(file.stem, tensors, tuple(operators), ends[0], ends[1])


def _kind(code: Table) -> str:
    number = max(code.number(0, "<b"), code.number(3, "<i"))
    return _NAMES.get(number, f"number {number}")


def _tensor(told: Table, buffers: list[Table]) -> Tensor:
    shape = tuple(told.array(0, np.int32).tolist())
    kind = _KINDS.get(told.number(1, "<b"))
    quantization = told.table(4)
    scales, zeros, axis = np.zeros(0, np.float32), np.zeros(0, np.int64), 0
    if quantization is not None:
        scales, zeros = quantization.array(2, np.float32), quantization.array(3, np.int64)
        axis = quantization.number(6, "<i")
    stored = buffers[told.number(2, "<I")].array(0, np.uint8)
    data = None
    if stored.size and kind is not None:
        if any(n < 0 or n > _MOST for n in shape):
            raise ValueError(f"a constant of the shape {shape}")
        data = stored.view(kind).reshape(shape)
    return Tensor(told.text(3), shape, kind, scales, zeros, axis, data)
