"""Recurrent cells as equal units: which sums there are, which elements they read, and what follows unit by unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    Dense,
    Input,
    Map,
    Maximum,
    Minimum,
    Multiply,
    Reshape,
    Slice,
    Subtract,
)
from bitwright.numeric import IntArray
from bitwright.passes.streaming.between import VISITS, Between, between, vector_of

__all__ = ["Gates", "OfTwo", "gates_of"]

OfTwo = Add | Subtract | Multiply | Maximum | Minimum
"""Operators on two words of a unit."""


@dataclass(frozen=True)
class Gates:
    """A cell seen as `units` equal units: sums of the row and of one state, the rest element by element.

    `sums` are (dense node, its first column) of each sum of a unit; `weights` (features + units, units * sums) in the
    order (unit, sum), the state behind the row. `segments[node]` is the state that a slice of the state is, `back` the
    state that sums read, `kept` those that are read by themselves; `following[state]` the node of the next one.
    `between` is there where sums read a function of other sums: each row is visited twice.
    """

    cell: Graph
    units: int
    sums: list[tuple[int, int]]
    weights: IntArray
    segments: dict[int, int]
    back: int
    kept: list[int]
    following: dict[int, int]
    result: int
    between: Between | None = None

    @property
    def visits(self) -> int:
        """How often each row comes."""
        return 1 if self.between is None else VISITS


def gates_of(cell: Graph) -> Gates | None:
    """The cell as equal units; None where it is not: sums of sums of sums, say, or units that mix."""
    return _Reader(cell).gates()


class _Reader:
    """One look at a cell: which elements moves hand on, and which nodes are units."""

    def __init__(self, cell: Graph) -> None:
        self.cell = cell
        self.features, self.states = (n.type.size for n in cell.inputs)
        self.elements: dict[int, IntArray] = {}
        given = iter((np.arange(self.features), self.features + np.arange(self.states)))
        for position, node in enumerate(cell.nodes):
            if isinstance(node.op, Input):
                self.elements[position] = next(given)
        self.move()
        self.vector = vector_of(cell, self.elements)
        if self.vector is not None:
            # What sums read beside the row and the state is counted behind these.
            count = cell.nodes[self.vector].type.size
            self.elements[self.vector] = self.features + self.states + np.arange(count)
            self.move()

    def move(self) -> None:
        """Follow moves from the elements that are known."""
        for position, node in enumerate(self.cell.nodes):
            moves = isinstance(node.op, Reshape | Slice | Concat) and position not in self.elements
            if moves and all(a in self.elements for a in node.args):
                self.elements[position] = self.moved(position)

    def moved(self, position: int) -> IntArray:
        """The elements of the inputs that a move's result is."""
        from bitwright.ir.graph import evaluate

        node = self.cell.nodes[position]
        args = [self.elements[a].reshape(1, *self.cell.nodes[a].type.shape) for a in node.args]
        return evaluate(node.op, args)[0].ravel()

    def gates(self) -> Gates | None:
        """The whole reading."""
        cell = self.cell
        units, needed = cell.results[0].type.size, cell.live()
        dense = [i for i, n in enumerate(cell.nodes) if isinstance(n.op, Dense) and needed[i]]
        if not dense or self.states % units or any(cell.nodes[i].args[0] not in self.elements for i in dense):
            return None
        reads = {i: self.read(i, units) for i in dense}
        added = self.states // units
        behind = set[int]().union(*reads.values()) - {added}
        following = self.following(units)
        if len(behind) != 1 or following is None or not self.vector_fits(units):
            return None
        found = self.met([cell.outputs[0], *following.values()], units)
        if found is None:
            return None
        sums, segments = found
        told = None if self.vector is None else between(cell, self.vector, sums, reads, added)
        if self.vector is not None and told is None:
            return None
        weights, kept = self.weights(list(sums), units), set(segments.values())
        # A state that only sums read is read by itself too where something else goes back in between.
        kept |= behind if told else set()
        return Gates(
            cell, units, list(sums), weights, segments, behind.pop(), sorted(kept), following, cell.outputs[0], told
        )

    def read(self, dense: int, units: int) -> set[int]:
        """The segments, states and the vector behind them, that a dense node reads."""
        found = (self.elements[self.cell.nodes[dense].args[0]] - self.features) // units
        return {int(s) for s in found if s >= 0}

    def vector_fits(self, units: int) -> bool:
        """Whether the vector, if any, has an element a unit."""
        return self.vector is None or self.cell.nodes[self.vector].type.size == units

    def met(self, outputs: list[int], units: int) -> tuple[dict[tuple[int, int], int], dict[int, int]] | None:
        """The sums and the slices of states that outputs follow from, unit by unit; None where units mix."""
        sums: dict[tuple[int, int], int] = {}
        segments: dict[int, int] = {}
        waiting, seen = [*outputs, *([] if self.vector is None else [self.vector])], set[int]()
        while waiting:
            position = waiting.pop()
            if position in seen:
                continue
            seen.add(position)
            args = self.unit(position, units, sums, segments)
            if args is None:
                return None
            waiting += args
        return sums, segments

    def following(self, units: int) -> dict[int, int] | None:
        """The node that each state becomes."""
        node = self.cell.nodes[self.cell.outputs[1]]
        parts = list(node.args) if isinstance(node.op, Concat) else [self.cell.outputs[1]]
        if any(self.cell.nodes[p].type.size != units for p in parts):
            return None
        return dict(enumerate(parts))

    def unit(
        self, position: int, units: int, sums: dict[tuple[int, int], int], segments: dict[int, int]
    ) -> list[int] | None:
        """What a node of a unit reads of the unit; None where it is no such node."""
        node = self.cell.nodes[position]
        if isinstance(node.op, Constant):
            return [] if node.op.values.array.size in (1, units) else None
        if node.type.size != units:
            return None
        if position in self.elements and position != self.vector:
            first = int(self.elements[position][0]) - self.features
            whole = 0 <= first < self.states and first % units == 0
            segments[position] = first // units
            return [] if whole and (np.diff(self.elements[position]) == 1).all() else None
        source = self.cell.nodes[node.args[0]] if node.args else node
        if isinstance(node.op, Slice) and isinstance(source.op, Dense) and node.op.strides == (1,):
            sums.setdefault((node.args[0], node.op.starts[0]), position)
            return []
        if isinstance(node.op, Dense):
            sums.setdefault((position, 0), position)
            return []
        return list(node.args) if isinstance(node.op, Map | Reshape | OfTwo) else None

    def weights(self, sums: list[tuple[int, int]], units: int) -> IntArray:
        """The matrix of all sums, whichever segment they read."""
        found = np.zeros((self.features + units, units, len(sums)), dtype=np.int64)
        for number, (position, start) in enumerate(sums):
            node = self.cell.nodes[position]
            assert isinstance(node.op, Dense)
            elements = self.elements[node.args[0]]
            rows = np.where(elements < self.features, elements, self.features + (elements - self.features) % units)
            np.add.at(found[:, :, number], rows, node.op.weights.array[:, start : start + units])
        return found.reshape(self.features + units, -1)
