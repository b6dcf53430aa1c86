"""Canonical signed digits of an integer."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["csd", "csd_masks", "signed_bits"]


def csd(value: int) -> tuple[tuple[int, int], ...]:
    """Canonical signed digits of `value` as (shift, sign), lowest first: fewest digits, no two adjacent.

    Source: G. W. Reitwieser, "Binary arithmetic", Advances in Computers 1, 1960.

    >>> csd(7), csd(-6), csd(0)
    (((0, -1), (3, 1)), ((1, 1), (3, -1)), ())
    """
    digits = csd_masks(value)
    signed = [(shift, 1) for shift in bits_of(digits[0])] + [(shift, -1) for shift in bits_of(digits[1])]
    return tuple(sorted(signed))


def csd_masks(value: int) -> tuple[int, int]:
    """`csd` as two bit masks, of the digits +1 and of the digits -1."""
    half = abs(value) >> 1
    total = abs(value) + half
    plus, minus = total & (half ^ total), half & (half ^ total)
    return (plus, minus) if value >= 0 else (minus, plus)


def bits_of(mask: int) -> Iterator[int]:
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1


def signed_bits(plus: int, minus: int) -> list[tuple[int, int]]:
    """(shift, sign) of every set bit of two masks."""
    return [(shift, 1) for shift in bits_of(plus)] + [(shift, -1) for shift in bits_of(minus)]
