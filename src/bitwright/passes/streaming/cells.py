"""Recurrent cells as folded actors: which sums there are, and what becomes of them unit by unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.ir.dataflow.ops import Cell, Memory
from bitwright.ir.graph import Graph, Scan
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
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.numeric import IntArray, Ints, Steps
from bitwright.numeric.interval import matmul_bounds
from bitwright.passes.merge import Merge
from bitwright.passes.streaming.dots import dot
from bitwright.passes.streaming.maps import LaneMap, by_phase, lane_map
from bitwright.passes.streaming.tails import Tails
from bitwright.passes.words import larger
from bitwright.platforms import Fabric

__all__ = ["Gates", "Shape", "folded_cell", "gates_of"]

_TWO = Add | Subtract | Multiply | Maximum | Minimum


@dataclass(frozen=True)
class Gates:
    """A cell seen as `units` equal units: sums of the row and of one state, the rest element by element.

    `sums` are (dense node, its first column) of each sum of a unit; `weights` (features + units, units * sums) in the
    order (unit, sum), the state behind the row. `segments[node]` is the state that a slice of the state is, `back` the
    state that sums read, `kept` those that are read by themselves; `following[state]` the node of the next one.
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


@dataclass(frozen=True)
class Shape:
    """How a cell is folded: `count` units at a time, rounds of so many rows, what weights wait in."""

    count: int
    rows: int
    memory: Memory


def gates_of(cell: Graph) -> Gates | None:
    """The cell as equal units; None where it is not: sums of sums, say, or units that mix."""
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
            elif isinstance(node.op, Reshape | Slice | Concat) and all(a in self.elements for a in node.args):
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
        units = cell.results[0].type.size
        needed = cell.live()
        dense = [i for i, n in enumerate(cell.nodes) if isinstance(n.op, Dense) and needed[i]]
        if (
            not dense
            or self.states % units
            or any(n.args[0] not in self.elements for n in (cell.nodes[i] for i in dense))
        ):
            return None
        behind = {
            int(s) for i in dense for s in (self.elements[cell.nodes[i].args[0]] - self.features) // units if s >= 0
        }
        following = self.following(units)
        if len(behind) != 1 or following is None:
            return None
        sums: dict[tuple[int, int], int] = {}
        segments: dict[int, int] = {}
        waiting, met = [cell.outputs[0], *following.values()], set[int]()
        while waiting:
            position = waiting.pop()
            if position not in met:
                met.add(position)
                args = self.unit(position, units, sums, segments)
                if args is None:
                    return None
                waiting += args
        back = behind.pop()
        told = list(sums)
        result = cell.outputs[0]
        return Gates(
            cell,
            units,
            told,
            self.weights(told, back, units),
            segments,
            back,
            sorted(set(segments.values())),
            following,
            result,
        )

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
        if position in self.elements:
            first = int(self.elements[position][0]) - self.features
            whole = first >= 0 and first % units == 0
            segments[position] = first // units
            return [] if whole and (np.diff(self.elements[position]) == 1).all() else None
        source = self.cell.nodes[node.args[0]] if node.args else node
        if isinstance(node.op, Slice) and isinstance(source.op, Dense) and node.op.strides == (1,):
            sums.setdefault((node.args[0], node.op.starts[0]), position)
            return []
        if isinstance(node.op, Dense):
            sums.setdefault((position, 0), position)
            return []
        return list(node.args) if isinstance(node.op, Map | Reshape | _TWO) else None

    def weights(self, sums: list[tuple[int, int]], back: int, units: int) -> IntArray:
        """The matrix of all sums."""
        found = np.zeros((self.features + units, units, len(sums)), dtype=np.int64)
        for number, (position, start) in enumerate(sums):
            node = self.cell.nodes[position]
            assert isinstance(node.op, Dense)
            elements = self.elements[node.args[0]]
            rows = np.where(elements < self.features, elements, elements - back * units)
            np.add.at(found[:, :, number], rows, node.op.weights.array[:, start : start + units])
        return found.reshape(self.features + units, -1)


