"""A network on a board as an object: frames in, results out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue, Mismatch
from bitwright.host.layout import FramePort, Layout
from bitwright.host.link import BytePort, Link
from bitwright.host.protocol import Kind
from bitwright.host.serial_port import open_serial
from bitwright.host.spi_port import open_spi
from bitwright.numeric import IntArray

__all__ = ["Accelerator", "connect"]

Encode = Callable[[Any], list[IntArray]]
Decode = Callable[[list[IntArray]], Any]


class Accelerator:
    """A network behind a link. `encode` and `decode` are its doors to floats; without them, the layout's steps."""

    def __init__(
        self, layout: Layout, link: Link, encode: Encode | None = None, decode: Decode | None = None
    ) -> None:
        self.layout, self.link = layout, link
        self._encode, self._decode = encode or self._rounded, decode or self._values

    def check(self) -> None:
        """The board holds this design; raises `Mismatch` where it holds another one."""
        found, wanted = self.link.identify(), self.layout
        if (found.design, found.frame_bytes, found.result_bytes) != (
            wanted.identity, wanted.frame_bytes, wanted.result_bytes,
        ):  # fmt: skip
            raise Mismatch(
                f"the board holds design {found.design} and not {wanted.identity}", where=wanted.name,
                remedy="load the bitstream that lies beside this layout",
            )  # fmt: skip

    def run(self, codes: Sequence[IntArray]) -> list[IntArray]:
        """Output codes (frames, *shape) per output, from input codes per input."""
        return self.layout.unpack([self.link.ask(Kind.FRAME, body) for body in self.layout.pack(codes)])

    def predict_codes(self, x: Any) -> list[IntArray]:
        """Output codes for float inputs (frames, *shape)."""
        return self.run(self._encode(x))

    def predict(self, x: Any) -> Any:
        """Values for float inputs (frames, *shape): what the design's `predict` gives."""
        return self._decode(self.predict_codes(x))

    def _rounded(self, x: Any) -> list[IntArray]:
        """Codes by rounding to the nearest, ties to even, and saturating."""
        arrays = list(x) if isinstance(x, list | tuple) else [x]
        return [_rounded(np.asarray(a), port) for a, port in zip(arrays, self.layout.inputs, strict=True)]

    def _values(self, codes: list[IntArray]) -> Any:
        pairs = zip(codes, self.layout.outputs, strict=True)
        found = [(c * float(_step(port))).astype(np.float32) for c, port in pairs]
        return found[0] if len(found) == 1 else found


def _rounded(x: NDArray[Any], port: FramePort) -> IntArray:
    scaled = np.rint(x.astype(np.float64) / float(_step(port)))
    if np.isnan(scaled).any():
        raise InvalidValue("the input holds NaN", where=f"port '{port.name}'", remedy="clean the data first")
    words = scaled.reshape(len(scaled) * port.beats, len(port.low))
    return np.clip(words, port.low, port.high).astype(np.int64).reshape(x.shape)


def _step(port: FramePort) -> Fraction:
    if not port.step:
        raise InvalidValue(
            "its elements have steps of their own", where=f"port '{port.name}'",
            remedy="use run() with codes, or connect through the bitstream of the design",
        )  # fmt: skip
    return Fraction(port.step)


def connect(
    layout: Layout | str | Path, port: BytePort | str, *, encode: Encode | None = None, decode: Decode | None = None,
    timeout_s: float = 1.0,
) -> Accelerator:  # fmt: skip
    """The network on the board at `port` (a name like "/dev/ttyUSB1", or an open port), checked by its identity.

    Of a board with SPI the name is one that `open_spi` takes.

    layout: a record, or the folder of the bitstream. Raises `Mismatch` for another design, `ToolTimeout` where
    nobody answers.
    """
    told = layout if isinstance(layout, Layout) else Layout.read(layout)
    by_name = open_spi if told.link == "spi" else open_serial
    opened = by_name(port, told.baud, timeout_s=timeout_s) if isinstance(port, str) else port
    found = Accelerator(told, Link(opened), encode, decode)
    found.check()
    return found
