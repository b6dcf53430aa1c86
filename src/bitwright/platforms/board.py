"""Boards as frozen records, one TOML file each: a part, its memory, its clock."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.platforms.device import Device, device, toml_names, toml_record

__all__ = ["Board", "Io", "Measured", "Memory", "Spi", "board", "boards"]


@dataclass(frozen=True, slots=True)
class Memory:
    """External memory that the logic reaches.

    kind: "DDR4", "HBM2", ...; megabytes: its size; bandwidth_gb_s: what its bus carries at most, in 10^9 bytes a
    second, not what an access pattern gets of it; source: where the figures come from.
    """

    kind: str
    megabytes: int
    bandwidth_gb_s: float
    source: str


@dataclass(frozen=True, slots=True)
class Measured:
    """Power that somebody measured on this board with this design, for comparison with estimates."""

    design: str
    clock_mhz: float
    power_w: float
    source: str


@dataclass(frozen=True, slots=True)
class Spi:
    """The four pins to which a host's SPI is wired, as the board sees them; source: where they come from."""

    sclk: str
    cs_n: str
    mosi: str
    miso: str
    source: str


@dataclass(frozen=True, slots=True)
class Io:
    """Where the few signals that every design needs reach the chip: pin names as the vendor's tools take them.

    clock: an oscillator of `oscillator_mhz`; uart_rx, uart_tx: of the serial line to the host, as the chip sees them
    (uart_rx is an input); baud: a rate that its bridge keeps; reset, led: a button and a light, empty where there is
    none, `_low` where they act when low. standard: of all pins; near_standard: of button and light where their bank has
    another voltage. pad_clock: the clock's pin belongs to the PLL (iCE40), so that only the PLL's
    pad form can be fed from it. spi: where a host with SPI is wired to, if a place is chosen for it. source: where the
    pins come from.
    """

    clock: str
    oscillator_mhz: float
    uart_rx: str
    uart_tx: str
    source: str
    baud: int = 1_000_000
    reset: str = ""
    reset_low: bool = False
    led: str = ""
    led_low: bool = False
    standard: str = "LVCMOS33"
    near_standard: str = ""
    pad_clock: bool = False
    spi: Spi | None = None


@dataclass(frozen=True, slots=True)
class Board:
    """A board that one can buy or rent.

    title: its name in words; part: the order code with package and speed grade, as the vendor's tools take it;
    clock_mhz: a clock that designs of this project's kind have met on it; memories: the largest first.
    power_limit_w: the most that the card may draw, None where nobody says. io: its pins, for boards that
    `build_bitstream` knows.
    """

    name: str
    title: str
    device: Device
    part: str
    clock_mhz: float
    memories: tuple[Memory, ...] = ()
    power_limit_w: float | None = None
    measured: tuple[Measured, ...] = ()
    io: Io | None = None

    @property
    def bandwidth_gb_s(self) -> float:
        """The bandwidth of its fastest memory; 0 without one."""
        return max((memory.bandwidth_gb_s for memory in self.memories), default=0.0)


@cache
def boards() -> tuple[str, ...]:
    """The names of all known boards."""
    return toml_names("boards")


@cache
def board(name: str) -> Board:
    """The board called `name`; raises `InvalidValue` with the nearest known name."""
    told = toml_record("boards", name, "board")
    unknown = set(told) - {f.name for f in fields(Board)} | ({"name"} & set(told))
    if unknown:
        raise InvalidValue(f"unknown key {sorted(unknown)[0]!r}", where=f"platforms/boards/{name}.toml")
    return Board(name=name, device=device(told.pop("device")), **_parts(told))


def _parts(told: dict[str, Any]) -> dict[str, Any]:
    memories = tuple(Memory(**memory) for memory in told.pop("memories", ()))
    measured = tuple(Measured(**point) for point in told.pop("measured", ()))
    pins = told.pop("io", None)
    spi = Spi(**pins.pop("spi")) if pins and "spi" in pins else None
    return {**told, "memories": memories, "measured": measured, "io": Io(**pins, spi=spi) if pins else None}
