"""The harness around a streaming design that a simulation from numpy drives: all handshakes happen inside it."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.backends.verilog.printer import module as printed
from bitwright.backends.verilog.stream.control import control_ports
from bitwright.backends.verilog.stream.emit import StreamEmitted, library
from bitwright.backends.verilog.stream.memory import MEMORY, memory_around
from bitwright.backends.verilog.stream.ports import StreamPort
from bitwright.backends.verilog.tree import (
    Assign,
    Binary,
    Expression,
    Instance,
    Item,
    Module,
    Net,
    PortDeclaration,
    Ref,
    Unary,
)

__all__ = ["StreamHarness", "stream_harness"]

_FEED = "bw_bench_feed"
_PINS = ("tdata", "tvalid", "tready", "tlast")


@dataclass(frozen=True, slots=True)
class StreamHarness:
    """The module `top` around a design: its files beside the design's, and its ports (name, width) without `clk`."""

    top: str
    files: dict[str, str]
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[tuple[str, int], ...]


def stream_harness(design: StreamEmitted, frames: int) -> StreamHarness:
    """The module `<top>_harness`: sources with memories of so many frames around the design, everything else outside.

    Inputs: `rst`; per source `<prefix>_load` (write `<prefix>_data` to place `<prefix>_place`), `<prefix>_beats`
    (how many to send) and `<prefix>_offer` (a beat may be offered in this cycle); per sink `<prefix>_tready`.
    Outputs, beside what the control port has if there is one: per source `<prefix>_sent`, per sink `<prefix>_taken`,
    `<prefix>_tlast` and `<prefix>_tdata`. Beside a design with external memory stands a model of it that holds its
    image: inputs `memory_accepts` and `memory_answers` (addresses, beats), output `memory_wrong` (a burst that AXI4
    forbids, or beyond the image; an answer with an error).
    """
    made = _module(design, frames)
    sides = {
        side: tuple((p.name, p.width) for p in made.ports if p.direction == side and p.name != "clk")
        for side in ("input", "output")
    }
    files = {f"tb/{made.name}.v": printed(made)} | library("tb", _FEED)
    if design.memory:
        files |= library("tb", MEMORY) | {f"tb/{design.top}_memory.hex": design.memory.hex_lines()}
    return StreamHarness(made.name, files, sides["input"], sides["output"])


def _module(design: StreamEmitted, frames: int) -> Module:
    top = design.top
    heads = [PortDeclaration("input", "wire", control, 1) for control in ("clk", "rst")]
    items: list[Item] = []
    joined: list[tuple[str, Expression]] = [("aclk", Ref("clk")), ("aresetn", Unary("~", Ref("rst")))]
    for port in design.ports:
        joined += [(f"{port.prefix}_{pin}", Ref(f"{port.prefix}_{pin}")) for pin in _PINS]
        items += _fed(port, frames * port.words) if port.direction == "input" else _taken(port)
        heads += _heads(port, frames * port.words)
    control = control_ports(design.control)
    heads += control
    joined += [(p.name, Ref(p.name)) for p in control]
    if design.memory:
        heads += [PortDeclaration("input", "wire", f"memory_{pin}", 1) for pin in ("accepts", "answers")]
        heads.append(PortDeclaration("output", "wire", "memory_wrong", 1))
        made, pins = memory_around(design.memory, top, Ref("rst"), Ref("memory_accepts"), Ref("memory_answers"))
        items += [*made, Assign(Ref("memory_wrong"), Ref("wrong"))]
        joined += pins
    items.append(Instance(top, "dut", tuple(joined)))
    return Module(f"{top}_harness", f"{top} between sources with memories and open sinks.", tuple(heads), tuple(items))


def _heads(port: StreamPort, capacity: int) -> list[PortDeclaration]:
    bits = capacity.bit_length()
    ends = {
        "input": (("load", 1), ("place", bits), ("data", port.data_bits), ("beats", bits), ("offer", 1)),
        "output": (("tready", 1),),
    }[port.direction]
    told = {
        "input": (("sent", 1),),
        "output": (("taken", 1), ("tlast", 1), ("tdata", port.data_bits)),
    }[port.direction]
    heads = [PortDeclaration("input", "wire", f"{port.prefix}_{n}", width) for n, width in ends]
    return heads + [PortDeclaration("output", "wire", f"{port.prefix}_{n}", width) for n, width in told]


def _fed(port: StreamPort, capacity: int) -> list[Item]:
    own = ("load", "place", "data", "beats", "offer", "sent", *_PINS)
    nets: list[Item] = [Net("wire", f"{port.prefix}_{p}", port.data_bits if p == "tdata" else 1) for p in _PINS]
    joined = (("clk", Ref("clk")), ("rst", Ref("rst")), *((n, Ref(f"{port.prefix}_{n}")) for n in own))
    sizes = (("BITS", port.data_bits), ("CAPACITY", capacity), ("WORDS", port.words))
    return [*nets, Instance(_FEED, f"{port.prefix}_feed", joined, sizes)]


def _taken(port: StreamPort) -> list[Item]:
    valid = Net("wire", f"{port.prefix}_tvalid", 1)
    both = Binary("&", Ref(f"{port.prefix}_tvalid"), Ref(f"{port.prefix}_tready"))
    return [valid, Assign(Ref(f"{port.prefix}_taken"), both)]
