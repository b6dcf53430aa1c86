"""`StreamDesign`: a network as a streaming dataflow of folded layers, and its verbs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bitwright.cost import Area
from bitwright.cost.actors import predict_stream
from bitwright.cost.predict import critical_ns
from bitwright.cost.timetable import Timetable, timetable
from bitwright.explore import explore_graph
from bitwright.flow.framed import Framed
from bitwright.flow.vectors import random_codes
from bitwright.ir import dataflow as streams
from bitwright.ir import graph as graphs
from bitwright.ir.dataflow import Dataflow
from bitwright.ir.dataflow.ops import MatVec
from bitwright.ir.graph import Graph, Scan
from bitwright.numeric import IntArray
from bitwright.passes import ARGMAX, STANDARD, apply
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Place, Recode, Roll, foldings_of, foldings_to_json

if TYPE_CHECKING:
    from bitwright.backends.verilog.stream import StreamEmitted
    from bitwright.report import Report

__all__ = ["StreamDesign", "StreamEstimate"]


@dataclass(frozen=True)
class StreamEstimate:
    """Predicted area of a streaming design, and its cycles, which are computed exactly.

    `brams` are blocks of 36 kbit, halves counted up. `fmax_mhz` is that of the netlists in the actors by the fabric's
    delay model, and no measurement. `by_layer` sums actors, with the channels behind them, by the layer they serve.
    """

    luts: int
    ffs: int
    carries: int
    dsps: int
    brams: int
    urams: int
    initiation_cycles: int
    latency_cycles: int
    clock_mhz: float
    fmax_mhz: float
    bottleneck: str
    by_layer: dict[str, Area]

    @property
    def frames_per_second(self) -> float:
        """At the design's clock."""
        return self.clock_mhz * 1e6 / self.initiation_cycles

    @property
    def latency_ns(self) -> float:
        """From the first word of a frame to the last of its result, at the design's clock."""
        return self.latency_cycles * 1000.0 / self.clock_mhz


class StreamDesign(Framed):
    """A network as actors between channels: one streaming unit per layer, folded as its options say.

    `foldings` by node name of `streamed`: the optimum of `bitwright.explore` for the pace that was asked for (without
    one: for the highest pace that fits on the device), `folding` of the options over it.
    """

    level = "dataflow"

    @cached_property
    def streamed(self) -> Graph:
        """The graph as it is laid out: recurrent layers are cells with a state, two-valued tensors are bits."""
        rolled = Roll()(self.source)
        if not any(isinstance(node.op, Scan) for node in rolled.nodes):
            return graphs.check(Recode()(self.graph))
        # What passes do to the first steps of a recurrent layer makes them differ from the others.
        return graphs.check(Recode()(apply(rolled, ARGMAX if self.options.argmax_only else STANDARD)))

    @cached_property
    def foldings(self) -> Mapping[str, Folding]:
        """How each layer is folded."""
        options, fps = self.options, self.options.target_fps
        if options.initiation_cycles is not None:
            fps = self.clock_mhz * 1e6 / options.initiation_cycles
        made = explore_graph(self.streamed, self.device, clock_mhz=self.clock_mhz, target_fps=fps).foldings
        return foldings_of(options.folding, self.streamed, made) if options.folding else made

    @cached_property
    def program(self) -> Dataflow:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The actors with their channels: what the Verilog says."""
        placed = Place(self.device, self.clock_mhz, self.foldings, self.share)(self.streamed)
        return streams.check(Buffer()(replace(placed, name=self.name)))

    @cached_property
    def timetable(self) -> Timetable:
        """When everything happens, in cycles."""
        return timetable(self.program)

    def estimate(self) -> Any:
        """Predicted area; initiation and latency computed from the schedules."""
        found, times = predict_stream(self.program, self.device), self.timetable
        layers: dict[str, Area] = {}
        for node in self.program.nodes:
            area = found.actors.get(node.name, Area()) + found.channels.get(node.name, Area())
            layers[node.origin.layer] = layers.get(node.origin.layer, Area()) + area
        return StreamEstimate(
            found.luts, found.ffs, found.carries, found.dsps, -(-found.bram18s // 2), found.urams,
            times.initiation_cycles, times.latency_cycles, self.clock_mhz, 1000.0 / self._slowest_ns(),
            times.bottleneck, layers,
        )  # fmt: skip

    def _slowest_ns(self) -> float:
        """The longest modelled path in any netlist of an actor."""
        held = [(n.op.dot if isinstance(n.op, MatVec) else None, streams.tail_of(n.op)) for n in self.program.nodes]
        netlists = {netlist for pair in held for netlist in pair if netlist is not None}
        return max((critical_ns(n, self.device) for n in netlists), default=self.device.fabric.register_ns)

    def run_program(self, codes: list[IntArray]) -> list[IntArray]:
        """What the actors compute of input codes (frames, *shape)."""
        return streams.run(self.program, codes)

    def frame_ends(self, frames: int) -> list[int]:
        """The cycle in which the last word of each frame leaves, by the timetable."""
        found = timetable(self.program, frames)
        return [max(ends[f] for ends in found.ends) for f in range(frames)]

    def emit(self, *, vectors: int = 0, primitives: bool = False) -> StreamEmitted:
        """The Verilog files as text, with a self-checking bench when `vectors` > 0 (frames)."""
        from bitwright.backends.verilog.stream import emit_stream

        golden = None
        if vectors:
            codes = random_codes(self.graph, vectors, self.options.seed)
            golden = (codes, streams.run(self.program, codes))
        return emit_stream(self.program, name=self.name, vectors=golden, header=self.header, primitives=primitives)

    def texts(self) -> dict[str, str]:
        """The program as text, and the folding."""
        return {"programs/dataflow.txt": streams.show(self.program), "folding.json": foldings_to_json(self.foldings)}

    def report(self, **facts: Any) -> Report:
        """One record of all that is known, with the actors in time."""
        from bitwright.report import ScheduleRow

        found = self.timetable
        rows = [
            ScheduleRow(name=a.name, first_cycle=a.first_cycle, last_cycle=a.last_cycle, busy=found.busy(a))
            for a in found.actors
        ]
        return super().report(schedule=rows, **facts)
