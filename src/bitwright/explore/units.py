"""`Units`: any stretch of a graph's layers as one engine: its cycles, its machine, its area, without its constants.

What an engine's words must hold is the union over its layers, and its last steps share one shift: so each piece between
two cuts is lowered once, and any stretch of pieces is put together from that. Cycles are those of the program
(`ir.engine.cycles`), but where zeros let it leave words of weights out: then it takes fewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from bitwright.core.errors import BitwrightError, InvalidValue, Unsupported
from bitwright.cost.area import Area
from bitwright.cost.engines import EngineSizes, engine_parts
from bitwright.cost.executed import JOINED
from bitwright.ir.engine import Machine, Place
from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import Reshape
from bitwright.numeric import IntArray
from bitwright.passes.engine import ScheduleEngine
from bitwright.passes.engine.draft import Draft, lanes_of
from bitwright.passes.engine.machine import Needs, machine_for
from bitwright.passes.engine.post import scaled
from bitwright.passes.engine.shapes import Kind, LayerShape, drafts_from_shapes, shapes_of
from bitwright.passes.engine.walks import first_fit
from bitwright.passes.mix import Segment, cuts, parts_of
from bitwright.platforms import Device

__all__ = ["Piece", "Unit", "Units"]

_SAMPLE_LANES = 8
"""Lanes of the units that pieces are lowered for; what is asked of them does not depend on it."""


@dataclass(frozen=True)
class Piece:
    """The layers between two neighboring cuts. `shapes[0]` is their input; `refused`: why no engine does them."""

    given: str
    made: str
    shapes: tuple[LayerShape, ...] = ()
    drafts: tuple[Draft, ...] = ()
    parameters: tuple[tuple[IntArray, int], ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Unit:
    """An engine of so many lanes for a segment: cycles a frame, elements of a word that it takes and yields, area."""

    segment: Segment
    lanes: int
    cycles: int
    given: int
    made: int
    area: Area


class Units:
    """The engines that stretches of a graph's pieces ask for; pieces and machines are made once."""

    def __init__(self, graph: Graph, device: Device, clock_mhz: float | None) -> None:
        self.graph, self.device, self.clock_mhz = graph, device, clock_mhz
        self._machines: dict[tuple[object, ...], Machine] = {}
        self._drafts: dict[tuple[int, int, int], list[Draft]] = {}

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """Those between all neighboring cuts, in order; a cut that only gives another its name is left out."""
        nodes, outputs = self.graph.nodes, self.graph.outputs
        names = [nodes[c].name for c in cuts(self.graph) if not isinstance(nodes[c].op, Reshape) or c in outputs]
        return tuple(self._piece(Segment(a, b)) for a, b in pairwise(names))

    def _piece(self, segment: Segment) -> Piece:
        middle = parts_of(self.graph, segment).middle
        try:
            schedule = ScheduleEngine(self.device, None, _SAMPLE_LANES)
            drafts = schedule.drafts(middle)
            shapes = shapes_of(middle)
        except (Unsupported, InvalidValue) as error:
            return Piece(segment.given, segment.made, refused=_reason(error))
        if any(draft.pieces or draft.each for draft in drafts):
            return Piece(segment.given, segment.made, refused="layers of several instructions are not planned yet")
        parameters = tuple(_scaled(draft) for draft in drafts if draft.post)
        light = tuple(replace(d, weights=_ends(d.weights), post=()) for d in drafts)
        return Piece(segment.given, segment.made, shapes, light, parameters)

    def able(self, first: int, last: int) -> bool:
        """Whether an engine does the pieces first..last (last included), and they hold a layer."""
        pieces = self.pieces[first : last + 1]
        return not any(p.refused for p in pieces) and any(len(p.shapes) > 1 for p in pieces)

    def segment(self, first: int, last: int) -> Segment:
        """From where to where pieces first..last reach."""
        return Segment(self.pieces[first].given, self.pieces[last].made)

    def steps(self, first: int, last: int, lanes: int) -> int:
        """Cycles a frame at least: words read and moved, without what instructions take beside."""
        drafts = self._drafted(first, last, lanes)
        return sum(d.words if d.walk is None else d.walk.steps for d in drafts) + drafts[-1].words

    def unit(self, first: int, last: int, lanes: int) -> Unit:
        """The engine for pieces first..last; raises `Unsupported` where its words do not do or grow too wide."""
        drafts = self._drafted(first, last, lanes)
        for shape, draft in zip(self._shapes(first, last), drafts, strict=True):
            left = {drafts[a].lanes for a in shape.args} | {lanes_of(shape.channels, lanes, streamed=draft.stored)}
            if shape.kind in (Kind.POOL, Kind.PAIR) and len(left) > 1:
                raise Unsupported(f"words of {lanes} elements", where=shape.name, why="it takes and yields unlike ones")
        machine = self._machine(first, last, lanes, drafts)
        words = sum(d.walk.loops[2].extent * d.walk.gathered for d in drafts if d.walk and d.weights is not None)
        cycles = self.steps(first, last, lanes) + (len(drafts) + 1) * machine.overhead_cycles
        given, made = drafts[0], drafts[-1]
        # Products of lanes that no layer fills are not there.
        filled = max((drafts[d.args[0]].lanes * d.lanes for d in drafts if d.weights is not None), default=lanes)
        sizes = EngineSizes(
            machine, _field_bits(machine, drafts, words + 1), len(drafts) + 1, sum(d.depth for d in drafts[1:]),
            words + 1, made.lanes * self.pieces[last].drafts[-1].kept.width, max(d.lanes for d in drafts),
            max(filled, lanes) / lanes**2,
        )  # fmt: skip
        area = sum(engine_parts(sizes, self.device.fabric).values(), JOINED)
        return Unit(self.segment(first, last), lanes, cycles, given.lanes, made.lanes, area)

    def _drafted(self, first: int, last: int, lanes: int) -> list[Draft]:
        """Walks and words of the stretch; weights stand for whether there are any."""
        key = first, last, lanes
        if key not in self._drafts:
            shapes = self._shapes(first, last)
            made = drafts_from_shapes(shapes, lanes)
            told = zip(shapes, made, strict=True)
            self._drafts[key] = [replace(d, weights=np.zeros(1, np.int64) if s.weights else None) for s, d in told]
        return self._drafts[key]

    def _shapes(self, first: int, last: int) -> list[LayerShape]:
        """The layers of all pieces behind each other, each reading the one before where it read its piece's input."""
        joined = [self.pieces[first].shapes[0]]
        for piece in self.pieces[first : last + 1]:
            base = len(joined) - 1
            joined += [replace(s, args=tuple(base + a for a in s.args)) for s in piece.shapes[1:]]
        return joined

    def _machine(self, first: int, last: int, lanes: int, drafts: list[Draft]) -> Machine:
        pieces = self.pieces[first : last + 1]
        told = [d for p in pieces for d in p.drafts]
        ends = [replace(d, stored=False) for d in told[:-1]] + [told[-1]]
        held = np.concatenate([np.array([0, 1]), *(d.weights for d in told if d.weights is not None)])
        needs = _needs(pieces, lanes, np.array([held.min(), held.max()]))
        words = ((d.kept, d.total, d.half_even, d.stored) for d in ends)
        key = (lanes, needs.weights.tobytes(), needs.parameters.tobytes(), needs.shift, needs.steps, *words)
        if key not in self._machines:
            self._machines[key] = machine_for(ends, needs, self.device, self.clock_mhz)
        regions = first_fit(drafts)
        words = {place: max((r.end for r in regions if r.place is place), default=2) for place in Place}
        return replace(
            self._machines[key], features=max(words[Place.FEATURES], 2), results=max(words[Place.RESULTS], 2)
        )


