"""`Grid`: the finite set of values that a quantizer can output, as integers times an exact step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
from typing import Any

import numpy as np

__all__ = ["Grid", "as_grid", "common_step", "exact_in_float32", "power_of_two"]


@dataclass(frozen=True)
class Grid:
    """The values `code * step` for `low <= code <= high`; every output lies on it exactly.

    Not every code need occur (a binary quantizer has codes -1 and 1 but never 0).

    >>> Grid(Fraction(1, 8), -8, 7).values()[:2]
    (Fraction(-1, 1), Fraction(-7, 8))
    """

    step: Fraction
    low: int
    high: int

    def values(self) -> tuple[Fraction, ...]:
        """All values, ascending."""
        return tuple(self.step * code for code in range(self.low, self.high + 1))

    def scaled(self, factor: Fraction) -> Grid:
        """The grid with every value multiplied by `factor`; a negative one turns it around."""
        if factor < 0:
            return Grid(self.step * -factor, -self.high, -self.low)
        return Grid(self.step * factor, self.low, self.high)


def power_of_two(value: Fraction) -> bool:
    """Whether `value` is 2^n for some integer n of either sign.

    >>> power_of_two(Fraction(1, 8)), power_of_two(Fraction(3, 8))
    (True, False)
    """
    over, under = value.numerator, value.denominator
    return over > 0 and over & (over - 1) == 0 and under & (under - 1) == 0


def exact_in_float32(grid: Grid) -> bool:
    """Whether every value of `grid` is a float32 (24 significant bits), so that no product rounds."""
    odd = grid.step.numerator
    while odd and odd % 2 == 0:
        odd //= 2
    return (odd * max(abs(grid.low), abs(grid.high))).bit_length() <= 24


def common_step(values: Iterable[Fraction]) -> Fraction:
    """The largest step of which every value is a multiple.

    >>> common_step([Fraction(3, 8), Fraction(1, 2)])
    Fraction(1, 8)
    """
    values = list(values)
    whole = lcm(*(value.denominator for value in values))
    return Fraction(gcd(*(int(value * whole) for value in values)), whole)


def as_grid(grid: Grid, factor: Any) -> Grid | None:
    """`grid` times the float32 `factor` (None: 1); None when a product would round.

    With an array of factors, one grid that holds the values of all.
    """
    if factor is None:
        return grid if exact_in_float32(grid) else None
    factors = [Fraction(float(f)) for f in np.asarray(factor, np.float32).ravel()]
    grids = [grid.scaled(f) for f in factors]
    if not all(exact_in_float32(g) for g in grids):
        return None
    step = common_step(g.step for g in grids if g.step) if any(factors) else grid.step
    low, high = min(g.low * g.step for g in grids), max(g.high * g.step for g in grids)
    joined = Grid(step, int(low / step), int(high / step))
    return joined if exact_in_float32(joined) else None
