"""Units and their result types: laws over all operands, and the figures that decide energies."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.cost.qtools.arithmetic import (
    UnacceptedDivisor,
    accumulate,
    add,
    adjusted,
    as_fixed,
    bit_length,
    divide,
    multiply,
    root,
)
from bitwright.cost.qtools.merging import MERGES, merge
from bitwright.cost.qtools.rulesets import LATEST, PAPER, fixed, floating
from bitwright.ir.layers import Mode, Operand

BINARY = Operand("binary", Mode.SIGN, 1, 1, True)
BIT = Operand("binary", Mode.BIT, 1, 1, False)
TERNARY = Operand("ternary", Mode.TERNARY, 2, 2, True)
STOCHASTIC = Operand("stochastic_binary", Mode.SIGN, 1, 1, True)

numbers = st.builds(fixed, st.integers(2, 16), st.integers(-2, 6), st.booleans())
powers = st.builds(
    lambda bits, signed, limit: Operand("quantized_po2", Mode.POWER, bits, bits, signed, limit),
    st.integers(2, 5),
    st.booleans(),
    st.sampled_from([None, 0.5, 1.0, 2.0, 8.0]),
)
floats = st.sampled_from([floating(16), floating(32)])
anything = st.one_of(numbers, powers, floats, st.sampled_from([BINARY, BIT, TERNARY, STOCHASTIC]))


def ends(operand: Operand) -> tuple[Fraction, Fraction]:
    """The least and greatest value of a fixed-point number or a power of two."""
    if operand.mode is Mode.POWER:
        top = Fraction(2) ** operand.exponents[1]
        return (-top if operand.signed else Fraction(2) ** operand.exponents[0]), top
    if operand.mode is not Mode.FIXED:
        return Fraction(-1 if operand.signed else 0), Fraction(1)
    step = Fraction(2) ** -operand.fraction_bits
    top = Fraction(2) ** operand.int_bits
    return (-top if operand.signed else Fraction(0)), top - step


def holds(operand: Operand, value: Fraction) -> bool:
    """Whether a fixed-point number can be this value."""
    low, high = ends(operand)
    return low <= value <= high and (value * Fraction(2) ** operand.fraction_bits).denominator == 1


@given(numbers, numbers)
def test_a_product_holds_the_products_of_all_values_but_the_square_of_the_least(a: Operand, b: Operand) -> None:
    result = multiply(a, b).result
    for x in ends(a):
        for y in ends(b):
            # -2^i times -2^j is one step beyond a number with one sign bit; QKeras overlooks it.
            if not (x < 0 and y < 0):
                assert holds(result, x * y)


@given(numbers, numbers)
def test_the_rules_of_2021_keep_both_signs(a: Operand, b: Operand) -> None:
    before, now = multiply(a, b, PAPER).result, multiply(a, b, LATEST).result
    assert before.bits == a.bits + b.bits
    assert before.bits - now.bits == (a.signed and b.signed)


@given(numbers, powers)
def test_a_shifter_holds_every_shifted_value(a: Operand, power: Operand) -> None:
    result = multiply(power, a).result
    least, greatest = power.exponents
    for x in ends(a):
        for exponent in (least, greatest):
            assert holds(result, abs(x) * Fraction(2) ** exponent) or x < 0


@given(numbers, numbers)
def test_a_sum_holds_the_sums_of_all_values(a: Operand, b: Operand) -> None:
    result = add(a, b).result
    for x in ends(a):
        for y in ends(b):
            assert holds(result, x + y)


@given(numbers, st.integers(1, 400))
def test_an_accumulator_holds_as_many_terms_as_it_says(a: Operand, terms: int) -> None:
    result = accumulate(a, terms).result
    assert all(holds(result, terms * x) for x in ends(a))
    assert result.bits == a.bits + bit_length(terms)


@given(powers)
def test_a_power_of_two_as_fixed_point_holds_all_of_its_values(power: Operand) -> None:
    held = as_fixed(power)
    least, _ = power.exponents
    assert holds(held, Fraction(2) ** least)
    # The greatest power itself is one step too large: int_bits is its exponent, as in QKeras.
    assert ends(held)[1] + Fraction(2) ** least == ends(power)[1]


@given(anything, anything)
def test_floats_make_floats_of_the_wider_kind(a: Operand, b: Operand) -> None:
    modes = (a.mode, b.mode)
    result = multiply(a, b).result
    assert (result.mode is Mode.FLOAT) == (Mode.FLOAT in modes)
    if result.mode is Mode.FLOAT:
        assert result.bits == max(x.bits for x in (a, b) if x.mode is Mode.FLOAT)


@pytest.mark.parametrize(
    ("weight", "value", "op", "bits", "factor"),
    [
        (fixed(4, 0, True), fixed(9, 0, True), "mul", 6.0, 1.0),
        (BINARY, fixed(5, 0, True), "mux", 5, 0.3),
        (TERNARY, fixed(5, 0, True), "mux", 5, 0.6),
        (fixed(5, 0, True), STOCHASTIC, "mux", 5, 0.6),
        (BINARY, BINARY, "xor", 1, 0.3),
        (BIT, fixed(5, 0, True), "and", 5, 0.1),
        (BIT, BIT, "and", 1, 0.1),
        (floating(16), fixed(4, 0, True), "mul", 16, 1.0),
    ],
)
def test_each_pair_of_modes_has_its_unit(weight: Operand, value: Operand, op: str, bits: float, factor: float) -> None:
    unit = multiply(weight, value)
    assert (unit.op, unit.bits, unit.factor) == (op, bits, factor)


def test_a_stochastic_binary_weight_costs_as_a_binary_one_today_but_not_in_2021() -> None:
    value = fixed(4, 2, False)
    assert multiply(STOCHASTIC, value) == multiply(BINARY, value)
    before = multiply(STOCHASTIC, value, PAPER)
    assert (before.result.bits, before.bits * before.factor) == (1, 0.6)


def test_known_values_of_a_power_of_two_make_fixed_shifts() -> None:
    power = Operand("quantized_po2", Mode.POWER, 4, 4, True, None, distinct=3)
    unit = multiply(power, fixed(6, 0, True))
    assert (unit.op, unit.bits, unit.factor) == ("shifter", 6, pytest.approx(0.9))


def test_division_needs_a_divisor_that_can_be_one() -> None:
    assert divide(fixed(8, 0, True), fixed(8, 0, True)).result == floating(32)
    power = Operand("quantized_relu_po2", Mode.POWER, 4, 4, False, 2.0)
    assert divide(fixed(4, 0, True), power).op == "shifter"
    assert divide(power, power).result.max_value == 1.0
    with pytest.raises(UnacceptedDivisor, match="ternary"):
        divide(fixed(8, 0, True), TERNARY)


def test_the_root_of_a_power_of_two_has_half_its_exponents() -> None:
    power = Operand("quantized_relu_po2", Mode.POWER, 6, 6, False, 16.0)
    assert root(power).exponents == (-16, 2)
    assert root(fixed(8, 1, True)) == fixed(8, 1, True)


def test_a_power_of_two_scale_widens_by_its_spread() -> None:
    product = fixed(16, 3, True)
    assert adjusted(product, (-5, -4)) == fixed(17, -1, True)
    assert adjusted(product, None) == product
    assert adjusted(floating(16), (-5, -4)) == floating(16)


@given(st.lists(anything, min_size=2, max_size=4), st.sampled_from(sorted(set(MERGES) - {"Dot"})))
def test_every_merge_gives_a_type_as_wide_as_what_it_holds(inputs: list[Operand], kind: str) -> None:
    result = merge(kind, inputs, LATEST).result
    assert result.bits >= 1
    if kind in ("Add", "Subtract", "Maximum", "Minimum", "Average", "Concatenate") and result.mode is Mode.FIXED:
        assert result.bits >= max(as_fixed(x).bits for x in inputs)
        assert result.signed >= any(x.signed for x in inputs)


def test_what_all_inputs_share_is_kept() -> None:
    relu = fixed(4, 1, False, "quantized_relu")
    assert merge("Concatenate", [relu, relu], LATEST).result == relu
    assert merge("Subtract", [relu, relu], LATEST).result.signed
