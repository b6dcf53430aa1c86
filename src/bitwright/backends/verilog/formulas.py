"""Numbers and roundings as behavioral Verilog."""

from __future__ import annotations

from bitwright.numeric import Rounding

__all__ = ["carry", "number"]


def number(value: int) -> str:
    """A signed literal with a bit to spare."""
    width = value.bit_length() + 2
    return f"-{width}'sd{-value}" if value < 0 else f"{width}'sd{value}"


def carry(rounding: Rounding, total: str, shift: int) -> str:
    """What is added before the floor that drops `shift` bits."""
    half, ones = 1 << (shift - 1), (1 << shift) - 1
    negative, odd = f"({total} < 2'sd0)", f"(({total} >>> {shift}) & 2'sd1)"

    def pick(test: str, then: int, other: int) -> str:
        return f"({test} ? {number(then)} : {number(other)})"

    return {
        Rounding.FLOOR: number(0),
        Rounding.CEIL: number(ones),
        Rounding.TRUNCATE: pick(negative, ones, 0),
        Rounding.AWAY: pick(negative, 0, ones),
        Rounding.HALF_UP: number(half),
        Rounding.HALF_DOWN: number(half - 1),
        Rounding.HALF_AWAY: pick(negative, half - 1, half),
        Rounding.HALF_ZERO: pick(negative, half, half - 1),
        Rounding.HALF_EVEN: pick(odd, half, half - 1),
    }[rounding]
