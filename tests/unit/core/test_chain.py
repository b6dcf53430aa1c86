"""Sums on carry chains: the compiled planner and its twin say the same."""

from __future__ import annotations

import random
from itertools import product

import pytest

from bitwright.core import native, twin

_native = pytest.importorskip("bitwright._native", reason="nothing was compiled")


def test_a_ternary_sum_of_unsigned_codes_takes_a_table_where_two_bits_meet() -> None:
    """Three codes of four bits: columns 0 to 3 hold three bits each, the others only what is carried."""
    extended, constant, free, first, _, luts, rest = native.plan_chain((0, 0, 0), (1, 1, 1), 0, 6, ((4, False),) * 3)
    assert (extended, constant, free, first, rest) == (0, 0, 0, 0, 0)
    assert luts == 0b001111


def test_native_equals_the_twin_on_every_small_sum() -> None:
    shapes = [(bits, signed) for bits in (1, 2, 3) for signed in (False, True)]
    for width, constant in product((1, 4), range(16)):
        for told in product(product((0, 1), (1, -1), shapes), repeat=2):
            shifts, signs, kinds = zip(*told, strict=True)
            asked = (shifts, signs, constant & ((1 << width) - 1), width, kinds)
            assert _native.plan_chain(*asked) == twin.plan_chain(*asked)


def test_native_equals_the_twin_on_random_sums_of_any_width() -> None:
    draw = random.Random(7)
    for _ in range(4000):
        count, width = draw.randint(1, 3), draw.randint(1, 63)
        shifts = tuple(draw.randint(0, 63) if draw.random() < 0.1 else draw.randint(0, 9) for _ in range(count))
        signs = tuple(draw.choice((1, -1)) for _ in range(count))
        kinds = tuple((draw.randint(1, draw.choice((8, 62))), draw.random() < 0.5) for _ in range(count))
        asked = (shifts, signs, draw.getrandbits(width) & draw.getrandbits(width), width, kinds)
        assert _native.plan_chain(*asked) == twin.plan_chain(*asked)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (((0,) * 4, (1,) * 4, 0, 4, ((1, False),) * 4), "three summands"),
        (((0,), (1, 1), 0, 4, ((1, False),)), "three summands"),
        (((0,), (1,), 0, 64, ((1, False),)), "63 columns"),
        (((-1,), (1,), 0, 4, ((1, False),)), "without bits"),
        (((0,), (1,), 0, 4, ((0, False),)), "without bits"),
    ],
)
def test_the_module_refuses_what_no_chain_holds(asked: tuple[object, ...], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _native.plan_chain(*asked)