def _needs(pieces: Sequence[Piece], lanes: int, weights: IntArray) -> Needs:
    """What the machine of some pieces must hold, by the least and the largest of each constant."""
    drafts = [d for p in pieces for d in p.drafts]
    numbers = [rows for p in pieces for rows in p.parameters]
    shift = max((own for _, own in numbers), default=0)
    rows = np.concatenate([_moved(rows, shift - own) for rows, own in numbers] + [np.zeros((1, 4), np.int64)])
    bounds = np.stack([rows.min(axis=0), rows.max(axis=0)])
    told = [d.steps.thresholds for d in drafts if d.steps]
    steps = max((t.shape[1] for t in told), default=0)
    if steps:
        top, least = max(d.total.high for d in drafts) + 1, min(d.total.low for d in drafts)
        met = np.concatenate([np.clip(t.ravel(), least, top) for t in told])
        ends = np.array([[min(int(met.min()), 0)], [max(int(met.max()), 0)]])
        bounds = np.concatenate([bounds, np.repeat(ends, steps, axis=1)], axis=1)
    return Needs(lanes, weights, bounds, shift, steps, 0)


def _field_bits(machine: Machine, drafts: Sequence[Draft], weights: int) -> int:
    """Bits that hold every number of an instruction, and a sign (`cost.engines`)."""
    most = [machine.features, machine.results, weights, 8, *(d.words for d in drafts)]
    most += [n for d in drafts if d.walk for loop in d.walk.loops for n in (loop.extent - 1, abs(loop.address))]
    return max(most).bit_length() + 1


def _reason(error: BitwrightError) -> str:
    return f"{error.where}: {error.what}" + (f" ({error.why})" if error.why else "")


def _ends(weights: IntArray | None) -> IntArray | None:
    """The least and the largest of weights: all that their width depends on."""
    if weights is None or not weights.size:
        return None
    return np.array([weights.min(), weights.max()])


def _scaled(draft: Draft) -> tuple[IntArray, int]:
    """mul, add, low and high of all channels with the largest shift among them, and that shift."""
    shift = max(one.shift for one in draft.post)
    return np.array([scaled(one, shift) for one in draft.post], np.int64), shift


def _moved(rows: IntArray, more: int) -> IntArray:
    return rows * np.array([1 << more, 1 << more, 1, 1])
