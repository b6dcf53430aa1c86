"""`StreamDesign`: a network as a streaming dataflow of folded layers, and its verbs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import bitwright
from bitwright.core.errors import Mismatch
from bitwright.core.files import inside, sha256, write_atomic
from bitwright.core.progress import Progress, Silent
from bitwright.cost import Area
from bitwright.cost.actors import predict_stream
from bitwright.cost.predict import critical_ns
from bitwright.cost.timetable import Timetable, timetable
from bitwright.explore import explore_graph
from bitwright.flow.compiled import Batch
from bitwright.flow.shared import Shared
from bitwright.flow.vectors import random_codes
from bitwright.ir import dataflow as streams
from bitwright.ir import graph as graphs
from bitwright.ir.certificate import Certificate, Comparison
from bitwright.ir.dataflow import Dataflow
from bitwright.ir.dataflow.ops import MatVec
from bitwright.ir.graph import Graph
from bitwright.numeric import IntArray
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Place, Recode, foldings_of, foldings_to_json

if TYPE_CHECKING:
    from bitwright.backends.verilog.stream import StreamEmitted
    from bitwright.flow.streams import StreamRun
    from bitwright.report import Report
    from bitwright.toolchain import Synthesis

__all__ = ["StreamDesign", "StreamEstimate"]

_MOST_CYCLES = 2_000_000
_MOST_FRAMES = 32


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


@dataclass
class StreamDesign(Shared):
    """A network as actors between channels: one streaming unit per layer, folded as its options say.

    `foldings` by node name of `streamed`: the optimum of `bitwright.explore` for the pace that was asked for (without
    one: for the highest pace that fits on the device), `folding` of the options over it.
    """

    @cached_property
    def streamed(self) -> Graph:
        """The graph as it is laid out: two-valued tensors are bits."""
        return graphs.check(Recode()(self.graph))

    @cached_property
    def foldings(self) -> Mapping[str, Folding]:
        """How each layer is folded."""
        options, fps = self.options, self.options.target_fps
        if options.initiation_cycles is not None:
            fps = self.clock_mhz * 1e6 / options.initiation_cycles
        made = explore_graph(self.streamed, self.device, clock_mhz=self.clock_mhz, target_fps=fps).foldings
        return foldings_of(options.folding, self.streamed, made) if options.folding else made

    @cached_property
    def program(self) -> Dataflow:
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

    def emit(self, *, vectors: int = 0, primitives: bool = False) -> StreamEmitted:
        """The Verilog files as text, with a self-checking bench when `vectors` > 0 (frames)."""
        from bitwright.backends.verilog.stream import emit_stream

        golden = None
        if vectors:
            codes = random_codes(self.graph, vectors, self.options.seed)
            golden = (codes, streams.run(self.program, codes))
        return emit_stream(self.program, name=self.name, vectors=golden, header=_header(self), primitives=primitives)

    def verify(
        self, x: Batch | None = None, *, rtl: bool = True, workdir: str | Path | None = None,
        float64: bool | None = None, progress: Progress | None = None, netlist: bool = True,
    ) -> Certificate:  # fmt: skip
        """Keras = graph = dataflow = simulated RTL, with the cycles that were computed, always ready and under pauses.

        Keras and graph meet on all vectors; a few of each kind go through the actors and the RTL, frame after
        frame, as long as that stays below two million cycles. netlist: False stops at the integer graph. Raises
        `Mismatch` naming the first difference.
        """
        from bitwright.flow.verification import vector_sets, verify

        listener = progress or Silent()
        told = verify(self, x, rtl=False, workdir=None, progress=listener, float64=float64, netlist=False)
        if not netlist:
            self.certificate = told
            return told
        count = max(2, min(_MOST_FRAMES, _MOST_CYCLES // max(self.timetable.initiation_cycles, 1)) // 3)
        sets = [(label, [c[:count] for c in codes]) for label, _, codes in vector_sets(self, x)]
        rows = [row for label, codes in sets for row in _same_codes(self, label, codes, listener)]
        if rtl:
            rows += _same_rtl(self, sets, Path(workdir) if workdir else None, listener)
        self.certificate = told.compared(tuple(rows))
        return self.certificate

    def simulate(
        self, codes: Sequence[IntArray], *, pauses: int | None = None, workdir: Path | None = None
    ) -> StreamRun:  # fmt: skip
        """The RTL on input codes (frames, *shape), back to back; `pauses`: the seed of random ones on both ends."""
        from bitwright.flow.streams import simulate_stream

        with TemporaryDirectory(prefix="bitwright-") as scratch:
            return simulate_stream(
                self.program, codes, workdir=workdir or Path(scratch), source_ready=pauses,
                sink_ready=None if pauses is None else pauses + 1,
            )  # fmt: skip

    def synthesize(
        self, *, workdir: str | Path | None = None, timeout_s: float = 3600.0, progress: Progress | None = None,
        primitives: bool | None = None, flatten: bool = True,
    ) -> Synthesis:  # fmt: skip
        """Area measured by yosys for the device's family; `flatten=False` keeps the figures of each module."""
        from bitwright.toolchain import has_sum_cells
        from bitwright.toolchain import synthesize as run_synthesis

        family = self.device.fabric.family
        emitted = self.emit(primitives=has_sum_cells(family) if primitives is None else primitives)
        with TemporaryDirectory(prefix="bitwright-") as scratch:
            folder = Path(workdir) if workdir else Path(scratch)
            for name, text in emitted.files.items():
                write_atomic(inside(folder, name), text)
            sources = [folder / s for s in (*emitted.sources, *emitted.images)]
            self.measured = run_synthesis(
                sources, emitted.top, workdir=folder, family=family, timeout_s=timeout_s, flatten=flatten,
                progress=progress or Silent(),
            )  # fmt: skip
        return self.measured

    def report(self, **facts: Any) -> Report:
        """One record of all that is known, with the actors in time."""
        from bitwright.report import ScheduleRow

        found = self.timetable
        rows = [
            ScheduleRow(name=a.name, first_cycle=a.first_cycle, last_cycle=a.last_cycle, busy=found.busy(a))
            for a in found.actors
        ]
        return super().report(schedule=rows, **facts)

    def write(self, folder: str | Path, *, vectors: int = 4, primitives: bool = False) -> Path:
        """Write rtl/, tb/, programs/, reports/, folding.json and manifest.json into `folder`; returns it."""
        root = Path(folder)
        emitted = self.emit(vectors=vectors, primitives=primitives)
        texts = {
            **emitted.files,
            "programs/graph.txt": graphs.show(self.graph),
            "programs/dataflow.txt": streams.show(self.program),
            "folding.json": foldings_to_json(self.foldings),
        }
        if self.certificate is not None:
            texts["reports/certificate.json"] = self.certificate.to_json()
        written = [write_atomic(inside(root, name), text) for name, text in texts.items()]
        write_atomic(inside(root, "manifest.json"), _manifest(self, root, written))
        return root


