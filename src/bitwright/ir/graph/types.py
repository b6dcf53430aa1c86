"""`TensorType`: the shape, exact value range and step of a tensor of integer codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.ir.program import Type
from bitwright.numeric import Format, IntArray, Ints, Steps, is_dyadic, width_of
from bitwright.numeric.interval import LIMIT

__all__ = ["TensorType"]


def _broadcasts(shape: tuple[int, ...], into: tuple[int, ...]) -> bool:
    pairs = zip(reversed(shape), reversed(into), strict=False)
    return len(shape) <= len(into) and all(a in (1, b) for a, b in pairs)


@dataclass(frozen=True, slots=True)
class TensorType(Type):
    """Codes in [low, high], values = code x step; the batch axis is not part of `shape`.

    `low`, `high` and `step` broadcast against `shape`: ranges and steps per tensor, per channel
    or per element. Widths and formats follow from the range and are never stored.

    >>> t = TensorType((2,), Ints([-8, 0]), Ints([7, 3]), Steps.of(0.25))
    >>> [str(f) for f in t.formats()], t.bits
    (['s4.2', 'u2.2'], 6)
    """

    shape: tuple[int, ...]
    low: Ints
    high: Ints
    step: Steps

    def __post_init__(self) -> None:
        for part, shape in (("low", self.low.shape), ("high", self.high.shape), ("step", self.step.shape)):
            if not _broadcasts(shape, self.shape):
                raise InvalidValue(f"{part} of shape {shape} does not broadcast to {self.shape}")
        if (self.low.array > self.high.array).any():
            raise InvalidValue("the range is empty: low is above high")
        if (self.low.array <= -LIMIT).any() or (self.high.array >= LIMIT).any():
            raise InvalidValue("codes beyond 62 bits", remedy="quantize to fewer bits before it")
        if 0 in self.shape:
            raise InvalidValue(f"a tensor of shape {self.shape} has no elements")

    @property
    def size(self) -> int:
        """How many elements one sample has."""
        return int(np.prod(self.shape, dtype=np.int64))

    def bounds(self) -> tuple[IntArray, IntArray]:
        """low and high broadcast to the shape."""
        return np.broadcast_to(self.low.array, self.shape), np.broadcast_to(self.high.array, self.shape)

    @property
    def largest(self) -> int:
        """The largest absolute code."""
        return int(max(np.abs(self.low.array).max(initial=0), np.abs(self.high.array).max(initial=0)))

    def widths(self) -> IntArray:
        """Bits of each element, of the tensor's shape."""
        low, high = self.bounds()
        bits = [width_of(int(a), int(b))[1] for a, b in zip(low.ravel(), high.ravel(), strict=True)]
        return np.array(bits, dtype=np.int64).reshape(self.shape)

    @property
    def bits(self) -> int:
        """Bits of one sample."""
        return int(self.widths().sum())

    def formats(self) -> list[Format]:
        """The format of each element in C order; the fraction is 0 where the step is no power of two."""
        low, high = (a.ravel() for a in self.bounds())
        steps = np.broadcast_to(self.step.array, self.shape).ravel()
        fractions = [
            s.denominator.bit_length() - s.numerator.bit_length() if is_dyadic(s) and is_dyadic(1 / s) else 0
            for s in steps
        ]
        return [Format.holding(int(a), int(b), f) for a, b, f in zip(low, high, fractions, strict=True)]
