"""Finding the affine form of a staircase: integers (mul, add, shift) with the same steps, proven.

A monotone function of codes is known by its thresholds: T[j] is the smallest code with result
>= j. floor((mul*x + add) / 2**shift) has exactly these steps if and only if, for every j,

    mul*T[j] + add >= j * 2**shift   and   mul*(T[j] - 1) + add < j * 2**shift.

For given mul and shift this is an interval for `add`, so the search is over few (mul, shift).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.numeric import IntArray, Rounding, nonzero_digits

__all__ = ["Affine", "Staircase", "candidates", "fit", "roundest", "slopes", "staircase"]

_DEEPEST = 40
_LARGEST = 1 << 60
_MOST_PAIRED = 1024


@dataclass(frozen=True)
class Staircase:
    """A monotone function on [low, high]: results first..last in steps of one.

    `levels` are the result numbers j and `steps` the codes T[j], for a rising function of x or,
    where `falling`, of -x.
    """

    steps: IntArray
    levels: IntArray
    first: int
    last: int
    falling: bool


@dataclass(frozen=True)
class Affine:
    """y = clip(rounding((mul * x + add) / 2**shift), first, last)."""

    mul: int
    add: int
    shift: int
    rounding: Rounding
    low: int
    high: int


def staircase(thresholds: IntArray, values: IntArray, low: int, high: int) -> Staircase | None:
    """The staircase of one row of a Thresholds form on [low, high]; None when it is not monotone."""
    inside = (thresholds > low) & (thresholds <= high)
    steps = thresholds[inside]
    start = int(values[int((thresholds <= low).sum())])
    reached = values[1:][inside]
    jumps = np.diff(np.concatenate(([start], reached)))
    falling = bool((jumps < 0).any())
    if falling and (jumps > 0).any():
        return None
    count = np.abs(jumps)
    if count.sum() > 1 << 16:
        return None
    spread = np.repeat(steps, count)
    if falling:
        return _mirrored(spread, start, len(spread))
    return Staircase(spread, start + 1 + np.arange(len(spread)), start, start + len(spread), False)


def _mirrored(steps: IntArray, start: int, count: int) -> Staircase:
    """f falls by one at each step; g(u) = f(-u) rises at u = 1 - step."""
    return Staircase((1 - steps)[::-1], start - count + 1 + np.arange(count), start - count, start, True)


def fit(stairs: Staircase) -> Affine | None:
    """The cheapest affine form found, or None."""
    if len(stairs.steps) == 0:
        return Affine(0, stairs.first, 0, Rounding.FLOOR, stairs.first, stairs.last)
    found = _half_even(stairs) if _ties_alternate(stairs) else None
    if found is None:
        found = _floor(stairs)
    if found is None or not stairs.falling:
        return found
    return Affine(-found.mul, found.add, found.shift, found.rounding, found.low, found.high)


def _ties_alternate(stairs: Staircase) -> bool:
    """Half-even rounding makes the widths of the steps alternate by two; cheap to see."""
    widths = np.diff(stairs.steps)
    return len(widths) == 0 or int(widths.max() - widths.min()) == 2 or len(widths) == 1


def _half_even(stairs: Staircase) -> Affine | None:
    widths = np.diff(stairs.steps)
    if len(widths) < 2:
        return None
    span = int(widths[0] + widths[1])
    if span & (span - 1) or span < 4:
        return None
    shift = span.bit_length() - 2
    if int(np.abs(stairs.levels).max()) << shift >= _LARGEST or int(np.abs(stairs.steps).max()) >= _LARGEST:
        return None
    add = (stairs.levels << shift) - (1 << (shift - 1)) + (stairs.levels & 1) - stairs.steps
    if (add != add[0]).any():
        return None
    return Affine(1, int(add[0]), shift, Rounding.HALF_EVEN, stairs.first, stairs.last)


def _floor(stairs: Staircase) -> Affine | None:
    """The least shift with a feasible slope, and up to three more if they save signed digits."""
    least, most = slopes(stairs)
    best: tuple[int, Affine] | None = None
    tried_after = 0
    for shift in range(_DEEPEST if least < most else 0):
        for mul in candidates(least, most, shift):
            add = _offset(stairs, mul, shift)
            if add is None:
                continue
            digits = int(nonzero_digits(np.array([mul]))[0])
            if best is None or digits < best[0]:
                best = digits, Affine(mul, add, shift, Rounding.FLOOR, stairs.first, stairs.last)
        if best is not None:
            tried_after += 1
            if best[0] == 1 or tried_after > 3:
                break
    return None if best is None else best[1]


def slopes(stairs: Staircase) -> tuple[float, float]:
    """The open interval of slopes mul / 2**shift for which some add exists.

    Eliminating add from the two conditions leaves, for every pair of steps i above j,
    (i - j) / (T[i] - T[j] + 1) < slope < (i - j) / (T[i] - T[j] - 1).
    """
    steps, levels = stairs.steps, stairs.levels
    if len(steps) > _MOST_PAIRED:
        picked = np.unique(np.linspace(0, len(steps) - 1, _MOST_PAIRED).astype(np.int64))
        steps, levels = steps[picked], levels[picked]
    upper, lower = np.triu_indices(len(steps), 1)[::-1]
    rise, run = levels[upper] - levels[lower], steps[upper] - steps[lower]
    least = float((rise / (run + 1)).max(initial=0.0))
    most = float(np.where(run > 1, rise / np.maximum(run - 1, 1), np.inf).min(initial=np.inf))
    return least, most


def candidates(least: float, most: float, shift: int) -> list[int]:
    """Integers whose slope lies in the interval: all of them while they are few, else round ones."""
    first = int(np.floor(least * 2.0**shift))
    last = first + 12 if np.isinf(most) else int(np.ceil(most * 2.0**shift))
    inside = range(max(first, 1), min(last, first + 12) + 1)
    return [m for m in inside if m % 2 or shift == 0]


def _offset(stairs: Staircase, mul: int, shift: int) -> int | None:
    """An `add` that gives exactly these steps, as round as possible; None if there is none."""
    if int(np.abs(stairs.steps).max()) * mul >= _LARGEST or int(np.abs(stairs.levels).max()) << shift >= _LARGEST:
        return None
    ideal = (stairs.levels << shift) - mul * stairs.steps
    least, most = int(ideal.max()), int(ideal.min()) + mul - 1
    if least > most:
        return None
    return roundest(least, most)


def roundest(least: int, most: int) -> int:
    """The number in [least, most] with the most trailing zero bits (a shorter adder)."""
    if least <= 0 <= most:
        return 0
    for bit in range((most - least + 1).bit_length(), -1, -1):
        candidate = -(-least >> bit) << bit
        if candidate <= most:
            return candidate
    return least
