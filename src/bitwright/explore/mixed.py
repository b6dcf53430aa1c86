"""`best_mix`: which stretch of a network goes on an engine between streams, and how everything around it is folded.

Every stretch between two cuts of the graph competes, with engines of several sizes. With the stretch given, its engines
are the candidates of one more stage, and the rest is the integer program of `explore`: so the optimum for a stretch is
proved, and over all stretches it is the best of these. A stretch is left out where even the words its engine reads take
too long, or the engine and the cheapest of everything else too much: those bounds hold for whatever would be chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from bitwright.core.errors import Unsupported
from bitwright.cost.actors import channel_area
from bitwright.cost.area import Area
from bitwright.explore.candidates import Candidate, Stage, Wire
from bitwright.explore.dominance import RESOURCES
from bitwright.explore.explore import Objective, Task, best_plan, fits
from bitwright.explore.plan import Plan
from bitwright.explore.units import Unit, Units
from bitwright.ir.dataflow.ops import Memory
from bitwright.ir.graph import Graph
from bitwright.ir.netlist import Word
from bitwright.passes.mix import ENGINE, Segment
from bitwright.passes.streaming import Folding

__all__ = ["LANES", "Mixes", "best_mix"]

LANES = (4, 8, 16, 24, 32, 48, 64)
"""Sizes of engines that are tried."""
_BLOCK_BITS = 9216
"""Bits of a channel from which on it is block memory (`passes.Buffer`)."""


@dataclass
class Mixes:
    """The stretches of a task's graph; `task` is that of streams alone. `only`: no stretch but this one."""

    graph: Graph
    task: Task
    lanes: Sequence[int] = LANES
    only: Segment | None = None
    tried: int = 0
    solved: int = 0
    _known: dict[tuple[int, int, int], Unit | None] = field(default_factory=dict[tuple[int, int, int], "Unit | None"])

    @cached_property
    def units(self) -> Units:
        """The engines that there can be."""
        return Units(self.graph, self.task.device, self.task.clock_mhz)

    @cached_property
    def position(self) -> dict[str, int]:
        """Of each node of the graph by name."""
        return {node.name: at for at, node in enumerate(self.graph.nodes)}

    def stretches(self, whole: bool = False) -> Iterator[tuple[int, int]]:
        """First and last piece of each that an engine can do; `whole`: only that of all layers, else all the others."""
        count = len(self.units.pieces)
        for first in range(count):
            for last in range(first, count):
                own = self.only is None or self.units.segment(first, last) == self.only
                if own and ((last - first + 1 == count) == whole) and self.units.able(first, last):
                    yield first, last

    def outside(self, first: int, last: int) -> list[int]:
        """Numbers of the task's stages that are not in the stretch."""
        given, made = (self.position[n] for n in (self.units.pieces[first].given, self.units.pieces[last].made))
        return [i for i, s in enumerate(self.task.stages) if not given < self.position[s.name] <= made]

    def unit(self, first: int, last: int, lanes: int) -> Unit | None:
        """The engine, None where there is none of that size."""
        key = first, last, lanes
        if key not in self._known:
            try:
                self._known[key] = self.units.unit(first, last, lanes)
            except Unsupported:
                self._known[key] = None
        return self._known[key]

    def mixed(self, first: int, last: int, most_cycles: float) -> Task | None:
        """The task in which an engine of that pace at least does the stretch; None where none does, or none fits."""
        options = [n for n in self.lanes if self.units.steps(first, last, n) <= most_cycles]
        found = [unit for n in options if (unit := self.unit(first, last, n)) and unit.cycles <= most_cycles]
        room = self.task.room
        made = [self._candidate(first, last, unit) for unit in found]
        fitting = [c for c in made if all(getattr(c.area, name) <= most for name, most in room.items())]
        return self._joined(first, last, tuple(fitting)) if fitting else None

    def _candidate(self, first: int, last: int, unit: Unit) -> Candidate:
        """The engine with the channels on both sides, in which frames wait while it works."""
        area = unit.area
        for name, lanes in ((self.units.pieces[first].given, unit.given), (self.units.pieces[last].made, unit.made)):
            node = self.graph.nodes[self.position[name]]
            width, words = lanes * _bits_of(self.graph, name), node.type.size // lanes
            ends = node.name in (self.graph.nodes[o].name for o in self.graph.outputs)
            depth = 1 if ends else words
            area += channel_area(width, depth, Memory.BLOCK if width * depth >= _BLOCK_BITS else Memory.LUT)
        return Candidate(Folding(unit.lanes, unit.lanes), unit.given, unit.made, unit.cycles, area)

    def _joined(self, first: int, last: int, candidates: tuple[Candidate, ...]) -> Task:
        kept = self.outside(first, last)
        at = {old: new for new, old in enumerate(kept)}
        engine = len(kept)
        wires: list[Wire] = []
        for wire in self.task.wires:
            ends = at.get(wire.producer, engine), at.get(wire.consumer, engine)
            known = Wire(*ends, wire.width)
            if ends != (engine, engine) and known not in wires:
                wires.append(known)
        stages = [*(self.task.stages[i] for i in kept), Stage(ENGINE, candidates)]
        return replace(self.task, stages=stages, wires=wires)

    def floor(self, first: int, last: int) -> int:
        """Cycles a frame that the stages outside take at least."""
        stages = [self.task.stages[i] for i in self.outside(first, last)]
        return max((min(c.cycles for c in stage.candidates) for stage in stages), default=0)

    def cheapest(self, first: int, last: int, task: Task, cycles: float) -> float:
        """What the parts of a mixed task cost at least at that pace, without converters: a sum of shares."""
        prices = self.task.prices
        total = 0.0
        for stage in task.stages:
            costs = [_cost(c.area, prices) for c in stage.candidates if c.cycles <= cycles]
            if not costs:
                return float("inf")
            total += min(costs)
        return total


