"""`StreamDesign`: a network as a streaming dataflow of folded layers, and its verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bitwright.core.errors import Unsupported
from bitwright.cost import Area
from bitwright.cost.actors import predict_stream
from bitwright.cost.predict import critical_ns
from bitwright.cost.timetable import Timetable, timetable
from bitwright.explore import explore_graph
from bitwright.flow.framed import Framed
from bitwright.flow.reloading import memory_words, needs_words, reloaded, same_map, with_graph
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
    from bitwright.backends.verilog.stream import ControlMap, StreamEmitted
    from bitwright.flow.streams import StreamRun
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
    def placed(self) -> Dataflow:
        """The actors, their channels without depths."""
        made = Place(self.device, self.clock_mhz, self.foldings, self.share)(self.streamed)
        return replace(made, name=self.name)

    @cached_property
    def program(self) -> Dataflow:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The actors with their channels: what the Verilog says."""
        return streams.check(Buffer()(self.placed))

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
        ops = [node.op for node in self.program.nodes]
        held = [(streams.kernel_of(op) if isinstance(op, MatVec) else None, streams.tail_of(op)) for op in ops]
        netlists = {netlist for pair in held for netlist in pair if netlist is not None}
        inside = (getattr(n.op, part, None) for n in self.program.nodes for part in ("dot", "step"))
        netlists |= {netlist for netlist in inside if netlist is not None}
        return max((critical_ns(n, self.device) for n in netlists), default=self.device.fabric.register_ns)

    def run_program(self, codes: list[IntArray]) -> list[IntArray]:
        """What the actors compute of input codes (frames, *shape)."""
        return streams.run(self.program, codes)

    def frame_ends(self, frames: int) -> list[int]:
        """The cycle in which the last word of each frame leaves, by the timetable."""
        found = timetable(self.program, frames)
        return [max(ends[f] for ends in found.ends) for f in range(frames)]

    def emit(self, *, vectors: int = 0, primitives: bool = False) -> StreamEmitted:
        """The Verilog files as text, with a self-checking bench when `vectors` > 0 (frames).

        Weights in UltraRAM are not there before they are written, which that bench does not do: then there is none.
        """
        from bitwright.backends.verilog.stream import control_map, emit_stream

        golden = None
        if vectors and not any(needs_words(self.program, m) for m in control_map(self.program).memories):
            codes = random_codes(self.graph, vectors, self.options.seed)
            golden = (codes, streams.run(self.program, codes))
        return emit_stream(self.program, name=self.name, vectors=golden, header=self.header, primitives=primitives)

    def registers(self) -> dict[str, Any]:
        """What `registers.json` says: the registers and memories behind AXI4-Lite, and where they lie.

        Raises `Unsupported` for a design without memories that can be written.
        """
        return self._control().record()

    def _control(self) -> ControlMap:
        from bitwright.backends.verilog.stream import control_map

        found = control_map(self.program)
        if not found.memories:
            raise Unsupported(
                "no memory can be written", where=self.name, remedy="name layers: compile(..., writable=['fc1'])"
            )
        return found

    def words_of(self, layer: str, weights: IntArray) -> list[int]:
        """The words of the memory of a layer's weights that hold `weights`, integer codes in the graph's layout.

        Where inputs and weights are bits the thresholds depend on the weights: `with_weights` has all memories.
        Raises `ConfigError`, `InvalidProgram` or `InvalidValue` naming the layer.
        """
        made = self.with_weights({layer: weights})
        name = next(m.name for m in self._control().memories if layer in (m.layer, m.name.rpartition(".")[0]))
        return made.memory_words()[name]

    def memory_words(self) -> dict[str, list[int]]:
        """What every memory that can be written is to hold for this design's numbers: words by the memory's name."""
        return memory_words(self.program)

    def with_weights(
        self, weights: Mapping[str, IntArray], biases: Mapping[str, IntArray] | None = None
    ) -> StreamDesign:
        """The same hardware with other numbers: integer codes by layer, in the graph's layout, maps as they are.

        Its `memory_words` are what is to be written, and it computes what the hardware then does. Raises `ConfigError`,
        `InvalidProgram` or `InvalidValue` naming the layer, for numbers outside the declared formats among others.
        """
        source, graph = reloaded(self, weights, biases or {})
        return self._refilled(source=source, graph=graph, model=None)

    def with_model(self, model: Any) -> StreamDesign:
        """The same hardware with the numbers of another model of the same layers, trained anew for instance.

        Raises `Unsupported` naming the layer where the two differ in anything that is not in a memory.
        """
        from bitwright.flow.importing import graphs_of, imported

        options = replace(self.options, name=self.name)
        other = graphs_of(imported(model, options), options)
        read, reading = other.read, other.read.reading
        return self._refilled(
            source=reading.graph, graph=other.graph, model=read.truth, origin=read.origin, findings=reading.findings
        )

    def _refilled(self, **changed: Any) -> StreamDesign:
        """This hardware with another graph, of which only numbers in memories differ."""
        made = replace(self, **changed, measured=None, certificate=None)
        # What is built stays: the folding, and the program but for what its memories hold.
        made.__dict__["foldings"] = self.foldings
        made.__dict__["program"] = streams.check(with_graph(self, made.streamed))
        return made

    def simulate_reload(
        self, codes: Sequence[IntArray], other: StreamDesign, *, pauses: int | None = None, workdir: Path | None = None
    ) -> StreamRun:
        """This design's RTL on `codes` after the words of `other` were written over AXI4-Lite."""
        from bitwright.flow.streams import StreamBatch

        same_map([self, other])
        sink = None if pauses is None else pauses + 1
        with (
            TemporaryDirectory(prefix="bitwright-") as scratch,
            StreamBatch([self.program], workdir=workdir or Path(scratch), frames=len(codes[0])) as batch,
        ):
            batch.load(0, other.memory_words())
            return batch.run([self._shaped(codes)], source_ready=pauses, sink_ready=sink)[0]

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
