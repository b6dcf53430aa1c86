"""A serial line into a simulation: bytes become levels of a pin, levels of another pin become bytes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.toolchain.simulate import Simulation

__all__ = ["SerialLine"]

Levels = NDArray[np.uint32]
_BITS = 10


class SerialLine:
    """8N1 at `divisor` cycles a bit into pin `rx` of a simulated design and out of its pin `tx`.

    Writes and reads like a serial port; a read waits for `patience` cycles of silence at most. `held` are levels of
    other inputs. Both lines are in use at once: what comes back while bytes are written is kept.

    `cycles` counts what was simulated, `framing_errors` bytes that came without a stop bit.
    """

    def __init__(
        self, simulation: Simulation, divisor: int, *, rx: str = "uart_rx", tx: str = "uart_tx",
        patience: int = 100_000, held: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        if divisor < 2:
            raise InvalidValue(f"{divisor} cycles a bit", where="serial line", remedy="two at least")
        self._simulation, self._divisor, self._patience = simulation, divisor, patience
        self._rx, self._tx, self._held = rx, tx, dict(held or {})
        self._levels: Levels = np.zeros(0, np.uint32)
        self._read = bytearray()
        self.cycles = 0
        self.framing_errors = 0

    def idle(self, cycles: int) -> None:
        """Let time pass with the line at rest."""
        self.drive(np.ones(cycles, np.uint32))

    def write(self, data: bytes) -> int:
        """Send `data`, byte behind byte."""
        bits = np.ones((len(data), _BITS), np.uint32)
        bits[:, 0] = 0
        bits[:, 1:9] = np.unpackbits(np.frombuffer(data, np.uint8)[:, None], axis=1, bitorder="little")
        self.drive(np.repeat(bits.ravel(), self._divisor))
        return len(data)

    def read(self, size: int) -> bytes:
        """`size` bytes, or fewer where none comes for `patience` cycles."""
        waited, before = 0, len(self._read)
        while len(self._read) < size and waited < self._patience:
            self.idle(_BITS * self._divisor)
            waited = 0 if len(self._read) > before else waited + _BITS * self._divisor
            before = len(self._read)
        found = bytes(self._read[:size])
        del self._read[:size]
        return found

    def drive(self, levels: Levels) -> None:
        """Put `levels` on the pin, one a cycle: for lines that are disturbed."""
        inputs = {name: np.full(len(levels), value, np.uint32) for name, value in self._held.items()}
        seen = self._simulation.run({**inputs, self._rx: levels})[self._tx][:, 0]
        self.cycles += len(levels)
        self._levels = np.concatenate((self._levels, seen))
        self._take()

    def _take(self) -> None:
        """Decode the bytes that are whole; what is left begins with the first level of a byte."""
        levels, place = self._levels, 0
        while True:
            fallen = np.flatnonzero(levels[place:] == 0)
            start = place + int(fallen[0]) if len(fallen) else len(levels)
            middles = start + self._divisor // 2 + self._divisor * np.arange(_BITS)
            if middles[-1] >= len(levels):
                self._levels = levels[start:]
                return
            bits = levels[middles]
            if bits[-1]:
                self._read += np.packbits(bits[1:9].astype(np.uint8), bitorder="little").tobytes()
            else:
                self.framing_errors += 1
            # From the middle of the stop bit: the next start bit may follow at once.
            place = int(middles[-1])
