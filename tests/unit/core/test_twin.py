from __future__ import annotations

from itertools import pairwise

from bitwright.core.twin import csd


def test_signed_digits_sum_to_their_integer_and_are_never_adjacent():
    for value in range(-5000, 5001):
        digits = csd(value)
        assert sum(sign << shift for shift, sign in digits) == value
        assert {sign for _, sign in digits} <= {1, -1}
        assert all(b - a >= 2 for (a, _), (b, _) in pairwise(digits))


def test_signed_digits_of_small_integers_are_the_fewest_possible():
    fewest = {0: 0}
    for terms in range(1, 5):
        for value in [*fewest]:
            for shift in range(9):
                for step in (1 << shift, -1 << shift):
                    fewest.setdefault(value + step, terms)
    assert all(len(csd(value)) == fewest[value] for value in range(-85, 86))


def test_signed_digits_work_beyond_64_bits():
    assert csd((1 << 100) - 1) == ((0, -1), (100, 1))