def best_mix(
    mixes: Mixes, objective: Objective, target_fps: float | None = None, rival: Plan | None = None, *,
    whole: bool = False, seconds: float | None = None,
) -> Plan | None:  # fmt: skip
    """The best plan with an engine, if it is better than `rival`; else None. whole: all layers on the engine."""
    task = mixes.task
    slowest = float("inf") if target_fps is None else int(task.clock_mhz * 1e6 / target_fps)
    best, first_best = rival, rival
    order = sorted(mixes.stretches(whole), key=lambda ends: (mixes.floor(*ends), ends))
    for ends in order:
        mixes.tried += 1
        if objective is Objective.MAX_THROUGHPUT and best is not None:
            slowest = best.initiation_cycles - 1
        found = _best_of(mixes, ends, objective, slowest, best, seconds)
        if found is not None and (best is None or _better(found, best, objective, task)):
            best = found
    return None if best is first_best else best


def _best_of(
    mixes: Mixes, ends: tuple[int, int], objective: Objective, slowest: float, best: Plan | None, seconds: float | None
) -> Plan | None:
    """The best plan for one stretch, None where bounds or the program say that there is none."""
    if mixes.floor(*ends) > slowest:
        return None
    task = mixes.mixed(*ends, slowest)
    if task is None:
        return None
    cheapest = mixes.cheapest(*ends, task, slowest)
    rival = float("inf")
    if objective is Objective.MIN_AREA and best is not None:
        rival = _cost(best.area, task.prices)
    if cheapest >= rival or cheapest > len(RESOURCES):
        return None
    mixes.solved += 1
    if objective is Objective.MAX_THROUGHPUT and best is not None:
        # Most stretches are no better at any pace: one program says so, where a search for the fastest takes several.
        paces = [pace for pace in task.paces if pace <= slowest]
        if not paces or not fits(task, paces[-1], seconds):
            return None
    fps = task.clock_mhz * 1e6 / (slowest + 0.5) if slowest < float("inf") else None
    try:
        plan = best_plan(task, objective, fps, seconds)
    except Unsupported:
        return None
    engine = next(layer for layer in plan.layers if layer.name == ENGINE)
    segment = mixes.units.segment(*ends)
    whole = ends == (0, len(mixes.units.pieces) - 1)
    kind = "engine" if whole else "mixed"
    return replace(plan, architecture=kind, segment=segment, lanes=engine.folding.lanes)


def _better(one: Plan, other: Plan, objective: Objective, task: Task) -> bool:
    if objective is Objective.MAX_THROUGHPUT:
        return one.initiation_cycles < other.initiation_cycles
    if objective is Objective.MIN_ENERGY:
        return one.power_w / one.fps < other.power_w / other.fps
    return _cost(one.area, task.prices) < _cost(other.area, task.prices)


def _cost(area: Area, prices: dict[str, float]) -> float:
    return sum(price * getattr(area, name) for name, price in prices.items())


def _bits_of(graph: Graph, name: str) -> int:
    node = next(n for n in graph.nodes if n.name == name)
    return Word(int(node.type.low.array.min()), int(node.type.high.array.max())).width
