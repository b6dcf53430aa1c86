"""Recurrent cells as folded actors: the words of a block of units, and what waits between rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bitwright.ir.dataflow.ops import Cell, Memory
from bitwright.ir.graph import Scan
from bitwright.ir.graph.ops import (
    Add,
    Constant,
    Dense,
    Map,
    Maximum,
    Multiply,
    Reshape,
    Slice,
    Subtract,
)
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.numeric import IntArray, Ints, Steps
from bitwright.numeric.interval import matmul_bounds
from bitwright.passes.merge import Merge
from bitwright.passes.streaming.between import Between, Visits, plain_total
from bitwright.passes.streaming.dots import dot
from bitwright.passes.streaming.gates import Gates, OfTwo
from bitwright.passes.streaming.maps import LaneMap, by_phase, lane_map
from bitwright.passes.streaming.tails import Tails
from bitwright.passes.words import larger
from bitwright.platforms import Fabric

__all__ = ["Shape", "folded_cell"]


@dataclass(frozen=True)
class Shape:
    """How a cell is folded: `count` units at a time, rounds of so many rows, what weights wait in."""

    count: int
    rows: int
    memory: Memory


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

    def words(self, position: int) -> list[int]:
        """The words of a node, unit by unit."""
        return [self.word(position, unit) for unit in range(self.count)]

    def plain(self, number: int) -> IntArray:
        """For each unit a total that can stand where a visit does not know the sum."""
        position, start = self.gates.sums[number]
        node, part = self.gates.cell.nodes[position], slice(start, start + self.gates.units)
        assert isinstance(node.op, Dense)
        low, high = (end.ravel()[part] for end in node.type.bounds())
        return plain_total(low, high, node.op.bias.array.ravel()[part])

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
        elif isinstance(node.op, OfTwo):
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

    def of_two(self, op: OfTwo, a: int, b: int) -> int:
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
    behind = _behind(gates, [end[gates.back] for end in state])
    ends = [np.concatenate(pair) for pair in zip((low, high), behind, strict=True)]
    least, most = (
        int(f(e)) for f, e in zip((np.min, np.max), matmul_bounds(ends[0], ends[1], gates.weights), strict=True)
    )
    span = [Word(int(state[0][s].min()), int(state[1][s].max())) for s in gates.kept] + _carried(gates)
    total = Word(min(least, 0), max(most, 0))
    step = _step(gates, count, total, span, tails)
    stored = _folded(gates.weights, features, lanes, count, width)
    back = Word(int(behind[0].min()), int(behind[1].max()))
    words = [_operand(given, back, lane, count) for lane in range(width)]
    kernel = tails.pipelined(dot(tuple(words), Word(int(stored.min()), int(stored.max())), tails.fabric))
    begins = [int(first[s][0]) for s in order] + [min(max(0, w.low), w.high) for w in _carried(gates)]
    initial = np.repeat(np.array(begins), count).tolist() + [0] * (gates.between is not None)
    return Cell(
        gates.visits * shape.rows, Ints(stored[None]), len(gates.sums) * count, kernel, total.low, total.high, step,
        count, Ints(initial), op.last, None, shape.memory,
    )  # fmt: skip


def _behind(gates: Gates, state: list[IntArray]) -> list[IntArray]:
    """The least and the greatest of what goes back, unit by unit."""
    if gates.between is None:
        return state
    ends = [end.ravel() for end in gates.cell.nodes[gates.between.vector].type.bounds()]
    return [np.minimum(state[0], ends[0]), np.maximum(state[1], ends[1])]


def _carried(gates: Gates) -> list[Word]:
    """What waits for the second visit."""
    nodes = () if gates.between is None else gates.between.carried
    ends = [gates.cell.nodes[n].type.bounds() for n in nodes]
    return [Word(int(low.min()), int(high.max())) for low, high in ends]


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
    """A block's step: ports x, state and phase; the result, what goes back, the next states.

    Behind the states `kept` lie those carried from the first visit to the second and the flag of the visit.
    """
    builder, blocks = NetlistBuilder(), gates.units // count
    ports = [builder.input_port("x", (len(gates.sums) * count,), [total] * len(gates.sums) * count, Steps.of(1))]
    words = [w for w in kept for _ in range(count)] + [Word(0, 1)] * (gates.between is not None)
    held: list[list[int]] = []
    if words:
        ports.append(builder.input_port("state", (len(words),), words, Steps.of(1)))
        held = [list(part) for part in zip(*[iter(ports[1].words)] * count, strict=False)][: len(kept)]
    phase = -1
    if blocks > 1:
        ports.append(builder.input_port("phase", (), [Word(0, blocks - 1)], Steps.of(1)))
        phase = ports[-1].words[0]
    state = dict(zip(gates.kept, held, strict=False))
    block = _Block(gates, builder, tails.fabric, list(ports[0].words), state, phase, count, {})
    if gates.between is None:
        made = [block.words(node) for node in _ends(gates)]
    else:
        made = _visited(block, gates.between, held[len(gates.kept) :], ports[1].words[-1])
    results = [Port(name, (len(part),), tuple(part), Steps.of(1)) for name, part in zip(
        ("y", "back", *(f"next{i}" for i in range(len(made) - 2))), made, strict=True,
    )]  # fmt: skip
    return tails.pipelined(Merge(tails.fabric)(builder.finish("step", ports, results)))


def _ends(gates: Gates) -> list[int]:
    """The nodes of the result, of what goes back, and of the next states."""
    return [gates.result, gates.following[gates.back], *(gates.following[s] for s in gates.kept)]


def _visited(block: _Block, told: Between, carried: list[list[int]], second: int) -> list[list[int]]:
    """The step's words at whichever visit it is: all that a visit knows, and numbers in range for what it does not."""
    gates, visits = block.gates, Visits(block.builder, second, block.phase)

    def totals(kinds: frozenset[int], at_second: bool) -> list[int]:
        found = list(block.totals)
        for unit in range(block.count):
            for number in kinds:
                at = unit * len(gates.sums) + number
                found[at] = visits.masked(found[at], at_second, block.each(block.plain(number), unit))
        return found

    first = replace(block, totals=totals(told.early, False), known={})
    known = {(n, unit): w for n, part in zip(told.carried, carried, strict=True) for unit, w in enumerate(part)}
    later = replace(block, totals=totals(told.late, True), known=known)
    result, back, *following = (later.words(node) for node in _ends(gates))
    goes = [first.words(told.vector), *(block.state[s] for s in gates.kept)]
    either = [
        [visits.either(a, b) for a, b in zip(x, y, strict=True)] for x, y in zip(goes, [back, *following], strict=True)
    ]
    return [result, *either, *(first.words(n) for n in told.carried), [visits.other()]]
