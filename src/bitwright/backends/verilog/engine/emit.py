"""From an engine program to the files of a design."""

from __future__ import annotations

from collections.abc import Sequence

from bitwright.backends.verilog.engine.outside import image_of
from bitwright.backends.verilog.engine.top import EngineTop
from bitwright.backends.verilog.printer import module as printed
from bitwright.backends.verilog.stream.emit import StreamEmitted, bench, needed
from bitwright.backends.verilog.stream.kernels import Workshop
from bitwright.backends.verilog.stream.ports import StreamPort
from bitwright.core.collector import collector_paused
from bitwright.core.naming import identifier
from bitwright.ir.dataflow import Stream
from bitwright.ir.engine import Engine, Region
from bitwright.ir.netlist import Word
from bitwright.numeric import IntArray, Ints, Steps

__all__ = ["emit_engine"]


@collector_paused()
def emit_engine(
    program: Engine,
    *,
    name: str | None = None,
    vectors: tuple[Sequence[IntArray], Sequence[IntArray]] | None = None,
    header: str = "",
    primitives: bool = False,
) -> StreamEmitted:
    """`program` as Verilog-2005: the top `name` with `s_axis` and `m_axis`, its netlists as modules, memory images.

    A frame's tensors have the shapes (rows, columns, channels) of the program's regions. `vectors` (inputs, outputs;
    int64 (frames, *shape)) add a self-checking bench with random pauses. `header` stands at the head
    of every generated file, `primitives` as in `emit`. The RTL keeps to `ir.engine.cycles`. The same program gives
    the same bytes.
    """
    top = identifier(name or program.name)
    shop = Workshop(header, primitives)
    for taken in (top, f"{top}_tb"):
        shop.claim(taken)
    dot = shop.kernel(program.machine.dot, f"{top}_dot")
    post = shop.kernel(program.machine.post, f"{top}_post")
    first, last = program.inputs[0], program.results[0]
    ports = (
        StreamPort("s_axis", first.name, "input", _stream(first.type)),
        StreamPort("m_axis", last.name, "output", _stream(last.type)),
    )
    building = EngineTop(program, top, dot, post, ports)
    module = building.module()
    rtl = {f"rtl/{top}.v": printed(module, header)} | shop.files | needed([module])
    memory = image_of(program)
    benches = bench(top, ports, vectors, header, memory=memory) if vectors else {}
    return StreamEmitted(
        top=top,
        files=rtl | building.images | benches,
        sources=tuple(rtl),
        images=tuple(building.images),
        benches=tuple(path for path in benches if path.endswith(".v")),
        ports=ports,
        memory=memory,
    )


def _stream(region: Region) -> Stream:
    kept: Word = region.range
    return Stream(region.shape, region.lanes, Ints(kept.low), Ints(kept.high), Steps.of(1))
