"""VHDL around a top with AXI4-Streams."""

from __future__ import annotations

from bitwright.backends.projects.interface import Block, Top
from bitwright.backends.verilog.vhdl import vhdl_entity

__all__ = ["stream_wrapper"]


def stream_wrapper(block: Block, top: Top) -> str:
    """The entity `<top>_vhdl`: the same ports by the same names."""
    about = [
        *block.about.splitlines(),
        f"{top.module} for VHDL projects: compile it with the Verilog files beside it into one library.",
        "AXI4-Stream on both ends, reset synchronous and active low; see docs/ports.md.",
    ]
    ports = [(pin.name, "in" if pin.direction == "input" else "out", pin.bits) for pin in top.pins()]
    return vhdl_entity(top.module, ports, about)
