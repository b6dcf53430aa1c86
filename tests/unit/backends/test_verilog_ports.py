"""Buses: bits where the port table says, numpy in and out without loss."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.backends.verilog import PortBits, pack, unpack, word_slices
from bitwright.backends.verilog.ports import pack_tight, runs
from bitwright.core.errors import InvalidValue
from bitwright.ir.netlist import Word
from bitwright.numeric import Steps


def _port(name: str, words: list[Word], shape: tuple[int, ...] | None = None) -> PortBits:
    return PortBits(name, "input", shape or (len(words),), tuple(words), Steps.of(1))


@st.composite
def ports(draw: st.DrawFn) -> PortBits:
    words = []
    for _ in range(draw(st.integers(1, 40))):
        width = draw(st.integers(1, 62))
        signed = draw(st.booleans())
        low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if signed else (0, (1 << width) - 1)
        words.append(Word(low, high))
    return _port("x", words)


def _codes(port: PortBits, seed: int, rows: int = 5) -> np.ndarray:
    rng = random.Random(seed)
    return np.array([[rng.randint(w.low, w.high) for w in port.elements] for _ in range(rows)], dtype=np.int64)


@given(ports(), st.integers(0, 1000))
def test_packed_bits_are_the_concatenation_of_the_codes(port: PortBits, seed: int) -> None:
    codes = _codes(port, seed)
    packed = pack([codes], [port])
    for row, words in zip(codes.tolist(), packed, strict=True):
        expected = sum((c & ((1 << w) - 1)) << o for c, w, o in zip(row, port.widths, port.offsets, strict=True))
        assert int.from_bytes(words.tobytes(), "little") == expected


@given(st.lists(ports(), min_size=1, max_size=3), st.integers(0, 1000))
def test_unpack_gives_back_what_was_packed_over_several_ports(several: list[PortBits], seed: int) -> None:
    arrays = [_codes(p, seed + i) for i, p in enumerate(several)]
    back = unpack(pack(arrays, several), several)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, back, strict=True))


def test_every_port_begins_at_a_new_word_and_tight_packing_has_no_gap() -> None:
    several = [_port("a", [Word(0, 7)]), _port("b", [Word(-4, 3)] * 11)]
    assert word_slices(several) == [slice(0, 1), slice(1, 3)]
    arrays = [np.array([[5]]), np.full((1, 11), -1)]
    assert pack(arrays, several).tolist() == [[5, 0xFFFFFFFF, 1]]
    assert pack_tight(arrays, several).tolist() == [[0xFFFFFFFD, 0xF]]


def test_many_rows_are_packed_in_pieces_without_a_seam() -> None:
    port = _port("x", [Word(-512, 511)] * 30, (5, 6))
    codes = np.random.default_rng(0).integers(-512, 512, (7001, 5, 6))
    assert np.array_equal(unpack(pack([codes], [port]), [port])[0], codes)


def test_a_code_outside_its_range_is_refused_with_port_element_and_row() -> None:
    port = _port("x", [Word(0, 7), Word(0, 5)])
    with pytest.raises(InvalidValue, match=r"port 'x', element 1, row 1: code 6 is not within 0\.\.5"):
        pack([np.array([[7, 5], [7, 6]])], [port])


@pytest.mark.parametrize("bad", [np.zeros((2, 3), np.int64), np.zeros((2, 2)), np.zeros(2, np.int64)])
def test_arrays_of_another_shape_or_kind_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(InvalidValue, match="port 'x'"):
        pack([bad], [_port("x", [Word(0, 1)] * 2)])


def test_words_of_another_count_are_refused() -> None:
    with pytest.raises(InvalidValue, match="unpack"):
        unpack(np.zeros((2, 2), np.uint32), [_port("x", [Word(0, 1)])])


def test_formats_show_the_step_and_runs_join_equal_elements() -> None:
    steps = Steps.of([Fraction(1, 8), Fraction(1, 8), Fraction(4), Fraction(1, 255), Fraction(3, 4)])
    port = PortBits("x", "input", (5,), (Word(-8, 7),) * 5, steps)
    assert port.formats == ["s4.3", "s4.3", "s4.-2", "s4 x 1/255", "s4 x 3/4"]
    assert list(runs(port)) == [(0, 1), (2, 2), (3, 3), (4, 4)]
