"""How many integer bits values need: by their largest magnitude, and by the error that rounding makes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["best_integer", "fitting"]


def fitting(values: NDArray[np.floating], bits: int) -> int:
    """The fewest integer bits with which `bits`-wide signed numbers reach the largest magnitude; 0 for zeros."""
    top = float(np.abs(values).max(initial=0.0))
    if top == 0:
        return 0
    integer, levels = int(np.floor(np.log2(top))), 2.0 ** (bits - 1)
    while np.rint(top * levels / 2.0**integer) > max(levels - 1, 1):
        integer += 1
    return integer


def best_integer(values: NDArray[np.floating], bits: int) -> int:
    """The integer bits with the least squared error: reaching every outlier may cost too much elsewhere."""
    most, levels = fitting(values, bits), 2.0 ** (bits - 1)
    errors: dict[int, float] = {}
    for integer in range(most, most - 3, -1):
        step = 2.0**integer / levels
        rounded = np.clip(np.rint(values / step), -levels, levels - 1) * step
        errors[integer] = float(((values - rounded) ** 2).sum())
    return min(errors, key=lambda integer: errors[integer])
