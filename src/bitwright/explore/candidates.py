"""What each layer can be: every legal folding, kernel and memory, with its cycles and its area."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from bitwright.core.collector import collector_paused
from bitwright.core.errors import Unsupported
from bitwright.cost.actors import channel_area
from bitwright.cost.area import Area
from bitwright.explore.alone import Alone, area_of, is_depthwise, parts
from bitwright.explore.folded import Folded, folded_areas
from bitwright.explore.pixels import conv_neighbors, pool_lanes, several_pixels
from bitwright.ir.dataflow import Dataflow, schedule
from bitwright.ir.dataflow.ops import Cell, Convert, Memory, Source
from bitwright.ir.graph import Graph, Scan, TensorType
from bitwright.ir.graph.ops import Constant, Conv, Dense, GraphOp, Input, Map, MatMul, MaxPool, Reshape, SumPool, TopK
from bitwright.ir.netlist import Word
from bitwright.numeric import Ints, MapForm, ShiftRoundSaturate, Table, Thresholds, nonzero_digits
from bitwright.passes.streaming import Folding, Kernel, Place, fold_steps, legal_foldings
from bitwright.passes.streaming.placer import GraphNode, Placer, place
from bitwright.passes.streaming.serial import turns
from bitwright.passes.streaming.view import view_of
from bitwright.platforms import Device

__all__ = ["Candidate", "Stage", "Wire", "layer_area", "stages_of"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A folding of a layer: lanes it reads and yields, cycles a frame, its area (a channel of one word behind it)."""

    folding: Folding
    given: int
    made: int
    cycles: int
    area: Area


@dataclass(frozen=True)
class Stage:
    """A layer that is folded, and what it can be."""

    name: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class Wire:
    """Words from a stage (by number) to another; `width` bits an element."""

    producer: int
    consumer: int
    width: int


_LINEAR = Dense | Conv
_BUILT = Scan | TopK | MatMul
"""Operators whose cycles only their actors tell."""
_SAMPLE, _LEAST_SAMPLE = 1024, 256
"""Weights of an unrolled layer that are really built, in several turns that part of them; more are as many times as
large. In turns each weight meets fewer bits, and what its sums share matters less."""
_ALIKE = 0.1
"""Layers of one form whose weights' signed digits differ in number by at most this part are priced by one sample, in
the measure of these digits: their own samples spread as much."""


@collector_paused()
def stages_of(
    graph: Graph, device: Device, clock_mhz: float | None, most_unrolled: int = 1 << 13
) -> tuple[list[Stage], list[Wire]]:
    """The layers of a graph that can be folded, and how they are joined.

    A map behind a layer belongs to it, as `Place` does it. Layers of at most `most_unrolled` weights may be unrolled.
    Raises `Unsupported` for operators that streams do not have.
    """
    sizer = _Sizer(graph, device, clock_mhz, most_unrolled)
    stages: list[Stage] = []
    wires: list[Wire] = []
    whose: dict[int, int] = {}
    alive = graph.live()
    for position, node in enumerate(graph.nodes):
        if position in whose or isinstance(node.op, Constant) or not alive[position]:
            continue
        if isinstance(node.op, Reshape):
            whose[position] = whose[node.args[0]]
            continue
        last, then = sizer.placer.tail_of(position) if not isinstance(node.op, Input) else (position, None)
        stages.append(Stage(node.name, tuple(sizer.candidates(node, graph.nodes[last], then))))
        whose[position] = whose[last] = len(stages) - 1
        for a in node.args:
            if not isinstance(graph.nodes[a].op, Constant):
                wires.append(Wire(whose[a], len(stages) - 1, _bits(graph.nodes[a])))
    return stages, wires


def layer_area(graph: Graph, name: str, folding: Folding, device: Device, clock_mhz: float | None = None) -> Area:
    """The predicted area of the layer of node `name` with a folding, its map included, without conversions."""
    position, node = next((i, n) for i, n in enumerate(graph.nodes) if n.name == name)
    sizer = _Sizer(graph, device, clock_mhz, 0)
    last, then = sizer.placer.tail_of(position)
    return sizer.area(node, graph.nodes[last], then, folding)


@dataclass(frozen=True, slots=True)
class _Sample:
    """What an unrolled layer takes whose weights have so many signed digits: before its columns, and its columns."""

    digits: int
    fixed: Area
    columns: Area


