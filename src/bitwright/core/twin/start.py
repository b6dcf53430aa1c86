"""Where the search for shared sums begins: the matrix as a graph of nested sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bitwright.core.twin.adders import PAIR_LIMIT, adder_graph
from bitwright.core.twin.differences import Differences, column_differences, row_differences
from bitwright.core.twin.digits import csd_masks
from bitwright.core.twin.graph import width
from bitwright.core.twin.regroup import Regroup
from bitwright.core.twin.sums import Sums, ordered
from bitwright.core.twin.ternary import Addend

__all__ = ["Load", "Order", "Problem", "Start", "load_of", "start"]

_RANGE_BITS = 58
_MOST_LOOKS = 1 << 24
_MOST_OF_COLUMNS = 90
_MOST_OF_ROWS = 75

Table = NDArray[np.int64]


class Order(Enum):
    """What is made of what: nothing; columns of other columns; rows of other rows, whose inputs are added up first."""

    PLAIN = "plain"
    COLUMNS = "columns"
    ROWS = "rows"


class Problem(NamedTuple):
    """`matrix` (inputs, outputs) for inputs in [low, high]."""

    matrix: Table
    low: Table
    high: Table


class Load(NamedTuple):
    """Signed digits of every column, and what the codes without signs of its sums stay below."""

    digits: list[int]
    most: list[float]

    def too_wide(self) -> int:
        """The first column whose codes may leave 58 bits; -1 for none."""
        return next((column for column, most in enumerate(self.most) if most >= 1 << _RANGE_BITS), -1)


class Start(NamedTuple):
    """Sums, and for every column its output, node -1 for the constant zero."""

    sums: Sums
    outputs: list[Addend]


def load_of(problem: Problem) -> Load:
    """Digits and widest codes of the columns."""
    count = problem.matrix.shape[1]
    load = Load([0] * count, [0.0] * count)
    for row, *ends in zip(*(part.tolist() for part in problem), strict=True):
        if ends == [0, 0]:
            continue
        code = float(1 << min(width(*ends), 62))
        for column, weight in enumerate(row):
            plus, minus = csd_masks(weight)
            load.digits[column] += (plus | minus).bit_count()
            load.most[column] += code * float(plus + minus)
    return load


def _binary_levels(digits: list[int], levels: int) -> int:
    """Levels of two-operand adders that as many addends fill."""
    least = max([(count - 1).bit_length() for count in digits if count], default=0)
    return max(least, (3**levels).bit_length() - 1)


def _tree_of(problem: Problem, columns: bool, levels: int) -> Differences | None:
    """The tree of an order; None where it is no use."""
    inputs, outputs = problem.matrix.shape
    if (outputs if columns else inputs) * inputs * outputs > _MOST_LOOKS:
        return None
    weights = np.where(((problem.low == 0) & (problem.high == 0))[:, None], 0, problem.matrix)
    tree = column_differences(weights.T, levels) if columns else row_differences(weights, levels)
    return None if 100 * tree.cost > (_MOST_OF_COLUMNS if columns else _MOST_OF_ROWS) * tree.digits else tree


@dataclass
class _Assembly:
    """A product whose inputs may be sums of the problem's inputs and whose columns may go into sums of columns."""

    problem: Problem
    columns: Differences | None
    rows: Differences | None
    levels: int

    def __post_init__(self) -> None:
        self.sums = Sums(self.problem.low.tolist(), self.problem.high.tolist())
        self.deadlines: dict[int, int] = {}
        self.outputs: list[Addend] = []

    def made(self) -> Start | None:
        """The settled sums; None where they get too wide or too deep."""
        rest = self._rest()
        if rest is None:
            return None
        load = load_of(rest)
        if self.columns is not None:
            for column in self.columns.order:
                parent, shift, _ = self.columns.links[column]
                if parent >= 0:
                    load.most[column] += float(1 << shift) * load.most[parent]
        if load.too_wide() >= 0:
            return None
        nodes, outputs = adder_graph(*rest, _binary_levels(load.digits, self.levels), PAIR_LIMIT)
        self._add(nodes.tolist(), outputs.tolist())
        if self.columns is not None:
            self._join_columns(self.columns)
        self.sums.commit()
        regroup = Regroup(self.sums)
        regroup.cut(1)
        if not regroup.keep_within(self.levels, self.deadlines):
            return None
        regroup.settle()
        return Start(self.sums, self.outputs)

    def _rest(self) -> Problem | None:
        """The product that is left; None where its inputs' ranges get too wide."""
        _, low, high = self.problem
        if self.columns is not None:
            return Problem(np.ascontiguousarray(self.columns.left.T), low, high)
        if self.rows is None:
            return self.problem
        lowest, highest = low.tolist(), high.tolist()
        for line in reversed(self.rows.order):
            parent, shift, sign = self.rows.links[line]
            if parent < 0:
                continue
            ends = sorted((sign * lowest[line] << shift, sign * highest[line] << shift))
            lowest[parent] += ends[0]
            highest[parent] += ends[1]
            if max(-lowest[parent], highest[parent]) >= 1 << _RANGE_BITS:
                return None
        return Problem(self.rows.left, np.array(lowest, np.int64), np.array(highest, np.int64))

    def _add(self, nodes: list[list[int]], outputs: list[list[int]]) -> None:
        """The two-operand sums; those that are outputs stay."""
        links = None if self.columns is None else self.columns.links
        roots = {node for column, (node, _, _) in enumerate(outputs) if links is None or links[column][0] < 0}
        values = self._inputs(roots)
        for a, shift_a, b, shift_b, sign in nodes:
            addends = [(values[a], shift_a, 1), (values[b], shift_b, sign)]
            values.append(self._appended(addends, len(values) in roots))
        self.outputs = [(values[node] if node >= 0 else node, shift, sign) for node, shift, sign in outputs]

    def _inputs(self, roots: set[int]) -> list[int]:
        """What enters the product: the inputs, or what they are added up to."""
        values = list(range(len(self.problem.low)))
        if self.rows is None:
            return values
        gathered: list[list[Addend]] = [[(i, 0, 1)] for i in values]
        for line in reversed(self.rows.order):
            if len(gathered[line]) > 1:
                values[line] = self._appended(gathered[line], line in roots)
                self.deadlines[values[line]] = self.rows.levels[line]
            parent, shift, sign = self.rows.links[line]
            if parent >= 0:
                gathered[parent].append((values[line], shift, sign))
        return values

    def _join_columns(self, tree: Differences) -> None:
        """Columns and what they are made of; no sum for one that is another one."""
        for column in tree.order:
            parent, shift, sign = tree.links[column]
            if parent >= 0:
                node, more, flip = self.outputs[parent]
                added = [output for output in [self.outputs[column]] if output[0] >= 0]
                addends = ordered([(node, more + shift, flip * sign), *added])
                self.outputs[column] = addends[0] if len(addends) == 1 else (self._appended(addends, True), 0, 1)
            if (node := self.outputs[column][0]) >= len(self.problem.low):
                self.deadlines[node] = tree.levels[column]

    def _appended(self, addends: Sequence[Addend], root: bool) -> int:
        sums, made = self.sums, ordered([*addends])
        return sums.add(made, sums.earliest(made), root)


def start(problem: Problem, order: Order, levels: int) -> Start | None:
    """The graph of two-operand sums that is shared first, in sums of which none is deeper than `levels`, settled.

    None for an order that leaves nearly as many digits, takes too many levels or may make codes too wide.
    """
    if order is Order.PLAIN:
        return _Assembly(problem, None, None, levels).made()
    tree = _tree_of(problem, order is Order.COLUMNS, levels)
    if tree is None:
        return None
    columns = order is Order.COLUMNS
    return _Assembly(problem, tree if columns else None, None if columns else tree, levels).made()
