"""The door to sums of looked-up rows: the compiled ones, else their Python twins, bit for bit the same.

Shapes: codes (batch, inputs) uint8; tables (inputs, size, width) float32, C-contiguous, rows padded with zeros to a
multiple of `LANES`.
"""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from bitwright.core.native import HAVE_NATIVE
from bitwright.core.twin.table_sums import LANES, table_counts, table_rises, table_sums

if HAVE_NATIVE:
    with suppress(ImportError):  # compiled before these were
        from bitwright._native import table_counts, table_rises, table_sums

__all__ = ["LANES", "Codes", "Floats", "looked_up", "rises_of", "rows_of"]

Floats = NDArray[np.float32]
Codes = NDArray[np.uint8]


def looked_up(codes: Codes, tables: Floats, start: Floats) -> Floats:
    """(batch, width): start + sum over the inputs of the rows that the codes name."""
    out = np.empty((len(codes), tables.shape[2]), np.float32)
    table_sums(codes, tables, start, out)
    return out


def rows_of(codes: Codes, flow: Floats, size: int) -> Floats:
    """The gradient of tables with `size` rows each: the `flow` (batch, width) of all samples that read a row."""
    out = np.zeros((codes.shape[1], size, flow.shape[1]), np.float32)
    table_counts(codes, flow, out)
    return out


def rises_of(codes: Codes, slopes: Floats, flow: Floats) -> Floats:
    """The gradient of what is looked up, (batch, inputs): the flow times the `slopes` (as tables) at the codes."""
    out = np.empty(codes.shape, np.float32)
    table_rises(codes, slopes, flow, out)
    return out
