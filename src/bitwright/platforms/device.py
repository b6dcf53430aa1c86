"""Devices as frozen records, one TOML file each."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any

from bitwright.core.errors import InvalidValue

__all__ = ["Device", "Fabric", "device", "devices", "fabric", "fabrics"]


@dataclass(frozen=True, slots=True)
class Fabric:
    """How a family computes: delays in ns, and yosys's name for it.

    lut_ns: one LUT with the wire behind it; carry_ns: one bit of a carry chain; chain_ns: getting
    onto and off a chain; register_ns: clock to output plus set-up. The model's source is `delays`.
    adder_operands: operands that one carry chain adds at a LUT a bit; carry_bits: bits of a carry cell;
    carry_luts: LUTs that a carry cell holds per bit (0 where they are cells of their own, taken only where two
    bits meet); shortest_chain: sums of fewer bits are built from LUTs alone. choice_luts: LUTs per two-way choice
    in a table that is too large for one LUT. dsp_product: bits of a product from which on yosys takes a multiplier
    block (0: never). inverter_luts: LUTs that inverting a subtracted bit takes.
    """

    family: str
    lut_inputs: int
    lut_ns: float
    carry_ns: float
    chain_ns: float
    register_ns: float
    delays: str
    carry_bits: int
    carry_luts: int
    shortest_chain: int
    choice_luts: float
    dsp_product: int
    inverter_luts: int
    adder_operands: int = 2


@dataclass(frozen=True, slots=True)
class Device:
    """A part: what it holds, what it is made of, and its default clock in MHz.

    `delay_factor` is how much slower it is than the part that its fabric's delays describe; `fabric` holds the
    part's own.
    """

    name: str
    fabric: Fabric
    luts: int
    ffs: int
    brams: int
    dsps: int
    clock_mhz: float
    urams: int = 0
    delay_factor: float = 1.0


@cache
def devices() -> tuple[str, ...]:
    """The names of all known devices."""
    folder = files("bitwright.platforms") / "data"
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")))


@cache
def device(name: str) -> Device:
    """The device called `name`; raises `InvalidValue` with the nearest known name."""
    if name not in devices():
        near = get_close_matches(name, devices(), 3) or list(devices())
        raise InvalidValue(f"unknown device {name!r}", remedy=f"one of {', '.join(near)}")
    text = (files("bitwright.platforms") / "data" / f"{name}.toml").read_text()
    return _read(tomllib.loads(text), name)


@cache
def fabrics() -> tuple[str, ...]:
    """The names of all known fabrics: the families of `Fabric`."""
    folder = files("bitwright.platforms") / "fabrics"
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")))


@cache
def fabric(family: str = "xcup") -> Fabric:
    """The fabric of a family; raises `InvalidValue` with the nearest known name."""
    if family not in fabrics():
        near = get_close_matches(family, fabrics(), 3) or list(fabrics())
        raise InvalidValue(f"unknown fabric {family!r}", remedy=f"one of {', '.join(near)}")
    text = (files("bitwright.platforms") / "fabrics" / f"{family}.toml").read_text()
    return Fabric(family=family, **tomllib.loads(text))


def _read(record: dict[str, Any], name: str) -> Device:
    wanted = {f.name for f in fields(Device)} - {"name", "fabric"}
    unknown = set(record) - wanted - {"fabric"}
    if unknown:
        raise InvalidValue(f"unknown key {sorted(unknown)[0]!r}", where=f"platforms/data/{name}.toml")
    return Device(name=name, fabric=_slowed(fabric(record.pop("fabric")), record.get("delay_factor", 1.0)), **record)


def _slowed(plain: Fabric, factor: float) -> Fabric:
    """`plain` with all its delays times `factor`."""
    if factor == 1.0:
        return plain
    delays = {name: getattr(plain, name) * factor for name in ("lut_ns", "carry_ns", "chain_ns", "register_ns")}
    return replace(plain, **delays)
