"""The port table: `ports.json` for programs, `ports.md` for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bitwright.backends.projects.interface import Block, Bus, Door, Tensor, Top
from bitwright.ir.netlist import Word

__all__ = ["ports_json", "ports_page"]


def ports_json(block: Block) -> str:
    """Every port with width and direction, every element's bits, ranges and steps, timing and clock (format 1)."""
    record = {
        "format": 1,
        "name": block.name,
        "architecture": block.architecture,
        "device": block.device,
        "clock_mhz": block.clock_mhz,
        "graph": block.digest,
        "tensors": [_tensor_record(tensor) for tensor in block.tensors],
        "modules": [_top_record(top) for top in block.tops],
    }
    return _INNERMOST.sub(lambda m: re.sub(r"\s+", " ", m[0]).replace("[ ", "[").replace(" ]", "]"), _json(record))


_INNERMOST = re.compile(r"\[[^\[\]{}]*\]")
"""Lists of numbers or names, which read better on a line."""


def _json(record: dict[str, Any]) -> str:
    return json.dumps(record, indent=1) + "\n"


def _tensor_record(tensor: Tensor) -> dict[str, Any]:
    return {
        "name": tensor.name,
        "direction": tensor.direction,
        "shape": list(tensor.shape),
        "low": list(tensor.low),
        "high": list(tensor.high),
        "step": list(tensor.step),
        "meaning": dict(tensor.meaning),
    }


def _top_record(top: Top) -> dict[str, Any]:
    return {
        "module": top.module,
        "interface": "AXI4-Stream" if top.streams else "pipeline",
        "clock": top.clock,
        "reset": {"name": top.reset, "active": "low" if top.streams else "high"} if top.reset else None,
        "latency_cycles": top.latency_cycles,
        "initiation_cycles": top.initiation_cycles,
        "ports": [
            {"name": pin.name, "direction": pin.direction, "bits": pin.bits, "role": pin.role, "interface": pin.bus}
            for pin in top.pins()
        ],
        "doors": [_door_record(door) for door in top.doors],
        "files": [*top.sources, *top.images],
    }


def _door_record(door: Door) -> dict[str, Any]:
    return {
        "name": door.name,
        "direction": door.direction,
        "bits": door.bits,
        "beats": door.beats,
        "buses": [
            {
                "tensor": bus.tensor,
                "lanes": len(bus.words),
                "runs": [
                    {
                        "first": run.first, "count": run.count, "low_bit": run.low_bit,
                        "bits": run.word.width, "signed": run.word.signed,
                    }
                    for run in bus.runs()
                ],
            }
            for bus in door.buses
        ],
    }  # fmt: skip


def ports_page(block: Block) -> str:
    """The same as Markdown."""
    lines = [f"# Ports of {block.name}", "", block.about, ""]
    lines += [
        "The value of an element is its code times the step. Elements are in C order without gaps, the first one in "
        "the lowest bits; codes are two's complement where signed. Element e of a tensor is lane e % lanes of word "
        "e // lanes.",
        "",
        "| tensor | direction | shape | codes | step |",
        "|---|---|---|---|---|",
        *(_tensor_line(tensor) for tensor in block.tensors),
    ]
    for top in block.tops:
        lines += ["", *_top_lines(block, top)]
    return "\n".join(lines) + "\n"


def _tensor_line(tensor: Tensor) -> str:
    shape = " x ".join(str(n) for n in tensor.shape) or "scalar"
    codes = f"{min(tensor.low)} to {max(tensor.high)}"
    steps = sorted(set(tensor.step))
    step = steps[0] if len(steps) == 1 else f"{len(steps)} kinds, see ports.json"
    return f"| `{tensor.name}` | {tensor.direction} | {shape} | {codes} | {step} |"


def _top_lines(block: Block, top: Top) -> Iterator[str]:
    yield f"## Module `{top.module}`"
    yield ""
    pace = "in every cycle" if top.initiation_cycles == 1 else f"every {top.initiation_cycles} cycles"
    yield (
        f"A frame {pace}, its result {top.latency_cycles} cycles after its first word, for a clock of "
        f"{block.clock_mhz:g} MHz ({block.period_ns:g} ns)."
    )
    yield ""
    yield "| port | direction | bits | meaning |"
    yield "|---|---|---|---|"
    for pin in top.pins():
        yield f"| `{pin.name}` | {pin.direction} | {pin.bits} | {_meaning(top, pin.role, pin.bus)} |"
    for door in top.doors:
        yield ""
        yield from _door_lines(door)


_MEANINGS = {
    "clock": "rising edge",
    "valid": "goes along with a sample",
    "tvalid": "AXI4-Stream handshake",
    "tready": "AXI4-Stream handshake",
    "tlast": "with the last word of a frame; not looked at on the way in",
}

_BUSES = {"s_axil": "AXI4-Lite, see registers.json", "m_axi": "AXI4, reads from external memory"}


def _meaning(top: Top, role: str, bus: str) -> str:
    if role == "reset":
        return f"synchronous, active {'low' if top.streams else 'high'}; clears flags, not data"
    if bus in _BUSES:
        return _BUSES[bus]
    return _MEANINGS.get(role, "see the module's head" if role == "other" else "see below")


def _door_lines(door: Door) -> Iterator[str]:
    words = "one word" if door.beats == 1 else f"{door.beats} words"
    yield f"### `{door.name}`: {door.direction}, {words} of {door.bits} bits a frame"
    yield ""
    yield "| tensor | lanes | bits | format |"
    yield "|---|---|---|---|"
    for bus in door.buses:
        yield from _bus_lines(bus)


def _bus_lines(bus: Bus) -> Iterator[str]:
    for run in bus.runs():
        lanes = f"{run.first}" if run.count == 1 else f"{run.first} to {run.first + run.count - 1}"
        each = "" if run.count == 1 else f", {run.word.width} each"
        end = run.low_bit + run.count * run.word.width - 1
        yield f"| `{bus.tensor}` | {lanes} | [{end}:{run.low_bit}]{each} | {_format(run.word)} |"


def _format(word: Word) -> str:
    return f"{'signed' if word.signed else 'unsigned'}, {word.width} bit{'s' if word.width > 1 else ''}"
