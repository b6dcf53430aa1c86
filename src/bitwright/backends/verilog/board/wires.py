"""The wires between a host and a board's link, by the kind of the link."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.core.errors import ConfigError
from bitwright.platforms import Io

__all__ = ["LINKS", "Wire", "wires_of"]

LINKS = ("uart", "spi")
"""The kinds of links."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A port of the board's top that belongs to the link: its direction as the board sees it, its pin."""

    port: str
    direction: str
    site: str


def wires_of(io: Io, link: str) -> tuple[Wire, ...]:
    """The wires of `link`; raises `ConfigError` where there is no such link, or the board has no pins for it."""
    if link not in LINKS:
        raise ConfigError(f"no link {link!r}", where="option link", remedy=f"one of {', '.join(LINKS)}")
    if link == "uart":
        return Wire("uart_rx", "input", io.uart_rx), Wire("uart_tx", "output", io.uart_tx)
    if io.spi is None:
        raise ConfigError(
            "no pins are chosen for SPI on this board", where="option link",
            remedy="link='uart', or an [io.spi] table in the board's TOML file",
        )  # fmt: skip
    ins = (("spi_sclk", io.spi.sclk), ("spi_cs_n", io.spi.cs_n), ("spi_mosi", io.spi.mosi))
    return *(Wire(port, "input", site) for port, site in ins), Wire("spi_miso", "output", io.spi.miso)
