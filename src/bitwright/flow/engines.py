"""`EngineDesign`: a network as a program for one time-shared unit, and its verbs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bitwright.core.errors import ConfigError
from bitwright.cost.engines import engine_area
from bitwright.flow.framed import Framed
from bitwright.flow.vectors import random_codes
from bitwright.ir import engine as engines
from bitwright.ir import graph as graphs
from bitwright.ir.engine import Cycles, Engine, External
from bitwright.ir.engine.ops import Fetch
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
    """Cycles of an engine, computed exactly, the bits of its memories, and its area, predicted.

    `synthesize` measures area; `bram18s` are memories of 18 kbit. `by_layer` are the cycles of each instruction.
    `fetched_bits` of weights come in from external memory in each frame, `external_bits` lie there;
    `preparing_cycles` pass before the first frame.
    """

    lanes: int
    initiation_cycles: int
    latency_cycles: int
    clock_mhz: float
    feature_bits: int
    weight_bits: int
    parameter_bits: int
    by_layer: dict[str, int]
    luts: int
    ffs: int
    dsps: int
    bram18s: int
    fetched_bits: int = 0
    external_bits: int = 0
    preparing_cycles: int = 0

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
        external, buffer_words, feature_words = self._memory
        schedule = ScheduleEngine(
            self.device, self.clock_mhz, self.options.engine_lanes, external, buffer_words, feature_words
        )
        return engines.check(replace(schedule(self.scheduled), name=self.name))

    @property
    def _memory(self) -> tuple[External | None, int, int]:
        """External memory, the words of a buffer of weights, told or planned, and those of feature memory."""
        if self.options.engine_memory is None:
            return None, 0, 0
        told = dict(self.options.engine_memory)
        buffer, features = told.pop("buffer_words", None), told.pop("feature_words", 0)
        known = {field.name for field in fields(External)}
        for name, value in told.items():
            if name not in known or not isinstance(value, int):
                near = get_close_matches(name, known, 1) or sorted(known)
                raise ConfigError(f"{name}={value!r}", where="option engine_memory", remedy=f"use {', '.join(near)}")
        external = External(**told)
        if buffer is None:
            from bitwright.explore import plan_offload

            bandwidth = external.data_bits / external.beat_cycles * self.clock_mhz / 8e3
            lanes = self.options.engine_lanes
            buffer = plan_offload(self.scheduled, self.device, lanes, self.clock_mhz, bandwidth).buffer_words
        return external, int(buffer), int(features)

    @cached_property
    def cycles(self) -> Cycles:
        """How long every instruction takes."""
        return engines.cycles(self.program)

    def estimate(self) -> Any:
        """Cycles, computed; memories; area, predicted."""
        from bitwright.backends.verilog.engine.code import encode

        program, machine = self.program, self.program.machine
        numbers = sum(word.width for word in (machine.mul, machine.add, machine.result, machine.result))
        numbers += machine.steps * machine.threshold.width if machine.threshold else 0
        words = machine.buffered if machine.external else program.weights.shape[0]
        beats = machine.external.data_bits * machine.beats if machine.external else 0
        fetched = sum(n.type.words for n in program.nodes[program.again :] if isinstance(n.op, Fetch))
        area = engine_area(program, self.device.fabric, encode(program))
        return EngineEstimate(
            machine.lanes, self.cycles.initiation_cycles, self.cycles.latency_cycles, self.clock_mhz,
            machine.features * machine.lanes * machine.feature.width, words * machine.lanes**2 * machine.weight.width,
            program.parameters.shape[0] * machine.lanes * numbers, self.cycles.by_instruction,
            round(area.luts), round(area.ffs), round(area.dsps), round(area.bram18s),
            fetched * beats, program.weights.shape[0] * beats, self.cycles.preparing_cycles,
        )  # fmt: skip

    def run_program(self, codes: list[IntArray]) -> list[IntArray]:
        """What the instructions compute of input codes (frames, *shape)."""
        return engines.run(self.program, codes)

    def frame_ends(self, frames: int) -> list[int]:
        """The cycle in which the last word of each frame leaves."""
        return engines.frame_ends(self.program, frames)

    def emit(self, *, vectors: int = 0, primitives: bool = False) -> StreamEmitted:
        """The Verilog files and memory images as text, with a self-checking bench when `vectors` > 0 (frames)."""
        from bitwright.backends.verilog.engine import emit_engine

        golden = None
        if vectors:
            codes = random_codes(self.graph, vectors, self.options.seed)
            golden = (self._shaped(codes), engines.run(self.program, self._shaped(codes)))
        return emit_engine(self.program, name=self.name, vectors=golden, header=self.header, primitives=primitives)

    def blobs(self, emitted: StreamEmitted) -> dict[str, bytes]:
        """What external memory must hold."""
        return {"memory/weights.bin": emitted.memory.data} if emitted.memory else {}

    def told(self, emitted: StreamEmitted) -> dict[str, Any]:
        """The address map of external memory: byte offsets from where `base` points."""
        if not emitted.memory:
            return {}
        runs = [{"name": n, "offset": offset, "bytes": size} for n, offset, size in emitted.memory.runs]
        align = emitted.memory.external.burst_bytes
        told = {"file": "memory/weights.bin", "bytes": len(emitted.memory.data), "align": align, "runs": runs}
        return {"memory": {**told, "feature_maps_bytes": emitted.memory.maps}}

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
