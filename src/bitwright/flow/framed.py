"""`Framed`: what designs share that take a frame word by word, over AXI4-Stream and in many cycles."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

import bitwright
from bitwright.core.errors import Mismatch, Unsupported
from bitwright.core.files import inside, sha256, write_atomic
from bitwright.core.progress import Progress, Silent
from bitwright.flow.compiled import Batch
from bitwright.flow.shared import Shared
from bitwright.ir import graph as graphs
from bitwright.ir.certificate import Certificate, Comparison
from bitwright.numeric import IntArray

if TYPE_CHECKING:
    from bitwright.backends.verilog.stream import StreamEmitted
    from bitwright.flow.hls import Hls
    from bitwright.flow.streams import StreamRun
    from bitwright.ir.dataflow import Dataflow
    from bitwright.ir.engine import Engine
    from bitwright.toolchain import Synthesis

__all__ = ["Framed"]

_MOST_CYCLES = 2_000_000
_MOST_FRAMES = 32


class Framed(Shared):
    """A network that hardware executes frame after frame; `level` is what its program is called.

    A subclass says what the program is, what it computes (`run_program`), when frames end (`frame_ends`), and emits it.
    """

    level: ClassVar[str]
    program: Dataflow | Engine

    @abstractmethod
    def run_program(self, codes: list[IntArray]) -> list[IntArray]:
        """What the program computes of input codes (frames, *shape)."""

    @abstractmethod
    def frame_ends(self, frames: int) -> list[int]:
        """The cycle in which the last word of each frame leaves, computed, with frames back to back."""

    @abstractmethod
    def emit(self, *, vectors: int = 0, primitives: bool = False) -> StreamEmitted:
        """The Verilog files as text, with a self-checking bench for so many frames where there is one."""

    @abstractmethod
    def texts(self) -> dict[str, str]:
        """Files about the program beside the Verilog: path to text."""

    def blobs(self, emitted: StreamEmitted) -> dict[str, bytes]:
        """Files that are no text: path to content."""
        return {}

    def told(self, emitted: StreamEmitted) -> dict[str, Any]:
        """What the manifest says beyond what every level's does."""
        return {}

    def memory_words(self) -> dict[str, list[int]]:
        """What every memory that can be written is to hold: words by the memory's name; here there are none."""
        return {}

    @property
    def header(self) -> str:
        """What stands at the head of every file."""
        return (
            f"{self.name}: written by bitwright {bitwright.__version__} for {self.options.device} at"
            f" {self.clock_mhz:g} MHz; graph {self.graph.digest()[:16]}"
        )

    def verify(
        self, x: Batch | None = None, *, rtl: bool = True, workdir: str | Path | None = None,
        float64: bool | None = None, progress: Progress | None = None, netlist: bool = True,
    ) -> Certificate:  # fmt: skip
        """Keras = graph = program = simulated RTL, with the cycles that were computed, always ready and under pauses.

        Keras and graph meet on all vectors; a few of each kind go through the program and the RTL, frame after
        frame, as long as that stays below two million cycles. netlist: False stops at the integer graph. Raises
        `Mismatch` naming the first difference.
        """
        from bitwright.flow.verification import vector_sets, verify

        listener = progress or Silent()
        told = verify(self, x, rtl=False, workdir=None, progress=listener, float64=float64, netlist=False)
        if netlist:
            ends = self.frame_ends(2)
            count = max(2, min(_MOST_FRAMES, _MOST_CYCLES // max(ends[1] - ends[0], 1)) // 3)
            sets = [(label, [c[:count] for c in codes]) for label, _, codes in vector_sets(self, x)]
            rows = [self._same_codes(label, codes, listener) for label, codes in sets]
            rows += self._same_rtl(sets, Path(workdir) if workdir else None, listener) if rtl else []
            told = told.compared(tuple(rows))
        self.certificate = told
        return told

    def _same_codes(self, label: str, codes: list[IntArray], progress: Progress) -> Comparison:
        """The program computes what the graph does."""
        progress.step(f"run the {self.level} on {len(codes[0])} {label} frames")
        row = self._equal("built graph", self.level, label, graphs.run(self.graph, codes), self.run_program(codes))
        progress.done("equal")
        return row

    def _same_rtl(
        self, sets: list[tuple[str, list[IntArray]]], workdir: Path | None, progress: Progress
    ) -> list[Comparison]:
        """The Verilog does too: always ready (and then in the cycles that were computed), and under random pauses."""
        from bitwright.flow.streams import StreamBatch

        rows: list[Comparison] = []
        most = max(len(codes[0]) for _, codes in sets)
        with TemporaryDirectory(prefix="bitwright-") as scratch:
            progress.step("build the simulation")
            with StreamBatch([self.program], workdir=workdir or Path(scratch), frames=most) as batch:
                progress.done()
                for label, codes in sets:
                    golden = graphs.run(self.graph, codes)
                    for seed, what in ((None, "always ready"), (self.options.seed + 1, "random pauses")):
                        progress.step(f"simulate {len(codes[0])} {label} frames, {what}")
                        (found,) = batch.run(
                            [self._shaped(codes)], source_ready=seed, sink_ready=seed, memory_ready=seed
                        )
                        rows.append(self._equal(self.level, f"RTL ({what})", label, golden, found.outputs))
                        if seed is None:
                            self._same_cycles(found)
                        progress.done(f"equal, latency {found.latency_cycles} cycles")
        return rows

    def _shaped(self, codes: Sequence[IntArray]) -> list[IntArray]:
        """Frames in the shapes of the program's inputs."""
        return [c.reshape(len(c), *node.type.shape) for c, node in zip(codes, self.program.inputs, strict=True)]

    def _equal(
        self, before: str, after: str, label: str, golden: Sequence[IntArray], found: Sequence[IntArray]
    ) -> Comparison:
        differing = sum(int((a != b.reshape(a.shape)).sum()) for a, b in zip(golden, found, strict=True))
        if differing:
            raise Mismatch(
                f"{before} and {after} differ in {differing} codes", where=f"{self.name}, {label} frames",
                remedy="compare values one by one with the level's trace; if it stays, report it as a bug",
            )  # fmt: skip
        return Comparison(before, after, label, len(golden[0]), 0)

    def _same_cycles(self, found: StreamRun) -> None:
        """The simulated cycles of each frame are those that were computed."""
        wanted = self.frame_ends(found.frames)
        if found.frame_ends.tolist() != wanted:
            raise Mismatch(
                f"frames end in cycles {found.frame_ends.tolist()[:4]} and not {wanted[:4]}", where=self.name,
                remedy="report it as a bug",
            )  # fmt: skip

    def simulate(
        self, codes: Sequence[IntArray], *, pauses: int | None = None, workdir: Path | None = None
    ) -> StreamRun:
        """The RTL on input codes (frames, *shape), back to back; `pauses`: the seed of random ones on both ends."""
        from bitwright.flow.streams import StreamBatch

        sink = None if pauses is None else pauses + 1
        with TemporaryDirectory(prefix="bitwright-") as scratch:
            folder, frames = workdir or Path(scratch), len(codes[0])
            with StreamBatch([self.program], workdir=folder, frames=frames) as batch:
                return batch.run([self._shaped(codes)], source_ready=pauses, sink_ready=sink)[0]

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

    def prove(self, *_: Any, **__: Any) -> Certificate:
        """Refused: proofs are of the parallel architecture's modules."""
        raise self._unknown("proofs of neurons", "use verify()")

    def diff(self, *_: Any, **__: Any) -> str | None:
        """Refused: `verify` names the first level that differs."""
        raise self._unknown("a comparison word by word", "use verify(), or diff of the parallel design")

    def _unknown(self, what: str, remedy: str) -> Unsupported:
        return Unsupported(what, where=f"{self.name}, architecture {self.level!r}", remedy=remedy)

    def write(
        self, folder: str | Path, *, vectors: int = 4, primitives: bool = False, projects: Sequence[str] = (),
        hls: Hls | str = "", emulator: bool = False,
    ) -> Path:  # fmt: skip
        """Write rtl/, programs/, reports/, manifest.json and what the level has more into `folder`; returns it.

        projects: tools and boards to write files for, such as "vivado" or "quartus=5CSEBA6U23I7" (with a part).
        hls: HLS C++ too, a vendor's name or `Hls`. emulator: the network as one C++ header too, all weights in it.
        """
        from bitwright.flow.emulators import emulator_texts
        from bitwright.flow.hls import hls_texts
        from bitwright.flow.projects import checked_projects, described_frames, project_files

        root = Path(folder)
        checked_projects(projects)
        emitted = self.emit(vectors=vectors, primitives=primitives)
        texts = {**emitted.files, "programs/graph.txt": graphs.show(self.graph), **self.texts()}
        registers = json.loads(texts.get("registers.json", "{}"))
        block = described_frames(self, emitted, vectors=max(vectors, 1) if projects else 0, registers=registers)
        files, used = project_files(self, block, projects)
        beside = [hls_texts(self, hls, vectors=max(vectors, 1)), *([emulator_texts(self)] if emulator else [])]
        for more, told in beside:
            files, used = files | more, used | told
        texts |= files
        if self.certificate is not None:
            texts["reports/certificate.json"] = self.certificate.to_json()
        contents: dict[str, str | bytes] = {**texts, **self.blobs(emitted)}
        written = [write_atomic(inside(root, name), content) for name, content in contents.items()]
        write_atomic(inside(root, "manifest.json"), self._manifest(root, written, {**self.told(emitted), **used}))
        return root

    def _manifest(self, folder: Path, written: list[Path], told: dict[str, Any]) -> str:
        root, found = folder.resolve(), self.estimate()
        record: dict[str, Any] = {
            "schema": 1,
            "name": self.name,
            "architecture": self.level,
            "options": self.options.to_dict(),
            "inputs": [encoder.describe() for encoder in self.encoders],
            "outputs": [{"step": str(d.step.uniform), "head": d.head.value} for d in self.decoders],
            "cycles": asdict(found),
            "graph": self.graph.digest(),
            self.level: self.program.digest(),
            "files": {str(p.resolve().relative_to(root)): sha256(p.read_bytes()) for p in sorted(written)},
            "versions": {"bitwright": bitwright.__version__},
            **told,
        }
        return json.dumps(record, indent=2, sort_keys=True) + "\n"
