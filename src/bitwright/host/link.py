"""Asking a board: a request out, its reply back, again where the line spoiled one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bitwright.core.errors import InvalidValue, Mismatch, ToolFailed, ToolTimeout
from bitwright.host.protocol import Fault, Kind, Message, Replies, request

__all__ = ["BytePort", "Identity", "Link"]

_VERSION = 1


class BytePort(Protocol):
    """What bytes go through: a `serial.Serial` with a timeout, or the simulated line of `toolchain`."""

    def write(self, data: bytes, /) -> int | None:
        """Send `data`."""
        ...

    def read(self, size: int, /) -> bytes:
        """`size` bytes, or fewer where no more come within the port's own timeout."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """What a board says of itself: the design's hash (16 hexadecimal digits), bytes of a frame and of its result."""

    design: str
    frame_bytes: int
    result_bytes: int

    @classmethod
    def of(cls, body: bytes) -> Identity:
        """From the body of a reply; raises `Mismatch` for another version of the protocol."""
        if len(body) != 13 or body[0] != _VERSION:
            raise Mismatch(
                f"the board speaks version {body[0] if body else 0} of the link, this is {_VERSION}", where="host link",
                remedy="build its bitstream again, or use the version of bitwright that built it",
            )  # fmt: skip
        return cls(body[8:0:-1].hex(), *(int.from_bytes(body[k : k + 2], "little") for k in (9, 11)))


class Link:
    """Requests and replies, one at a time; `tries`: how often a request is sent before an error is raised."""

    def __init__(self, port: BytePort, *, tries: int = 3) -> None:
        if tries < 1:
            raise InvalidValue(f"{tries} tries", where="host link", remedy="one at least")
        self._port, self._tries = port, tries
        self._replies = Replies()
        self._number = 0
        self.resent = 0

    def identify(self) -> Identity:
        """Who is there; raises `ToolTimeout` where nobody answers."""
        return Identity.of(self.ask(Kind.WHO))

    def start_again(self) -> Identity:
        """Reset the network and forget whatever was under way."""
        return Identity.of(self.ask(Kind.AGAIN))

    def ask(self, kind: Kind, body: bytes = b"") -> bytes:
        """The body of the reply to a request.

        Sent again after an error that passes or a silence. Raises `ToolTimeout` when the board stays silent and
        `ToolFailed` with the fault it reports.
        """
        fault: Fault | None = None
        for attempt in range(self._tries):
            self.resent += attempt > 0
            found = self._once(kind, body)
            if found is not None and found.kind != Kind.ERROR:
                return found.body
            fault = _fault(found) if found is not None else None
            if fault is not None and not fault.passes:
                break
        if fault is None:
            raise ToolTimeout(
                f"no reply to {self._tries} requests", where="host link",
                remedy="check the port, its baud rate, and that this bitstream is loaded",
            )  # fmt: skip
        raise ToolFailed(
            f"the board reports {fault.name.lower()}", where=f"host link, {kind.name.lower()}",
            remedy=_REMEDIES.get(fault, "lower the baud rate; a good line has no such errors"),
        )  # fmt: skip

    def _once(self, kind: Kind, body: bytes) -> Message | None:
        """The reply to one request; None where the line falls silent before it is there."""
        self._number = (self._number + 1) % 256
        self._replies.forget()
        self._port.write(request(Message(kind, self._number, body)))
        while data := self._port.read(self._replies.missing):
            for found in self._replies.feed(data):
                # Replies to requests that were given up come late and belong to nobody.
                if found.number == self._number:
                    return found
        return None


_REMEDIES = {
    Fault.LENGTH: "this bitstream is of another network: use the layout.json beside it",
    Fault.UNKNOWN: "build the bitstream again with this version of bitwright",
    Fault.BUSY: "call start_again(): the network did not finish its last frame",
}


def _fault(message: Message) -> Fault:
    try:
        return Fault(message.body[0])
    except (IndexError, ValueError):
        return Fault.UNKNOWN
