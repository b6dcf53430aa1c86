"""The AXI4-Streams at a design's edge, and numpy to and from their words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitwright.backends.verilog.ports import PortBits, pack, unpack
from bitwright.backends.verilog.stream.layout import bus
from bitwright.core.errors import InvalidValue
from bitwright.core.naming import Namer
from bitwright.ir.dataflow import Dataflow, Stream
from bitwright.numeric import IntArray

__all__ = ["StreamPort", "stream_ports"]


@dataclass(frozen=True, slots=True)
class StreamPort:
    """An AXI4-Stream: `prefix`_tdata and so on; `words` beats are a frame, each of `stream.lanes` elements.

    Lane 0 lies in the lowest bits, each lane in exactly its width (two's complement where signed); bits above
    the word up to whole bytes are ignored on the way in and zero on the way out.
    """

    prefix: str
    actor: str
    direction: str
    stream: Stream

    @property
    def words(self) -> int:
        """Beats of a frame."""
        return self.stream.words

    @property
    def bits(self) -> int:
        """Bits of a word."""
        return self.stream.bits

    @property
    def data_bits(self) -> int:
        """Bits of TDATA: whole bytes."""
        return -(-self.bits // 8) * 8

    @property
    def _bus(self) -> PortBits:
        return bus(self.prefix, self.stream.lane_words())

    def pack(self, codes: IntArray) -> NDArray[np.uint32]:
        """Frames (frames, *shape) as beats: uint32 (frames * words, 32-bit words of TDATA), little-endian."""
        if codes.shape[1:] != self.stream.shape:
            raise InvalidValue(f"codes of shape {codes.shape[1:]} instead of {self.stream.shape}", where=self.prefix)
        rows = pack([np.asarray(codes, dtype=np.int64).reshape(-1, self.stream.lanes)], [self._bus])
        missing = -(-self.data_bits // 32) - rows.shape[1]
        return np.pad(rows, ((0, 0), (0, missing)))

    def unpack(self, beats: NDArray[np.uint32]) -> IntArray:
        """Beats of whole frames as codes (frames, *shape)."""
        port = self._bus
        return unpack(beats[:, : port.words], [port])[0].reshape(-1, *self.stream.shape)


def stream_ports(program: Dataflow) -> tuple[StreamPort, ...]:
    """The streams of `program`: sources in order, then outputs; an only one is called s_axis or m_axis."""
    fresh = Namer()

    def ports(letter: str, direction: str, ends: list[tuple[str, Stream]]) -> list[StreamPort]:
        alone = len(ends) == 1
        prefixes = [f"{letter}_axis" if alone else fresh(f"{letter}_axis_{name}") for name, _ in ends]
        return [StreamPort(p, name, direction, type) for p, (name, type) in zip(prefixes, ends, strict=True)]

    sources = ports("s", "input", [(node.name, node.type) for node in program.inputs])
    return (*sources, *ports("m", "output", [(node.name, node.type) for node in program.results]))