def _header(design: StreamDesign) -> str:
    return (
        f"{design.name}: written by bitwright {bitwright.__version__} for {design.options.device} at"
        f" {design.clock_mhz:g} MHz; graph {design.graph.digest()[:16]}"
    )


def _manifest(design: StreamDesign, folder: Path, written: list[Path]) -> str:
    root, found = folder.resolve(), design.estimate()
    record = {
        "schema": 1,
        "name": design.name,
        "architecture": "dataflow",
        "options": design.options.to_dict(),
        "inputs": [encoder.describe() for encoder in design.encoders],
        "outputs": [{"step": str(d.step.uniform), "head": d.head.value} for d in design.decoders],
        "cycles": asdict(found),
        "graph": design.graph.digest(),
        "dataflow": design.program.digest(),
        "files": {str(p.resolve().relative_to(root)): sha256(p.read_bytes()) for p in sorted(written)},
        "versions": {"bitwright": bitwright.__version__},
    }
    return json.dumps(record, indent=2, sort_keys=True) + "\n"


def _same_codes(design: StreamDesign, label: str, codes: list[IntArray], progress: Progress) -> list[Comparison]:
    """The dataflow level computes what the graph does."""
    progress.step(f"run the dataflow on {len(codes[0])} {label} frames")
    golden = graphs.run(design.graph, codes)
    row = _equal(design, "built graph", "dataflow", label, golden, streams.run(design.program, codes))
    progress.done("equal")
    return [row]


def _same_rtl(
    design: StreamDesign, sets: list[tuple[str, list[IntArray]]], workdir: Path | None, progress: Progress
) -> list[Comparison]:
    """The Verilog does too: always ready (and then in the cycles that were computed), and under random pauses."""
    from bitwright.flow.streams import StreamBatch

    rows: list[Comparison] = []
    most = max(len(codes[0]) for _, codes in sets)
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        progress.step("build the simulation")
        with StreamBatch([design.program], workdir=workdir or Path(scratch), frames=most) as batch:
            progress.done()
            for label, codes in sets:
                golden = graphs.run(design.graph, codes)
                for seed, what in ((None, "always ready"), (design.options.seed + 1, "random pauses")):
                    progress.step(f"simulate {len(codes[0])} {label} frames, {what}")
                    (found,) = batch.run([codes], source_ready=seed, sink_ready=seed)
                    rows.append(_equal(design, "dataflow", f"RTL ({what})", label, golden, found.outputs))
                    if seed is None:
                        _same_cycles(design, found)
                    progress.done(f"equal, latency {found.latency_cycles} cycles")
    return rows


def _equal(
    design: StreamDesign, before: str, after: str, label: str, golden: Sequence[IntArray], found: Sequence[IntArray]
) -> Comparison:
    differing = sum(int((a != b.reshape(a.shape)).sum()) for a, b in zip(golden, found, strict=True))
    if differing:
        raise Mismatch(
            f"{before} and {after} differ in {differing} codes", where=f"{design.name}, {label} frames",
            remedy="compare streams one by one with ir.dataflow.trace; if it stays, report it as a bug",
        )  # fmt: skip
    return Comparison(before, after, label, len(golden[0]), 0)


def _same_cycles(design: StreamDesign, found: StreamRun) -> None:
    """The simulated cycles of each frame are those of the timetable."""
    told = timetable(design.program, found.frames)
    wanted = [max(ends[f] for ends in told.ends) for f in range(found.frames)]
    if found.frame_ends.tolist() != wanted:
        raise Mismatch(
            f"frames end in cycles {found.frame_ends.tolist()[:4]} and not {wanted[:4]}", where=design.name,
            remedy="report it as a bug",
        )  # fmt: skip
