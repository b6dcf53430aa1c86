"""Exact arithmetic, exhaustively over small widths, against fractions and brute force."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise, product
from math import ceil, floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.core.errors import InvalidProgram, InvalidValue, ParseError
from bitwright.numeric import (
    Format,
    Interval,
    Ints,
    MapForm,
    Overflow,
    Rounding,
    ShiftRoundSaturate,
    Steps,
    Table,
    Thresholds,
    is_dyadic,
    nonzero_digits,
    signed_digits,
    width_of,
)
from bitwright.numeric.interval import array_product, matmul_bounds

HALF = Fraction(1, 2)


def away(x: Fraction) -> int:
    return ceil(x) if x > 0 else floor(x)


def truncated(x: Fraction) -> int:
    return floor(x) if x > 0 else ceil(x)


def nearest(x: Fraction, tie: Callable[[Fraction], int]) -> int:
    """The nearest integer; `tie` decides between two that are equally near."""
    return tie(x) if x - floor(x) == HALF else floor(x + HALF)


TRUTH: dict[Rounding, Callable[[Fraction], int]] = {
    Rounding.HALF_EVEN: lambda x: round(x),
    Rounding.HALF_UP: lambda x: nearest(x, ceil),
    Rounding.HALF_DOWN: lambda x: nearest(x, floor),
    Rounding.HALF_AWAY: lambda x: nearest(x, away),
    Rounding.HALF_ZERO: lambda x: nearest(x, truncated),
    Rounding.FLOOR: floor,
    Rounding.CEIL: ceil,
    Rounding.TRUNCATE: truncated,
    Rounding.AWAY: away,
}


def test_every_rounding_mode_has_a_truth_here() -> None:
    assert set(TRUTH) == set(Rounding)


@pytest.mark.parametrize("mode", list(Rounding))
def test_rounding_is_the_exact_fraction_rounded_on_ints_and_arrays(mode: Rounding) -> None:
    codes = np.arange(-130, 131)
    for shift in range(-3, 7):
        expected = [TRUTH[mode](Fraction(int(c)) / Fraction(2) ** shift) for c in codes]
        assert [mode(int(c), shift) for c in codes] == expected
        found = mode(codes, shift)
        assert found.dtype == np.int64
        assert found.tolist() == expected


@pytest.mark.parametrize("mode", list(Rounding))
def test_rounding_holds_near_62_bits(mode: Rounding) -> None:
    codes = [s * ((1 << 61) + d) for s in (1, -1) for d in (-3, -1, 0, 1, 2)] + [(1 << 62) - 1, -(1 << 62)]
    for shift in (1, 30, 60, 61):
        expected = [TRUTH[mode](Fraction(c, 1 << shift)) for c in codes]
        assert mode(np.array(codes), shift).tolist() == expected
        assert [mode(c, shift) for c in codes] == expected


@pytest.mark.parametrize("mode", list(Overflow))
def test_overflow_is_what_its_name_says_on_ints_and_arrays(mode: Overflow) -> None:
    codes = np.arange(-40, 41)
    for text in ("u1", "u3", "s1", "s2", "s4"):
        low, high = Format.parse(text).low, Format.parse(text).high
        found = mode(codes, low, high).tolist()
        assert found == [mode(int(c), low, high) for c in codes]
        for code, result in zip(codes.tolist(), found, strict=True):
            assert low <= result <= high
            if mode is Overflow.WRAP:
                assert (result - code) % (high - low + 1) == 0
            else:
                least = max(low, -high) if mode is Overflow.SATURATE_SYMMETRIC and low < 0 else low
                assert result == sorted((least, code, high))[1]


def every_interval(low: int, high: int) -> list[Interval]:
    return [Interval(a, b) for a in range(low, high + 1) for b in range(a, high + 1)]


def test_width_of_is_the_narrowest_code_that_holds_the_range() -> None:
    for span in every_interval(-20, 20):
        signed, width = width_of(span.low, span.high)
        assert signed == (span.low < 0) == span.signed
        assert width == span.width

        def holds(bits: int, span: Interval = span) -> bool:
            known = Format(span.low < 0, bits)
            return known.low <= span.low and span.high <= known.high

        assert holds(width)
        assert width == 1 or not holds(width - 1)


def test_formats_print_and_parse_back() -> None:
    for signed, width, fraction in product((False, True), (1, 2, 7, 62, 100), (-3, 0, 1, 9)):
        known = Format(signed, width, fraction)
        assert Format.parse(str(known)) == known
        assert Format.parse(f"  {known} ") == known
        assert known.high - known.low + 1 == 1 << width
        assert known.step == Fraction(2) ** -fraction
        assert Format.holding(known.low, known.high, fraction) == known
    assert Format.parse("u4") == Format(False, 4, 0)


@pytest.mark.parametrize("text", ["", "8.3", "s", "s.3", "s8.", "x8", "s8.3.1", "s-8", "S8", "s8.3x", "s8,3"])
def test_what_is_no_format_is_refused(text: str) -> None:
    with pytest.raises(ParseError, match="is no format"):
        Format.parse(text)


def test_a_format_has_at_least_one_bit() -> None:
    with pytest.raises(InvalidValue, match="below 1"):
        Format.parse("u0")


BINARY: dict[str, Callable[[Interval, Interval], Interval]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}
ON_CODES: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
}


def tight(codes: list[int]) -> Interval:
    return Interval(min(codes), max(codes))


def codes_of(span: Interval) -> range:
    return range(span.low, span.high + 1)


@pytest.mark.parametrize("name", sorted(BINARY))
def test_interval_arithmetic_contains_every_result_and_is_tight(name: str) -> None:
    for a, b in product(every_interval(-3, 3), repeat=2):
        assert BINARY[name](a, b) == tight([ON_CODES[name](x, y) for x in codes_of(a) for y in codes_of(b)])


def test_interval_shifts_clips_and_hulls_are_tight() -> None:
    spans = every_interval(-5, 5)
    for span in spans:
        codes = list(codes_of(span))
        assert -span == tight([-c for c in codes])
        assert span.size == len(codes)
        assert all((c in span) == (c in codes) for c in range(-7, 8))
        for left in range(-4, 4):
            assert span.shifted(left) == tight([c << left if left >= 0 else c >> -left for c in codes])
        for other in every_interval(-3, 3):
            assert span.clipped(other.low, other.high) == tight([sorted((other.low, c, other.high))[1] for c in codes])
            assert span.hull(other) == tight(codes + list(codes_of(other)))


def test_an_empty_interval_is_refused() -> None:
    with pytest.raises(InvalidValue, match="is empty"):
        Interval(1, 0)


def test_products_and_matrix_products_of_interval_arrays_are_tight() -> None:
    rng = np.random.default_rng(3)
    for _ in range(60):
        low = rng.integers(-3, 3, 3)
        high = low + rng.integers(0, 3, 3)
        weights = rng.integers(-3, 4, (3, 2))
        axes = [np.arange(a, b + 1) for a, b in zip(low, high, strict=True)]
        grid = np.stack([a.ravel() for a in np.meshgrid(*axes)])
        sums = grid.T @ weights
        least, most = matmul_bounds(low, high, weights)
        assert (least == sums.min(axis=0)).all()
        assert (most == sums.max(axis=0)).all()
        first, last = array_product((low[:1], high[:1]), (low[1:2], high[1:2]))
        products = grid[0] * grid[1]
        assert (first[0], last[0]) == (products.min(), products.max())


def test_matrix_products_are_exact_beyond_float64_and_refused_beyond_62_bits() -> None:
    top = np.array([(1 << 30) - 1, (1 << 30) - 1])
    weights = np.array([[(1 << 29) + 1], [-(1 << 29) - 3]])
    low, high = matmul_bounds(-top, top, weights)
    assert int(high[0]) == -int(low[0]) == sum(int(a) * abs(int(w)) for a, w in zip(top, weights[:, 0], strict=True))
    with pytest.raises(InvalidValue, match="a sum reaches"):
        matmul_bounds(-top * 4, top * 4, weights * 4)
    with pytest.raises(InvalidValue, match="a sum reaches"):
        array_product((-top * 8, top * 8), (-top * 4, top * 4))


def least_digits(limit: int) -> dict[int, int]:
    """Fewest terms +-2**k of every number up to `limit`, by breadth-first search."""
    bits = limit.bit_length() + 1
    terms = [s << k for k in range(bits + 1) for s in (1, -1)]
    known, frontier, count = {0: 0}, [0], 0
    while frontier:
        count += 1
        frontier = [n for n in {v + t for v in frontier for t in terms} if abs(n) <= 4 * limit and n not in known]
        known |= dict.fromkeys(frontier, count)
    return known


def test_signed_digits_are_the_value_without_neighbors_and_as_few_as_can_be() -> None:
    fewest = least_digits(256)
    for value in range(-256, 257):
        digits = signed_digits(value)
        shifts = [shift for shift, _ in digits]
        assert sum(sign << shift for shift, sign in digits) == value
        assert all(abs(sign) == 1 for _, sign in digits)
        assert all(b - a >= 2 for a, b in pairwise(shifts))
        assert len(digits) == fewest[value]


def test_nonzero_digits_counts_the_signed_digits_up_to_62_bits() -> None:
    wide = [s * v for s in (1, -1) for v in ((1 << 62) - 1, 1 << 62, 0x2AAAAAAAAAAAAAAA, 0x3333333333333333)]
    values = np.array([*range(-300, 301), *wide])
    assert nonzero_digits(values).tolist() == [len(signed_digits(int(v))) for v in values]


# The three map forms: what they compute, their image over every interval, and the choice of rows.

LOW, HIGH = -9, 10
CODES = np.arange(LOW, HIGH + 1)


def saturating_forms() -> list[ShiftRoundSaturate]:
    mul, add, shift = Ints([1, -3, 0, 5]), Ints([0, 2, 7, -11]), Ints([0, 2, 1, 3])
    ends = Ints([-4, -8, 3, -2]), Ints([5, 8, 3, 1])
    return [ShiftRoundSaturate(mul, add, shift, mode, *ends) for mode in Rounding]


def other_forms() -> list[MapForm]:
    far = np.iinfo(np.int64).max
    values = Ints([[0, 5, -5, 1], [3, 2, 1, 1], [9, 8, 7, 7]])
    steps = Thresholds(Ints([[-3, 0, 4], [2, 2, far], [-20, 20, far]]), values)
    none = Thresholds(Ints(np.zeros((2, 0), dtype=np.int64)), Ints([[4], [-4]]))
    rng = np.random.default_rng(5)
    table = Table(Ints([LOW, LOW - 2]), Ints(rng.integers(-9, 9, (2, len(CODES) + 2))))
    return [steps, none, table]


def truth(form: MapForm, row: int, code: int) -> int:
    """One code through one function, from the definition."""
    match form:
        case ShiftRoundSaturate():
            total = code * int(form.mul.array[row]) + int(form.add.array[row])
            rounded = TRUTH[form.rounding](Fraction(total, 1 << int(form.shift.array[row])))
            return sorted((int(form.low.array[row]), rounded, int(form.high.array[row])))[1]
        case Thresholds():
            return int(form.values.array[row][sum(code >= t for t in form.thresholds.array[row].tolist())])
        case Table():
            return int(form.values.array[row][code - int(form.start.array[row])])
        case _:
            raise AssertionError(form)


ALL_FORMS: list[MapForm] = [*saturating_forms(), *other_forms()]


@pytest.mark.parametrize("form", ALL_FORMS, ids=lambda f: type(f).__name__)
def test_a_map_form_computes_its_definition_and_its_image_is_tight(form: MapForm) -> None:
    for row in range(form.count):
        expected = [truth(form, row, int(c)) for c in CODES]
        assert form(CODES, np.array(row)).tolist() == expected
        for low in range(LOW, HIGH + 1):
            for high in range(low, HIGH + 1):
                part = expected[low - LOW : high - LOW + 1]
                least, most = form.image(np.array(low), np.array(high), np.array(row))
                assert (int(least), int(most)) == (min(part), max(part))


@pytest.mark.parametrize("form", ALL_FORMS, ids=lambda f: type(f).__name__)
def test_rows_broadcast_over_axes_and_select_picks_them(form: MapForm) -> None:
    rng = np.random.default_rng(1)
    codes = rng.integers(LOW, HIGH + 1, (6, 3, 2))
    for shape in ((), (2,), (3, 2), (3, 1)):
        rows = rng.integers(0, form.count, shape)
        pairs = zip(np.broadcast_to(rows, codes.shape).ravel().tolist(), codes.ravel().tolist(), strict=True)
        assert form(codes, rows).ravel().tolist() == [truth(form, row, code) for row, code in pairs]
    order = rng.permutation(form.count)
    picked = form.select(order)
    assert picked.count == form.count
    for place, row in enumerate(order):
        assert (picked(CODES, np.array(place)) == form(CODES, np.array(row))).all()


def test_map_forms_that_mean_nothing_are_refused() -> None:
    one = Ints([1])
    with pytest.raises(InvalidProgram, match="shift"):
        ShiftRoundSaturate(one, one, Ints([-1]), Rounding.FLOOR, one, one)
    with pytest.raises(InvalidProgram, match="range"):
        ShiftRoundSaturate(one, one, one, Rounding.FLOOR, Ints([2]), one)
    with pytest.raises(InvalidProgram, match="shapes"):
        ShiftRoundSaturate(one, Ints([1, 2]), one, Rounding.FLOOR, one, one)
    with pytest.raises(InvalidProgram, match="ascend"):
        Thresholds(Ints([[2, 1]]), Ints([[0, 1, 2]]))
    with pytest.raises(InvalidProgram, match="Thresholds"):
        Thresholds(Ints([[1]]), Ints([[0, 1, 2]]))
    with pytest.raises(InvalidProgram, match="starts"):
        Table(one, Ints([1, 2]))


def test_a_table_refuses_codes_outside_it() -> None:
    table = Table(Ints([0]), Ints([[1, 2]]))
    for code in (-1, 2):
        with pytest.raises(InvalidProgram):
            table(np.array([0, code]), np.array(0))
        with pytest.raises(InvalidProgram):
            table.image(np.array(min(code, 0)), np.array(max(code, 0)), np.array(0))


def test_a_map_whose_product_leaves_int64_is_refused() -> None:
    one = Ints([0])
    form = ShiftRoundSaturate(Ints([1 << 40]), one, one, Rounding.FLOOR, one, Ints([1]))
    with pytest.raises(InvalidValue, match="62 bits"):
        form.image(np.array(0), np.array(1 << 30), np.array(0))


@pytest.mark.parametrize("values", [[1.5], ["a"], [None], [2**63], [2**80], [[1], [2, 3]]])
def test_ints_take_only_codes_of_63_bits(values: list[object]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (numpy's own for ragged lists, ours else)
        Ints(values)  # pyright: ignore[reportArgumentType]


def test_ints_are_values() -> None:
    source = np.array([1, 2])
    kept = Ints(source)
    source[0] = 9
    assert kept == Ints([1, 2])
    assert hash(kept) == hash(Ints([1, 2]))
    assert kept != Ints([[1, 2]])
    assert Ints([3, 3]).collapsed() == Ints(3)
    assert kept.collapsed() is kept
    with pytest.raises(ValueError, match="read-only"):
        kept.array[0] = 5


@given(st.lists(st.fractions(min_value=Fraction(1, 64), max_value=64, max_denominator=64), min_size=1, max_size=5))
def test_every_step_is_an_integer_multiple_of_the_finest(values: list[Fraction]) -> None:
    steps = Steps.of(values)
    ratios = [v / steps.finest for v in values]
    assert all(r.denominator == 1 for r in ratios)
    assert np.gcd.reduce([r.numerator for r in ratios]) == 1
    assert steps.dyadic == all(is_dyadic(v) for v in values)
    assert (steps.uniform is None) == (len(set(values)) > 1)
    assert steps.times(Fraction(3, 2)).times(Fraction(2, 3)) == steps


def test_a_step_is_positive() -> None:
    with pytest.raises(InvalidValue, match="positive"):
        Steps.of([1, 0])
