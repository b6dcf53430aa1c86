"""Ranges of threshold functions are those found by trying every code."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.numeric import IntArray, Ints, Thresholds

SHAPE = (3, 2, 4)
ROW_SHAPES = ((), (4,), (1, 1, 4), (2, 4), (3, 1, 1), SHAPE)


def by_trying(form: Thresholds, low: IntArray, high: IntArray, rows: IntArray) -> tuple[IntArray, IntArray]:
    """The same, code by code."""
    each, least, most = np.broadcast_to(rows, SHAPE), low.copy(), high.copy()
    for place in np.ndindex(SHAPE):
        codes = np.arange(low[place], high[place] + 1)
        found = form(codes, np.broadcast_to(each[place], codes.shape))
        least[place], most[place] = found.min(), found.max()
    return least, most


@pytest.mark.parametrize("rows_shape", ROW_SHAPES)
@pytest.mark.parametrize("kind", ["rising", "falling", "both", "any"])
def test_the_range_of_thresholds_is_that_of_all_codes(rows_shape: tuple[int, ...], kind: str) -> None:
    draws = np.random.default_rng(len(rows_shape))
    for _ in range(8):
        count, steps = int(draws.integers(1, 5)), int(draws.integers(0, 5))
        values = draws.integers(-5, 5, (count, steps + 1))
        if kind != "any":
            values = np.sort(values, axis=1)
        if kind == "falling" or kind == "both":
            values[:: 2 if kind == "both" else 1] *= -1
        form = Thresholds(Ints(np.sort(draws.integers(-9, 9, (count, steps)), axis=1)), Ints(values))
        low = draws.integers(-12, 10, SHAPE)
        high = low + draws.integers(0, 5, SHAPE)
        rows = draws.integers(0, count, rows_shape)
        found, expected = form.image(low, high, np.asarray(rows)), by_trying(form, low, high, np.asarray(rows))
        assert np.array_equal(found[0], expected[0])
        assert np.array_equal(found[1], expected[1])


def test_codes_are_counted_row_by_row_however_rows_are_laid_out() -> None:
    form = Thresholds(Ints([[0, 4], [2, 3]]), Ints([[0, 1, 2], [5, 6, 7]]))
    codes = np.arange(-2, 6).reshape(1, 4, 2)
    per_channel = form(codes, np.array([0, 1]))
    assert np.array_equal(per_channel, form(codes, np.broadcast_to(np.array([0, 1]), codes.shape).copy()))
    assert per_channel.tolist() == [[[0, 5], [1, 5], [1, 7], [2, 7]]]
