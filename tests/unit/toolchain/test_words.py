"""Packing codes into bus words and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.core.errors import InvalidValue
from bitwright.toolchain.words import from_int, pack, to_int, unpack

fields = st.lists(st.tuples(st.integers(1, 64), st.booleans()), min_size=1, max_size=12)


def draw_rows(data: st.DataObject, shape: list[tuple[int, bool]], count: int) -> list[list[int]]:
    rows: list[list[int]] = []
    for _ in range(count):
        row = []
        for width, signed in shape:
            low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
            row.append(data.draw(st.sampled_from([low, high, 0, (low + high) // 3]) | st.integers(low, high)))
        rows.append(row)
    return rows


@given(fields, st.data())
def test_packing_is_concatenation_and_unpacking_its_inverse(shape: list[tuple[int, bool]], data: st.DataObject) -> None:
    shape = [(min(width, 63), False) if not signed else (width, True) for width, signed in shape]
    rows = draw_rows(data, shape, 3)
    widths, signed = [width for width, _ in shape], [sign for _, sign in shape]
    codes = np.array(rows, np.int64)
    words = pack(codes, widths)
    for row, packed in zip(rows, words, strict=True):
        expected = 0
        for code, width in zip(reversed(row), reversed(widths), strict=True):
            expected = expected << width | code & ((1 << width) - 1)
        assert to_int(packed) == expected
    assert np.array_equal(unpack(words, widths, signed), codes)


def test_words_are_rows_of_32_bits_in_c_order() -> None:
    words = pack(np.zeros((5, 3), np.int64), [10, 20, 40])
    assert words.shape == (5, 3)
    assert words.dtype == np.uint32
    assert words.flags.c_contiguous


def test_no_rows_pack_to_no_rows() -> None:
    assert pack(np.zeros((0, 2), np.int64), [4, 4]).shape == (0, 1)
    assert unpack(np.zeros((0, 1), np.uint32), [4, 4], True).shape == (0, 2)


@pytest.mark.parametrize(("code", "width"), [(16, 4), (-9, 4), (2, 1), (-2, 1)])
def test_a_code_that_does_not_fit_is_refused_by_field(code: int, width: int) -> None:
    with pytest.raises(InvalidValue, match="field 1"):
        pack(np.array([[0, code]]), [8, width])


@pytest.mark.parametrize(("width", "signed"), [(0, True), (65, True), (64, False)])
def test_widths_beyond_int64_are_refused(width: int, signed: bool) -> None:
    with pytest.raises(InvalidValue, match="width"):
        unpack(np.zeros((1, 3), np.uint32), [width], signed)


def test_as_many_codes_as_widths() -> None:
    with pytest.raises(InvalidValue, match="2 codes a row for 3 fields"):
        pack(np.zeros((1, 2), np.int64), [1, 1, 1])


@given(st.integers(1, 200), st.data())
def test_a_whole_bus_survives_the_round_trip(width: int, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, (1 << width) - 1))
    assert to_int(from_int(value, width)) == value


@pytest.mark.parametrize("value", [-1, 256])
def test_a_bus_value_that_does_not_fit_is_refused(value: int) -> None:
    with pytest.raises(InvalidValue, match="does not fit into 8 unsigned bits"):
        from_int(value, 8)
