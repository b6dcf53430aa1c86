"""Cells whose sums read a function of other sums of the same row: a GRU that resets before the product.

Each row comes twice. At the first visit the sums meet the state, and what goes back is the function that later sums
read; at the second these sums meet it, and the next state goes back. So the actor is `Cell` as it is, with twice the
rows; a state of one bit says which visit it is, and what the second visit needs of the first waits beside the states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import Concat, Dense, Map, Reshape, Slice
from bitwright.ir.netlist import NetlistBuilder
from bitwright.numeric import IntArray
from bitwright.passes.streaming.maps import by_phase

__all__ = ["VISITS", "Between", "Visits", "between", "plain_total", "vector_of"]

VISITS = 2
"""Of each row."""


@dataclass(frozen=True)
class Between:
    """What happens between the visits: the node `vector` goes back, and the nodes `carried` are kept.

    Of the sums (by number) `early` are those that the first visit knows, `late` those of the second; others both know.
    """

    vector: int
    carried: tuple[int, ...]
    early: frozenset[int]
    late: frozenset[int]


def vector_of(cell: Graph, known: Mapping[int, IntArray]) -> int | None:
    """The one node, neither a move nor known to be a move of inputs, that sums read through moves; None: there is none.

    Several are none, too: such a cell would take more visits.
    """
    alive, found = cell.live(), set[int]()
    waiting = [n.args[0] for i, n in enumerate(cell.nodes) if isinstance(n.op, Dense) and alive[i]]
    while waiting:
        position = waiting.pop()
        if position in known:
            continue
        node = cell.nodes[position]
        if isinstance(node.op, Reshape | Slice | Concat):
            waiting += node.args
        else:
            found.add(position)
    return found.pop() if len(found) == 1 else None


def between(
    cell: Graph, vector: int, sums: Mapping[tuple[int, int], int], reads: Mapping[int, set[int]], states: int
) -> Between | None:
    """The visits of a cell: `sums` as (dense node, first column) -> node, `reads` the segments of the state that each
    dense node reads, `states` that of `vector`. None where a sum reads both, or is cut twice.
    """
    alive, known = cell.live(), set(sums.values())
    again = any(
        isinstance(node.op, Slice) and node.args[0] in reads and alive[i] and i not in known
        for i, node in enumerate(cell.nodes)
    )
    if again or any(len(reads[dense]) > 1 for dense, _ in sums):
        return None
    numbers = {key: number for number, key in enumerate(sums)}
    late = frozenset(n for key, n in numbers.items() if reads[key[0]] == {states})
    early = frozenset(n for key, n in numbers.items() if reads[key[0]] and n not in late)
    tops = {_top(cell, sums[key]) for key, n in numbers.items() if n in early}
    return Between(vector, tuple(sorted(_met(cell, tops, set(sums.values())))), early, late)


def _top(cell: Graph, position: int) -> int:
    """The last node above `position` that is a function of it alone, and has it for its only reader."""
    readers, alive = cell.consumers(), cell.live()
    while True:
        above = [r for r in readers[position] if r >= 0 and alive[r]]
        if len(above) != 1 or position in cell.outputs or not isinstance(cell.nodes[above[0]].op, Map | Reshape):
            return position
        position = above[0]


def _met(cell: Graph, tops: set[int], sums: set[int]) -> set[int]:
    """Those of `tops` from which the cell's results follow without another sum in between."""
    waiting, seen = list(cell.outputs), set[int]()
    while waiting:
        position = waiting.pop()
        if position not in seen:
            seen.add(position)
            waiting += [] if position in tops or position in sums else cell.nodes[position].args
    return seen & tops


@dataclass(frozen=True)
class Visits:
    """A step's words that depend on the visit; `second` is the word that is 1 at the second."""

    builder: NetlistBuilder
    second: int
    phase: int

    def either(self, first: int, second: int) -> int:
        """One word at the first visit, another at the second."""
        return first if first == second else self.builder.mux(self.second, second, first)

    def masked(self, total: int, at_second: bool, plain: tuple[int, ...]) -> int:
        """`total`, but at the other visit a number that can stand in its place, by block."""
        number = by_phase(self.builder, self.phase, plain)
        return self.either(number, total) if at_second else self.either(total, number)

    def other(self) -> int:
        """Which visit is next."""
        return self.builder.subtract(self.builder.constant(1), self.second)


def plain_total(low: IntArray, high: IntArray, bias: IntArray) -> IntArray:
    """For each unit a total, zero where possible, that with its bias is within the sum's range."""
    return np.clip(0, low - bias, high - bias)
