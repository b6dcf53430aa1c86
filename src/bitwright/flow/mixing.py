"""`MixedDesign`: streams with an engine between them; `choose`: the architecture where none is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from bitwright.core.errors import ConfigError, Unsupported
from bitwright.cost.predict import critical_ns
from bitwright.explore import Choice, Plan, additions, explore_architectures
from bitwright.explore.explore import Objective, task_of
from bitwright.explore.mixed import LANES, Mixes, best_mix
from bitwright.flow.options import Options
from bitwright.flow.streamed import StreamDesign
from bitwright.ir import engine as engines
from bitwright.ir.dataflow import Dataflow, Execute
from bitwright.ir.graph import Graph
from bitwright.passes.mix import ENGINE, Mix, Segment
from bitwright.passes.streaming import Folding, Place, foldings_of
from bitwright.platforms import device

__all__ = ["MixedDesign", "choose", "pace_of", "segment_of"]

_LUTS_AN_ADDITION = 0.3
"""Of an unrolled network at least, by far: what takes more of them than there are is folded without a closer look."""


class MixedDesign(StreamDesign):
    """Layers as streaming units, but for a stretch of them that one time-shared engine executes in turn.

    Which stretch, by how large an engine, and how the rest is folded is the optimum of `bitwright.explore` for the pace
    asked for (without one: the highest that fits), unless the options `segment`, `engine_lanes` and `folding` say it.
    """

    level = "mixed"

    @cached_property
    def plan(self) -> Plan:
        """Stretch, engine and foldings."""
        options, told = self.options, segment_of(self.options.segment)
        task = task_of(self.streamed, self.device, self.clock_mhz)
        lanes = LANES if told is None else (options.engine_lanes,)
        fps = pace_of(options, self.clock_mhz)
        wanted = Objective.MIN_AREA if fps else Objective.MAX_THROUGHPUT
        made = best_mix(Mixes(self.streamed, task, lanes, only=told), wanted, fps)
        if made is None:
            raise Unsupported(
                "no engine does any stretch of its layers", where=self.name,
                why="none fits, keeps the pace, or has instructions for them", remedy='use architecture="dataflow"',
            )  # fmt: skip
        return made

    @property
    def segment(self) -> Segment:
        """What the engine does."""
        assert self.plan.segment is not None
        return self.plan.segment

    @cached_property
    def foldings(self) -> Mapping[str, Folding]:
        """How each layer beside the engine's is folded."""
        made, told = self.plan.foldings, self.options.folding
        return foldings_of(told, self.streamed, made) if told else made

    @cached_property
    def placed(self) -> Dataflow:
        """The actors, the engine among them, their channels without depths."""
        place = Place(self.device, self.clock_mhz, self.foldings, self.share)
        return replace(Mix(place, self.segment, self.plan.lanes)(self.streamed), name=self.name)

    def _slowest_ns(self) -> float:
        machine = self.engine.machine
        return max(super()._slowest_ns(), *(critical_ns(n, self.device) for n in (machine.dot, machine.post)))

    @property
    def engine(self) -> engines.Engine:
        """The engine's program."""
        return next(node.op.program for node in self.program.nodes if isinstance(node.op, Execute))

    def texts(self) -> dict[str, str]:
        """The programs as text, and the folding."""
        return {**super().texts(), "programs/engine.txt": engines.show(self.engine)}

    def headline(self) -> str:
        """What is predicted, and where the engine stands, in a line."""
        return f"{super().headline()}; {ENGINE} of {self.plan.lanes} lanes {self.segment}"


def segment_of(told: Mapping[str, Any] | None) -> Segment | None:
    """The option `segment`: {"given": ..., "made": ...}, names of values."""
    if told is None:
        return None
    if set(told) != {"given", "made"} or not all(isinstance(name, str) for name in told.values()):
        raise ConfigError(
            f"segment={dict(told)!r}", where="options", remedy='write {"given": "conv2", "made": "dense1"}'
        )  # fmt: skip
    return Segment(told["given"], told["made"])


def pace_of(options: Options, clock_mhz: float) -> float | None:
    """Frames a second that options ask for."""
    if options.initiation_cycles is not None:
        return clock_mhz * 1e6 / (options.initiation_cycles + 0.5)
    return options.target_fps


def choose(graph: Graph, options: Options, streamed: Callable[[], Graph]) -> tuple[Options, Plan | None]:
    """The options with an architecture in place of "auto", and the plan that goes with it.

    Unrolled is what can be and has no pace; otherwise all architectures are explored: for the least area with a pace,
    for the highest pace without one; `streamed` gives the graph as streams lay it out. Where nothing of that fits or
    streams do not know some layer, what was asked for stays: streams for a pace, else everything unrolled.
    """
    if options.architecture != "auto":
        return options, None
    if options.folding is not None or options.segment is not None or options.writable:
        return replace(options, architecture="dataflow" if options.segment is None else "mixed"), None
    part = device(options.device)
    paced = options.initiation_cycles is not None or options.target_fps is not None
    if not paced and additions(graph) * _LUTS_AN_ADDITION <= part.usable.luts:
        return replace(options, architecture="parallel"), None
    clock = options.clock_mhz or part.clock_mhz
    try:
        found = explore_architectures(streamed(), part, clock_mhz=clock, target_fps=pace_of(options, clock)).best
    except Unsupported:
        return replace(options, architecture="dataflow" if paced else "parallel"), None
    return _told(options, found), found.plan


def _told(options: Options, found: Choice) -> Options:
    plan = found.plan
    if plan is None or plan.segment is None:
        kept = options if plan is not None else replace(options, initiation_cycles=None, target_fps=None)
        return replace(kept, architecture=found.architecture)
    if found.architecture == "engine":
        return replace(
            options, architecture="engine", engine_lanes=plan.lanes, initiation_cycles=None, target_fps=None
        )  # fmt: skip
    segment = {"given": plan.segment.given, "made": plan.segment.made}
    return replace(options, architecture="mixed", engine_lanes=plan.lanes, segment=segment)
