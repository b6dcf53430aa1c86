"""Exact interval arithmetic on integer codes, on pairs of Python ints and on pairs of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.numeric.arrays import IntArray
from bitwright.numeric.format import width_of

__all__ = ["Interval", "array_product", "matmul_bounds"]


@dataclass(frozen=True, slots=True)
class Interval:
    """The integers from `low` to `high`, both included.

    >>> Interval(-2, 3) + Interval(1, 1), -Interval(-2, 3), Interval(-2, 3).shifted(-1)
    (Interval(low=-1, high=4), Interval(low=-3, high=2), Interval(low=-1, high=1))
    """

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise InvalidValue(f"[{self.low}, {self.high}] is empty", where="interval", remedy="swap the ends")

    @property
    def signed(self) -> bool:
        """Whether a code of this interval needs a sign bit."""
        return self.low < 0

    @property
    def width(self) -> int:
        """Bits of the narrowest code."""
        return width_of(self.low, self.high)[1]

    @property
    def size(self) -> int:
        """How many integers it holds."""
        return self.high - self.low + 1

    def __contains__(self, code: int) -> bool:
        return self.low <= code <= self.high

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval) -> Interval:
        ends = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(ends), max(ends))

    def shifted(self, left: int) -> Interval:
        """The interval of `code << left`, or of `code >> -left` (floor) for a negative shift."""
        if left >= 0:
            return Interval(self.low << left, self.high << left)
        return Interval(self.low >> -left, self.high >> -left)

    def hull(self, other: Interval) -> Interval:
        """The smallest interval that holds both."""
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def clipped(self, low: int, high: int) -> Interval:
        """The image under saturation to [low, high]."""
        return Interval(min(max(self.low, low), high), min(max(self.high, low), high))


def array_product(
    left: tuple[IntArray, IntArray], right: tuple[IntArray, IntArray]
) -> tuple[IntArray, IntArray]:
    """Element-wise bounds of the product of two interval arrays (they broadcast)."""
    ends = [a * b for a in left for b in right]
    return np.minimum.reduce(ends), np.maximum.reduce(ends)


def matmul_bounds(low: IntArray, high: IntArray, weights: IntArray) -> tuple[IntArray, IntArray]:
    """Exact bounds of x @ weights for x in [low, high]; the last axis of low and high is summed.

    Python integers are used where int64 could overflow.
    """
    up, down = np.maximum(weights, 0), np.minimum(weights, 0)
    largest = int(max(np.abs(low).max(initial=0), np.abs(high).max(initial=0)))
    total = largest * int(np.abs(weights).sum(axis=0).max(initial=0)) if weights.size else 0
    if total >= 1 << 62:
        raise InvalidValue(
            f"a sum reaches 2**{total.bit_length()}",
            where="interval",
            remedy="quantize the inputs or the weights to fewer bits (64-bit sums are the limit)",
        )
    if total < 1 << 53:
        up_f, down_f = up.astype(np.float64), down.astype(np.float64)
        return (
            (low @ up_f + high @ down_f).astype(np.int64),
            (high @ up_f + low @ down_f).astype(np.int64),
        )
    return low @ up + high @ down, high @ up + low @ down
