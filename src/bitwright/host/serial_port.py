"""A serial port of this computer, through pyserial where it is installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from bitwright.core.errors import StorageError, ToolMissing
from bitwright.host.link import BytePort

__all__ = ["open_serial"]


def open_serial(name: str, baud: int, *, timeout_s: float = 1.0) -> BytePort:
    """The port called `name` ("/dev/ttyUSB1", "COM3"), 8N1; `timeout_s` is how long a read waits.

    Raises `ToolMissing` without pyserial and `StorageError` where the port cannot be opened.
    """
    try:
        serial: Any = import_module("serial")
    except ImportError as error:
        raise ToolMissing("not installed", where="pyserial", remedy="pip install 'bitwright[boards]'") from error
    try:
        return cast(BytePort, serial.Serial(name, baud, timeout=timeout_s, write_timeout=timeout_s))
    except (OSError, ValueError) as error:
        raise StorageError(
            "the port cannot be opened", where=name, why=str(error),
            remedy="name the board's serial port; on Linux its group is often dialout",
        ) from error  # fmt: skip
