"""The last step of an instruction: an affine form of a map, or thresholds, for each channel or element; or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.numeric import IntArray, MapForm, Rounding, ShiftRoundSaturate, Table, Thresholds
from bitwright.passes.affine import Affine, Staircase, fit, staircase
from bitwright.passes.engine.draft import Steps
from bitwright.passes.settle import affine_of, settled

__all__ = ["MOST_STEPS", "Last", "alike", "forms", "plain", "scaled"]

MOST_STEPS = 63
"""Thresholds of a channel at most: each is a comparison in every lane."""
_MOST_CODES = 1 << 16


@dataclass(frozen=True)
class Last:
    """The last step of an element: `affine` of the total, or of how many of `steps` the total reaches."""

    affine: Affine
    steps: tuple[int, ...] | None = None

    def behind(self, gain: int, bias: int) -> Last:
        """The same of gain * total + bias."""
        one = self.affine
        if self.steps is None:
            return Last(replace(one, mul=one.mul * gain, add=one.add + one.mul * bias))
        if gain > 0:
            return Last(one, tuple(-((bias - step) // gain) for step in self.steps))
        if gain == 0:
            return Last(replace(one, mul=0, add=one.add + one.mul * sum(bias >= step for step in self.steps)), ())
        # gain * total + bias reaches a step where the total does not reach what lies above it.
        above = sorted((bias - step) // -gain + 1 for step in self.steps)
        return Last(replace(one, mul=-one.mul, add=one.add + one.mul * len(above)), tuple(above))

    def within(self, low: int, high: int) -> Last:
        """The same, clipped to what is known of it."""
        one = self.affine
        return replace(self, affine=replace(one, low=max(one.low, low), high=min(one.high, high)))


def plain(low: IntArray, high: IntArray) -> list[Last]:
    """Nothing happens, in elements with these ranges."""
    ends = zip(low.tolist(), high.tolist(), strict=True)
    return [Last(Affine(1, 0, 0, Rounding.FLOOR, a, b)) for a, b in ends]


def forms(form: MapForm, rows: Sequence[int], low: IntArray, high: IntArray, where: str) -> list[Last]:
    """Row rows[c] of `form` on [low[c], high[c]] for every element c: all affine, by floors or half-even rounding
    alone, or all by thresholds.

    Raises `Unsupported` where a row has neither form.
    """
    keys = list(zip(rows, low.tolist(), high.tolist(), strict=True))
    affine: dict[tuple[int, int, int], Affine | None] = {}
    for key in keys:
        if key not in affine:
            affine[key] = _arithmetic(form, key[0]) or _fitted(form, *key)
    straight = [affine[key] for key in keys]
    if all(one is not None for one in straight):
        return [Last(one) for one in straight if one is not None]
    stepped = {key: _stepped(form, *key) for key in affine}
    found = [one for key in keys if (one := stepped[key]) is not None]
    if len(found) < len(keys):
        raise Unsupported(
            f"a map ({type(form).__name__}) that is neither affine nor monotone in {MOST_STEPS} steps", where=where,
            why="the engine ends an instruction with clip((mul * total + add) >> shift), or counts thresholds",
            remedy='quantize to fewer bits there (a monotone activation), or use architecture="dataflow"',
        )  # fmt: skip
    return found


def _arithmetic(form: MapForm, row: int) -> Affine | None:
    if not isinstance(form, ShiftRoundSaturate):
        return None
    made = settled(affine_of(form, row))
    return made if made.rounding in (Rounding.FLOOR, Rounding.HALF_EVEN) else None


def _stairs(form: MapForm, row: int, low: int, high: int) -> Staircase | None:
    """Read off the steps of the form, or off all its codes; None where it is not monotone."""
    if isinstance(form, Thresholds):
        return staircase(form.thresholds.array[row], form.values.array[row], low, high)
    if high - low >= _MOST_CODES:
        return None
    codes = np.arange(low, high + 1)
    if isinstance(form, Table):
        start = int(form.start.array[row])
        if low < start or high >= start + form.values.shape[1]:
            return None
    return staircase(codes[1:], form(codes, np.array(row)), low, high)


def _fitted(form: MapForm, row: int, low: int, high: int) -> Affine | None:
    stairs = _stairs(form, row, low, high)
    return None if stairs is None else fit(stairs)


def _stepped(form: MapForm, row: int, low: int, high: int) -> Last | None:
    """A step for each rise by one, however uneven they are."""
    stairs = _stairs(form, row, low, high)
    if stairs is None or len(stairs.steps) > MOST_STEPS:
        return None
    steps = np.sort(1 - stairs.steps if stairs.falling else stairs.steps)
    mul, add = (-1, stairs.last) if stairs.falling else (1, stairs.first)
    return Last(Affine(mul, add, 0, Rounding.FLOOR, stairs.first, stairs.last), tuple(steps.tolist()))


def alike(found: Sequence[Last]) -> tuple[list[Affine], bool, Steps | None]:
    """The same functions with one rounding, whether that is half-even, and the thresholds of all.

    floor(v / 2**s) is (2 v + 1 - 2**s) / 2**(s + 1) rounded to the nearest, which never lies half way.
    """
    affine, steps = [one.affine for one in found], _padded([one.steps for one in found])
    if not any(one.rounding is Rounding.HALF_EVEN for one in affine):
        return affine, False, steps
    made: list[Affine] = []
    for one in affine:
        if one.rounding is Rounding.FLOOR and one.shift:
            one = replace(one, mul=2 * one.mul, add=2 * one.add + 1 - (1 << one.shift), shift=one.shift + 1)
        made.append(replace(one, rounding=Rounding.HALF_EVEN))
    return made, True, steps


def _padded(each: Sequence[tuple[int, ...] | None]) -> Steps | None:
    if all(steps is None for steps in each):
        return None
    rows = [steps or () for steps in each]
    width = max(1, *(len(row) for row in rows))
    return Steps(np.array([[*row, *[Steps.UNREACHED] * (width - len(row))] for row in rows], np.int64))


def scaled(one: Affine, shift: int) -> tuple[int, int, int, int]:
    """mul, add, low, high of the same function with the machine's shift."""
    more = shift - one.shift
    return one.mul << more, one.add << more, one.low, one.high
