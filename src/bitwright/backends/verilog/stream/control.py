"""The AXI4-Lite slave of a design whose memories can be written, and what leads from it to them."""

from __future__ import annotations

from collections.abc import Sequence

from bitwright.backends.verilog.stream.ports import StreamPort
from bitwright.backends.verilog.stream.registers import ControlMap, WritableMemory
from bitwright.backends.verilog.tree import (
    Binary,
    Comment,
    Expression,
    Instance,
    Item,
    Literal,
    Net,
    PortDeclaration,
    Ref,
)
from bitwright.core.naming import identifier

__all__ = ["axil_pins", "control_items", "control_ports", "memory_nets", "memory_ports", "write_pins"]

_PREFIX = "s_axil"


def axil_pins(address_bits: int) -> list[tuple[str, str, int]]:
    """The pins of the slave: name behind the prefix, direction, width."""
    return [
        ("awaddr", "input", address_bits), ("awvalid", "input", 1), ("awready", "output", 1),
        ("wdata", "input", 32), ("wstrb", "input", 4), ("wvalid", "input", 1), ("wready", "output", 1),
        ("bresp", "output", 2), ("bvalid", "output", 1), ("bready", "input", 1),
        ("araddr", "input", address_bits), ("arvalid", "input", 1), ("arready", "output", 1),
        ("rdata", "output", 32), ("rresp", "output", 2), ("rvalid", "output", 1), ("rready", "input", 1),
    ]  # fmt: skip


def control_ports(control: ControlMap) -> list[PortDeclaration]:
    """The slave's pins as ports of the design; none without memories."""
    if not control.memories:
        return []
    made: list[PortDeclaration] = []
    for name, direction, width in axil_pins(control.address_bits):
        made.append(PortDeclaration("input" if direction == "input" else "output", "wire", f"{_PREFIX}_{name}", width))
    return made


def write_pins(memory: WritableMemory) -> list[tuple[str, int]]:
    """The pins of an actor through which `memory` is written: name, width."""
    bits = max((memory.words - 1).bit_length(), 1)
    return [(f"{memory.kind}_write", 1), (f"{memory.kind}_place", bits), (f"{memory.kind}_data", memory.bits)]


def memory_ports(memories: Sequence[WritableMemory]) -> list[PortDeclaration]:
    """The pins as ports of the actor's module."""
    return [PortDeclaration("input", "wire", name, width) for m in memories for name, width in write_pins(m)]


def memory_nets(base: str, memories: Sequence[WritableMemory]) -> tuple[list[Item], list[tuple[str, Expression]]]:
    """The nets to the memories of an actor `base`, and how its instance joins them."""
    pins = [(name, width) for m in memories for name, width in write_pins(m)]
    nets: list[Item] = [Net("wire", f"{base}_{name}", width) for name, width in pins]
    return nets, [(name, Ref(f"{base}_{name}")) for name, _ in pins]


def control_items(control: ControlMap, actors: Sequence[str], outputs: Sequence[StreamPort]) -> list[Item]:
    """The slave, and the loader of each memory; `actors` are the names of the nets by position."""
    if not control.memories:
        return []
    places = control.address_bits - 2
    nets = (("write", 1), ("place", places), ("data", 32), ("read_place", places))
    items: list[Item] = [Comment("the memories that can be written, behind AXI4-Lite")]
    items += [Net("wire", f"axil_{name}", width) for name, width in nets]
    known: dict[str, list[Expression]] = {"write_known": [], "read_known": []}
    loaders: list[Item] = []
    for memory in control.memories:
        base = f"{actors[memory.position]}_{memory.kind}"
        for flag, flags in known.items():
            items.append(Net("wire", f"{base}_{flag}", 1))
            flags.append(Ref(f"{base}_{flag}"))
        loaders.append(_loader(memory, base, places))
    first = outputs[0].prefix
    ends = Binary("&", Binary("&", Ref(f"{first}_tvalid"), Ref(f"{first}_tready")), Ref(f"{first}_tlast"))
    joined: list[tuple[str, Expression]] = [("clk", Ref("aclk")), ("rst", Ref("rst"))]
    joined += [(f"s_{name}", Ref(f"{_PREFIX}_{name}")) for name, _, _ in axil_pins(control.address_bits)]
    joined.append(("frame", ends))
    joined += [(name, Ref(f"axil_{name}")) for name, _ in nets]
    joined += [(flag, _any(flags)) for flag, flags in known.items()]
    sizes = (("ADDRESS_BITS", control.address_bits), ("BUILD", Literal(control.build, 32)))
    return [*items, Instance("bw_axi_lite", "axil_slave", tuple(joined), sizes), *loaders]


def _any(flags: list[Expression]) -> Expression:
    found = flags[0]
    for flag in flags[1:]:
        found = Binary("|", found, flag)
    return found


def _loader(memory: WritableMemory, base: str, places: int) -> Instance:
    bus = ("write", "place", "data", "read_place")
    joined: list[tuple[str, Expression]] = [("clk", Ref("aclk")), ("rst", Ref("rst"))]
    joined += [(name, Ref(f"axil_{name}")) for name in bus]
    joined += [(flag, Ref(f"{base}_{flag}")) for flag in ("write_known", "read_known")]
    joined += [(f"store_{pin}", Ref(f"{base}_{pin}")) for pin in ("write", "place", "data")]
    region = memory.region // 4
    sizes: tuple[tuple[str, int | str | Literal], ...] = (
        ("PLACE_BITS", places), ("REGION_BITS", region.bit_length() - 1), ("REGION", memory.offset // memory.region),
        ("WORDS", memory.words), ("WIDTH", memory.bits),
    )  # fmt: skip
    return Instance("bw_load", f"{identifier(base)}_load", tuple(joined), sizes)
