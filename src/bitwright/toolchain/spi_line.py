"""SPI into a simulation: bytes become levels of three pins, levels of the fourth become bytes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.toolchain.simulate import Simulation

__all__ = ["SpiLine"]


class SpiLine:
    """The master of a simulated design's pins `<prefix>sclk`, `cs_n`, `mosi` and `miso`, in mode 0.

    Each half of the clock lasts `half` cycles; before and after a transfer the select is high for as long. `held` are
    levels of other inputs, `cycles` counts what was simulated.
    """

    def __init__(
        self, simulation: Simulation, half: int, *, prefix: str = "spi_", held: Mapping[str, int] | None = None
    ) -> None:
        if half < 1:
            raise InvalidValue(f"{half} cycles for half a clock", where="SPI line", remedy="one at least")
        self._simulation, self._half, self._prefix, self._held = simulation, half, prefix, dict(held or {})
        self.cycles = 0

    def idle(self, cycles: int) -> None:
        """Let time pass with nobody selected."""
        levels = np.ones(cycles, np.uint32)
        self._drive(0 * levels, levels, 0 * levels)

    def transfer(self, data: bytes, bits: int | None = None) -> bytes:
        """Send `data` under one select, the highest bit first; what came back. `bits`: only so many of it."""
        sent = np.unpackbits(np.frombuffer(data, np.uint8))[:bits].astype(np.uint32)
        clock = np.tile(np.repeat(np.array([0, 1], np.uint32), self._half), len(sent))
        around = np.zeros(self._half, np.uint32)
        sclk = np.concatenate([around, clock, around, around])
        mosi = np.concatenate([around, np.repeat(sent, 2 * self._half), around, around])
        select = np.concatenate([np.zeros(len(sclk) - self._half, np.uint32), around + 1])
        seen = self._drive(sclk, select, mosi)
        # The master reads in the cycle in which its clock rises.
        rises = self._half + self._half * (2 * np.arange(len(sent)) + 1)
        return np.packbits(seen[rises].astype(np.uint8)).tobytes()[: len(sent) // 8]

    def _drive(self, sclk: np.ndarray, select: np.ndarray, mosi: np.ndarray) -> np.ndarray:
        levels = {"sclk": sclk, "cs_n": select, "mosi": mosi}
        inputs = {name: np.full(len(sclk), value, np.uint32) for name, value in self._held.items()}
        inputs |= {f"{self._prefix}{pin}": values for pin, values in levels.items()}
        self.cycles += len(sclk)
        return self._simulation.run(inputs)[f"{self._prefix}miso"][:, 0]
