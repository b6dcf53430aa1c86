"""What the doors of the native module take: integer arrays, checked before they cross."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bitwright.core.errors import InvalidValue

__all__ = ["integers", "matrix_with_intervals"]


def integers(name: str, values: ArrayLike, rank: int, where: str) -> NDArray[np.int64]:
    """`values` as a C-contiguous int64 array of `rank` axes; raises InvalidValue for anything else."""
    array: NDArray[Any] = np.asarray(values)
    if array.ndim != rank:
        raise InvalidValue(f"{name} has {array.ndim} axes, not {rank}", where=where)
    if array.size and array.dtype.kind not in "iu":
        raise InvalidValue(
            f"{name} holds {array.dtype}, not integers",
            where=where,
            remedy="pass integer codes: values divided by their step",
        )
    if array.dtype == np.uint64 and np.any(array > np.iinfo(np.int64).max):
        raise InvalidValue(f"{name} exceeds 63 bits", where=where, remedy="use fewer bits")
    return np.ascontiguousarray(array, np.int64)


def matrix_with_intervals(
    matrix: ArrayLike, low: ArrayLike, high: ArrayLike, where: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """A matrix (inputs, outputs) and the interval of each input, (inputs,) both ends."""
    weights = integers("matrix", matrix, 2, where)
    lowest, highest = integers("low", low, 1, where), integers("high", high, 1, where)
    if not lowest.shape == highest.shape == weights.shape[:1]:
        raise InvalidValue(
            f"matrix has shape {weights.shape}, low {lowest.shape}, high {highest.shape}",
            where=where,
            remedy="give one interval per row of the matrix",
        )
    if np.any(lowest > highest):
        row = int(np.argmax(lowest > highest))
        raise InvalidValue(
            f"input {row} has the empty interval [{lowest[row]}, {highest[row]}]",
            where=where,
            remedy="give low <= high for every input",
        )
    return weights, lowest, highest
