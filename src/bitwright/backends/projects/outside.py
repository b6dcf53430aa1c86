"""A network with memory beside it, for those who have a processor: control that says where the memory is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bitwright.backends.projects.interface import Block, Pin, Top
from bitwright.backends.projects.tcl import library
from bitwright.backends.verilog.stream.control import axil_pins
from bitwright.backends.verilog.tree import Binary, Expression, Instance, Item, Literal, Net, Ref
from bitwright.core.errors import ConfigError

__all__ = ["controlled", "outside_items", "registers_of", "with_outside"]

_ADDRESS_BITS = 12
_MODULE = "bw_outside.v"
_REGISTERS = (
    ("magic", 0, "ro", "who answers"), ("map_version", 4, "ro", "which map"), ("build", 8, "ro", "which build"),
    ("frames", 12, "ro", "frames that left since the reset"),
    ("base_low", 16, "rw", "byte address of the memory, bits 31..0; written while the network does not run"),
    ("base_high", 20, "rw", "bits 63..32"), ("run", 24, "rw", "1 starts the network, 0 resets it"),
    ("fault", 28, "ro", "memory has answered with an error"),
)  # fmt: skip


def _build(block: Block) -> int:
    """What the hardware and its memory are."""
    return int(block.digest[:8], 16)


def registers_of(block: Block) -> dict[str, Any]:
    """The record of the control interface: the design's own, or that of the memory beside it; empty without either."""
    if block.outside is None or not block.streaming.reads_memory:
        return dict(block.registers)
    known = {"magic": 0x42575254, "map_version": 1, "build": _build(block)}
    registers = [
        {"name": name, "offset": offset, "access": access, "description": about}
        | ({"value": f"{known[name]:#010x}"} if name in known else {})
        for name, offset, access, about in _REGISTERS
    ]
    size = {"bytes": block.outside.bytes, "data_bits": block.outside.data_bits}
    told = {"format": 1, "interface": "s_axil", "address_bits": _ADDRESS_BITS, "outside": size}
    return told | {"registers": registers, "memories": []}


def controlled(top: Top) -> Top:
    """`top` as its wrapper shows it: AXI4-Lite in the place of the memory's address.

    Raises `ConfigError` where it has control of its own beside a memory.
    """
    if not top.reads_memory:
        return top
    if top.control_bits:
        raise ConfigError(
            "control of its own and weights in external memory", where=top.module,
            why="a processor finds one control interface here", remedy="compile it without `writable`",
        )  # fmt: skip
    slave = [
        Pin(f"s_axil_{name}", "input" if way == "input" else "output", bits, name, "s_axil")
        for name, way, bits in axil_pins(_ADDRESS_BITS)
    ]
    return replace(top, others=(*slave, *(pin for pin in top.others if pin.bus == "m_axi")))


def outside_items(
    top: Top, block: Block, clock: str, reset: str, leaves: str
) -> tuple[list[Item], list[Item], dict[str, Expression]]:  # fmt: skip
    """Nets, what stands beside the instance of `top` in a wrapper, and what its pins are joined to otherwise.

    `leaves` is the prefix of the wires of the stream out, which count frames.
    """
    if not top.reads_memory:
        return [], [], {}
    bits = next(pin.bits for pin in top.others if pin.name == "base")
    nets: list[Item] = [Net("wire", "base", bits), Net("wire", "fault", 1), Net("wire", "network_resetn", 1)]
    frame = Binary("&", Binary("&", Ref(f"{leaves}_tvalid"), Ref(f"{leaves}_tready")), Ref(f"{leaves}_tlast"))
    joined: list[tuple[str, Expression]] = [("aclk", Ref(clock)), ("aresetn", Ref(reset)), ("frame", frame)]
    joined += [(f"s_{name}", Ref(f"s_axil_{name}")) for name, _, _ in axil_pins(_ADDRESS_BITS)]
    joined += [(name, Ref(name)) for name in ("fault", "base", "network_resetn")]
    sizes = (("ADDRESS_BITS", _ADDRESS_BITS), ("BASE_BITS", bits), ("BUILD", Literal(_build(block), 32)))
    told: dict[str, Expression] = {"aresetn": Ref("network_resetn"), "base": Ref("base"), "fault": Ref("fault")}
    return nets, [Instance("bw_outside", "u_outside", tuple(joined), sizes)], told


def with_outside(top: Top, folder: str) -> dict[str, str]:
    """The library module that a wrapper around `top` needs."""
    return {f"{folder}/{_MODULE}": library(_MODULE)} if top.reads_memory else {}
