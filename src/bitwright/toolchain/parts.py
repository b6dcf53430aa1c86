"""Chips as nextpnr knows them: the program, its options, and three pins that exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from bitwright.core.errors import ConfigError

__all__ = ["PARTS", "Part", "part_of"]


@dataclass(frozen=True, slots=True)
class Part:
    """One chip: `arch` names nextpnr's program, `family` yosys's, `options` choose the chip and its package.

    `pins` (clock, input, output) are only for programs that insist on them; others choose their own. `packing` are the
    packer's words about the chip.
    """

    device: str
    arch: str
    family: str
    options: tuple[str, ...]
    pins: tuple[str, str, str] | None = None
    packing: tuple[str, ...] = ()


def _ecp5(size: str) -> Part:
    options = (f"--{size}k", "--package", "CABGA381", "--speed", "6", "--lpf-allow-unconstrained")
    return Part(f"lfe5u-{size}", "ecp5", "ecp5", options)


_ALL = (
    _ecp5("25"),
    _ecp5("45"),
    _ecp5("85"),
    Part("ice40hx8k", "ice40", "ice40", ("--hx8k", "--package", "ct256", "--pcf-allow-unconstrained")),
    Part("ice40up5k", "ice40", "ice40up", ("--up5k", "--package", "sg48", "--pcf-allow-unconstrained")),
    Part(
        "gw1n-9c",
        "himbaechel-gowin",
        "gowin",
        ("--device", "GW1NR-LV9QN88PC6/I5", "--vopt", "family=GW1N-9C"),
        ("52", "25", "26"),
        ("-d", "GW1N-9C"),
    ),
    Part(
        "gw2a-18c",
        "himbaechel-gowin",
        "gowin",
        ("--device", "GW2AR-LV18QN88C8/I7", "--vopt", "family=GW2A-18C"),
        ("4", "25", "26"),
        ("-d", "GW2A-18C"),
    ),
)

PARTS: Mapping[str, Part] = MappingProxyType({part.device: part for part in _ALL})


def part_of(device: str) -> Part:
    """The chip called `device`; raises `ConfigError` with those that can be placed and routed."""
    if device not in PARTS:
        raise ConfigError(
            f"no open place and route for {device!r}",
            where="nextpnr",
            remedy=f"one of {', '.join(PARTS)}; for other chips, build the vendor's project",
        )
    return PARTS[device]
