"""PYNQ: the block design around the network, and the Python driver with its golden frames."""

from __future__ import annotations

import json
from importlib import resources

from bitwright.backends.projects.interface import Block
from bitwright.backends.projects.memory_mapped import beat_bytes, dma_files
from bitwright.backends.projects.outside import controlled, registers_of
from bitwright.backends.projects.table import ports_json
from bitwright.backends.projects.tcl import facts, library, words

__all__ = ["overlay_facts", "pynq"]


def pynq(block: Block, part: str) -> dict[str, str]:
    """`projects/pynq/`: `overlay.tcl` makes the bitstream, `driver.py` runs it; copy the folder to the board."""
    folder = "projects/pynq"
    hardware, registers = dma_files(block, folder), registers_of(block)
    files = {
        "facts.tcl": overlay_facts(block, part, list(hardware)),
        "arguments.tcl": library("arguments.tcl"),
        "overlay.tcl": library("overlay.tcl"),
        "driver.py": (resources.files(__package__ or "") / "driver.py").read_text(encoding="utf-8"),
        "ports.json": ports_json(block),
    }
    files |= {f"{name}.hex": text for name, text in block.golden.items()}
    if block.outside is not None:
        files["outside.hex"] = block.outside.lines
    if registers:
        files["registers.json"] = json.dumps(registers, indent=1) + "\n"
    if block.registers:
        files["memories.json"] = json.dumps({name: list(words) for name, words in block.memories.items()}) + "\n"
    return hardware | {f"{folder}/{name}": text for name, text in files.items()}


def overlay_facts(block: Block, part: str, own: list[str]) -> str:
    """What `overlay.tcl` reads: the design's facts, its wrapper, and the bytes of each stream's words."""
    top = controlled(block.streaming)
    lines = [
        f"set wrapper {top.module}_dma",
        f"set own {words(own)}",
        f"set ins {words([door.name for door in top.inputs])}",
        f"set outs {words([door.name for door in top.outputs])}",
        *(f"set bytes({door.name}) {beat_bytes(door)}" for door in top.doors),
    ]
    return facts(block, part, [top]) + "\n".join(lines) + "\n"
