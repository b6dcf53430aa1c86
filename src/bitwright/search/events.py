"""Logs that TensorBoard reads: scalars as TFRecords of `Event` messages, written without TensorFlow.

The formats are those of TensorFlow's `core/lib/io/record_writer.h` (length, its masked CRC-32C, data, its masked
CRC-32C; little-endian) and `core/util/event.proto`, `core/framework/summary.proto` (field numbers below).
"""

from __future__ import annotations

import math
import os
import struct
import time
from pathlib import Path
from types import TracebackType

__all__ = ["Events", "crc32c"]


def _table() -> tuple[int, ...]:
    """What each byte does to a CRC-32C (Castagnoli's polynomial 0x1EDC6F41, bits reversed)."""
    rows: list[int] = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        rows.append(byte)
    return tuple(rows)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The CRC-32C of `data`.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class Events:
    """One event file in `folder`; every scalar is on disk when the call returns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{int(time.time())}.bitwright.{os.getpid()}"
        self._stream = (folder / name).open("ab")
        self._record(_event(0, _bytes(3, b"brain.Event:2")))

    def scalar(self, tag: str, step: int, value: float) -> None:
        """`value` of `tag` after `step`; beyond single precision it is infinite."""
        single = value if abs(value) < 3.4e38 else value * math.inf
        summary = _bytes(1, _bytes(1, tag.encode()) + _key(2, 5) + struct.pack("<f", single))
        self._record(_event(step, _bytes(5, summary)))

    def _record(self, data: bytes) -> None:
        length = struct.pack("<Q", len(data))
        self._stream.write(length + _masked(length) + data + _masked(data))
        self._stream.flush()

    def __enter__(self) -> Events:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()


def _masked(data: bytes) -> bytes:
    """A CRC of data that holds CRCs is weak, so the format rotates it by 15 and adds a constant."""
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _event(step: int, what: bytes) -> bytes:
    """Event: wall_time = 1 (double), step = 2 (int64), then file_version = 3 or summary = 5."""
    return _key(1, 1) + struct.pack("<d", time.time()) + _key(2, 0) + _varint(step) + what


def _bytes(number: int, data: bytes) -> bytes:
    return _key(number, 2) + _varint(len(data)) + data


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    parts = bytearray()
    value &= 2**64 - 1
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes(parts) + bytes([value])
