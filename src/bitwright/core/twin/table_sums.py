"""Sums of looked-up rows and their gradients in numpy; the sums have the order of `src/native/table_sums.cpp`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["LANES", "table_counts", "table_rises", "table_sums"]

LANES = 8
"""Rows are padded to multiples of this many floats."""

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]


def table_sums(codes: Codes, tables: Floats, start: Floats, out: Floats) -> None:
    """Put start + sum over i of tables[i, codes[:, i]] into `out` (batch, width)."""
    out[:] = start
    for place, table in enumerate(tables):
        out += table[codes[:, place]]


def table_counts(codes: Codes, flow: Floats, out: Floats) -> None:
    """Add flow[b] to out[i, codes[b, i]] for every sample b and input i."""
    for place, table in enumerate(out):
        np.add.at(table, codes[:, place], flow)


def table_rises(codes: Codes, slopes: Floats, flow: Floats, out: Floats) -> None:
    """Put slopes[i, codes[b, i]] . flow[b] into `out` (batch, inputs)."""
    for place, table in enumerate(slopes):
        parts = (table[codes[:, place]] * flow).reshape(len(codes), -1, LANES)
        total = np.zeros((len(codes), LANES), np.float32)
        for part in range(parts.shape[1]):
            total += parts[:, part]
        halves = total[:, :4] + total[:, 4:]
        out[:, place] = (halves[:, 0] + halves[:, 1]) + (halves[:, 2] + halves[:, 3])
