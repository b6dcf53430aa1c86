"""The design beside a processor: words of a power of two bytes for DMA, TLAST at the end of a batch."""

from __future__ import annotations

from bitwright.backends.projects.interface import Block, Door, Pin, Top
from bitwright.backends.projects.outside import controlled, outside_items, with_outside
from bitwright.backends.projects.tcl import library
from bitwright.backends.verilog.netlist import sink
from bitwright.backends.verilog.printer import module as printed
from bitwright.backends.verilog.tree import (
    Assign,
    Binary,
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
from bitwright.core.errors import ConfigError

__all__ = ["beat_bytes", "dma_files", "dma_module"]

_WIDEST = 128
"""Bytes of a word that AXI DMA moves."""


def beat_bytes(door: Door) -> int:
    """Bytes of a word in memory: a power of two; raises `ConfigError` where DMA has no such words."""
    needed = 1 << (-(-door.bits // 8) - 1).bit_length()
    if needed > _WIDEST:
        raise ConfigError(
            f"words of {door.bits} bits", where=f"stream {door.name}", why=f"DMA moves {8 * _WIDEST} at most",
            remedy="fold the design: architecture='dataflow'",
        )  # fmt: skip
    return needed


def dma_files(block: Block, folder: str) -> dict[str, str]:
    """The module `<top>_dma` and the library modules that it places."""
    top = block.streaming
    name = f"{top.module}_dma"
    return {
        f"{folder}/{name}.v": printed(dma_module(top, name, block), block.about),
        f"{folder}/bw_batch.v": library("bw_batch.v"),
        **with_outside(top, folder),
    }


def dma_module(top: Top, name: str, block: Block) -> Module:
    """`top` between streams as wide as DMA has them; with control where it reads memory."""
    heads = [PortDeclaration("input", "wire", pin, 1) for pin in ("aclk", "aresetn")]
    unread: list[Expression] = []
    nets, beside, told = outside_items(top, block, "aclk", "aresetn", f"inner_{top.outputs[0].name}")
    items = nets
    joined: list[tuple[str, Expression]] = [("aclk", Ref("aclk")), ("aresetn", told.get("aresetn", Ref("aresetn")))]
    for door in top.doors:
        heads += [PortDeclaration(pin.direction, "wire", pin.name, _width(door, pin)) for pin in door.pins()]
        if door.direction == "output":
            items += _out(door, top.inputs[0], joined[1][1])
            unread.append(Ref(f"inner_{door.name}_tlast"))
        elif 8 * beat_bytes(door) > door.bits:
            unread.append(Part(f"{door.name}_tdata", 8 * beat_bytes(door) - 1, door.bits))
        joined += [(pin.name, _inner(door, pin)) for pin in door.pins()]
    heads += [PortDeclaration(pin.direction, "wire", pin.name, pin.bits) for pin in controlled(top).others]
    joined += [(pin.name, Ref(pin.name)) for pin in top.others]
    items += beside
    items.append(Instance(top.module, "u_network", tuple(joined)))
    items += sink(unread, "bits that fill a word; frames are counted here")
    about = f"{top.module} between DMA engines: words of whole powers of two bytes, TLAST at the end of a batch."
    return Module(name, about, tuple(heads), tuple(items))


def _width(door: Door, pin: Pin) -> int:
    return 8 * beat_bytes(door) if pin.role == "tdata" else pin.bits


def _inner(door: Door, pin: Pin) -> Expression:
    """What a pin of the network is joined to: the port itself, or the nets behind `bw_batch`."""
    if door.direction == "output":
        return Ref(f"inner_{pin.name}")
    wider = pin.role == "tdata" and 8 * beat_bytes(door) > door.bits
    return Part(pin.name, door.bits - 1, 0) if wider else Ref(pin.name)


def _out(door: Door, first: Door, reset: Expression) -> list[Item]:
    name = door.name
    nets: list[Item] = [Net("wire", f"inner_{name}_tdata", door.bits)]
    nets += [Net("wire", f"inner_{name}_{role}", 1) for role in ("tvalid", "tready", "tlast")]
    moves = Binary("&", Ref(f"{first.name}_tvalid"), Ref(f"{first.name}_tready"))
    joined: tuple[tuple[str, Expression], ...] = (
        ("aclk", Ref("aclk")), ("aresetn", reset), ("s_moves", moves), ("s_tlast", Ref(f"{first.name}_tlast")),
        ("d_tvalid", Ref(f"inner_{name}_tvalid")), ("d_tready", Ref(f"inner_{name}_tready")),
        ("m_tvalid", Ref(f"{name}_tvalid")), ("m_tready", Ref(f"{name}_tready")), ("m_tlast", Ref(f"{name}_tlast")),
    )  # fmt: skip
    sizes = (("IN_BEATS", first.beats), ("OUT_BEATS", door.beats))
    above = 8 * beat_bytes(door) - door.bits
    data: Expression = Ref(f"inner_{name}_tdata")
    filled = Concat((Literal(0, above), data)) if above else data
    return [*nets, Instance("bw_batch", f"{name}_batch", joined, sizes), Assign(Ref(f"{name}_tdata"), filled)]
