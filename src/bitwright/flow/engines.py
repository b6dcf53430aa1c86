"""`EngineDesign`: a network as a program for one time-shared unit, and its verbs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bitwright.flow.framed import Framed
from bitwright.flow.vectors import random_codes
from bitwright.ir import engine as engines
from bitwright.ir import graph as graphs
from bitwright.ir.engine import Cycles, Engine
from bitwright.ir.graph import Graph
from bitwright.numeric import IntArray
from bitwright.passes.engine import ScheduleEngine
from bitwright.passes.streaming import Recode

if TYPE_CHECKING:
    from bitwright.backends.verilog.stream import StreamEmitted
    from bitwright.report import Report

__all__ = ["EngineDesign", "EngineEstimate"]


@dataclass(frozen=True)
class EngineEstimate:
    """Cycles of an engine, computed exactly, and the bits of its memories; its area is measured by `synthesize`.

    `by_layer` are the cycles of each instruction.
    """

    lanes: int
    initiation_cycles: int
    latency_cycles: int
    clock_mhz: float
    feature_bits: int
    weight_bits: int
    parameter_bits: int
    by_layer: dict[str, int]

    @property
    def frames_per_second(self) -> float:
        """At the design's clock."""
        return self.clock_mhz * 1e6 / self.initiation_cycles

    @property
    def latency_ns(self) -> float:
        """From the first word of a frame to the last of its result, at the design's clock."""
        return self.latency_cycles * 1000.0 / self.clock_mhz


class EngineDesign(Framed):
    """A network whose layers one unit of `engine_lanes` x `engine_lanes` products executes one after the other."""

    level = "engine"

    @cached_property
    def scheduled(self) -> Graph:
        """The graph as it is scheduled: two-valued tensors are bits."""
        return graphs.check(Recode()(self.graph))

    @cached_property
    def program(self) -> Engine:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The instructions, the machine and the constants: what the Verilog says."""
        schedule = ScheduleEngine(self.device, self.clock_mhz, self.options.engine_lanes)
        return engines.check(replace(schedule(self.scheduled), name=self.name))

    @cached_property
    def cycles(self) -> Cycles:
        """How long every instruction takes."""
        return engines.cycles(self.program)

    def estimate(self) -> Any:
        """Cycles, computed, and memories."""
        program, machine = self.program, self.program.machine
        numbers = sum(word.width for word in (machine.mul, machine.add, machine.result, machine.result))
        return EngineEstimate(
            machine.lanes, self.cycles.initiation_cycles, self.cycles.latency_cycles, self.clock_mhz,
            machine.features * machine.lanes * machine.feature.width, program.weights.array.size * machine.weight.width,
            program.parameters.shape[0] * machine.lanes * numbers, self.cycles.by_instruction,
        )  # fmt: skip

    def run_program(self, codes: list[IntArray]) -> list[IntArray]:
        """What the instructions compute of input codes (frames, *shape)."""
        return engines.run(self.program, codes)

    def frame_ends(self, frames: int) -> list[int]:
        """The cycle in which the last word of each frame leaves."""
        return [self.cycles.latency_cycles + frame * self.cycles.initiation_cycles for frame in range(frames)]

    def emit(self, *, vectors: int = 0, primitives: bool = False) -> StreamEmitted:
        """The Verilog files and memory images as text, with a self-checking bench when `vectors` > 0 (frames)."""
        from bitwright.backends.verilog.engine import emit_engine

        golden = None
        if vectors:
            codes = random_codes(self.graph, vectors, self.options.seed)
            golden = (self._shaped(codes), engines.run(self.program, self._shaped(codes)))
        return emit_engine(self.program, name=self.name, vectors=golden, header=self.header, primitives=primitives)

    def texts(self) -> dict[str, str]:
        """The program as text."""
        return {"programs/engine.txt": engines.show(self.program)}

    def headline(self) -> str:
        """What is computed, in a line."""
        found = self.estimate()
        bits = found.feature_bits + found.weight_bits + found.parameter_bits
        return (
            f"an engine of {found.lanes} lanes at {self.clock_mhz:g} MHz: a frame every {found.initiation_cycles}"
            f" cycles, latency {found.latency_cycles} cycles ({found.latency_ns / 1000:.1f} us), {bits} bits of memory"
        )

    def report(self, **facts: Any) -> Report:
        """Refused: there is no page for an engine yet."""
        raise self._unknown("a report", "use estimate(), verify() and synthesize()")
