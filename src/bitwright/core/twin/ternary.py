"""Sums of many addends as trees of adders with three operands, a lookup table for a column of two or three bits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from bitwright.core.twin.graph import width

__all__ = ["PASSED", "TABLE", "Addend", "Code", "Operand", "Row", "input_code", "ternary_level", "ternary_tree"]

TABLE = 4
"""Costs count quarters of a lookup table."""
PASSED = 1
"""A column of a carry chain that needs no table."""

Addend = tuple[int, int, int]
"""(node, shift, sign) of sign * (value[node] << shift)."""
Row = tuple[int, ...]
"""An adder: (node, shift, sign) of its three addends, of the third node -1 where there are two."""


class Operand(NamedTuple):
    """An addend in columns [start, start + width): a code without sign in [low, high].

    Fields stand in the order in which operands are compared.
    """

    width: int
    start: int
    node: int
    sign: int
    shift: int
    level: int
    low: int
    high: int


class Code(NamedTuple):
    """The code of a node in columns [start, top)."""

    low: int
    high: int
    start: int
    top: int

    def operand(self, addend: Addend, level: int) -> Operand:
        """The node, ready at `level`, as `addend`."""
        low, high, start, top = self
        node, shift, sign = addend
        if sign < 0:
            most = (1 << top) - (1 << start)
            low, high = most - high, most - low
        return Operand(top - start, start + shift, node, sign, shift, level, low << shift, high << shift)


def input_code(low: int, high: int) -> Code:
    """An input in [low, high]: its top bit is inverted if it may be negative."""
    top = width(low, high)
    half = 1 << top - 1 if low < 0 else 0
    return Code(low + half, high + half, 0, top)


def _overlap(a: Operand, b: Operand) -> int:
    return max(0, min(a.start + a.width, b.start + b.width) - max(a.start, b.start))


def _tables(operands: Sequence[Operand], constant: bool) -> int:
    """Columns that need a table; where three bits meet a carry is saved for the next, until one has a single bit."""
    tops = [operand.start + operand.width for operand in operands]
    if len(operands) == 2:
        shared = _overlap(operands[0], operands[1])
        return shared + (constant and shared > 0 and tops[0] != tops[1])
    a, b, c = operands
    pairs = _overlap(a, b) + _overlap(a, c) + _overlap(b, c)
    common = min(tops) - max(a.start, b.start, c.start)
    return pairs if common <= 0 else pairs - 2 * common + (tops.count(max(tops)) == 1)


def _sum_of(operands: Sequence[Operand], root: bool) -> tuple[Operand, int]:
    """Sum of two or three operands, and what it costs; at a root a constant enters as well."""
    start, second = sorted([operand.start for operand in operands])[:2]
    low = sum(operand.low for operand in operands)
    high = sum(operand.high for operand in operands)
    level = max(operand.level for operand in operands) + 1
    top = high.bit_length()
    filled = _tables(operands, root)
    columns = top - second if filled else 0
    cost = TABLE * filled + PASSED * max(0, columns - filled)
    if root and len(operands) == 3:
        cost += PASSED * (top - start)
    return Operand(top - start, start, -1, 1, 0, level, low, high), cost


def ternary_level(weight: int) -> int:
    """The least level of a tree over operands that occupy `weight` together; one of level l occupies 3^l."""
    level, room = 0, 1
    while room < weight:
        level, room = level + 1, 3 * room
    return level


def _price(operands: Sequence[Operand]) -> int:
    levels = [operand.level for operand in operands]
    return 3 ** (max(levels) + 1) - sum(3**level for level in levels)


def _level(operand: Operand) -> int:
    return operand.level


def ternary_tree(
    operands: list[Operand], limit: int, root: bool, rows: list[Row] | None = None, first_node: int = 0
) -> tuple[int, Operand]:
    """Cost and sum of `operands`, added three at a time, the narrowest first.

    Of an even number two go first, or last at a root. Never gets deeper than `limit`. With `rows`, appends the
    adders, numbered from `first_node`.
    """
    waiting = sorted(operands)
    room = 3**limit - sum(3**operand.level for operand in waiting)
    total = 0
    while (left := len(waiting)) > 1:
        taken = 2 if left == 2 or (left % 2 == 0 and not root) else 3
        if _price(waiting[:taken]) > room:
            waiting.sort(key=_level)
            # Three of the least levels need not fit where two do: 0 0 1 1 makes 2 as (0 0) 1 1, not as (0 0 1) 1.
            if left % 2 == 0 and _price(waiting[:taken]) > room:
                taken = 2
            waiting[taken:] = sorted(waiting[taken:], key=lambda operand: operand[:2])
        group = waiting[:taken]
        room -= _price(group)
        made, cost = _sum_of(group, root and taken == left)
        total += cost
        if rows is not None:
            rows.append(_row_of(group, made.start))
            made = made._replace(node=first_node, shift=made.start)
            first_node += 1
        del waiting[:taken]
        waiting.insert(bisect_left(waiting, made[:2]), made)
    return total, waiting[0]


def _row_of(operands: Sequence[Operand], shift: int) -> Row:
    row: list[int] = []
    for operand in operands:
        row += operand.node, operand.shift - shift, operand.sign
    return (*row, -1, 0, 1) if len(operands) == 2 else tuple(row)
