"""Staircases and their affine forms."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.numeric import IntArray, Rounding
from bitwright.passes.affine import Affine, fit, staircase


def steps_of(y: IntArray, low: int) -> tuple[IntArray, IntArray]:
    changes = np.flatnonzero(np.diff(y)) + 1
    return low + changes, np.concatenate((y[:1], y[changes]))


def fitted(y: IntArray, low: int) -> Affine | None:
    stairs = staircase(*steps_of(y, low), low, low + len(y) - 1)
    return None if stairs is None else fit(stairs)


def value(form: Affine, x: IntArray) -> IntArray:
    return np.clip(form.rounding(form.mul * x + form.add, form.shift), form.low, form.high)


def test_a_constant_is_a_form_without_a_slope() -> None:
    assert fitted(np.full(9, 7), -3) == Affine(0, 7, 0, Rounding.FLOOR, 7, 7)


@pytest.mark.parametrize("falling", [False, True])
def test_a_jump_over_several_results_is_several_steps_at_one_code(falling: bool) -> None:
    sign = -1 if falling else 1
    y = sign * np.array([0, 0, 3, 3, 4, 4])
    stairs = staircase(*steps_of(y, 10), 10, 15)
    assert stairs is not None
    assert stairs.falling == falling
    x = np.arange(10, 16)
    rising = -x if falling else x
    assert (stairs.first + (rising[:, None] >= stairs.steps).sum(axis=1) == y).all()
    assert stairs.levels.tolist() == list(range(stairs.first + 1, stairs.last + 1))


def test_what_rises_and_falls_is_no_staircase() -> None:
    assert staircase(np.array([1, 2]), np.array([0, 1, 0]), 0, 5) is None


def test_steps_outside_the_range_do_not_count() -> None:
    stairs = staircase(np.array([-9, 1, 2, 50]), np.array([9, 0, 1, 2, -9]), 0, 5)
    assert stairs is not None
    assert (stairs.steps.tolist(), stairs.first, stairs.last) == ([1, 2], 0, 2)
    alone = staircase(np.array([-9, 50]), np.array([9, 4, -9]), 0, 5)
    assert alone is not None
    assert (len(alone.steps), alone.first) == (0, 4)


def test_a_jump_of_more_than_16_bits_is_left_alone() -> None:
    assert staircase(np.array([1]), np.array([0, 1 << 17]), 0, 5) is None


@pytest.mark.parametrize("mode", [Rounding.HALF_EVEN, Rounding.FLOOR, Rounding.HALF_UP])
@pytest.mark.parametrize("sign", [1, -1])
def test_shifts_by_rounding_come_back_with_their_shift(mode: Rounding, sign: int) -> None:
    x = np.arange(-100, 120)
    for shift in range(2, 5):
        y = sign * np.clip(mode(x + 3, shift), -5, 6)
        form = fitted(y, -100)
        assert form is not None
        assert (value(form, x) == y).all()
        assert (abs(form.mul), form.shift) == (1, shift)
        even = mode is Rounding.HALF_EVEN
        assert (form.rounding is Rounding.HALF_EVEN) == even


@pytest.mark.parametrize(("above", "below"), [(3, 2), (5, 8), (7, 16), (1, 3), (2, 7), (22, 7), (85, 256)])
def test_slopes_come_back_exactly_whether_dyadic_or_not(above: int, below: int) -> None:
    x = np.arange(-150, 151)
    for offset in (-5, 0, 2):
        y = (above * x + offset) // below
        form = fitted(y, -150)
        assert form is not None
        assert (value(form, x) == y).all()


def test_a_curve_has_no_affine_form() -> None:
    x = np.arange(-60, 61)
    assert fitted(np.rint(20 * np.tanh(x / 20)).astype(np.int64), -60) is None


def test_steps_near_62_bits_do_not_wrap() -> None:
    far = 1 << 61
    for base in (far, -far):
        steps = base + np.array([0, 5, 10])
        stairs = staircase(steps, np.arange(4), base - 9, base + 20)
        assert stairs is not None
        form = fit(stairs)
        if form is not None:
            x = [base - 9, base - 1, base, base + 4, base + 5, base + 9, base + 10, base + 20]
            exact = [min(max(form.rounding(form.mul * c + form.add, form.shift), form.low), form.high) for c in x]
            assert exact == [0, 0, 1, 1, 2, 2, 3, 3]
