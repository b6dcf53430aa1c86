"""The three finished forms of an integer element-wise function.

Each form holds k functions as rows of arrays and is called with codes and row numbers that
broadcast: `form(codes, rows)`. `image(low, high, rows)` gives the exact range over an interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.numeric.arrays import IntArray, Ints
from bitwright.numeric.interval import LIMIT
from bitwright.numeric.rounding import Rounding

__all__ = ["MapForm", "ShiftRoundSaturate", "Table", "Thresholds"]


class MapForm(Protocol):
    """What the forms have in common."""

    @property
    def count(self) -> int:
        """How many functions it holds."""
        ...

    def __call__(self, codes: IntArray, rows: IntArray) -> IntArray:
        """Function `rows` of each code; the two broadcast."""
        ...

    def image(self, low: IntArray, high: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
        """The exact range over the codes [low, high]."""
        ...

    def select(self, rows: IntArray) -> MapForm:
        """The functions `rows`, in that order."""
        ...


@dataclass(frozen=True, slots=True)
class ShiftRoundSaturate:
    """y = clip(rounding((mul * x + add) / 2**shift), low, high), row by row.

    Shapes: all arrays (k,). `mul` is 1 or a power of two for dyadic scales; any other integer is
    a constant multiplication. `shift` >= 0.

    >>> relu = ShiftRoundSaturate(Ints([1]), Ints([0]), Ints([2]), Rounding.HALF_EVEN, Ints([0]), Ints([15]))
    >>> relu(np.array([-9, 2, 6, 99]), np.array(0)).tolist()
    [0, 0, 2, 15]
    """

    mul: Ints
    add: Ints
    shift: Ints
    rounding: Rounding
    low: Ints
    high: Ints

    def __post_init__(self) -> None:
        shapes = {a.shape for a in (self.mul, self.add, self.shift, self.low, self.high)}
        if len(shapes) > 1 or len(self.mul.shape) != 1:
            raise InvalidProgram(f"arrays of the shapes {sorted(shapes)}", where="ShiftRoundSaturate")
        shift = self.shift.array
        if ((shift < 0) | (shift > _DEEPEST)).any() or (self.low.array > self.high.array).any():
            raise InvalidProgram("a shift or a range that means nothing", where="ShiftRoundSaturate")

    @property
    def count(self) -> int:
        """How many functions it holds."""
        return self.mul.shape[0]

    def __call__(self, codes: IntArray, rows: IntArray) -> IntArray:
        """Function `rows` of each code; the two broadcast."""
        total = codes * self.mul.array[rows] + self.add.array[rows]
        shift = self.shift.array[rows]
        if self.rounding is Rounding.FLOOR:
            dropped = total >> shift
        else:
            dropped = _round_each(self.rounding, total, np.broadcast_to(shift, total.shape))
        return np.clip(dropped, self.low.array[rows], self.high.array[rows])

    def image(self, low: IntArray, high: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
        """The exact range: the function is monotone, so its ends are the ends' images.

        Raises `InvalidValue` where mul * x + add could leave int64.
        """
        reach = np.maximum(np.abs(low.astype(np.float64)), np.abs(high.astype(np.float64)))
        mul, add = np.abs(self.mul.array[rows].astype(np.float64)), np.abs(self.add.array[rows].astype(np.float64))
        if (reach * mul + add + np.ldexp(1.0, self.shift.array[rows]) >= LIMIT).any():
            raise InvalidValue("mul * x + add leaves 62 bits", where="Map", remedy="quantize to fewer bits before it")
        a, b = self(low, rows), self(high, rows)
        return np.minimum(a, b), np.maximum(a, b)

    def select(self, rows: IntArray) -> ShiftRoundSaturate:
        """The functions `rows`, in that order."""
        pick = [Ints(a.array[rows]) for a in (self.mul, self.add, self.shift, self.low, self.high)]
        return ShiftRoundSaturate(pick[0], pick[1], pick[2], self.rounding, pick[3], pick[4])


_DEEPEST = 61


def _round_each(rounding: Rounding, total: IntArray, shift: IntArray) -> IntArray:
    total, out = np.asarray(total), np.empty(np.shape(total), dtype=np.int64)
    for amount in np.unique(shift):
        where = shift == amount
        out[where] = rounding(total[where], int(amount))
    return out


def _of_channels(rows: IntArray) -> IntArray | None:
    """One row for each index of the last axis, where rows differ along no other (by their strides), else None."""
    others = zip(rows.strides[:-1], rows.shape[:-1], strict=True)
    if rows.ndim == 0 or rows.size == 0 or any(stride and count > 1 for stride, count in others):
        return None
    return rows[(0,) * (rows.ndim - 1)]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """y = values[number of thresholds t with x >= t], row by row.

    Shapes: thresholds (k, n) ascending in each row, values (k, n + 1). A row with fewer than n
    steps repeats its last value behind thresholds that no code reaches.

    >>> sign = Thresholds(Ints([[0]]), Ints([[-1, 1]]))
    >>> sign(np.array([-5, 0, 3]), np.array(0)).tolist()
    [-1, 1, 1]
    """

    thresholds: Ints
    values: Ints

    def __post_init__(self) -> None:
        rows, columns = (*self.values.shape, 0, 0)[:2]
        if len(self.values.shape) != 2 or self.thresholds.shape != (rows, columns - 1):
            raise InvalidProgram(f"{self.thresholds.shape} for {self.values.shape} values", where="Thresholds")
        steps = self.thresholds.array  # compared, not subtracted: padding may be the largest int64
        if (steps[:, 1:] < steps[:, :-1]).any():
            raise InvalidProgram("the thresholds do not ascend", where="Thresholds")

    @property
    def count(self) -> int:
        """How many functions it holds."""
        return self.values.shape[0]

    def __call__(self, codes: IntArray, rows: IntArray) -> IntArray:
        """Function `rows` of each code; the two broadcast."""
        return self.values.array[np.broadcast_to(rows, codes.shape), self.segment(codes, rows)]

    def segment(self, codes: IntArray, rows: IntArray) -> IntArray:
        """How many thresholds each code has reached."""
        out = np.empty(codes.shape, dtype=np.int64)
        each = np.broadcast_to(rows, codes.shape)
        channels = _of_channels(each)
        if channels is not None:
            for channel, row in enumerate(channels):
                out[..., channel] = np.searchsorted(self.thresholds.array[row], codes[..., channel], side="right")
            return out
        for row in np.unique(rows):
            where = each == row
            out[where] = np.searchsorted(self.thresholds.array[row], codes[where], side="right")
        return out

    def _monotone(self) -> bool:
        """Whether each row rises or falls throughout; then the ends of an interval have its extremes."""
        steps = np.diff(self.values.array, axis=1)
        return bool(((steps >= 0).all(axis=1) | (steps <= 0).all(axis=1)).all())

    def _filled(self) -> NDArray[np.bool_]:
        """Which segments hold a code: none lies between equal thresholds."""
        steps = self.thresholds.array
        filled = np.ones(self.values.shape, dtype=bool)
        filled[:, 1:-1] = steps[:, 1:] > steps[:, :-1]
        return filled

    def image(self, low: IntArray, high: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
        """The exact range, over all segments that the interval touches."""
        low, high, rows = np.broadcast_arrays(low, high, rows)
        first, last = self.segment(low, rows), self.segment(high, rows)
        if self._monotone():
            ends = self.values.array[rows, first], self.values.array[rows, last]
            return np.minimum(*ends), np.maximum(*ends)
        column = np.arange(self.values.shape[1])
        touched = (column >= first[..., None]) & (column <= last[..., None]) & self._filled()[rows]
        values = self.values.array[rows]
        big = np.iinfo(np.int64).max
        return np.where(touched, values, big).min(-1), np.where(touched, values, -big).max(-1)

    def select(self, rows: IntArray) -> Thresholds:
        """The functions `rows`, in that order."""
        return Thresholds(Ints(self.thresholds.array[rows]), Ints(self.values.array[rows]))


@dataclass(frozen=True, slots=True)
class Table:
    """y = values[x - start], row by row.

    Shapes: start (k,), values (k, n). Codes outside [start, start + n) are a broken program.

    >>> Table(Ints([-1]), Ints([[5, 0, 7]]))(np.array([1, -1]), np.array(0)).tolist()
    [7, 5]
    """

    start: Ints
    values: Ints

    def __post_init__(self) -> None:
        if len(self.values.shape) != 2 or self.start.shape != self.values.shape[:1]:
            raise InvalidProgram(f"{self.start.shape} starts for {self.values.shape} values", where="Table")

    @property
    def count(self) -> int:
        """How many functions it holds."""
        return self.values.shape[0]

    def __call__(self, codes: IntArray, rows: IntArray) -> IntArray:
        """Function `rows` of each code; raises `InvalidProgram` for a code outside the table."""
        index = codes - self.start.array[rows]
        if index.size and (index.min() < 0 or index.max() >= self.values.shape[1]):
            raise InvalidProgram("a code lies outside the table", where="Map", remedy="report this as a bug")
        return self.values.array[np.broadcast_to(rows, index.shape), index]

    def image(self, low: IntArray, high: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
        """The exact range over all entries that the interval touches; all of it lies in the table."""
        low, high, rows = np.broadcast_arrays(low, high, rows)
        start = self.start.array[rows]
        if (low < start).any() or (high >= start + self.values.shape[1]).any():
            raise InvalidProgram("the codes leave the table", where="Map", remedy="report this as a bug")
        position = start[..., None] + np.arange(self.values.shape[1])
        touched = (position >= low[..., None]) & (position <= high[..., None])
        values = self.values.array[rows]
        big = np.iinfo(np.int64).max
        return np.where(touched, values, big).min(-1), np.where(touched, values, -big).max(-1)

    def select(self, rows: IntArray) -> Table:
        """The functions `rows`, in that order."""
        return Table(Ints(self.start.array[rows]), Ints(self.values.array[rows]))
