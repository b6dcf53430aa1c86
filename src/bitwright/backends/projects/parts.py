"""Which part a vendor's project names: the one that was asked for, the device's own, or the vendor's default."""

from __future__ import annotations

from functools import cache

from bitwright.platforms import board, boards

__all__ = ["part_of"]

_WITHOUT_BOARD = {
    "lfe5u-45": "LFE5U-45F-6BG381C",
    "xcku115": "xcku115-flva1517-2-e",
    "xcvu13p": "xcvu13p-flga2577-2-e",
}

_SPELLED = {("radiant", "ice40up5k"): "iCE40UP5K-SG48I"}
"""Where a tool's name for a part is not the one on the board."""

_DEFAULTS = {
    "vivado": ("xc", "xcvu9p-flgb2104-2-i"),
    "vitis": ("xc", "xcu250-figd2104-2L-e"),
    "pynq": ("xc", "xc7z020clg400-1"),
    "quartus": ("-", "5CSEBA6U23I7"),
    "libero": ("-", "MPF300T-1FCG1152I"),
    "radiant": ("ice40up", "LIFCL-40-7BG400I"),
    "diamond": ("lfe5u", "LFE5U-85F-6BG381C"),
}
"""For each project how the names of its vendor's devices begin, and a part where the design is for another vendor."""


@cache
def _boards_parts() -> dict[str, str]:
    """The part of the first board (by name) that carries a device."""
    found: dict[str, str] = {}
    for name in boards():
        told = board(name)
        found.setdefault(told.device.name, told.part)
    return _WITHOUT_BOARD | found


def part_of(project: str, device: str, asked: str = "") -> str:
    """The part in full (package, speed grade) for `project`.

    >>> part_of("vivado", "xc7z020"), part_of("quartus", "xc7z020"), part_of("vivado", "xc7z020", "xc7z010clg400-1")
    ('xc7z020clg400-1', '5CSEBA6U23I7', 'xc7z010clg400-1')
    """
    if asked or project not in _DEFAULTS:
        return asked
    start, default = _DEFAULTS[project]
    if (project, device) in _SPELLED:
        return _SPELLED[project, device]
    return _boards_parts().get(device, default) if device.startswith(start) else default
