"""How a sum sits on one carry chain with a lookup table for up to three bits; `src/native/chain.cpp` is the same."""

from __future__ import annotations

from itertools import product

__all__ = ["plan_chain"]

_Placing = tuple[int, int, int, int, int, int]
"""constant, free, first, saved, luts, rest."""


def plan_chain(
    shifts: tuple[int, ...], signs: tuple[int, ...], constant: int, width: int, shapes: tuple[tuple[int, bool], ...]
) -> tuple[int, int, int, int, int, int, int]:
    """The cheapest placing of up to three summands: fewest tables, then fewest columns; see `core.native`."""
    full = (1 << width) - 1
    sides = [
        [(wide, *_held(shift, sign, shape, wide)) for wide in ((False, True) if shape[1] else (False,))]
        for shift, sign, shape in zip(shifts, signs, shapes, strict=True)
    ]
    best: tuple[tuple[int, int], int, _Placing] | None = None
    for chosen in product(*sides):
        three = two = some = 0
        for _, mask, _ in chosen:
            present = mask & full
            three, two, some = three | (two & present), two | (some & present), some | present
        total = constant + sum([more for _, _, more in chosen])
        found = _placed(three, two, some, total & full, width)
        _, _, first, _, luts, rest = found
        carries = width - first + (width - _lowest(rest) if rest else 0)
        price = (4 * luts.bit_count() + carries * (1 + bool(rest)), carries)
        if best is None or price < best[0]:
            best = price, sum([wide << i for i, (wide, _, _) in enumerate(chosen)]), found
    assert best is not None
    return best[1], *best[2]


def _held(shift: int, sign: int, shape: tuple[int, bool], wide: bool) -> tuple[int, int]:
    """The columns that a summand holds, and what its missing sign leaves to be added."""
    bits, signed = shape
    if wide:
        return -(1 << shift), (1 << shift) if sign < 0 else 0
    place, top = ((1 << bits) - 1) << shift, 1 << (shift + bits - 1)
    if signed:
        return place, (1 << shift) - top if sign < 0 else -top
    return place, -place if sign < 0 else 0


def _placed(three: int, two: int, some: int, total: int, width: int) -> _Placing:
    """`three`, `two`, `some`: columns in which so many bits meet at least. The fewest tables without a `rest`."""
    full = (1 << width) - 1
    first = _lowest(two | (some & total)) if two | (some & total) else width
    least, best = width + 1, None
    for free in (0, 1, 2):
        if free and first == width:
            break  # no chain that anything could enter
        constant = (total - (free << first)) & full
        if constant & three:
            continue
        meets, makes = two | (some & constant), three | (two & constant)
        if free == 2:
            makes |= meets & (1 << first)
        saved = _carried(makes, meets) & full
        luts = two | (some & saved)
        if luts.bit_count() < least:
            least, best = luts.bit_count(), (constant, free, first, saved, luts, 0)
    if best is not None:
        return best
    saved = _carried(three, two) & full
    return 0, 0, _lowest(two) if two else width, saved, two | (some & saved), total


def _carried(makes: int, meets: int) -> int:
    """Where a k enters is where a carry would, were `makes` generated and `meets` propagated: one addition."""
    passes = makes | meets
    return (makes + passes) ^ makes ^ passes


def _lowest(mask: int) -> int:
    return (mask & -mask).bit_length() - 1
