"""How frames lie in bytes: integer codes to the body of a request, and the body of a reply to codes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue, StorageError
from bitwright.numeric import IntArray

__all__ = ["FramePort", "Layout"]

_SCHEMA = 1
Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class FramePort:
    """One tensor of a frame: `beats` words, each with the same lanes; lane 0 lowest, every word in whole bytes.

    `low` and `high` are the ranges of a word's lanes, whose codes are two's complement where `low` is negative, and as
    narrow as they can be; elements follow in C order of `shape`. `step` is the value of code 1 where it is the same for
    all elements, as a fraction in text ("1/16"), else empty.
    """

    name: str
    shape: tuple[int, ...]
    beats: int
    low: tuple[int, ...]
    high: tuple[int, ...]
    step: str = ""

    def __post_init__(self) -> None:
        if self.beats * len(self.low) != math.prod(self.shape) or len(self.low) != len(self.high):
            raise InvalidValue(f"{self.beats} words of {len(self.low)} elements", where=f"port '{self.name}'")

    @property
    def widths(self) -> tuple[int, ...]:
        """Bits of each lane."""
        return tuple(_width(low, high) for low, high in zip(self.low, self.high, strict=True))

    @property
    def beat_bytes(self) -> int:
        """Bytes of a word."""
        return -(-sum(self.widths) // 8)

    @property
    def frame_bytes(self) -> int:
        """Bytes of the tensor."""
        return self.beats * self.beat_bytes

    def pack(self, codes: IntArray) -> Bytes:
        """Codes (frames, *shape) as uint8 (frames, frame_bytes); raises `InvalidValue` for one that does not fit."""
        given = np.asarray(codes)
        if given.dtype.kind not in "iu" or given.shape[1:] != self.shape:
            what = f"{given.dtype}{list(given.shape)} is not int64(frames, {', '.join(map(str, self.shape))})"
            raise InvalidValue(what, where=f"port '{self.name}'")
        lanes = given.reshape(len(given) * self.beats, len(self.widths)).astype(np.int64)
        wrong = (lanes < np.array(self.low)) | (lanes > np.array(self.high))
        if wrong.any():
            row, lane = (int(i) for i in np.argwhere(wrong)[0])
            raise InvalidValue(
                f"code {lanes[row, lane]} is not within {self.low[lane]}..{self.high[lane]}",
                where=f"port '{self.name}', frame {row // self.beats}, word {row % self.beats}, element {lane}",
                remedy="saturate the codes to the port's range",
            )
        bits = [(lanes[:, [lane]] >> np.arange(width)) & 1 for lane, width in enumerate(self.widths)]
        packed = np.packbits(np.concatenate(bits, axis=1).astype(np.uint8), axis=1, bitorder="little")
        return packed.reshape(len(given), self.frame_bytes)

    def unpack(self, data: Bytes) -> IntArray:
        """The inverse of `pack`."""
        bits = np.unpackbits(data.reshape(-1, self.beat_bytes), axis=1, bitorder="little").astype(np.int64)
        lanes, place = np.empty((len(bits), len(self.widths)), np.int64), 0
        for lane, (width, low) in enumerate(zip(self.widths, self.low, strict=True)):
            weights = np.int64(1) << np.arange(width, dtype=np.int64)
            weights[-1] *= -1 if low < 0 else 1
            lanes[:, lane] = bits[:, place : place + width] @ weights
            place += width
        return lanes.reshape(-1, *self.shape)


@dataclass(frozen=True, slots=True)
class Layout:
    """What a host must know of a design: its identity (16 hexadecimal digits), the line's rate, and its frames.

    link: "uart" or "spi", whose rate is the highest clock that the board can read.
    """

    name: str
    identity: str
    baud: int
    inputs: tuple[FramePort, ...]
    outputs: tuple[FramePort, ...]
    link: str = "uart"

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame."""
        return sum(port.frame_bytes for port in self.inputs)

    @property
    def result_bytes(self) -> int:
        """Bytes of its result."""
        return sum(port.frame_bytes for port in self.outputs)

    def pack(self, codes: Sequence[IntArray]) -> list[bytes]:
        """The body of the request of each frame, from int64 (frames, *shape) per input."""
        if len(codes) != len(self.inputs) or len({len(c) for c in codes}) > 1:
            what = f"{len(codes)} arrays of {sorted({len(c) for c in codes})} frames for {len(self.inputs)} inputs"
            raise InvalidValue(what, where=self.name, remedy="one array for each input, all of one length")
        sides = [port.pack(c) for port, c in zip(self.inputs, codes, strict=True)]
        return [row.tobytes() for row in np.concatenate(sides, axis=1)]

    def unpack(self, bodies: Sequence[bytes]) -> list[IntArray]:
        """Codes (frames, *shape) per output from the bodies of the replies."""
        rows = np.frombuffer(b"".join(bodies), np.uint8).reshape(len(bodies), self.result_bytes)
        ends = np.cumsum([port.frame_bytes for port in self.outputs])[:-1]
        return [p.unpack(part) for p, part in zip(self.outputs, np.split(rows, ends, axis=1), strict=True)]

    def to_json(self) -> str:
        """As text; `read` is the inverse."""
        return json.dumps({"schema": _SCHEMA, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def of_json(cls, text: str) -> Layout:
        """From the text of `to_json`; raises `InvalidValue`."""
        try:
            told = json.loads(text)
            sides = {side: tuple(_port(p) for p in told[side]) for side in ("inputs", "outputs")}
            link = str(told.get("link", "uart"))
            return cls(
                name=str(told["name"]), identity=str(told["identity"]), baud=int(told["baud"]), link=link, **sides
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidValue("no layout of a bitstream", where="host", why=str(error)) from error

    @classmethod
    def read(cls, path: str | Path) -> Layout:
        """From a `layout.json`, or the folder that holds it; raises `StorageError`, `InvalidValue`."""
        place = Path(path)
        place = place / "layout.json" if place.is_dir() else place
        try:
            return cls.of_json(place.read_text())
        except OSError as error:
            raise StorageError(
                "no layout can be read", where=str(place), why=error.strerror or str(error),
                remedy="name the folder of the bitstream",
            ) from error  # fmt: skip


def _width(low: int, high: int) -> int:
    """Bits of the narrowest code of a range, as `ir.netlist.Word` has it."""
    if low >= 0:
        return high.bit_length() or 1
    return max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1


def _port(told: dict[str, Any]) -> FramePort:
    lists = {key: tuple(told[key]) for key in ("shape", "low", "high")}
    return FramePort(name=told["name"], beats=told["beats"], step=told.get("step", ""), **lists)
