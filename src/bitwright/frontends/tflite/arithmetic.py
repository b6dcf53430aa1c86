"""TFLite's integer arithmetic, exactly: multipliers of 31 bits, products rounded twice.

Source: the specification of TFLite's 8-bit quantization, and gemmlowp's document "The low-precision paradigm"
(saturating rounding doubling high multiplication, rounding division by a power of two).
"""

from __future__ import annotations

from collections.abc import Callable
from math import floor, frexp

import numpy as np

from bitwright.numeric import IntArray, Ints, Thresholds

__all__ = ["multiplied", "multiplied_once", "multiplier", "stairs"]

_UNREACHED = 1 << 61


def multiplier(scale: float) -> tuple[int, int]:
    """(mantissa of 31 bits, exponent): scale is nearly mantissa * 2**(exponent - 31).

    >>> multiplier(0.75)
    (1610612736, 0)
    """
    fraction, exponent = frexp(scale)
    whole = floor(fraction * 2.0**31 + 0.5)
    if whole == 1 << 31:
        whole, exponent = whole >> 1, exponent + 1
    return (0, 0) if exponent < -31 else (whole, exponent)


def multiplied(x: IntArray, mantissa: IntArray, exponent: IntArray) -> IntArray:
    """x times the multiplier: first to 32 bits, half away from 0 below and up above, then a rounded shift."""
    raised = x * (1 << np.maximum(exponent, 0)) * mantissa
    nudge = np.where(raised >= 0, 1 << 30, 1 - (1 << 30))
    total = raised + nudge
    # A division that truncates, as in C.
    high = np.where(total >= 0, total >> 31, -((-total) >> 31))
    shift = np.maximum(-exponent, 0)
    mask = (1 << shift) - 1
    up = (high & mask) > (mask >> 1) + (high < 0)
    return (high >> shift) + up.astype(np.int64)


def multiplied_once(x: IntArray, mantissa: IntArray, exponent: IntArray) -> IntArray:
    """x times the multiplier, rounded once, half up: what fully connected layers of TensorFlow 2.21 do."""
    shift = 31 - exponent
    return (x * mantissa + (np.int64(1) << (shift - 1))) >> shift


def stairs(function: Callable[[IntArray, IntArray], IntArray], low: IntArray, high: IntArray) -> Thresholds:
    """A function that never falls as thresholds, one row for each range [low, high]: found by bisection.

    function(codes, rows) gives results of at most a few hundred values.
    """
    rows = np.arange(len(low))
    first, last = function(low, rows), function(high, rows)
    most = int((last - first).max(initial=0))
    level = np.arange(1, most + 1)
    below = np.broadcast_to(low[:, None], (len(low), most)).copy()
    above = np.broadcast_to(high[:, None] + 1, below.shape).copy()
    # Invariant: the least code that reaches the level lies in [below, above]; high + 1 means none does.
    while (below < above).any():
        middle = (below + above) >> 1
        inside = np.minimum(middle, high[:, None])
        hit = (function(inside, rows[:, None]) - first[:, None] >= level) & (middle <= high[:, None])
        open_ = below < above
        above = np.where(open_ & hit, middle, above)
        below = np.where(open_ & ~hit, middle + 1, below)
    steps = np.where(above > high[:, None], _UNREACHED, above)
    values = np.minimum(first[:, None] + np.arange(most + 1), last[:, None])
    return Thresholds(Ints(steps), Ints(values))
