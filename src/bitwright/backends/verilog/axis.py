"""The AXI4-Stream top: the pipeline with a clock enable behind the library's handshake."""

from __future__ import annotations

from collections.abc import Sequence

from bitwright.backends.verilog.netlist import sink
from bitwright.backends.verilog.ports import PortBits
from bitwright.backends.verilog.tree import (
    Assign,
    Comment,
    Concat,
    Expression,
    Instance,
    Item,
    Literal,
    Module,
    Net,
    Part,
    PortDeclaration,
    Ref,
)

__all__ = ["axis", "byte_slices"]


def byte_slices(ports: Sequence[PortBits]) -> list[int]:
    """The lowest TDATA bit of each port (every bus is padded to whole bytes), and the TDATA width last."""
    places = [0]
    for port in ports:
        places.append(places[-1] + -(-port.bits // 8) * 8)
    return places


def axis(name: str, inner: str, ports: Sequence[PortBits], latency: int, about: str) -> Module:
    """One sample per beat; stalls without loss while m_axis_tready is low; TLAST travels with its sample."""
    inputs = [p for p in ports if p.direction == "input"]
    outputs = [p for p in ports if p.direction == "output"]
    items = [
        *_unpacked(inputs),
        *_pipeline(inner, inputs, outputs),
        *_handshake(latency, outputs),
        *_packed(outputs),
    ]
    lines = [
        about,
        f"AXI4-Stream: one sample per beat, latency {latency + 1} cycles, up to a beat in every cycle.",
        *_layout("s_axis_tdata", inputs),
        *_layout("m_axis_tdata", outputs),
    ]
    return Module(name, "\n".join(lines), _heads(byte_slices(inputs)[-1], byte_slices(outputs)[-1]), tuple(items))


def _heads(in_bits: int, out_bits: int) -> tuple[PortDeclaration, ...]:
    def port(direction: str, name: str, width: int = 1) -> PortDeclaration:
        return PortDeclaration("input" if direction == "input" else "output", "wire", name, width)

    return (
        port("input", "aclk"),
        port("input", "aresetn"),
        port("input", "s_axis_tdata", in_bits),
        port("input", "s_axis_tvalid"),
        port("output", "s_axis_tready"),
        port("input", "s_axis_tlast"),
        port("output", "m_axis_tdata", out_bits),
        port("output", "m_axis_tvalid"),
        port("input", "m_axis_tready"),
        port("output", "m_axis_tlast"),
    )


def _layout(data: str, ports: Sequence[PortBits]) -> list[str]:
    return [
        f"    {data}[{low + port.bits - 1}:{low}] is {port.name}"
        for port, low in zip(ports, byte_slices(ports)[:-1], strict=True)
    ]


def _unpacked(inputs: Sequence[PortBits]) -> list[Item]:
    items: list[Item] = [Comment("every bus begins at a whole byte")]
    padding: list[Expression] = []
    places = byte_slices(inputs)
    for port, low, end in zip(inputs, places[:-1], places[1:], strict=True):
        items.append(Net("wire", f"in_{port.name}", port.bits, value=Part("s_axis_tdata", low + port.bits - 1, low)))
        if end > low + port.bits:
            padding.append(Part("s_axis_tdata", end - 1, low + port.bits))
    return items + sink(padding, "bits that fill the last byte")


def _pipeline(inner: str, inputs: Sequence[PortBits], outputs: Sequence[PortBits]) -> list[Item]:
    nets: list[Item] = [Comment("the pipeline moves while ce is high"), Net("wire", "ce", 1)]
    nets += [Net("wire", f"out_{p.name}", p.bits) for p in outputs]
    joined: list[tuple[str, Expression]] = [("clk", Ref("aclk")), ("ce", Ref("ce"))]
    joined += [(p.name, Ref(f"in_{p.name}")) for p in inputs]
    joined += [(p.name, Ref(f"out_{p.name}")) for p in outputs]
    return [*nets, Instance(inner, "u_pipeline", tuple(joined))]


def _handshake(latency: int, outputs: Sequence[PortBits]) -> list[Item]:
    width = sum(p.bits for p in outputs)
    result = Concat(tuple(Ref(f"out_{p.name}") for p in reversed(outputs)))
    joined: tuple[tuple[str, Expression], ...] = (
        ("aclk", Ref("aclk")),
        ("aresetn", Ref("aresetn")),
        ("s_tvalid", Ref("s_axis_tvalid")),
        ("s_tready", Ref("s_axis_tready")),
        ("s_tlast", Ref("s_axis_tlast")),
        ("ce", Ref("ce")),
        ("result", result.parts[0] if len(outputs) == 1 else result),
        ("m_tvalid", Ref("m_axis_tvalid")),
        ("m_tready", Ref("m_axis_tready")),
        ("m_tdata", Ref("delivered")),
        ("m_tlast", Ref("m_axis_tlast")),
    )
    parameters = (("LATENCY", latency), ("WIDTH", width))
    about = Comment("what leaves the buffer behind the pipeline")
    return [about, Net("wire", "delivered", width), Instance("bw_axis", "u_handshake", joined, parameters)]


def _packed(outputs: Sequence[PortBits]) -> list[Item]:
    items: list[Item] = [Comment("whole bytes again")]
    taken = 0
    width = sum(p.bits for p in outputs)
    for port, low in zip(outputs, byte_slices(outputs)[:-1], strict=True):
        end = low + -(-port.bits // 8) * 8
        bits: Expression = Ref("delivered") if width == 1 else Part("delivered", taken + port.bits - 1, taken)
        if end > low + port.bits:
            bits = Concat((Literal(0, end - low - port.bits), bits))
        items.append(Assign(Part("m_axis_tdata", end - 1, low), bits))
        taken += port.bits
    return items
