"""From a dataflow program to the files of a streaming design."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from bitwright.backends.verilog.bench import Vectors
from bitwright.backends.verilog.printer import module as printed
from bitwright.backends.verilog.stream.bench import bench_files
from bitwright.backends.verilog.stream.document import stream_table
from bitwright.backends.verilog.stream.kernels import Workshop
from bitwright.backends.verilog.stream.memory import MEMORY, MemoryImage
from bitwright.backends.verilog.stream.modules import module_of
from bitwright.backends.verilog.stream.ports import StreamPort, stream_ports
from bitwright.backends.verilog.stream.registers import NO_CONTROL, ControlMap, control_map
from bitwright.backends.verilog.stream.top import top_module
from bitwright.backends.verilog.tree import Instance, Module
from bitwright.core.collector import collector_paused
from bitwright.core.errors import InvalidProgram
from bitwright.core.naming import identifier
from bitwright.ir.dataflow import Dataflow
from bitwright.ir.dataflow.ops import Rearrange, Source
from bitwright.numeric import IntArray

__all__ = ["StreamEmitted", "bench", "emit_stream", "library", "needed"]


@dataclass(frozen=True, slots=True)
class StreamEmitted:
    """The files of a streaming design (relative path to text) and what a tool needs to know about them.

    `sources` are the Verilog files of the top, `images` the memory images that they read by bare name (they lie
    beside the Verilog), `benches` those of the self-checking bench, which also reads `.hex` files beside it. `memory`:
    what a memory behind `m_axi` holds.
    """

    top: str
    files: dict[str, str]
    sources: tuple[str, ...]
    images: tuple[str, ...]
    benches: tuple[str, ...]
    ports: tuple[StreamPort, ...]
    control: ControlMap = NO_CONTROL
    memory: MemoryImage | None = None

    @property
    def inputs(self) -> list[StreamPort]:
        """The streams that come in, in the order of the program's sources."""
        return [port for port in self.ports if port.direction == "input"]

    @property
    def outputs(self) -> list[StreamPort]:
        """The streams that leave, in the order of the program's outputs."""
        return [port for port in self.ports if port.direction == "output"]


def emit_stream(
    program: Dataflow,
    *,
    name: str | None = None,
    vectors: tuple[Sequence[IntArray], Sequence[IntArray]] | None = None,
    header: str = "",
    primitives: bool = False,
) -> StreamEmitted:
    """`program` as Verilog-2005: the top `name` with AXI4-Stream on both ends, and a module for each actor.

    `vectors` (inputs, outputs; int64 (frames, *shape) per stream) add a self-checking bench with random pauses.
    `header` stands at the head of every generated file, `primitives` as in `emit`. The RTL keeps to the cycles of
    `ir.dataflow.schedule`. The same program gives the same bytes. Raises `InvalidProgram` where channels (or
    the memory of a `Rearrange`) have no depth yet.
    """
    with collector_paused():
        return _Emission(_checked(program), identifier(name or program.name), header, primitives).made(vectors)


def _checked(program: Dataflow) -> Dataflow:
    if not program.channels:
        remedy = "run passes.Buffer, which gives every channel its depth"
        raise InvalidProgram("its channels have no depths", where=program.name, remedy=remedy)
    for node in program.nodes:
        if isinstance(node.op, Rearrange) and node.op.depth < 1:
            remedy = "run passes.Buffer, which finds the depth"
            raise InvalidProgram("a memory without a depth", where=f"{program.name}.{node.name}", remedy=remedy)
    return program


class _Emission:
    """One design on its way to files."""

    def __init__(self, program: Dataflow, top: str, header: str, primitives: bool) -> None:
        self.program, self.top, self.header = program, top, header
        self.shop = Workshop(header, primitives)
        for name in (top, f"{top}_tb"):
            self.shop.claim(name)

    def made(self, vectors: tuple[Sequence[IntArray], Sequence[IntArray]] | None) -> StreamEmitted:
        """All files."""
        ports = stream_ports(self.program)
        images: dict[str, str] = {}
        modules: list[Module] = []
        names: list[str] = []
        for node in self.program.nodes:
            if isinstance(node.op, Source):
                names.append("")
                continue
            name = self.shop.claim(f"{self.top}_{identifier(node.name)}")
            actor = module_of(node.op, self.program, node, name, self.shop)
            names.append(actor.module.name)
            modules.append(actor.module)
            images |= actor.images
        control = control_map(self.program)
        modules.insert(0, top_module(self.program, self.top, names, ports, control))
        rtl = {f"rtl/{m.name}.v": printed(m, self.header) for m in modules}
        rtl |= self.shop.files | needed(modules)
        benches = bench(self.top, ports, vectors, self.header, control) if vectors else {}
        table = {"docs/streams.md": stream_table(self.program, self.top, ports)}
        if control.memories:
            table["registers.json"] = json.dumps(control.record(), indent=2) + "\n"
        return StreamEmitted(
            top=self.top,
            files=rtl | images | benches | table,
            sources=tuple(rtl),
            images=tuple(images),
            benches=tuple(path for path in benches if path.endswith(".v")),
            ports=ports,
            control=control,
        )


_BENCH = ("bw_bench_clock", "bw_bench_source", "bw_bench_sink")


def bench(
    top: str,
    ports: Sequence[StreamPort],
    vectors: tuple[Sequence[IntArray], Sequence[IntArray]],
    header: str,
    control: ControlMap = NO_CONTROL,
    memory: MemoryImage | None = None,
) -> dict[str, str]:
    """The self-checking bench of `top` with golden vectors (inputs, outputs), and the modules that it places."""
    golden = Vectors(tuple(vectors[0]), tuple(vectors[1])).checked()
    files = bench_files(top, ports, golden, header, control, memory)
    for part in (*_BENCH, *([MEMORY] if memory else [])):
        files |= library("tb", part)
    return files


_INSTANCE = re.compile(r"^ *(bw_\w+) (?:#\(|u_)", re.MULTILINE)


def needed(modules: Sequence[Module]) -> dict[str, str]:
    """The library modules that `modules` place, and those that these place themselves."""
    wanted = [item.module for m in modules for item in m.items if isinstance(item, Instance)]
    files: dict[str, str] = {}
    while wanted:
        part = wanted.pop()
        if part.startswith("bw_") and f"rtl/{part}.v" not in files:
            files |= library("rtl", part)
            wanted += _INSTANCE.findall(files[f"rtl/{part}.v"])
    return dict(sorted(files.items()))


def library(folder: str, name: str) -> dict[str, str]:
    """A copy of a static module, byte for byte, under `folder`."""
    source = resources.files("bitwright.backends.verilog") / "library" / f"{name}.v"
    return {f"{folder}/{name}.v": source.read_text(encoding="utf-8")}
