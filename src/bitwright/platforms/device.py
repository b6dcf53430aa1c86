"""Devices as frozen records, one TOML file each.

Counts are the vendor's: `brams` are blocks of `Fabric.bram_bits`, so BRAM36 on AMD parts and not the halves (BRAM18)
that FINN and Vivado HLS count. `Device.bram18s` converts.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from fractions import Fraction
from functools import cache
from importlib.resources import files
from math import floor
from typing import Any

from bitwright.core.errors import InvalidValue

__all__ = [
    "Ceilings",
    "Device",
    "Fabric",
    "Resources",
    "device",
    "devices",
    "fabric",
    "fabrics",
    "toml_names",
    "toml_record",
]


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The shares of a device that a design can use and still meet its clock.

    Source: FINN's platform table, which gives them as AMD's recommendation for timing closure. Where a LUT and its
    flip-flop share one cell (ECP5, iCE40, Gowin) that of LUTs holds for both: a guess, not a measurement.
    """

    luts: float = 0.7
    ffs: float = 0.5
    brams: float = 0.8
    urams: float = 0.8
    dsps: float = 0.8


@dataclass(frozen=True, slots=True)
class Fabric:
    """How a family computes: delays in ns, and yosys's name for it.

    lut_ns: one LUT with the wire behind it; carry_ns: one bit of a carry chain; chain_ns: getting
    onto and off a chain; register_ns: clock to output plus set-up. The model's source is `delays`.
    adder_operands: operands that one carry chain adds at a LUT a bit; carry_bits: bits of a carry cell;
    carry_luts: LUTs that a carry cell holds per bit (0 where they are cells of their own, taken only where two
    bits meet); shortest_chain: sums of fewer bits are built from LUTs alone. choice_luts: LUTs per two-way choice
    in a table that is too large for one LUT. dsp_product: bits of a product from which on yosys takes a multiplier
    block (0: never). inverter_luts: LUTs that inverting a subtracted bit takes. bram_bits: what one block of
    `Device.brams` holds.
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
    bram_bits: int = 36 * 1024
    ceilings: Ceilings = Ceilings()


@dataclass(frozen=True, slots=True)
class Resources:
    """Counts of what a part holds, or one of its dies, or what a design may take."""

    luts: int
    ffs: int
    brams: int
    urams: int
    dsps: int


@dataclass(frozen=True, slots=True)
class Device:
    """A part: what it holds, what it is made of, and its default clock in MHz.

    `delay_factor` is how much slower it is than the part that its fabric's delays describe; `fabric` holds the
    part's own. `brams`: see `Fabric.bram_bits`. `regions`: its dies (super logic regions) where it has several and they
    are known; they add up to it, and between them there are few wires. Cards (xcu50, ...) hold what their shell leaves.
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
    ceilings: Ceilings = Ceilings()
    regions: tuple[Resources, ...] = ()

    @property
    def bram18s(self) -> int:
        """Its block memory in units of 18 kbit; where blocks hold 4 kbit, by capacity alone."""
        return self.brams * self.fabric.bram_bits // (18 * 1024)

    @property
    def usable(self) -> Resources:
        """What a design can use of it: each count times its ceiling, rounded down."""
        shares = {f.name: Fraction(str(getattr(self.ceilings, f.name))) for f in fields(Resources)}
        return Resources(**{name: floor(getattr(self, name) * share) for name, share in shares.items()})


@cache
def devices() -> tuple[str, ...]:
    """The names of all known devices."""
    return toml_names("data")


@cache
def device(name: str) -> Device:
    """The device called `name`; raises `InvalidValue` with the nearest known name."""
    return _read(toml_record("data", name, "device"), name)


@cache
def fabrics() -> tuple[str, ...]:
    """The names of all known fabrics: the families of `Fabric`."""
    return toml_names("fabrics")


@cache
def fabric(family: str = "xcup") -> Fabric:
    """The fabric of a family; raises `InvalidValue` with the nearest known name."""
    told = toml_record("fabrics", family, "fabric")
    return Fabric(family=family, ceilings=Ceilings(**told.pop("ceilings", {})), **told)


def toml_names(folder: str) -> tuple[str, ...]:
    """The names of the records in a folder of this room."""
    found = (files("bitwright.platforms") / folder).iterdir()
    return tuple(sorted(f.name.removesuffix(".toml") for f in found if f.name.endswith(".toml")))


def toml_record(folder: str, name: str, what: str) -> dict[str, Any]:
    """The record called `name` in a folder of this room; raises `InvalidValue` with the nearest known name."""
    known = toml_names(folder)
    if name not in known:
        near = get_close_matches(name, known, 3) or list(known)
        raise InvalidValue(f"unknown {what} {name!r}", remedy=f"one of {', '.join(near)}")
    return tomllib.loads((files("bitwright.platforms") / folder / f"{name}.toml").read_text())


def _read(record: dict[str, Any], name: str) -> Device:
    told = dict(record)
    wanted = {f.name for f in fields(Device)} - {"name"}
    unknown = set(told) - wanted
    if unknown:
        raise InvalidValue(f"unknown key {sorted(unknown)[0]!r}", where=f"platforms/data/{name}.toml")
    own = _slowed(fabric(told.pop("fabric")), told.get("delay_factor", 1.0))
    regions = tuple(Resources(**region) for region in told.pop("regions", ()))
    ceilings = replace(own.ceilings, **told.pop("ceilings", {}))
    return Device(name=name, fabric=own, ceilings=ceilings, regions=regions, **told)


def _slowed(plain: Fabric, factor: float) -> Fabric:
    """`plain` with all its delays times `factor`."""
    if factor == 1.0:
        return plain
    delays = {name: getattr(plain, name) * factor for name in ("lut_ns", "carry_ns", "chain_ns", "register_ns")}
    return replace(plain, **delays)
