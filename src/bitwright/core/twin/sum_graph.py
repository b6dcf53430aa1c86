"""A constant integer matrix times a vector as a graph of shared sums of up to three shifted addends."""

from __future__ import annotations

from time import monotonic

import numpy as np
from numpy.typing import NDArray

from bitwright.core.twin.regroup import Regroup
from bitwright.core.twin.start import Order, Problem, Start, load_of, start
from bitwright.core.twin.sums import Sums
from bitwright.core.twin.ternary import Addend, Row, ternary_level

__all__ = ["sum_graph"]

_DEEPEST = 36
_QUICK = 1 << 13
_STARTS = 2

Table = NDArray[np.int64]


def _least_levels(digits: list[int], max_depth: int) -> int:
    """Levels of sums that the deepest column needs; ValueError where that is more than `max_depth`."""
    least = 0
    for column, count in enumerate(digits):
        needed = ternary_level(count)
        if 0 <= max_depth < needed:
            raise ValueError(f"column {column} needs {needed} levels of adders, max_depth allows {max_depth}")
        least = max(least, needed)
    return least


def _attempts(digits: list[int], max_depth: int) -> list[tuple[Order, int]]:
    """The plain graph first; without `max_depth` all once more with another level, the plain one if that is quick."""
    least = _least_levels(digits, max_depth)
    if max_depth >= 0:
        return [(order, min(max_depth, _DEEPEST)) for order in Order]
    if not 0 < least < _DEEPEST:
        return [(order, least) for order in Order]
    deeper = [order for order in Order if order is not Order.PLAIN or sum(digits) <= _QUICK]
    return [(order, least) for order in Order] + [(order, least + 1) for order in deeper]


def _best_start(problem: Problem, tried: list[tuple[Order, int]]) -> Start:
    """The cheapest, the first among equals; one with a level more than the first must save a fifth."""
    best, least = None, 0
    for order, levels in tried:
        made = start(problem, order, levels)
        if made is None:
            continue
        cost = (5 if levels > tried[0][1] else 4) * made.sums.total
        if best is None or cost < least:
            best, least = made, cost
    assert best is not None
    return best


class _Builder:
    """Appends the adders of every sum that an output needs, addends first."""

    def __init__(self, sums: Sums) -> None:
        self.rows: list[Row] = []
        self._sums = sums
        self._made: list[Addend | None] = [None] * len(sums)
        self._made[: sums.inputs] = [(node, 0, 1) for node in range(sums.inputs)]

    def built(self, node: int) -> Addend:
        known = self._made[node]
        if known is None:
            for addend in self._sums.sum(node):
                self.built(addend[0])
            first = self._sums.inputs + len(self.rows)
            known = self._made[node] = self._sums.build(node, self._made, first, self.rows)
        return known

    def output(self, output: Addend) -> Addend:
        node, shift, sign = output
        if node < 0:
            return output
        root, root_shift, root_sign = self.built(node)
        return root, root_shift + shift, root_sign * sign


def _search_round(sums: Sums, seed: int, number: int) -> Sums:
    """One round: searches from `sums`, of which the best stays (the first among equals)."""
    steps = min(max(100000 // max(len(sums), 1), 16), 400)
    found = [sums.copy() for _ in range(_STARTS)]
    for place, other in enumerate(found, 1):
        Regroup(other).search(steps, (seed * 0x10001 + number) * 64 + place)
    return min(found, key=lambda other: other.total)


def sum_graph(
    matrix: Table, low: Table, high: Table, max_depth: int, rounds: int, budget_s: float, seed: int
) -> tuple[Table, Table, int, int]:
    """The Python twin of `bitwright.core.sum_graph.sum_graph`, which gives the contract.

    Raises ValueError where the native module does, with the same words.
    """
    begin = monotonic()
    problem = Problem(matrix, low, high)
    load = load_of(problem)
    if (wide := load.too_wide()) >= 0:
        raise ValueError(f"column {wide} may leave 58 bits")
    sums, outputs = _best_start(problem, _attempts(load.digits, max_depth))
    done = 0
    while done < rounds and monotonic() - begin < budget_s:
        sums = _search_round(sums, seed, done)
        done += 1
    builder = _Builder(sums)
    made = [builder.output(output) for output in outputs]
    tables = np.array(builder.rows, np.int64).reshape(-1, 9), np.array(made, np.int64).reshape(-1, 3)
    return *tables, done, sums.total
