"""The messages between a host and a board: what `bw_link.v` reads and writes, byte for byte.

A request is B7, kind, number, length (2, low first), body, CRC (2, high first); a reply begins with 7B. The CRC is
CRC-16/CCITT-FALSE over everything from kind to the end of the body.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from enum import IntEnum

from bitwright.core.errors import InvalidValue

__all__ = ["Fault", "Kind", "Message", "Replies", "crc16", "reply", "request"]

_REQUEST, _REPLY = 0xB7, 0x7B
_HEAD, _TAIL = 5, 2
_MOST = (1 << 16) - 1


class Kind(IntEnum):
    """What a message is."""

    WHO = 0x01
    FRAME = 0x02
    AGAIN = 0x03
    ERROR = 0xEE


class Fault(IntEnum):
    """What the board found wrong with a request: the body of an `ERROR`."""

    CORRUPT = 1
    UNKNOWN = 2
    LENGTH = 3
    BUSY = 4
    SILENCE = 5

    @property
    def passes(self) -> bool:
        """Whether the same request may go well another time."""
        return self in (Fault.CORRUPT, Fault.BUSY, Fault.SILENCE)


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a reply; `number` is the request's own and comes back with its reply."""

    kind: int
    number: int
    body: bytes = b""


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE: polynomial 0x1021, begun with 0xFFFF.

    >>> hex(crc16(b"123456789"))
    '0x29b1'
    """
    return binascii.crc_hqx(data, 0xFFFF)


def request(message: Message) -> bytes:
    """The bytes of a request.

    >>> request(Message(Kind.WHO, 7)).hex()
    'b70107000077e4'
    """
    return _framed(_REQUEST, message)


def reply(message: Message) -> bytes:
    """The bytes of a reply, as the board writes them."""
    return _framed(_REPLY, message)


def _framed(magic: int, message: Message) -> bytes:
    if len(message.body) > _MOST:
        raise InvalidValue(f"a body of {len(message.body)} bytes", where="host link", remedy=f"{_MOST} at most")
    told = bytes((message.kind, message.number)) + len(message.body).to_bytes(2, "little") + message.body
    return bytes((magic,)) + told + crc16(told).to_bytes(2, "big")


class Replies:
    """Whole replies out of a stream of bytes in any pieces; what is no reply with a right CRC is passed over."""

    def __init__(self) -> None:
        self._held = bytearray()

    @property
    def missing(self) -> int:
        """How many bytes the next reply needs at least."""
        start = self._held.find(_REPLY)
        held = len(self._held) - start if start >= 0 else 0
        if held < _HEAD:
            return _HEAD + _TAIL - held
        return _HEAD + self._body_length(start) + _TAIL - held

    def feed(self, data: bytes) -> list[Message]:
        """The replies that are complete with these bytes."""
        self._held += data
        found: list[Message] = []
        while (start := self._held.find(_REPLY)) >= 0:
            del self._held[:start]
            if len(self._held) < _HEAD + _TAIL:
                return found
            end = _HEAD + self._body_length(0) + _TAIL
            if len(self._held) < end:
                return found
            # A byte that only looked like a beginning is given up, and the search goes on right behind it.
            right = crc16(bytes(self._held[1:end])) == 0
            if right:
                found.append(Message(self._held[1], self._held[2], bytes(self._held[_HEAD : end - _TAIL])))
            del self._held[: end if right else 1]
        self._held.clear()
        return found

    def forget(self) -> None:
        """Drop what is half there."""
        self._held.clear()

    def _body_length(self, start: int) -> int:
        return int.from_bytes(self._held[start + 3 : start + _HEAD], "little")
