"""`Grid`: the finite set of values that a quantizer can output, as integers times an exact step."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

__all__ = ["Grid", "as_grid", "exact_in_float32", "power_of_two"]


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


def as_grid(grid: Grid, factor: float | None) -> Grid | None:
    """`grid` times the float32 `factor` (None: 1); None when a product would round."""
    scaled = grid if factor is None else grid.scaled(Fraction(float(np.float32(factor))))
    return scaled if exact_in_float32(scaled) else None
