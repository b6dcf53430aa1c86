"""Exact interval arithmetic on integer codes, on pairs of Python ints and on pairs of arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.numeric.arrays import IntArray
from bitwright.numeric.format import width_of

__all__ = ["LIMIT", "Interval", "array_product", "matmul_bounds", "refuse_beyond"]

LIMIT = 1 << 62
"""Codes stay below it in magnitude, so that the sum of two still fits int64."""


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
    refuse_beyond(_largest(*left) * _largest(*right))
    ends = [a * b for a in left for b in right]
    return np.minimum.reduce(ends), np.maximum.reduce(ends)


def _largest(low: IntArray, high: IntArray) -> int:
    return max(abs(int(a)) for a in (low.min(initial=0), high.max(initial=0)))


def refuse_beyond(total: int) -> None:
    """Raise `InvalidValue` when a sum may reach `total`, and that is too much for int64."""
    if total >= LIMIT:
        raise InvalidValue(
            f"a sum reaches 2**{total.bit_length() - 1}",
            where="interval",
            remedy="quantize the inputs or the weights to fewer bits (64-bit sums are the limit)",
        )


def matmul_bounds(low: IntArray, high: IntArray, weights: IntArray) -> tuple[IntArray, IntArray]:
    """Exact bounds of x @ weights for x in [low, high]; the last axis of low and high is summed.

    Raises `InvalidValue` where int64 could overflow.
    """
    up, down = np.maximum(weights, 0), np.minimum(weights, 0)
    heaviest = np.abs(weights.astype(np.float64)).sum(axis=0).max(initial=0)
    refuse_beyond(int(heaviest))
    total = _largest(low, high) * int(np.abs(weights).sum(axis=0).max(initial=0))
    refuse_beyond(total)
    if total < 1 << 53:
        up_f, down_f = up.astype(np.float64), down.astype(np.float64)
        return (
            (low @ up_f + high @ down_f).astype(np.int64),
            (high @ up_f + low @ down_f).astype(np.int64),
        )
    return low @ up + high @ down, high @ up + low @ down
