"""A constant integer matrix times a vector as a graph of shared shift-and-add nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bitwright.core.twin.digits import csd
from bitwright.core.twin.graph import Graph, Term
from bitwright.core.twin.sharing import Sharing
from bitwright.core.twin.tree import Tree, least_depth

__all__ = ["PAIR_LIMIT", "adder_graph"]

PAIR_LIMIT = 1 << 26
_RANGE_BITS = 61
_DEEPEST = 60

Table = NDArray[np.int64]


class _Columns:
    """A matrix reduced to columns that differ by more than a shift and a sign."""

    def __init__(self, columns: list[list[int]]) -> None:
        self.distinct: list[list[int]] = []
        self.first_output: list[int] = []
        self._index: dict[tuple[int, ...], int] = {}
        self.links = [self._link(column, output) for output, column in enumerate(columns)]

    def _link(self, column: list[int], output: int) -> Term:
        used = 0
        for weight in column:
            used |= abs(weight)
        if not used:
            return Term(-1, 0, 1)
        shift = (used & -used).bit_length() - 1
        sign = 1 if any(weight > 0 for weight in column) else -1
        column = [sign * weight >> shift for weight in column]
        if tuple(column) in self._index:
            return Term(self._index[tuple(column)], shift, sign)
        opposite = tuple(-weight for weight in column)
        if opposite in self._index:
            return Term(self._index[opposite], shift, -sign)
        self._index[tuple(column)] = len(self.distinct)
        self.distinct.append(column)
        self.first_output.append(output)
        return Term(len(self.distinct) - 1, shift, sign)


def _check_range(columns: list[list[int]], low: list[int], high: list[int]) -> None:
    largest = [max(abs(a), abs(b)) for a, b in zip(low, high, strict=True)]
    for output, column in enumerate(columns):
        if sum(2 * abs(weight) * most for weight, most in zip(column, largest, strict=True)) >> _RANGE_BITS:
            raise ValueError(f"column {output} may leave {_RANGE_BITS} bits")


def _depth_limit(columns: _Columns, max_depth: int) -> int:
    least = 0
    for output, column in zip(columns.first_output, columns.distinct, strict=True):
        needed = (sum(len(csd(weight)) for weight in column) - 1).bit_length()
        if 0 <= max_depth < needed:
            raise ValueError(f"column {output} needs {needed} levels of adders, max_depth allows {max_depth}")
        least = max(least, needed)
    return least + 1 if max_depth < 0 else min(max_depth, _DEEPEST)


def adder_graph(
    matrix: Table, low: Table, high: Table, max_depth: int = -1, pair_limit: int = PAIR_LIMIT
) -> tuple[Table, Table]:
    """The Python twin of `bitwright.core.native.adder_graph`, which gives the contract.

    Raises ValueError where the native module does, with the same words.
    """
    ends = low.tolist(), high.tolist()
    values = np.where((low == 0) & (high == 0), 0, matrix.T).tolist()
    _check_range(values, *ends)
    columns = _Columns(values)
    graph = Graph(*ends)
    roots: list[Term] = []
    if columns.distinct:
        sharing = Sharing(graph, columns.distinct, _depth_limit(columns, max_depth))
        sharing.run(pair_limit)
        left = [sharing.remaining(column) for column in range(len(columns.distinct))]
        depth = max(least_depth(graph, terms) for terms in left)
        roots = [Tree(graph, terms, depth).build() for terms in left]
    outputs = [_joined(roots[link.node], link) if link.node >= 0 else link for link in columns.links]
    return np.array(graph.rows, np.int64).reshape(-1, 5), np.array(outputs, np.int64).reshape(-1, 3)


def _joined(root: Term, link: Term) -> Term:
    return Term(root.node, root.shift + link.shift, root.sign * link.sign)
