"""`roll`: equal steps of a recurrent layer, one after the other in the graph, as one cell with a state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bitwright.core.origin import Origin
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, evaluate
from bitwright.ir.graph.ops import Concat, Input, Reshape, Slice
from bitwright.ir.graph.scan import Scan
from bitwright.numeric import IntArray, Ints, Steps
from bitwright.passes.rewrite import GraphNode, keep, rebuild
from bitwright.passes.streaming.loops import Loop, loops, needed_nodes

__all__ = ["Roll"]

_WIDENED = 8
"""How often the range of a state may grow before it is known not to end."""


@dataclass(frozen=True)
class Roll:
    """Finds recurrent layers that were read step by step, and makes each a `Scan` of one cell.

    The rows of a sequence are known by the slices that take them. What depends on a row, and on no later one, is a
    step; the cell is a step in the middle. Every other step must be that cell: node by node the same operator on the
    same values (maps may differ beyond the codes that arrive there), the first with constants for the state. What is
    read from outside must be the results of all steps side by side, or those of the last. A layer of which that is not
    so stays as it is.
    """

    def __call__(self, program: Graph) -> Graph:
        """The same function."""
        found: Graph | None = program
        while found is not None:
            program = found
            found = next((made for loop in loops(program) if (made := _rolled(program, loop)) is not None), None)
        return program


def _rolled(program: Graph, loop: Loop) -> Graph | None:
    """The graph with the loop as a scan of its cell; None where the range of a state has no end."""
    results = list(dict.fromkeys([*(n for n, _ in loop.sequences.values()), *loop.lasts]))
    scan = _scan(program, loop, results)
    if scan is None:
        return None
    builder = GraphBuilder()
    place: dict[int, int] = {}
    made = _Rolled(program, loop, builder, results, scan)
    replaced = {loop.images[-1][n]: n for n in loop.lasts}
    for position, node in enumerate(program.nodes):
        if isinstance(node.op, Input):
            place[position] = builder.add(node.op, (), node.type, node.name, node.origin)
        elif position in loop.sequences:
            place[position] = made.sequence(place[loop.source], position)
        elif position in replaced:
            place[position] = made.last(place[loop.source], replaced[position])
        else:
            place[position] = keep(builder, node, [place[a] for a in node.args])
    return rebuild(builder.graph(program.name, [place[o] for o in program.outputs]), _named)


def _named(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
    """The node as it was; a scan has its layer's name, which the steps have given back."""
    if not isinstance(node.op, Scan):
        return keep(builder, node, args)
    return builder.apply(node.op, args, step=node.type.step, name=node.origin.layer, origin=node.origin)


class _Rolled:
    """The nodes that take the place of a loop's."""

    def __init__(self, program: Graph, loop: Loop, builder: GraphBuilder, results: Sequence[int], scan: Scan) -> None:
        self.program, self.loop, self.builder = program, loop, builder
        self.results, self.op = results, scan
        self.origin = self._origin()
        self.position = -1

    def _origin(self) -> Origin:
        """That of the layer: of most nodes of the cell."""
        told = [self.program.nodes[n].origin for n in self.loop.levels[self.loop.middle]]
        return max(told, key=told.count).through("roll")

    def put(self, op: Slice | Reshape | Scan, source: int) -> int:
        """A node of the layer."""
        return self.builder.apply(op, [source], name=self.origin.layer, origin=self.origin)

    def scan(self, source: int) -> int:
        """The scan, made where it is first read."""
        if self.position < 0:
            if self.loop.backward:
                source = self.put(_reversed(self.builder.type(source).shape), source)
            self.position = self.put(self.op, source)
        return self.position

    def columns(self, n: int) -> tuple[int, int]:
        """Where a template's node lies in the result."""
        sizes = [self.program.nodes[r].type.size for r in self.results]
        at = self.results.index(n)
        return sum(sizes[:at]), sum(sizes[: at + 1])

    def sequence(self, source: int, position: int) -> int:
        """All results of a node."""
        n, in_order = self.loop.sequences[position]
        (start, stop), made = self.columns(n), self.scan(source)
        count, size = self.builder.type(made).shape
        if (start, stop) != (0, size):
            made = self.put(Slice((0, start), (count, stop), (1, 1)), made)
        if not in_order:
            made = self.put(_reversed(self.builder.type(made).shape), made)
        shape = self.program.nodes[position].type.shape
        return made if shape == self.builder.type(made).shape else self.put(Reshape(shape), made)

    def last(self, source: int, n: int) -> int:
        """The last result of a node."""
        (start, stop), made = self.columns(n), self.scan(source)
        shape = self.builder.type(made).shape
        if len(shape) == 2:
            made = self.put(Slice((shape[0] - 1, start), (shape[0], stop), (1, 1)), made)
        elif (start, stop) != (0, shape[0]):
            made = self.put(Slice((start,), (stop,), (1,)), made)
        told = self.program.nodes[n].type.shape
        return made if told == self.builder.type(made).shape else self.put(Reshape(told), made)


