"""`share`: a constant matrix times a vector as a graph of shared sums."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bitwright.core.native import adder_graph
from bitwright.core.sum_graph import sum_graph
from bitwright.ir.netlist import NetlistBuilder
from bitwright.numeric import IntArray

__all__ = ["AdderGraph", "Share", "SumGraph"]


@dataclass(frozen=True)
class AdderGraph:
    """Steps value[n + i] = (value[a] << sa) + sign * (value[b] << sb); outputs (index, shift, sign).

    `steps` (k, 5) rows (a, sa, b, sb, sign); `outputs` (m, 3) rows, index -1 for constant zero.
    """

    inputs: int
    steps: IntArray
    outputs: IntArray

    def __call__(self, x: IntArray) -> IntArray:
        """x (batch, inputs) times the matrix, (batch, outputs)."""
        values = [x[:, i] for i in range(self.inputs)]
        for a, sa, b, sb, sign in self.steps.tolist():
            values.append((values[a] << sa) + sign * (values[b] << sb))
        zero = np.zeros(len(x), dtype=np.int64)
        columns = [zero if i < 0 else sign * (values[i] << shift) for i, shift, sign in self.outputs.tolist()]
        return np.stack(columns, axis=1) if columns else np.zeros((len(x), 0), dtype=np.int64)

    def words(self, builder: NetlistBuilder, row: Sequence[int], bias: Sequence[int]) -> list[int]:
        """The words of row @ matrix + bias."""
        values = list(row)
        for a, sa, b, sb, sign in self.steps.tolist():
            combine = builder.add if sign > 0 else builder.subtract
            values.append(combine(values[a], values[b], sa, sb))
        return [_biased(builder, values, step, b) for step, b in zip(self.outputs.tolist(), bias, strict=True)]


def _biased(builder: NetlistBuilder, values: list[int], step: list[int], bias: int) -> int:
    """The word of one row (index, shift, sign) of the outputs, and its bias."""
    constant, (index, shift, sign) = builder.constant(bias), step
    if index < 0:
        return constant
    combine = builder.add if sign > 0 else builder.subtract
    return combine(constant, values[index], 0, shift)


@dataclass(frozen=True)
class SumGraph:
    """Sums of up to three addends (index, shift, sign), and outputs like them.

    `nodes` (k, 9): three addends a row, the third with index -1 where there are two; `outputs` (m, 3).
    `rounds` of the search were done.
    """

    inputs: int
    nodes: IntArray
    outputs: IntArray
    rounds: int = 0

    def __call__(self, x: IntArray) -> IntArray:
        """x (batch, inputs) times the matrix, (batch, outputs)."""
        values = [x[:, i] for i in range(self.inputs)]
        zero = np.zeros(len(x), dtype=np.int64)
        for addends in self._addends:
            values.append(sum((sign * (values[i] << shift) for i, shift, sign in addends), zero))
        columns = [zero if i < 0 else sign * (values[i] << shift) for i, shift, sign in self.outputs.tolist()]
        return np.stack(columns, axis=1) if columns else np.zeros((len(x), 0), dtype=np.int64)

    @cached_property
    def _addends(self) -> list[list[tuple[int, int, int]]]:
        rows = self.nodes.reshape(-1, 3, 3).tolist()
        return [[(i, shift, sign) for i, shift, sign in row if i >= 0] for row in rows]

    def words(self, builder: NetlistBuilder, row: Sequence[int], bias: Sequence[int]) -> list[int]:
        """The words of row @ matrix + bias.

        An inner word is off by a constant, the one with which nothing but its addends' bits is added up
        (see `cost.chain`); the constants meet the bias in the last sum of each output.
        """
        ends = self._ends()
        values = [(word, 0) for word in row]
        done: dict[int, int] = {}
        for node, addends in enumerate(self._addends, self.inputs):
            terms = [(values[i][0], shift, sign) for i, shift, sign in addends]
            offset = sum(sign * (values[i][1] << shift) for i, shift, sign in addends)
            if node in ends:
                output, left, flip = ends[node]
                moved = [(word, shift + left, sign * flip) for word, shift, sign in terms]
                done[output] = builder.sum(moved, bias[output] - flip * (offset << left))
                values.append((done[output], 0))  # nothing reads it
                continue
            free = sum(_free_constant(builder, term) for term in terms)
            values.append((builder.sum(terms, free), offset + free))
        for output, (index, left, flip) in enumerate(self.outputs.tolist()):
            if output not in done:
                word, offset = values[index] if index >= 0 else (builder.constant(0), 0)
                done[output] = builder.sum([(word, left, flip)], bias[output] - flip * (offset << left))
        return [done[output] for output in range(len(self.outputs))]

    def _ends(self) -> dict[int, tuple[int, int, int]]:
        """Nodes that one output and no other node reads: (output, shift, sign)."""
        read = Counter(index for addends in self._addends for index, _, _ in addends)
        readers: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for output, (index, left, flip) in enumerate(self.outputs.tolist()):
            readers[index].append((output, left, flip))
        return {i: found[0] for i, found in readers.items() if i >= self.inputs and len(found) == 1 and not read[i]}


def _free_constant(builder: NetlistBuilder, term: tuple[int, int, int]) -> int:
    """What makes an addend a code without a sign: half the range of a signed one, all bits of one subtracted."""
    word, shift, sign = term
    type = builder.type(word)
    half = 1 << (type.width - 1) if type.signed else 0
    return (half if sign > 0 else (1 << type.width) - 1 - half) << shift


@dataclass(frozen=True)
class Share:
    """Builds the shared graph of an integer matrix (inputs, outputs) for inputs in [low, high].

    `max_depth` bounds the sums on any path; -1 leaves it to the least-depth trees. `operands` is what an adder of the
    fabric takes. For three, `rounds`, `budget_s` and `seed` say how long a cheaper graph is searched for
    (see `core.sum_graph`).
    """

    max_depth: int = -1
    operands: int = 2
    rounds: int = 2
    budget_s: float | None = None
    seed: int = 0

    def __call__(self, matrix: IntArray, low: IntArray, high: IntArray) -> AdderGraph | SumGraph:
        """The shared graph; exact for every input in the range (inputs that are always zero are left out)."""
        if self.operands > 2 and _fits_without_signs(matrix, low, high):
            made = sum_graph(
                matrix, low, high,
                max_depth=self.max_depth, rounds=self.rounds, budget_s=self.budget_s, seed=self.seed,
            )  # fmt: skip
            return SumGraph(matrix.shape[0], made.nodes, made.outputs, made.rounds)
        steps, outputs = adder_graph(matrix, low, high, self.max_depth)
        return AdderGraph(matrix.shape[0], steps, outputs)


def _fits_without_signs(matrix: IntArray, low: IntArray, high: IntArray) -> bool:
    """Whether no code without signs can leave the optimizer's 58 bits: else the plain adder graph does the work."""
    most = np.maximum(np.abs(low.astype(float)), np.abs(high.astype(float)))
    bound = (np.abs(matrix.astype(float)) * most[:, None]).sum(axis=0).max(initial=0.0)
    return bool(8.0 * bound < 2.0**58)
