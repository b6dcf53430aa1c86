"""A constant integer matrix times a vector as a graph of shared sums of up to three shifted addends."""

from __future__ import annotations

from time import monotonic

import numpy as np
from numpy.typing import NDArray

from bitwright.core.twin.adders import PAIR_LIMIT, adder_graph
from bitwright.core.twin.digits import csd_masks
from bitwright.core.twin.graph import width
from bitwright.core.twin.regroup import Regroup
from bitwright.core.twin.sums import Sums, ordered
from bitwright.core.twin.ternary import Addend, Row, ternary_level

__all__ = ["sum_graph"]

_RANGE_BITS = 58
_DEEPEST = 36
_STARTS = 2

Table = NDArray[np.int64]


def _digits_of(matrix: list[list[int]], low: list[int], high: list[int]) -> list[int]:
    """Signed digits per column; ValueError if a code without sign may leave 58 bits."""
    digits = [0] * (len(matrix[0]) if matrix else 0)
    most = [0.0] * len(digits)
    for row, *ends in zip(matrix, low, high, strict=True):
        if ends == [0, 0]:
            continue
        code = float(1 << min(width(*ends), 62))
        for column, weight in enumerate(row):
            plus, minus = csd_masks(weight)
            digits[column] += (plus | minus).bit_count()
            most[column] += code * float(plus + minus)
            if most[column] >= 1 << _RANGE_BITS:
                raise ValueError(f"column {column} may leave {_RANGE_BITS} bits")
    return digits


def _levels_allowed(digits: list[int], max_depth: int) -> int:
    least = 0
    for column, count in enumerate(digits):
        needed = ternary_level(count)
        if 0 <= max_depth < needed:
            raise ValueError(f"column {column} needs {needed} levels of adders, max_depth allows {max_depth}")
        least = max(least, needed)
    return least if max_depth < 0 else min(max_depth, _DEEPEST)


def _binary_levels(digits: list[int], levels: int) -> int:
    """Levels of two-operand adders that as many addends fill."""
    least = max([(count - 1).bit_length() for count in digits if count], default=0)
    return max(least, (3**levels).bit_length() - 1)


def _sums_of(nodes: list[list[int]], outputs: list[Addend], low: list[int], high: list[int]) -> Sums:
    roots = {node for node, _, _ in outputs}
    sums = Sums(low, high)
    for a, shift_a, b, shift_b, sign in nodes:
        addends = ordered([(a, shift_a, 1), (b, shift_b, sign)])
        sums.add(addends, sums.earliest(addends), sums.next() in roots)
    sums.commit()
    return sums


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
    for start, other in enumerate(found):
        Regroup(other).search(steps, (seed * 0x10001 + number) * 64 + start + 1)
    return min(found, key=lambda other: other.total)


def sum_graph(
    matrix: Table, low: Table, high: Table, max_depth: int, rounds: int, budget_s: float, seed: int
) -> tuple[Table, Table, int, int]:
    """The Python twin of `bitwright.core.sum_graph.sum_graph`, which gives the contract.

    Raises ValueError where the native module does, with the same words.
    """
    begin = monotonic()
    ends = low.tolist(), high.tolist()
    digits = _digits_of(matrix.tolist(), *ends)
    levels = _levels_allowed(digits, max_depth)
    nodes, roots = adder_graph(matrix, low, high, _binary_levels(digits, levels), PAIR_LIMIT)
    outputs: list[Addend] = [(node, shift, sign) for node, shift, sign in roots.tolist()]
    sums = _sums_of(nodes.tolist(), outputs, *ends)
    regroup = Regroup(sums)
    regroup.cut(1)
    regroup.keep_within(levels)
    regroup.settle()
    done = 0
    while done < rounds and monotonic() - begin < budget_s:
        sums = _search_round(sums, seed, done)
        done += 1
    builder = _Builder(sums)
    made = [builder.output(output) for output in outputs]
    tables = np.array(builder.rows, np.int64).reshape(-1, 9), np.array(made, np.int64).reshape(-1, 3)
    return *tables, done, sums.total