class _Sizer:
    def __init__(self, graph: Graph, device: Device, clock_mhz: float | None, most_unrolled: int) -> None:
        self.graph, self.device, self.clock_mhz, self.most_unrolled = graph, device, clock_mhz, most_unrolled
        self.placer = Placer(Place(device, clock_mhz), graph)
        self.known: dict[str, Folded] = {}
        self.samples: dict[object, list[_Sample]] = {}
        self.alone = Alone(graph, device, clock_mhz)

    def candidates(self, node: GraphNode, last: GraphNode, then: Map | None) -> Iterator[Candidate]:
        """All of a layer, the cheapest of equals alone."""
        args = [a.type for a in self.graph.args_of(node)]
        if isinstance(node.op, Input):
            for folding in (*legal_foldings(node.op, node, args), *map(Folding, several_pixels(node.type))):
                yield self._candidate(folding, folding.lanes, last.type.size // folding.lanes, last, Area())
            return
        if type(node.op) not in place:
            raise Unsupported(
                f"{type(node.op).__name__} in a stream", where=f"layer '{node.origin.layer or node.name}'",
                remedy='use architecture="parallel"',
            )  # fmt: skip
        if isinstance(node.op, _LINEAR) and not is_depthwise(node.op):
            yield from self._linear(node, last, then)
            return
        if isinstance(node.op, _BUILT):
            for folding in legal_foldings(node.op, node, args):
                if not self._is_too_large(node.op, folding):
                    yield from self._built(node, last, then, folding)
            return
        yield from self._plain(node, last, then)

    def _plain(self, node: GraphNode, last: GraphNode, then: Map | None) -> Iterator[Candidate]:
        """A layer without weights: by its lanes."""
        args = [a.type for a in self.graph.args_of(node)]
        if isinstance(node.op, MaxPool | SumPool):
            for lanes in pool_lanes(node, args[0]):
                yield self._measured(self.alone.placed(node, last, then, Folding(lanes)), Folding(lanes))
        for lanes in self._lanes(node, last):
            folding = Folding(lanes)
            cycles = fold_steps(node.op, node, args, folding)
            yield self._candidate(folding, lanes, cycles, last, self.area(node, last, then, folding))

    def _is_too_large(self, op: GraphOp, folding: Folding) -> bool:
        """Whether a cell has too many weights to be unrolled."""
        if not isinstance(op, Scan) or folding.kernel is Kernel.FOLDED:
            return False
        return sum(n.op.weights.array.size for n in op.cell.nodes if isinstance(n.op, Dense)) > self.most_unrolled

    def _built(self, node: GraphNode, last: GraphNode, then: Map | None, folding: Folding) -> Iterator[Candidate]:
        """A layer as its actors are, with weights in either memory."""
        program = self.alone.placed(node, last, then, folding)
        yield self._measured(program, folding)
        nodes = [
            replace(n, op=replace(n.op, memory=Memory.BLOCK)) if isinstance(n.op, Cell) else n for n in program.nodes
        ]
        if tuple(nodes) != program.nodes:
            yield self._measured(replace(program, nodes=tuple(nodes)), replace(folding, weights=Memory.BLOCK))

    def _measured(self, program: Dataflow, folding: Folding) -> Candidate:
        """A placed layer's cycles and area."""
        own = [n for n in program.nodes if not isinstance(n.op, Source | Convert)]
        types = [[a.type for a in program.args_of(n)] for n in own]
        steps = [p.steps for n, given in zip(own, types, strict=True) for p in schedule(n.op, n.type, given)[0]]
        made = program.results[0].type
        area = area_of(program, self.device) + channel_area(made.bits, 1)
        return Candidate(folding, types[0][0].lanes, made.lanes, max(steps), area)

    def _lanes(self, node: GraphNode, last: GraphNode) -> list[int]:
        args = [a.type for a in self.graph.args_of(node)]
        told = legal_foldings(node.op, node, args)
        if told:
            return [f.lanes for f in told]
        channels = int(np.gcd.reduce([t.shape[-1] if t.shape else 1 for t in (*args, last.type)]))
        found = [d for d in range(1, channels + 1) if channels % d == 0]
        return found + (several_pixels(last.type) if all(t.shape == last.type.shape for t in args) else [])

    def _linear(self, node: GraphNode, last: GraphNode, then: Map | None) -> Iterator[Candidate]:
        assert isinstance(node.op, _LINEAR)
        args = [a.type for a in self.graph.args_of(node)]
        layer = self.folded(node, last, then)
        for folding in legal_foldings(node.op, node, args):
            cycles = fold_steps(node.op, node, args, folding)
            for told, area in folded_areas(layer, folding, self.device):
                yield Candidate(told, folding.lanes, folding.units, cycles, area)
        fixed = node.op.writable is None
        if fixed and node.op.weights.array.size <= self.most_unrolled and getattr(node.op, "groups", 1) == 1:
            for digits in (1, *self._turns(node)):
                one = self._unrolled(node, last, then, digits)
                yield one
                if digits == 1 and isinstance(node.op, Conv):
                    yield from self._several(one, node, last)

    def _several(self, one: Candidate, node: GraphNode, last: GraphNode) -> Iterator[Candidate]:
        """An unrolled convolution of several pixels at a time: as many adder graphs."""
        for _, near in conv_neighbors(node, self.graph.nodes[node.args[0]].type):
            (rows, columns, lanes), pads = near.view.grid, near.view.pads
            cycles = (rows + sum(pads[0])) * (columns + sum(pads[1]))
            made = near.places * one.made
            area = one.area.times(near.places) + channel_area(_bits(last) * made, 1)
            yield Candidate(replace(one.folding, lanes=lanes, units=made), lanes, made, cycles, area)

    def _turns(self, node: GraphNode) -> list[int]:
        """In how many turns an unrolled layer may take its inputs' digits."""
        given = self.graph.nodes[node.args[0]]
        padded = isinstance(node.op, Conv) and any(n for pads in node.op.pads for n in pads)
        return [] if padded and int(given.type.low.array.min()) < 0 else turns(_bits(given))

    def _unrolled(self, node: GraphNode, last: GraphNode, then: Map | None, digits: int) -> Candidate:
        op, args = node.op, [a.type for a in self.graph.args_of(node)]
        assert isinstance(op, _LINEAR)
        given, made = op.weights.shape[-2], op.weights.shape[-1]
        cycles = prod(args[0].shape[:-1])
        if isinstance(op, Conv):
            view = view_of(op, args[0].shape, node)
            cycles = prod(n + sum(p) for n, p in zip(view.grid[:2], view.pads, strict=True))
        sample = self._sample(node, last, then, digits)
        area = sample.fixed + sample.columns.times(_signed_digits(op) / sample.digits)
        folding = Folding(given, made, Kernel.UNROLLED, digits=digits)
        return Candidate(folding, given, made, cycles * digits, area + channel_area(_bits(last) * made, 1))

    def _sample(self, node: GraphNode, last: GraphNode, then: Map | None, digits: int) -> _Sample:
        """What is really built for an unrolled layer: as many of its columns as `_SAMPLE` says, of it or of a layer
        that is like it.
        """
        op, read = node.op, self.graph.nodes[node.args[0]].type
        assert isinstance(op, _LINEAR)
        given, made = op.weights.shape[-2], op.weights.shape[-1]
        weights = max(_SAMPLE // digits, _LEAST_SAMPLE)
        columns = np.arange(count := max(min(weights * made // op.weights.array.size, made), 1)) * made // count
        widths = [(word.width, word.low < 0) for word in (_word(read), _word(last.type))]
        mapped = then and (*_kind_of(then.form), then.rows.shape)
        form = replace(op, weights=Ints(0), bias=Ints(0)), op.weights.shape, read.shape, *widths, mapped, digits
        own = _signed_digits(op)
        known = self.samples.setdefault(form, [])
        nearest = min(known, key=lambda sample: abs(own - sample.digits), default=None)
        if nearest and count < made and abs(own - nearest.digits) <= _ALIKE * nearest.digits:
            return nearest
        folding = Folding(given, made, Kernel.UNROLLED, digits=digits)
        placed = self.alone.placed(node, last, then, folding, columns)
        fixed, built = parts(placed, self.device)
        known.append(_Sample(own, fixed, built.times(made / count)))
        return known[-1]

    def _candidate(self, folding: Folding, lanes: int, cycles: int, last: GraphNode, area: Area) -> Candidate:
        return Candidate(folding, lanes, lanes, cycles, area + channel_area(_bits(last) * lanes, 1))

    def area(self, node: GraphNode, last: GraphNode, then: Map | None, folding: Folding) -> Area:
        """One layer with one folding."""
        linear = isinstance(node.op, _LINEAR) and not is_depthwise(node.op)
        if linear and folding.kernel is Kernel.FOLDED:
            found = folded_areas(self.folded(node, last, then), folding, self.device)
            return next((a for told, a in found if told == folding), found[0][1])
        return self.alone.area(node, last, then, folding)

    def folded(self, node: GraphNode, last: GraphNode, then: Map | None) -> Folded:
        """What all foldings of a linear layer share."""
        if node.name not in self.known:
            self.known[node.name] = Folded.of(self.placer, node, last, then)
        return self.known[node.name]


def _bits(node: GraphNode) -> int:
    """Bits of an element."""
    return _word(node.type).width


def _word(type: TensorType) -> Word:
    """The range of all elements."""
    return Word(int(type.low.array.min()), int(type.high.array.max()))


def _kind_of(form: MapForm) -> tuple[object, ...]:
    """What a map is made of, and how much of it, whatever its numbers are."""
    if isinstance(form, Thresholds):
        return Thresholds, form.thresholds.shape[1]
    if isinstance(form, ShiftRoundSaturate):
        return ShiftRoundSaturate, form.rounding, int(nonzero_digits(form.mul.array).max(initial=0))
    return type(form), form.values.shape[1] if isinstance(form, Table) else 0


def _signed_digits(op: Dense | Conv) -> int:
    """Of all weights together; at least one."""
    return max(int(nonzero_digits(op.weights.array).sum()), 1)
