"""Exact arithmetic on numpy: formats, rounding, overflow, intervals, codes, signed digits."""

from bitwright.numeric.arrays import IntArray, Ints, Steps, is_dyadic
from bitwright.numeric.digits import nonzero_digits, signed_digits
from bitwright.numeric.format import Format, width_of
from bitwright.numeric.interval import Interval
from bitwright.numeric.maps import MapForm, ShiftRoundSaturate, Table, Thresholds
from bitwright.numeric.rounding import Overflow, Rounding

__all__ = [
    "Format",
    "IntArray",
    "Interval",
    "Ints",
    "MapForm",
    "Overflow",
    "Rounding",
    "ShiftRoundSaturate",
    "Steps",
    "Table",
    "Thresholds",
    "is_dyadic",
    "nonzero_digits",
    "signed_digits",
    "width_of",
]
