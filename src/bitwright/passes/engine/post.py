"""The last step of an instruction: the affine form of a map in each channel, exact or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.numeric import IntArray, MapForm, Rounding, ShiftRoundSaturate, Table, Thresholds
from bitwright.passes.affine import Affine, fit, staircase
from bitwright.passes.settle import affine_of, settled

__all__ = ["alike", "forms", "plain", "scaled"]

_MOST_CODES = 1 << 16


def plain(low: IntArray, high: IntArray) -> list[Affine]:
    """Nothing happens, in channels with these ranges."""
    return [Affine(1, 0, 0, Rounding.FLOOR, int(a), int(b)) for a, b in zip(low, high, strict=True)]


def forms(form: MapForm, rows: Sequence[int], low: IntArray, high: IntArray, where: str) -> list[Affine]:
    """Row rows[c] of `form` on [low[c], high[c]] for every channel c, by floors or half-even rounding alone.

    Raises `Unsupported` where a row has no affine form.
    """
    known: dict[tuple[int, int, int], Affine | None] = {}
    found: list[Affine] = []
    for row, least, most in zip(rows, low.tolist(), high.tolist(), strict=True):
        key = (row, least, most)
        if key not in known:
            known[key] = _arithmetic(form, row) or _fitted(form, row, least, most)
        made = known[key]
        if made is None:
            raise Unsupported(
                f"a map ({type(form).__name__}) that is not affine", where=where,
                why="the engine ends an instruction with clip((mul * total + add) >> shift)",
                remedy='quantize uniformly there (an affine activation), or use architecture="dataflow"',
            )  # fmt: skip
        found.append(made)
    return found


def _arithmetic(form: MapForm, row: int) -> Affine | None:
    if not isinstance(form, ShiftRoundSaturate):
        return None
    made = settled(affine_of(form, row))
    return made if made.rounding in (Rounding.FLOOR, Rounding.HALF_EVEN) else None


def _fitted(form: MapForm, row: int, low: int, high: int) -> Affine | None:
    """A staircase read off the steps of the form, or off all its codes."""
    if isinstance(form, Thresholds):
        stairs = staircase(form.thresholds.array[row], form.values.array[row], low, high)
    elif high - low < _MOST_CODES:
        codes = np.arange(low, high + 1)
        if isinstance(form, Table):
            start = int(form.start.array[row])
            if low < start or high >= start + form.values.shape[1]:
                return None
        stairs = staircase(codes[1:], form(codes, np.array(row)), low, high)
    else:
        return None
    return None if stairs is None else fit(stairs)


def alike(found: Sequence[Affine]) -> tuple[list[Affine], bool]:
    """The same functions with one rounding, and whether that is half-even.

    floor(v / 2**s) is (2 v + 1 - 2**s) / 2**(s + 1) rounded to the nearest, which never lies half way.
    """
    if not any(one.rounding is Rounding.HALF_EVEN for one in found):
        return list(found), False
    made: list[Affine] = []
    for one in found:
        if one.rounding is Rounding.FLOOR and one.shift:
            one = replace(one, mul=2 * one.mul, add=2 * one.add + 1 - (1 << one.shift), shift=one.shift + 1)
        made.append(replace(one, rounding=Rounding.HALF_EVEN))
    return made, True


def scaled(one: Affine, shift: int) -> tuple[int, int, int, int]:
    """mul, add, low, high of the same function with the machine's shift."""
    more = shift - one.shift
    return one.mul << more, one.add << more, one.low, one.high
