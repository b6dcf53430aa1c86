"""A port over SPI: this computer is the master, and asks for bytes by sending some; through spidev or pyftdi."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from bitwright.core.errors import InvalidValue, StorageError, ToolMissing

__all__ = ["SpiPort", "open_spi"]

_NONE, _MARK, _CHANGED = 0xA5, 0x5A, 0x80
"""What `bw_spi.v` sends where it has nothing, and before a byte that would read as one of these."""
_IDLE = 0x00
_SPECIAL = {_NONE ^ _CHANGED: _NONE, _MARK ^ _CHANGED: _MARK}
_MOST = 4096


class SpiPort:
    """A port to `bw_spi.v` around `transfer`, which sends bytes (mode 0, select low) and returns as many.

    A read waits for `patience` bytes without any of the board's; what comes back while bytes are written is kept.
    """

    def __init__(self, transfer: Callable[[bytes], bytes], *, patience: int = 100_000) -> None:
        if patience < 1:
            raise InvalidValue(f"a patience of {patience} bytes", where="SPI port", remedy="one at least")
        self._transfer, self._patience = transfer, patience
        self._held = bytearray()
        self._marked = False

    def write(self, data: bytes, /) -> int:
        """Send `data`."""
        for start in range(0, len(data), _MOST):
            self._exchange(data[start : start + _MOST])
        return len(data)

    def read(self, size: int, /) -> bytes:
        """`size` bytes, or fewer where `patience` transferred bytes in a row bring none."""
        waited = 0
        while len(self._held) < size and waited < self._patience:
            # Some in reserve: a byte may take two, and a short reply should not take a transfer a byte.
            asked = min(max(size - len(self._held), 8), _MOST, self._patience)
            waited = 0 if self._exchange(bytes((_IDLE,)) * asked) else waited + asked
        found = bytes(self._held[:size])
        del self._held[:size]
        return found

    def _exchange(self, data: bytes) -> bool:
        """Whether a byte of the board's came back."""
        before = len(self._held)
        for byte in self._transfer(data):
            if self._marked and byte in _SPECIAL:
                self._held.append(_SPECIAL[byte])
            elif byte not in (_NONE, _MARK):
                self._held.append(byte)
            self._marked = byte == _MARK
        return len(self._held) > before


def open_spi(name: str, hertz: int, *, timeout_s: float = 1.0) -> SpiPort:
    """The port called `name`, at `hertz` bits a second at most; `timeout_s` is how long a read waits.

    "/dev/spidev0.1" is bus 0, select 1 of this computer (spidev); "ftdi://ftdi:232h/1" an FTDI chip at USB (pyftdi),
    whose first select is taken. Raises `ToolMissing` without the package, `StorageError` where it cannot be opened.
    """
    transfer = _ftdi(name, hertz) if name.startswith("ftdi://") else _spidev(name, hertz)
    return SpiPort(transfer, patience=max(int(timeout_s * hertz / 8), 1))


def _spidev(name: str, hertz: int) -> Callable[[bytes], bytes]:
    bus, dot, select = name.removeprefix("/dev/spidev").partition(".")
    if not (dot and bus.isdigit() and select.isdigit()):
        raise InvalidValue(
            f"no port of SPI: {name!r}", where="SPI port", remedy="/dev/spidev<bus>.<select>, or pyftdi's ftdi://..."
        )
    device = _opened("spidev", name, lambda package: package.SpiDev(int(bus), int(select)))
    device.max_speed_hz, device.mode = hertz, 0
    return lambda data: bytes(device.xfer2(list(data)))


def _ftdi(name: str, hertz: int) -> Callable[[bytes], bytes]:
    def opened(package: Any) -> Any:
        controller = package.SpiController()
        controller.configure(name)
        return controller.get_port(cs=0, freq=hertz, mode=0)

    port = _opened("pyftdi.spi", name, opened)
    return lambda data: bytes(port.exchange(data, len(data), duplex=True))


def _opened(package: str, name: str, open_: Callable[[Any], Any]) -> Any:
    root = package.partition(".")[0]
    try:
        module: Any = import_module(package)
    except ImportError as error:
        raise ToolMissing("not installed", where=root, remedy=f"pip install {root}") from error
    try:
        return open_(module)
    except (OSError, ValueError) as error:
        raise StorageError(
            "the port cannot be opened", where=name, why=str(error),
            remedy="name the bus and the select that the board is wired to; its group on Linux is often spi or plugdev",
        ) from error  # fmt: skip
