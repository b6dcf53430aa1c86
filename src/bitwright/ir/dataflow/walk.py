"""Where the loops of a `Rearrange` lead: word by word, as arrays."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from bitwright.core.errors import InvalidProgram
from bitwright.ir.dataflow.ops import Rearrange
from bitwright.numeric import IntArray

__all__ = ["order", "released"]


@lru_cache(maxsize=64)
def order(op: Rearrange) -> IntArray:
    """For each word of the result the argument's word that it is, -1 where it lies outside the grid."""
    row, column, word = _places(op, len(op.loops))
    rows, columns, words = op.grid
    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns) & (word >= 0) & (word < words)
    found = np.where(inside, (row * columns + column) * words + word, -1)
    found.setflags(write=False)
    return found


@lru_cache(maxsize=64)
def released(op: Rearrange) -> IntArray:
    """For each word of the result how many words of the argument nothing needs any more, from it on.

    It is the place that the `release` outermost loops point to, held to the grid; 0 while that is above the grid, and
    where no loop releases words.
    """
    row, column, _ = _places(op, op.release)
    row = row if op.release else np.full_like(row, -1)
    rows, columns, words = op.grid
    place = (np.clip(row, 0, rows) * columns + np.where(row < rows, np.clip(column, 0, columns), 0)) * words
    found = np.where(row < 0, 0, place)
    _checked(op, found)
    found.setflags(write=False)
    return found


def _places(op: Rearrange, counted: int) -> tuple[IntArray, IntArray, IntArray]:
    """Row, column and word of each step, with only the `counted` outermost indices moving."""
    extents = tuple(loop.extent for loop in op.loops)
    at = [np.full(extents, start, dtype=np.int64) for start in op.start]
    for axis, loop in enumerate(op.loops[:counted]):
        index = np.arange(loop.extent).reshape([-1 if i == axis else 1 for i in range(len(extents))])
        for place, step in zip(at, (loop.row, loop.column, loop.word), strict=True):
            place += index * step
    return at[0].ravel(), at[1].ravel(), at[2].ravel()


def _checked(op: Rearrange, found: IntArray) -> None:
    """Refuse a `release` that would forget a word that is read later."""
    needed = order(op).copy()
    needed[needed < 0] = np.iinfo(np.int64).max
    ahead = np.minimum.accumulate(needed[::-1])[::-1]
    if (found > ahead).any() or (np.diff(found) < 0).any():
        raise InvalidProgram(
            f"its first {op.release} loops release words that are read later",
            where="Rearrange",
            remedy="count fewer loops in `release`; 0 holds the whole frame",
        )
