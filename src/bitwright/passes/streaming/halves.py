"""Roundings that treat negative numbers otherwise: one slope, and an offset on each side of zero.

Half away from zero is one, and so is rounding twice: their steps lie on a line for negative numbers and on another,
parallel one for the others. A comparison with zero then takes the place of hundreds of thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.numeric import IntArray, Thresholds
from bitwright.passes.affine import Staircase, candidates, slopes, staircase

__all__ = ["Halves", "halves"]

_DEEPEST = 40
_LARGEST = 1 << 58


@dataclass(frozen=True)
class Halves:
    """y = clip((mul * x + (below where x < 0, else above)) >> shift, low, high)."""

    mul: int
    below: int
    above: int
    shift: int
    low: int
    high: int

    def __call__(self, x: IntArray) -> IntArray:
        """The function of each code."""
        total = self.mul * x + np.where(x < 0, self.below, self.above)
        return np.clip(total >> self.shift, self.low, self.high)


def halves(form: Thresholds, row: int, low: int, high: int) -> Halves | None:
    """A rising row of thresholds on [low, high] as `Halves`, proven; None where it has no such form."""
    if not low < 0 <= high:
        return None
    steps, values = form.thresholds.array[row], form.values.array[row]
    parts = [staircase(steps, values, *ends) for ends in ((low, -1), (0, high))]
    if any(part is None or part.falling for part in parts):
        return None
    below, above = (part for part in parts if part is not None)
    if below.last > above.first:
        return None
    found = _fit(below, above)
    return found if found is not None and _proven(found, steps, values, low, high) else None


def _fit(below: Staircase, above: Staircase) -> Halves | None:
    """The least shift for which one slope serves both sides."""
    limits = [slopes(part) for part in (below, above)]
    least, most = max(limit[0] for limit in limits), min(limit[1] for limit in limits)
    for shift in range(_DEEPEST if least < most else 0):
        for mul in candidates(least, most, shift):
            offsets = _offsets(below, above, mul, shift)
            if offsets is not None:
                return Halves(mul, *offsets, shift, below.first, above.last)
    return None


def _offsets(below: Staircase, above: Staircase, mul: int, shift: int) -> tuple[int, int] | None:
    """An offset for each side; what lies beyond the ends is cut, what lies at zero must be right by itself."""
    found: list[int] = []
    for part in (below, above):
        if len(part.steps) and max(int(np.abs(part.steps).max()) * mul, _reach(part) << shift) >= _LARGEST:
            return None
        ideal = (part.levels << shift) - mul * part.steps
        least, most = int(ideal.max(initial=-_LARGEST)), int(ideal.min(initial=_LARGEST)) + mul - 1
        if part is below and part.last < above.last:
            most = min(most, (part.last + 1 << shift) + mul - 1)
        if part is above and part.first > below.first:
            least = max(least, part.first << shift)
        if least > most:
            return None
        found.append(least if least > -_LARGEST else most)
    return found[0], found[1]


def _reach(part: Staircase) -> int:
    return max(abs(part.first), abs(part.last)) + 1


def _proven(found: Halves, steps: IntArray, values: IntArray, low: int, high: int) -> bool:
    """Both sides rise: they are right everywhere if they are on both sides of every step, of zero, and at the ends."""
    inside = steps[(steps > low) & (steps <= high)]
    at = np.concatenate((inside, inside - 1, [low, -1, 0, high]))
    return bool((found(at) == values[np.searchsorted(steps, at, side="right")]).all())
