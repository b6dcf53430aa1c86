"""Signed digits: integers as sums of as few +-2**k as possible (canonical signed digit)."""

from __future__ import annotations

import numpy as np

from bitwright.numeric.arrays import IntArray

__all__ = ["nonzero_digits", "signed_digits"]


def signed_digits(value: int) -> tuple[tuple[int, int], ...]:
    """The canonical signed digits of `value` as (shift, sign), lowest first; no two are neighbors.

    Source: G. W. Reitwiesner, Binary Arithmetic, Advances in Computers 1 (1960).

    >>> signed_digits(7), signed_digits(-6), signed_digits(0)
    (((0, -1), (3, 1)), ((1, 1), (3, -1)), ())
    """
    digits: list[tuple[int, int]] = []
    shift = 0
    while value:
        if value & 1:
            sign = 2 - (value & 3)
            digits.append((shift, sign))
            value -= sign
        value >>= 1
        shift += 1
    return tuple(digits)


def nonzero_digits(values: IntArray) -> IntArray:
    """How many signed digits each value needs, element by element.

    Uses that the nonzero digits of v stand where 3v and v differ.

    >>> nonzero_digits(np.array([0, 1, 7, -6, 11])).tolist()
    [0, 1, 2, 2, 3]
    """
    magnitude = np.abs(values).astype(np.uint64)
    marks = (magnitude * np.uint64(3)) ^ magnitude
    count = np.zeros(values.shape, dtype=np.int64)
    while marks.any():
        count += (marks & np.uint64(1)).astype(np.int64)
        marks >>= np.uint64(1)
    return count
