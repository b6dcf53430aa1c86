"""`Carrier`: the C++ integer types that hold proven ranges, the narrowest that suffices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense
from bitwright.numeric import IntArray

__all__ = ["INT16", "INT32", "Carrier", "Kinds", "Machine", "carrier", "holding", "largest_sum", "reach", "sums"]


@dataclass(frozen=True, slots=True)
class Carrier:
    """An integer type of C++ and numpy.

    >>> Carrier(8).text, Carrier(16, signed=False).numpy
    ('std::int8_t', 'uint16')
    """

    bits: int
    signed: bool = True
    spelling: str = ""
    """The name in C++ where it is not the standard's."""

    @property
    def numpy(self) -> str:
        """The name of numpy's type."""
        return f"{'' if self.signed else 'u'}int{self.bits}"

    @property
    def text(self) -> str:
        """The name in C++."""
        return self.spelling or f"std::{self.numpy}_t"

    @property
    def low(self) -> int:
        """The lowest number that it holds."""
        return -1 << (self.bits - 1) if self.signed else 0

    @property
    def high(self) -> int:
        """The highest number that it holds."""
        return (1 << (self.bits - self.signed)) - 1

    def __contains__(self, number: int) -> bool:
        return self.low <= number <= self.high


INT16, INT32, _INT64 = Carrier(16), Carrier(32), Carrier(64)
_BY_SIZE = tuple(Carrier(bits, signed) for bits in (8, 16, 32, 64) for signed in (True, False))


def holding(low: int, high: int) -> Carrier:
    """The narrowest type of the integers from `low` to `high`, signed where both kinds would do.

    >>> holding(0, 127).text, holding(0, 255).text, holding(-1, 255).text
    ('std::int8_t', 'std::uint8_t', 'std::int16_t')
    """
    for kind in _BY_SIZE:
        if low in kind and high in kind:
            return kind
    raise InvalidValue(f"no integer type holds [{low}, {high}]", where="C++", remedy="quantize to fewer bits")


def carrier(type: TensorType) -> Carrier:
    """The type of a tensor's elements."""
    return holding(int(type.low.array.min()), int(type.high.array.max()))


def reach(bound: int) -> Carrier:
    """int32 or int64, whichever holds numbers up to `bound` in magnitude."""
    return INT32 if bound <= INT32.high else _INT64


class Kinds(Protocol):
    """Which types hold what."""

    def holding(self, low: int, high: int) -> Carrier:
        """The type of numbers from `low` to `high`."""
        ...

    def reach(self, bound: int) -> Carrier:
        """A signed type of numbers up to `bound` in magnitude."""
        ...


class Machine:
    """The types that processors compute with."""

    def holding(self, low: int, high: int) -> Carrier:
        """The narrowest of 8, 16, 32 and 64 bits."""
        return holding(low, high)

    def reach(self, bound: int) -> Carrier:
        """32 or 64 bits."""
        return reach(bound)


def sums(op: Dense | Conv | ConvTranspose, source: TensorType) -> Carrier:
    """The type of every partial sum, in whatever order it is added."""
    return reach(largest_sum(op, source))


def largest_sum(op: Dense | Conv | ConvTranspose, source: TensorType) -> int:
    """A bound of every partial sum's magnitude, in whatever order it is added."""
    columns = np.abs(op.weights.array).reshape(-1, op.weights.shape[-1]).sum(axis=0)
    return source.largest * int(columns.max(initial=0)) + _largest(op.bias.array)


def _largest(values: IntArray) -> int:
    return int(np.abs(values).max(initial=0))
