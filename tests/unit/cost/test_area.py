"""Where the LUTs go: bits that meet cost one each, wires and constants nothing."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.cost import Area, area
from bitwright.cost.area import table_luts
from bitwright.ir.netlist import Word
from bitwright.ir.netlist import ops as words
from bitwright.numeric import Ints
from bitwright.platforms import fabric

U4, S4, U8, S8 = Word(0, 15), Word(-8, 7), Word(0, 255), Word(-128, 127)
FIVE = Word(5, 5)
XCUP = fabric("xcup")


def sum_of(op: words.Add | words.Subtract, a: Word, b: Word) -> Area:
    sign = 1 if isinstance(op, words.Add) else -1
    ends = [(x << op.left) + sign * (y << op.right) for x in (a.low, a.high) for y in (b.low, b.high)]
    return area(op, Word(min(ends), max(ends)), [a, b], XCUP)


def test_areas_add_up() -> None:
    assert Area(1, 2, 3, 4) + Area(10, 20, 30, 40) == Area(11, 22, 33, 44)
    assert sum([Area(1), Area(2)], Area()) == Area(3)


@pytest.mark.parametrize("op", [words.Constant(5), words.Input(), words.Shift(3), words.Shift(-3), words.Bits(1, 3)])
def test_constants_and_wires_are_free(op: words.WordOp) -> None:
    assert area(op, U4, [U8] if isinstance(op, words.Shift | words.Bits) else [], XCUP) == Area()


def test_a_register_is_a_flip_flop_a_bit() -> None:
    assert area(words.Register(), S8, [S8], XCUP) == Area(ffs=8)


@pytest.mark.parametrize(
    ("op", "a", "b", "luts"),
    [
        (words.Add(), U8, U8, 8),
        (words.Add(), U8, U4, 4),
        (words.Add(), S8, S8, 8),
        (words.Add(), U4, S8, 4),
        (words.Subtract(), U8, U8, 8),
        (words.Subtract(), S8, S8, 8),
        (words.Add(2, 0), U8, U8, 6),
        (words.Add(0, 3), S8, S8, 6),
        (words.Add(), U8, FIVE, 0),
        (words.Subtract(), FIVE, S8, 0),
    ],
)
def test_an_adder_spends_a_lut_where_two_bits_meet(op: words.Add, a: Word, b: Word, luts: int) -> None:
    found = sum_of(op, a, b)
    assert abs(found.luts - luts) <= (2 if a.signed or b.signed else 0), found
    assert found.carries >= 1
    assert found.ffs == found.dsps == 0


def test_words_side_by_side_are_joined_for_nothing() -> None:
    assert sum_of(words.Add(4, 0), S8, U4) == Area()
    assert sum_of(words.Add(3, 0), S8, U4).luts > 0, "one bit overlaps"
    assert sum_of(words.Add(4, 0), S8, S4).luts >= 0


def test_a_carry_cell_serves_four_bits() -> None:
    assert sum_of(words.Add(), U4, U4).carries == 2
    assert sum_of(words.Add(), U8, U8).carries == 3
    assert sum_of(words.Add(), Word(0, 1), Word(0, 1)) == Area(luts=2), "two bits are plain logic"


def test_trailing_zeros_of_a_constant_need_no_carry() -> None:
    whole = sum_of(words.Add(), U8, Word(1, 1)).carries
    high = sum_of(words.Add(), U8, Word(128, 128)).carries
    assert (whole, high) == (3, 0)


def test_a_mux_is_a_lut_a_bit_and_saturation_needs_a_little_more() -> None:
    assert area(words.Mux(), S8, [Word(0, 1), S8, S8], XCUP) == Area(luts=8)
    relu = area(words.Clip(0, 255), Word(0, 255), [Word(-256, 255)], XCUP)
    both = area(words.Clip(-8, 7), S4, [S8], XCUP)
    assert 8 <= relu.luts <= 10
    assert 3 <= both.luts <= 8


def test_wide_products_take_a_dsp_and_small_ones_luts() -> None:
    assert area(words.Multiply(), Word(0, 1 << 20), [Word(0, 1 << 10), Word(0, 1 << 10)], XCUP).dsps == 1
    small = area(words.Multiply(), Word(0, 225), [U4, U4], XCUP)
    assert small.dsps == 0
    assert small.luts > 10


def test_comparisons_with_constants_take_a_tree() -> None:
    assert area(words.AtLeast(), Word(0, 1), [U4, FIVE], XCUP).luts <= 2
    assert area(words.AtLeast(), Word(0, 1), [S8, FIVE], XCUP).luts <= 4
    assert area(words.AtLeast(), Word(0, 1), [S8, S8], XCUP).luts <= 8


def luts(values: list[int], start: int = 0) -> float:
    used = np.array(values)
    low, high = start, start + len(values) - 1
    return table_luts(used, start, Word(low, high).width, Word(int(used.min()), int(used.max())))


def test_a_table_costs_its_output_bits_that_depend_on_something() -> None:
    assert luts([3, 3, 3, 3]) == 0
    assert luts(list(range(16))) == 0, "bits passed through are wires"
    assert luts([v >> 2 for v in range(64)]) == 0
    assert luts([0, 1, 1, 0]) == 1
    assert luts([v * v for v in range(64)]) <= 12
    rng = np.random.default_rng(1)
    assert 16 <= luts(rng.integers(0, 16, 256).tolist()) <= 22
    assert luts([int(v >= 130) for v in range(256)]) <= 2


def test_a_table_over_negative_codes_reads_them_as_two_s_complement() -> None:
    assert luts([v & 7 for v in range(-8, 8)], start=-8) == 0
    assert luts([-v for v in range(-8, 0)], start=-8) > 0


def test_the_rule_for_tables_asks_the_word_that_is_looked_up() -> None:
    op = words.Table(-2, Ints([1, 0, 0, 1]))
    assert area(op, Word(0, 1), [Word(-2, 1)], XCUP) == Area(luts=1)
