"""`EngineDesign`: a network as a program for one time-shared unit, and its verbs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import bitwright
from bitwright.core.errors import Mismatch
from bitwright.core.files import inside, sha256, write_atomic
from bitwright.core.progress import Progress, Silent
from bitwright.flow.compiled import Batch
from bitwright.flow.shared import Shared
from bitwright.ir import engine as engines
from bitwright.ir import graph as graphs
from bitwright.ir.certificate import Certificate, Comparison
from bitwright.ir.engine import Cycles, Engine
from bitwright.ir.graph import Graph
from bitwright.numeric import IntArray
from bitwright.passes.engine import ScheduleEngine
from bitwright.passes.streaming import Recode

if TYPE_CHECKING:
    from bitwright.backends.verilog.stream import StreamEmitted
    from bitwright.flow.streams import StreamRun
    from bitwright.toolchain import Synthesis

__all__ = ["EngineDesign", "EngineEstimate"]

_MOST_CYCLES = 2_000_000
_MOST_FRAMES = 16


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


class EngineDesign(Shared):
    """A network whose layers one unit of `engine_lanes` x `engine_lanes` products executes one after the other."""

    @cached_property
    def scheduled(self) -> Graph:
        """The graph as it is scheduled: two-valued tensors are bits."""
        return graphs.check(Recode()(self.graph))

    @cached_property
    def program(self) -> Engine:
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

    def emit(self, *, primitives: bool = False) -> StreamEmitted:
        """The Verilog files and memory images as text."""
        from bitwright.backends.verilog.engine import emit_engine

        header = (
            f"{self.name}: written by bitwright {bitwright.__version__} for {self.options.device} at"
            f" {self.clock_mhz:g} MHz; graph {self.graph.digest()[:16]}"
        )
        return emit_engine(self.program, name=self.name, header=header, primitives=primitives)

    def verify(
        self, x: Batch | None = None, *, rtl: bool = True, workdir: str | Path | None = None,
        float64: bool | None = None, progress: Progress | None = None, netlist: bool = True,
    ) -> Certificate:  # fmt: skip
        """Keras = graph = engine = simulated RTL, with the cycles that were computed, always ready and under pauses.

        Keras and graph meet on all vectors; a few of each kind go through the engine and the RTL, as long as that
        stays below two million cycles. netlist: False stops at the integer graph. Raises `Mismatch` naming the
        first difference.
        """
        from bitwright.flow.verification import vector_sets, verify

        listener = progress or Silent()
        told = verify(self, x, rtl=False, workdir=None, progress=listener, float64=float64, netlist=False)
        if netlist:
            count = max(2, min(_MOST_FRAMES, _MOST_CYCLES // self.cycles.initiation_cycles) // 3)
            sets = [(label, [c[:count] for c in codes]) for label, _, codes in vector_sets(self, x)]
            rows = [_equal(self, "built graph", "engine", s, engines.run(self.program, s[1])) for s in sets]
            rows += _same_rtl(self, sets, Path(workdir) if workdir else None, listener) if rtl else []
            told = told.compared(tuple(rows))
        self.certificate = told
        return told

    def simulate(
        self, codes: Sequence[IntArray], *, pauses: int | None = None, workdir: Path | None = None
    ) -> StreamRun:  # fmt: skip
        """The RTL on input codes (frames, *shape), back to back; `pauses`: the seed of random ones on both ends."""
        from bitwright.flow.streams import StreamBatch

        with TemporaryDirectory(prefix="bitwright-") as scratch:
            folder, frames = workdir or Path(scratch), len(codes[0])
            with StreamBatch([self.program], workdir=folder, frames=frames) as batch:
                sink = None if pauses is None else pauses + 1
                return batch.run([_shaped(self.program, codes)], source_ready=pauses, sink_ready=sink)[0]

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

    def write(self, folder: str | Path, *, primitives: bool = False) -> Path:
        """Write rtl/, programs/, reports/ and manifest.json into `folder`; returns it."""
        root = Path(folder)
        texts = {
            **self.emit(primitives=primitives).files,
            "programs/graph.txt": graphs.show(self.graph),
            "programs/engine.txt": engines.show(self.program),
        }
        if self.certificate is not None:
            texts["reports/certificate.json"] = self.certificate.to_json()
        written = [write_atomic(inside(root, name), text) for name, text in texts.items()]
        write_atomic(inside(root, "manifest.json"), _manifest(self, root, written))
        return root


def _manifest(design: EngineDesign, folder: Path, written: list[Path]) -> str:
    root = folder.resolve()
    record = {
        "schema": 1,
        "name": design.name,
        "architecture": "engine",
        "options": design.options.to_dict(),
        "inputs": [encoder.describe() for encoder in design.encoders],
        "outputs": [{"step": str(d.step.uniform), "head": d.head.value} for d in design.decoders],
        "cycles": asdict(design.estimate()),
        "graph": design.graph.digest(),
        "engine": design.program.digest(),
        "files": {str(p.resolve().relative_to(root)): sha256(p.read_bytes()) for p in sorted(written)},
        "versions": {"bitwright": bitwright.__version__},
    }
    return json.dumps(record, indent=2, sort_keys=True) + "\n"


def _shaped(program: Engine, codes: Sequence[IntArray]) -> list[IntArray]:
    """Frames in the shapes of their regions."""
    return [c.reshape(len(c), *node.type.shape) for c, node in zip(codes, program.inputs, strict=True)]


def _equal(
    design: EngineDesign, before: str, after: str, given: tuple[str, list[IntArray]], found: Sequence[IntArray]
) -> Comparison:
    label, codes = given
    golden = graphs.run(design.graph, codes)
    differing = sum(int((a != b.reshape(a.shape)).sum()) for a, b in zip(golden, found, strict=True))
    if differing:
        raise Mismatch(
            f"{before} and {after} differ in {differing} codes", where=f"{design.name}, {label} frames",
            remedy="report it as a bug",
        )  # fmt: skip
    return Comparison(before, after, label, len(golden[0]), 0)


def _same_rtl(
    design: EngineDesign, sets: list[tuple[str, list[IntArray]]], workdir: Path | None, progress: Progress
) -> list[Comparison]:
    """The Verilog computes the same: always ready (and then in the cycles that were computed), and under pauses."""
    from bitwright.flow.streams import StreamBatch

    rows: list[Comparison] = []
    most = max(len(codes[0]) for _, codes in sets)
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        progress.step("build the simulation")
        with StreamBatch([design.program], workdir=workdir or Path(scratch), frames=most) as batch:
            progress.done()
            for label, codes in sets:
                for seed, what in ((None, "always ready"), (design.options.seed + 1, "random pauses")):
                    progress.step(f"simulate {len(codes[0])} {label} frames, {what}")
                    (found,) = batch.run([_shaped(design.program, codes)], source_ready=seed, sink_ready=seed)
                    rows.append(_equal(design, "engine", f"RTL ({what})", (label, codes), found.outputs))
                    if seed is None:
                        _same_cycles(design, found)
                    progress.done(f"equal, latency {found.latency_cycles} cycles")
    return rows


def _same_cycles(design: EngineDesign, found: StreamRun) -> None:
    """The simulated cycles of each frame are those that were computed."""
    told = design.cycles
    wanted = [told.latency_cycles + frame * told.initiation_cycles for frame in range(found.frames)]
    if found.frame_ends.tolist() != wanted:
        raise Mismatch(
            f"frames end in cycles {found.frame_ends.tolist()[:4]} and not {wanted[:4]}", where=design.name,
            remedy="report it as a bug",
        )  # fmt: skip
