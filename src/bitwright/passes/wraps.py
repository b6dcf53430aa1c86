"""Tables that are low bits of their codes: overflow that wraps, and costs wires alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.ir.netlist import NetlistBuilder
from bitwright.numeric import IntArray

__all__ = ["Wrap", "low_bits", "wrap_of"]

_DEEPEST = 16


@dataclass(frozen=True)
class Wrap:
    """y = the low `width` bits of (x + add) >> shift, two's complement where `signed`; `cut`: x is max(x, 0) before."""

    cut: bool
    add: int
    shift: int
    width: int
    signed: bool

    def __call__(self, x: IntArray) -> IntArray:
        """The function of each code."""
        whole = ((np.maximum(x, 0) if self.cut else x) + self.add) >> self.shift
        half = 1 << self.width - 1 if self.signed else 0
        return (whole + half) % (1 << self.width) - half


def wrap_of(start: int, values: IntArray) -> Wrap | None:
    """The table values[x - start] as `Wrap`, equal on every code; None where it is none.

    >>> wrap_of(-3, np.array([1, -2, -1, 0, 1, -2]))
    Wrap(cut=False, add=0, shift=0, width=2, signed=True)
    """
    low, high = int(values.min()), int(values.max())
    signed = low < 0
    width = max((-low - 1).bit_length(), high.bit_length()) + signed
    if low == high:
        return None
    codes = start + np.arange(len(values))
    cuts = [False] if start >= 0 or values[: -start].any() else [True, False]
    for cut in cuts:
        for shift in range(min(_DEEPEST, len(values).bit_length())):
            for add in {0, 1 << shift >> 1}:
                found = Wrap(cut, add, shift, width, signed)
                if np.array_equal(found(codes), values):
                    return found
    return None


def low_bits(builder: NetlistBuilder, x: int, told: Wrap) -> int:
    """The word of `told` for word `x`."""
    if told.cut:
        x = builder.clip(x, 0, max(builder.type(x).high, 0))
    y = builder.add(x, builder.constant(told.add))
    if told.shift + told.width > builder.type(y).width:
        if told.signed or builder.type(y).low >= 0:
            return builder.shift(y, -told.shift)  # too narrow to wrap
        y = builder.add(y, builder.constant(1 << told.shift + told.width))
    low = builder.bits(y, told.shift, told.width - told.signed)
    if not told.signed:
        return low
    return builder.subtract(low, builder.bits(y, told.shift + told.width - 1, 1), 0, told.width - 1)