@dataclass(frozen=True)
class _Block:
    """The units of a block as words: `count` of them, `blocks` blocks."""

    gates: Gates
    builder: NetlistBuilder
    fabric: Fabric
    totals: list[int]
    state: dict[int, list[int]]
    phase: int
    count: int
    known: dict[tuple[int, int], int]

    def word(self, position: int, unit: int) -> int:
        """The word of a unit's node."""
        if (position, unit) not in self.known:
            self.known[position, unit] = self.made(position, unit)
        return self.known[position, unit]

    def each(self, values: IntArray, unit: int) -> tuple[int, ...]:
        """What belongs to a unit of the block, for every block."""
        return tuple(np.broadcast_to(values.ravel(), self.gates.units).reshape(-1, self.count)[:, unit].tolist())

    def made(self, position: int, unit: int) -> int:
        node, builder = self.gates.cell.nodes[position], self.builder
        low, high = (self.each(end, unit) for end in node.type.bounds())
        if isinstance(node.op, Constant):
            return by_phase(builder, self.phase, self.each(node.op.values.array, unit))
        if position in self.gates.segments:
            return self.state[self.gates.segments[position]][unit]
        if isinstance(node.op, Reshape):
            return self.word(node.args[0], unit)
        if isinstance(node.op, Map):
            rows = self.each(np.broadcast_to(node.op.rows.array, node.type.shape), unit)
            total, bias = self.summed(node.args[0], unit)
            found = lane_map(builder, total, self.phase, LaneMap(node.op.form, rows, 1, bias), self.fabric)
        elif isinstance(node.op, _TWO):
            found = self.of_two(node.op, *(self.word(a, unit) for a in node.args))
        else:
            total, bias = self.summed(position, unit)
            found = builder.add(total, by_phase(builder, self.phase, bias))
        return builder.narrow(found, min(low), max(high))

    def summed(self, position: int, unit: int) -> tuple[int, tuple[int, ...]]:
        """A node as a word and what is to be added: the bias, where it is a sum."""
        node = self.gates.cell.nodes[position]
        sliced = isinstance(node.op, Slice) and position not in self.gates.segments
        key = (node.args[0], node.op.starts[0]) if isinstance(node.op, Slice) else (position, 0)
        if not sliced and not isinstance(node.op, Dense):
            return self.word(position, unit), (0,) * (self.gates.units // self.count)
        number, op = self.gates.sums.index(key), self.gates.cell.nodes[key[0]].op
        assert isinstance(op, Dense)
        bias = self.each(op.bias.array[key[1] : key[1] + self.gates.units], unit)
        return self.totals[unit * len(self.gates.sums) + number], bias

    def of_two(self, op: _TWO, a: int, b: int) -> int:
        builder = self.builder
        if isinstance(op, Add | Subtract):
            return builder.add(a, b) if isinstance(op, Add) else builder.subtract(a, b)
        if isinstance(op, Multiply):
            return builder.multiply(a, b)
        return larger(builder, a, b) if isinstance(op, Maximum) else builder.mux(builder.at_least(a, b), b, a)


def folded_cell(op: Scan, gates: Gates, given: list[Word], shape: Shape, tails: Tails) -> Cell | None:
    """The actor for rows in words of ranges `given`; None where its state begins unevenly, or shapes do not fit."""
    count = shape.count
    lanes, units, features = len(given), gates.units, op.cell.inputs[0].type.size
    first = op.initial.array.reshape(-1, units)
    order = [gates.back, *gates.kept]
    if any(len(set(first[s].tolist())) > 1 for s in order) or features % lanes or units % count:
        return None
    width = max(lanes, count)
    low, high = (end.ravel() for end in op.cell.inputs[0].type.bounds())
    state = [end.reshape(-1, units) for end in op.cell.inputs[1].type.bounds()]
    ends = [np.concatenate([x, s[gates.back]]) for x, s in ((low, state[0]), (high, state[1]))]
    least, most = (
        int(f(e)) for f, e in zip((np.min, np.max), matmul_bounds(ends[0], ends[1], gates.weights), strict=True)
    )
    span = [Word(int(state[0][s].min()), int(state[1][s].max())) for s in order]
    step = _step(gates, count, Word(min(least, 0), max(most, 0)), span[1:], tails)
    stored = _folded(gates.weights, features, lanes, count, width)
    words = [_operand(given, span[0], lane, count) for lane in range(width)]
    kernel = tails.pipelined(dot(tuple(words), Word(int(stored.min()), int(stored.max())), tails.fabric))
    begins = [int(first[s][0]) for s in order for _ in range(count)]
    return Cell(
        shape.rows, Ints(stored[None]), len(gates.sums) * count, kernel, min(least, 0), max(most, 0), step, count,
        Ints(begins), op.last, None, shape.memory,
    )  # fmt: skip


def _operand(given: list[Word], back: Word, lane: int, count: int) -> Word:
    """What a lane of the dot product meets."""
    words = [*given[lane : lane + 1], *([back] if lane < count else [])]
    return Word(min(0, *(w.low for w in words)), max(0, *(w.high for w in words)))


def _folded(weights: IntArray, features: int, lanes: int, count: int, width: int) -> IntArray:
    """The matrix with zeros where words have fewer lanes than the widest."""
    parts = (
        weights[:features].reshape(-1, lanes, weights.shape[1]),
        weights[features:].reshape(-1, count, weights.shape[1]),
    )
    padded = [np.pad(p, ((0, 0), (0, width - p.shape[1]), (0, 0))) for p in parts]
    return np.concatenate(padded).reshape(-1, weights.shape[1])


def _step(gates: Gates, count: int, total: Word, kept: list[Word], tails: Tails) -> Netlist:
    """A block's step: ports x, state and phase; the result, what goes back, the next states."""
    builder, blocks = NetlistBuilder(), gates.units // count
    ports = [builder.input_port("x", (len(gates.sums) * count,), [total] * len(gates.sums) * count, Steps.of(1))]
    state: dict[int, list[int]] = {}
    if kept:
        ports.append(
            builder.input_port("state", (len(kept) * count,), [w for w in kept for _ in range(count)], Steps.of(1))
        )
        parts = zip(*[iter(ports[1].words)] * count, strict=True)
        state = {segment: list(part) for segment, part in zip(gates.kept, parts, strict=True)}
    phase = -1
    if blocks > 1:
        ports.append(builder.input_port("phase", (), [Word(0, blocks - 1)], Steps.of(1)))
        phase = ports[-1].words[0]
    block = _Block(gates, builder, tails.fabric, list(ports[0].words), state, phase, count, {})
    nodes = [gates.result, gates.following[gates.back], *(gates.following[s] for s in gates.kept)]
    words = [[block.word(node, unit) for unit in range(count)] for node in nodes]
    results = [Port(name, (len(part),), tuple(part), Steps.of(1)) for name, part in zip(
        ("y", "back", *(f"next{i}" for i in range(len(gates.kept)))), words, strict=True,
    )]  # fmt: skip
    return tails.pipelined(Merge(tails.fabric)(builder.finish("step", ports, results)))