def _reversed(shape: tuple[int, ...]) -> Slice:
    """The rows the other way around."""
    return Slice((shape[0] - 1, *(0 for _ in shape[1:])), (-shape[0] - 1, *shape[1:]), (-1, *(1 for _ in shape[1:])))


def _without_derived(program: Graph, loop: Loop) -> dict[int, IntArray]:
    """The slots less those that are functions of others: these are computed anew rather than kept."""
    kept = dict(loop.slots)
    for slot in reversed(loop.slots):
        args = program.nodes[slot].args
        if args and set(args) <= set(kept) - {slot}:
            first = evaluate(program.nodes[slot].op, [kept[a].reshape(1, *program.nodes[a].type.shape) for a in args])
            if (first[0] == kept[slot]).all():
                del kept[slot]
    return kept


def _scan(program: Graph, loop: Loop, results: Sequence[int]) -> Scan | None:
    """The scan of a loop's cell; the ranges of the state are those of all steps, widened until they go around."""
    kept = _without_derived(program, loop)
    loop.derived, loop.slots = [s for s in loop.slots if s not in kept], kept
    initial = np.concatenate([codes.ravel() for codes in loop.slots.values()])
    low, high = initial.copy(), initial.copy()
    at = 0
    for slot in loop.slots:
        for image in loop.images:
            if slot in image:
                least, most = (end.ravel() for end in program.nodes[image[slot]].type.bounds())
                part = slice(at, at + least.size)
                low[part], high[part] = np.minimum(low[part], least), np.maximum(high[part], most)
        at += program.nodes[slot].type.size
    for _ in range(_WIDENED):
        cell = _cell(program, loop, results, low, high)
        least, most = cell.results[1].type.bounds()
        if (least >= low).all() and (most <= high).all():
            return Scan(cell, Ints(initial), not loop.sequences)
        low, high = np.minimum(low, least), np.maximum(high, most)
    return None


def _cell(program: Graph, loop: Loop, results: Sequence[int], low: IntArray, high: IntArray) -> Graph:
    """The template as a graph of its own, for states in [low, high]."""
    template, builder = loop.levels[loop.middle], GraphBuilder()
    ends = [np.stack([e[k] for e in (program.nodes[row].type.bounds() for row in loop.rows)]) for k in (0, 1)]
    told = program.nodes[template[0]].type
    row = TensorType(told.shape, Ints(ends[0].min(0)), Ints(ends[1].max(0)), told.step)
    place = {template[0]: builder.input(row, "x")}
    steps = [np.broadcast_to(program.nodes[s].type.step.array, program.nodes[s].type.shape).ravel() for s in loop.slots]
    given = builder.input(TensorType(low.shape, Ints(low), Ints(high), Steps.of(np.concatenate(steps))), "state")
    states = {slot: a for a, slot in loop.states.items()}
    at = 0
    for slot in loop.slots:
        type = program.nodes[slot].type
        part = builder.apply(Slice((at,), (at + type.size,), (1,)), [given], name="state_part")
        place[states[slot]] = builder.apply(Reshape(type.shape), [part], name="state_read")
        at += type.size
    for slot in sorted(loop.derived):
        node = program.nodes[slot]
        place[states[slot]] = keep(builder, node, [place[states[a]] for a in node.args])
    for n in sorted(needed_nodes(program, loop) - {template[0]}):
        _place(program, builder, place, n)
    outputs = [_side_by_side(builder, [place[n] for n in part]) for part in (results, loop.slots)]
    return builder.graph("cell", outputs)


def _place(program: Graph, builder: GraphBuilder, place: dict[int, int], n: int) -> None:
    """Node `n` and what it reads: constants, and functions of the states of the step before."""
    node = program.nodes[n]
    for a in node.args:
        if a not in place:
            _place(program, builder, place, a)
    place[n] = keep(builder, node, [place[a] for a in node.args])


def _side_by_side(builder: GraphBuilder, parts: Sequence[int]) -> int:
    flat = [builder.apply(Reshape((builder.type(p).size,)), [p], name="flat") for p in parts]
    return flat[0] if len(flat) == 1 else builder.apply(Concat(0), flat, name="joined")
