"""Which pin each port of a board's top has, in the words of each family's tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bitwright.backends.verilog.board.wires import wires_of
from bitwright.core.errors import InvalidValue
from bitwright.platforms import Io

__all__ = ["Constraints", "constraints"]


@dataclass(frozen=True, slots=True)
class Constraints:
    """A file of constraints: `suffix` says of which kind (lpf, pcf, cst)."""

    suffix: str
    text: str


@dataclass(frozen=True, slots=True)
class _Pin:
    """One port: its pin, the voltage of its bank, and what holds it where nothing drives it ("", "up", "down")."""

    port: str
    site: str
    standard: str
    pull: str = ""


def constraints(family: str, io: Io, link: str = "uart") -> Constraints:
    """The constraints of a board's top with that link; raises `InvalidValue` for a family without open tools."""
    if family not in _WRITERS:
        remedy = f"one of {', '.join(_WRITERS)}"
        raise InvalidValue(f"no constraints for {family!r}", where="pins", remedy=remedy)
    suffix, writer = _WRITERS[family]
    return Constraints(suffix, writer(_pins(io, link), io))


def _pins(io: Io, link: str) -> list[_Pin]:
    """The pins of the top: those that the board has."""
    near = io.near_standard or io.standard
    found = [_Pin("clock", io.clock, io.standard)]
    for wire in wires_of(io, link):
        # What nobody drives rests: a line that is silent, and nobody selected.
        pull = "up" if wire.port in ("uart_rx", "spi_cs_n") else ""
        found.append(_Pin(wire.port, wire.site, io.standard, pull))
    if io.reset:
        found.append(_Pin("reset", io.reset, near, "up" if io.reset_low else "down"))
    if io.led:
        found.append(_Pin("led", io.led, near))
    return found


def _lpf(pins: Sequence[_Pin], io: Io) -> str:
    lines = [f'FREQUENCY PORT "clock" {io.oscillator_mhz:g} MHZ;']
    for pin in pins:
        pull = f" PULLMODE={pin.pull.upper()}" if pin.pull else ""
        lines += [f'LOCATE COMP "{pin.port}" SITE "{pin.site}";']
        lines += [f'IOBUF PORT "{pin.port}" IO_TYPE={pin.standard}{pull};']
    return "\n".join([*lines, ""])


def _pcf(pins: Sequence[_Pin], io: Io) -> str:
    lines = [f"set_io {'-pullup yes ' if pin.pull == 'up' else ''}{pin.port} {pin.site}" for pin in pins]
    return "\n".join([f"set_frequency clock {io.oscillator_mhz:g}", *lines, ""])


def _cst(pins: Sequence[_Pin], _: Io) -> str:
    lines: list[str] = []
    for pin in pins:
        lines.append(f'IO_LOC "{pin.port}" {pin.site};')
        lines.append(f'IO_PORT "{pin.port}" IO_TYPE={pin.standard} PULL_MODE={pin.pull.upper() or "NONE"};')
    return "\n".join([*lines, ""])


_WRITERS: dict[str, tuple[str, Callable[[Sequence[_Pin], Io], str]]] = {
    "ecp5": ("lpf", _lpf), "ice40": ("pcf", _pcf), "ice40up": ("pcf", _pcf), "gowin": ("cst", _cst),
}  # fmt: skip
