"""`Region`: a tensor that lies in one of the engine's memories; `External`: the memory beside the chip."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.ir.netlist import Word
from bitwright.ir.program import Type
from bitwright.numeric import IntArray

__all__ = ["External", "Place", "Region"]


class Place(Enum):
    """Which memory a region lies in."""

    FEATURES = "features"
    RESULTS = "results"
    WEIGHTS = "weights"


@dataclass(frozen=True, slots=True)
class External(Type):
    """A memory behind AXI4, as a simulation has it: `data_bits` wide, bursts of `burst_beats` at most.

    It takes up to `outstanding` bursts and answers them in order: the first beat `latency_cycles` behind the address,
    or `beat_cycles` behind the beat before, whichever is later. `address_bits`: of a byte address.

    >>> External().burst_bytes
    128
    """

    data_bits: int = 64
    burst_beats: int = 16
    outstanding: int = 8
    latency_cycles: int = 32
    beat_cycles: int = 1
    address_bits: int = 32

    def __post_init__(self) -> None:
        powers = (self.data_bits, self.burst_beats, self.outstanding)
        sizes = 8 <= self.data_bits <= 1024 and self.outstanding > 1
        if not sizes or any(n < 1 or n & (n - 1) for n in powers):
            raise InvalidValue(
                f"{self.data_bits} bits, bursts of {self.burst_beats}, {self.outstanding} at once",
                where="external memory", why="AXI4 wants powers of two",
                remedy="64 or 128 bits, bursts of 16, 8 of them are usual",
            )  # fmt: skip
        if self.burst_beats > 256 or self.burst_bytes > 4096:
            raise InvalidValue(
                f"bursts of {self.burst_beats} beats, {self.burst_bytes} bytes", where="external memory",
                why="AXI4 has 256 beats and 4096 bytes at most", remedy="shorten the bursts",
            )  # fmt: skip
        if min(self.latency_cycles, self.beat_cycles) < 1 or not 12 < self.address_bits <= 64:
            raise InvalidValue(
                f"latency {self.latency_cycles}, {self.beat_cycles} cycles a beat, {self.address_bits} address bits",
                where="external memory", remedy="a cycle at least, 13 to 64 bits",
            )  # fmt: skip

    @property
    def burst_bytes(self) -> int:
        """Bytes of a whole burst; what is fetched begins at a multiple of it, so that no burst crosses 4096 bytes."""
        return self.data_bits * self.burst_beats // 8


@dataclass(frozen=True, slots=True)
class Region(Type):
    """A tensor (rows, columns, channels) from word `address` on, `lanes` channels to a word.

    Channel c of a pixel is lane c % lanes of its word c // lanes. The pixels' words follow each other in C order, or,
    in a part of something larger, pixels are `pixel` and rows `line` words apart (0: dense). Lanes that no channel uses
    hold any code of `range`, which every element keeps to.

    Weights lie in words of lanes x lanes of the machine; a region of n of them has the shape (n, 1, 1).

    >>> Region(Place.FEATURES, 8, (2, 2, 6), 4, Word(0, 15)).words
    8
    """

    place: Place
    address: int
    shape: tuple[int, int, int]
    lanes: int
    range: Word
    pixel: int = 0
    line: int = 0

    def __post_init__(self) -> None:
        if min(self.shape) < 1 or min(self.lanes, self.address + 1, self.pixel + 1, self.line + 1) < 1:
            raise InvalidValue(f"a region of shape {self.shape}, {self.lanes} lanes, at {self.address}")

    @property
    def depth(self) -> int:
        """Words of a pixel."""
        return -(-self.shape[2] // self.lanes)

    @property
    def words(self) -> int:
        """Words of the whole tensor."""
        return self.shape[0] * self.shape[1] * self.depth

    @property
    def end(self) -> int:
        """The address behind it."""
        pixel, line = self.strides
        return self.address + (self.shape[0] - 1) * line + (self.shape[1] - 1) * pixel + self.depth

    @property
    def strides(self) -> tuple[int, int]:
        """Words from pixel to pixel and from row to row."""
        pixel = self.pixel or self.depth
        return pixel, self.line or pixel * self.shape[1]

    @property
    def dense(self) -> bool:
        """Whether nothing lies between its words."""
        return self.end - self.address == self.words and self.strides[0] >= self.depth

    def places(self) -> IntArray:
        """The address of every word, (words,)."""
        rows, columns, _ = self.shape
        pixel, line = self.strides
        first = np.arange(rows)[:, None] * line + np.arange(columns) * pixel
        return (self.address + first[..., None] + np.arange(self.depth)).reshape(-1)

    def meets(self, other: Region) -> bool:
        """Whether the two share a word."""
        if self.place is not other.place or self.address >= other.end or other.address >= self.end:
            return False
        if self.dense and other.dense:
            return True
        return bool(np.isin(self.places(), other.places()).any())
