"""`Writer`: a graph's tensors in an ONNX file: code times a power of two, so that float32 holds every one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import Inexact
from bitwright.core.rules import Rules
from bitwright.frontends.qonnx.model import Array
from bitwright.frontends.qonnx.write.file import File
from bitwright.ir.graph import Graph, TensorType
from bitwright.ir.graph.ops import GraphOp
from bitwright.ir.program import Node
from bitwright.numeric import Steps

__all__ = ["HOLDS", "Floats", "Tensor", "Writer", "unit_of", "write"]

HOLDS = 1 << 24
"""float32 holds every integer up to here."""

_FAR = 60
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor of the file: its name, its shape without the batch as the graph has it, and whether its last axis
    comes right behind the batch (`first`)."""

    name: str
    shape: tuple[int, ...]
    first: bool = False


def _power(step: Fraction) -> int:
    """The exponent of the greatest power of two that is not above `step`; 0 for steps beyond all measure."""
    exponent = step.numerator.bit_length() - step.denominator.bit_length()
    exponent -= Fraction(2) ** exponent > step
    return exponent if abs(exponent) <= _FAR else 0


def unit_of(step: Steps) -> Floats:
    """What one code is worth in the file: the step where that is a power of two, else the next one below."""
    return np.array([2.0 ** _power(s) for s in step.array.ravel()]).reshape(step.shape)


@dataclass
class Writer:
    """A graph on its way into a file: `done` holds the tensor of each position."""

    graph: Graph
    file: File
    done: dict[int, Tensor] = field(default_factory=dict[int, Tensor])
    _turned: dict[tuple[str, bool], Tensor] = field(default_factory=dict[tuple[str, bool], Tensor])

    def type(self, position: int) -> TensorType:
        """The type of the graph's tensor at `position`."""
        return self.graph.nodes[position].type

    def unit(self, position: int) -> Floats:
        """What a code of the tensor at `position` is worth in the file."""
        return unit_of(self.type(position).step)

    # Layouts.

    def laid(self, tensor: Tensor, first: bool, layer: str) -> Tensor:
        """The tensor with its last axis in front of the others (`first`), or where the graph has it."""
        rank = len(tensor.shape)
        if tensor.first == first or rank < 2:
            return Tensor(tensor.name, tensor.shape, first and rank > 1)
        key = tensor.name, first
        if key not in self._turned:
            order = [0, rank, *range(1, rank)] if first else [0, *range(2, rank + 1), 1]
            name = self.file.node("Transpose", [tensor.name], layer, perm=order)
            self._turned[key] = Tensor(name, tensor.shape, first)
        return self._turned[key]

    def facing(self, tensor: Tensor, values: Any) -> Array:
        """Numbers that broadcast against the graph's tensor, laid out to broadcast against the file's."""
        array = np.asarray(values)
        if array.size == 1:
            return array.reshape(())
        full = array.reshape((1,) * (len(tensor.shape) - array.ndim) + array.shape)
        return np.moveaxis(full, -1, 0) if tensor.first else full

    # Element by element.

    def changed(self, kind: str, tensor: Tensor, values: Any, layer: str, neutral: float | None = None) -> Tensor:
        """Mul, Add, Sub, Max or Min with numbers; nothing where all of them are `neutral`."""
        array = self.facing(tensor, values)
        if neutral is not None and (array == neutral).all():
            return tensor
        held = self.file.hold(array, layer, kind.lower())
        return Tensor(self.file.node(kind, [tensor.name, held], layer), tensor.shape, tensor.first)

    def shifted(self, tensor: Tensor, offsets: Any, layer: str) -> Tensor:
        """The tensor plus numbers: written as Sub, as an Add right behind a sum is read as the sum's bias."""
        return self.changed("Sub", tensor, -np.asarray(offsets), layer, 0.0)

    def scaled(self, tensor: Tensor, factors: Any, layer: str) -> Tensor:
        """The tensor times powers of two (or integers that float32 holds)."""
        return self.changed("Mul", tensor, factors, layer, 1.0)

    def one_unit(self, position: int, tensor: Tensor, layer: str) -> tuple[Tensor, float]:
        """The tensor with one unit for all its elements, and that unit."""
        unit = self.unit(position)
        if unit.size == 1 or (unit == unit.flat[0]).all():
            return tensor, float(unit.flat[0])
        return self.scaled(tensor, 1 / unit, layer), 1.0

    def refuse_wide(self, reach: int, layer: str) -> None:
        """Raise `Inexact` where float32 does not hold integers up to `reach`."""
        if reach >= HOLDS:
            raise Inexact(
                f"codes reach 2**{reach.bit_length()}", where=f"layer '{layer}'",
                why="the file computes in float32, which holds integers below 2**24",
                remedy="use fewer bits in weights or inputs there",
            )  # fmt: skip


write: Rules[[Writer, Node[GraphOp, TensorType], Sequence[Tensor]], Tensor] = Rules("ONNX form of a graph operator")
"""(op, writer, node, tensors that it reads) to the tensor that it yields."""
