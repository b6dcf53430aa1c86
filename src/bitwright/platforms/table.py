"""Devices and boards as Markdown tables, for the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bitwright.platforms.board import Board, board, boards
from bitwright.platforms.device import Device, device, devices

__all__ = ["board_table", "device_table"]


def device_table() -> str:
    """All devices: counts, their LUTs that a design can take, regions, clock."""
    head = ("device", "fabric", "LUT", "usable", "FF", "BRAM", "of kbit", "URAM", "DSP", "regions", "MHz")
    return _table(head, (_device_row(device(name)) for name in devices()))


def board_table() -> str:
    """All boards: part, clock, memories."""
    head = ("board", "device", "part", "MHz", "external memory", "GB/s", "W at most")
    return _table(head, (_board_row(board(name)) for name in boards()))


def _device_row(part: Device) -> tuple[str, ...]:
    counts = (part.luts, part.usable.luts, part.ffs, part.brams, part.fabric.bram_bits // 1024, part.urams, part.dsps)
    return (
        part.name,
        part.fabric.family,
        *(f"{n:,}" for n in counts),
        str(len(part.regions) or ""),
        f"{part.clock_mhz:g}",
    )


def _board_row(found: Board) -> tuple[str, ...]:
    memories = "; ".join(
        f"{m.kind} {_size(m.megabytes)}, {m.bandwidth_gb_s:g} GB/s: {m.source}" for m in found.memories
    )
    limit = "" if found.power_limit_w is None else f"{found.power_limit_w:g}"
    speed = f"{found.bandwidth_gb_s:g}" if found.memories else ""
    return (found.name, found.device.name, found.part, f"{found.clock_mhz:g}", memories, speed, limit)


def _size(megabytes: int) -> str:
    return f"{megabytes // 1024} GB" if megabytes >= 1024 else f"{megabytes} MB"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
