"""The largest of many words, the first of equals first: sorted lists that are merged two by two."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bitwright.ir.netlist import NetlistBuilder

__all__ = ["Item", "merged", "top"]

Item = tuple[int, ...]
"""The words of an element: its value, and perhaps its place."""


def top(builder: NetlistBuilder, items: Sequence[Item], count: int) -> list[Item]:
    """The `count` largest of `items` (all where there are fewer), falling, of equals the first first."""
    lists = [[item] for item in items]
    combine = partial(merged, builder, count=count)
    while len(lists) > 1:
        pairs = [combine(a, b) for a, b in zip(lists[::2], lists[1::2], strict=False)]
        lists = pairs + lists[len(lists) - len(lists) % 2 :]
    return lists[0]


def merged(builder: NetlistBuilder, a: list[Item], b: list[Item], count: int) -> list[Item]:
    """The first `count` of two falling lists as one; of equals those of `a` come first.

    An element's place in the result is its own plus that of the first element of the other list that it comes before:
    all pairs are compared at once, and each place takes the element that belongs there.
    """
    before = [[builder.at_least(x[0], y[0]) for y in b] for x in a]
    found: list[Item] = []
    for place in range(min(count, len(a) + len(b))):
        choices: list[tuple[int, Item]] = []
        for i in range(min(place + 1, len(a))):
            j = place - i
            if j <= len(b):
                choices.append((_behind(builder, before, i, j), a[i]))
        for j in range(min(place + 1, len(b))):
            i = place - j
            if i <= len(a):
                choices.append((_ahead(builder, before, i, j), b[j]))
        taken = choices[-1][1]
        for chosen, item in choices[-2::-1]:
            taken = tuple(builder.mux(chosen, x, y) for x, y in zip(item, taken, strict=True))
        found.append(taken)
    return found


def _behind(builder: NetlistBuilder, before: list[list[int]], i: int, j: int) -> int:
    """Whether exactly `j` of the other list come before a[i]."""
    zero, one = builder.constant(0), builder.constant(1)
    rest = before[i][j] if j < len(before[i]) else one
    return builder.mux(before[i][j - 1], zero, rest) if j else rest


def _ahead(builder: NetlistBuilder, before: list[list[int]], i: int, j: int) -> int:
    """Whether exactly `i` of the first list come before b[j]."""
    zero, one = builder.constant(0), builder.constant(1)
    rest = builder.mux(before[i][j], zero, one) if i < len(before) else one
    return builder.mux(before[i - 1][j], rest, zero) if i else rest
