"""Rounding and overflow modes as enums that compute, on Python ints and on int64 arrays alike."""

from __future__ import annotations

from enum import Enum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Overflow", "Rounding"]

Code = TypeVar("Code", int, NDArray[np.int64])


class Rounding(Enum):
    """How a code loses its last `shift` bits: `Rounding.X(code, shift)` is code / 2**shift, rounded.

    A negative shift multiplies. Names in other tools: HALF_EVEN = tf.round, RND_CONV;
    HALF_UP = RND (ap_fixed), floor(x + 1/2); HALF_AWAY = RND_INF, sign(x)*floor(|x| + 1/2);
    HALF_DOWN = RND_MIN_INF; HALF_ZERO = RND_ZERO; FLOOR = TRN; TRUNCATE = TRN_ZERO.

    >>> [Rounding.HALF_EVEN(c, 1) for c in (-3, -1, 1, 3)], [Rounding.FLOOR(c, 1) for c in (-3, 3)]
    ([-2, 0, 0, 2], [-2, 1])
    """

    HALF_EVEN = "half_even"
    HALF_UP = "half_up"
    HALF_DOWN = "half_down"
    HALF_AWAY = "half_away"
    HALF_ZERO = "half_zero"
    FLOOR = "floor"
    CEIL = "ceil"
    TRUNCATE = "truncate"
    AWAY = "away"

    def __call__(self, code: Code, shift: int) -> Code:
        """code / 2**shift, rounded."""
        if shift <= 0:
            return code << -shift
        return (code + self.carry(code, shift)) >> shift

    def carry(self, code: Code, shift: int) -> Code:
        """What is added to `code` before the floor that drops `shift` > 0 bits."""
        half, ones = 1 << (shift - 1), (1 << shift) - 1
        negative = (code < 0) * 1
        match self:
            case Rounding.FLOOR:
                return code * 0
            case Rounding.CEIL:
                return code * 0 + ones
            case Rounding.TRUNCATE:
                return negative * ones
            case Rounding.AWAY:
                return (1 - negative) * ones
            case Rounding.HALF_UP:
                return code * 0 + half
            case Rounding.HALF_DOWN:
                return code * 0 + (half - 1)
            case Rounding.HALF_AWAY:
                return half - negative
            case Rounding.HALF_ZERO:
                return (half - 1) + negative
            case Rounding.HALF_EVEN:
                return (half - 1) + ((code >> shift) & 1)


class Overflow(Enum):
    """What happens to a code outside [low, high]: `Overflow.X(code, low, high)`.

    SATURATE_SYMMETRIC saturates at -high on the low side (of a signed range).

    >>> [mode(9, -8, 7) for mode in (Overflow.SATURATE, Overflow.WRAP)], Overflow.SATURATE_SYMMETRIC(-9, -8, 7)
    ([7, -7], -7)
    """

    SATURATE = "saturate"
    SATURATE_SYMMETRIC = "saturate_symmetric"
    WRAP = "wrap"

    def __call__(self, code: Code, low: int, high: int) -> Code:
        """`code` brought into [low, high]."""
        if self is Overflow.WRAP:
            return (code - low) % (high - low + 1) + low
        floor = max(low, -high) if self is Overflow.SATURATE_SYMMETRIC and low < 0 else low
        if isinstance(code, int):
            return min(max(code, floor), high)
        return np.clip(code, floor, high)
