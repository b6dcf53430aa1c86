"""Sums of looked-up rows: the compiled loops and their twins agree bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.core import table_sums
from bitwright.core.twin import table_sums as twin


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Codes, tables, a first row and a flow."""
    rng = np.random.default_rng(seed)
    inputs, size, width = int(rng.integers(1, 6)), int(rng.choice([2, 16, 256])), 8 * int(rng.integers(1, 4))
    codes = rng.integers(0, size, (37, inputs)).astype(np.uint8)
    tables, start, flow = (
        rng.normal(size=shape).astype(np.float32) for shape in ((inputs, size, width), (width,), (37, width))
    )
    return codes, tables, start, flow


@pytest.mark.parametrize("seed", range(6))
def test_both_implementations_give_the_same_floats(seed: int) -> None:
    codes, tables, start, flow = drawn(seed)
    sums, counts, rises = np.zeros_like(flow), np.zeros_like(tables), np.zeros(codes.shape, np.float32)
    twin.table_sums(codes, tables, start, sums)
    twin.table_counts(codes, flow, counts)
    twin.table_rises(codes, tables, flow, rises)
    assert np.array_equal(table_sums.looked_up(codes, tables, start), sums)
    assert np.array_equal(table_sums.rows_of(codes, flow, tables.shape[1]), counts)
    assert np.array_equal(table_sums.rises_of(codes, tables, flow), rises)


def test_sums_are_those_of_the_rows_named() -> None:
    codes, tables, start, flow = drawn(7)
    rows = tables[np.arange(codes.shape[1]), codes]
    assert np.allclose(table_sums.looked_up(codes, tables, start), start + rows.sum(axis=1), atol=1e-5)
    assert np.allclose(table_sums.rises_of(codes, tables, flow), (rows * flow[:, None]).sum(axis=2), atol=1e-4)
    assert np.allclose(table_sums.rows_of(codes, flow, tables.shape[1]).sum(axis=1), flow.sum(axis=0), atol=1e-4)
