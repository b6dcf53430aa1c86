"""What crosses into the native module is integers, in intervals that are not empty."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.core.arguments import integers, matrix_with_intervals
from bitwright.core.errors import InvalidValue


def test_lists_and_narrow_integers_become_contiguous_int64() -> None:
    made = integers("codes", np.arange(6, dtype=np.int8).reshape(2, 3).T, 2, "here")
    assert made.dtype == np.int64
    assert made.flags.c_contiguous
    assert integers("codes", [], 1, "here").shape == (0,)


@pytest.mark.parametrize(
    ("values", "rank", "said"),
    [
        ([1, 2], 2, "axes"),
        ([1.0, 2.0], 1, "not integers"),
        (np.array([2**63], np.uint64), 1, "63 bits"),
    ],
)
def test_anything_else_is_refused_by_name(values: object, rank: int, said: str) -> None:
    with pytest.raises(InvalidValue, match=said) as caught:
        integers("codes", values, rank, "here")  # pyright: ignore[reportArgumentType]
    assert "here" in str(caught.value)


def test_intervals_belong_to_rows_and_are_not_empty() -> None:
    with pytest.raises(InvalidValue, match="shape"):
        matrix_with_intervals([[1, 2]], [0, 0], [1, 1], "here")
    with pytest.raises(InvalidValue, match="input 1 has the empty interval"):
        matrix_with_intervals([[1], [2]], [0, 3], [1, 2], "here")
