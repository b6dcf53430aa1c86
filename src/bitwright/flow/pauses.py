"""Random pauses at the ends of a simulated stream."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pauses"]

Words = NDArray[np.uint32]
_OFTEN = 0.6


class Pauses:
    """Ready or not, cycle by cycle; each end has a seed of its own, or is always ready (None)."""

    def __init__(self, source: int | None, sink: int | None, memory: int | None) -> None:
        self._draws = [None if seed is None else np.random.default_rng(seed) for seed in (source, sink, memory)]

    def source(self, count: int) -> Words:
        """Whether a source may offer, (count, 1)."""
        return self._rows(self._draws[0], count)

    def sink(self, count: int) -> Words:
        """Whether a sink is ready, (count, 1)."""
        return self._rows(self._draws[1], count)

    def memory(self, count: int) -> Words:
        """Whether memory takes an address, or gives a beat, (count, 1)."""
        return self._rows(self._draws[2], count)

    def _rows(self, draw: np.random.Generator | None, count: int) -> Words:
        if draw is None:
            return np.ones((count, 1), np.uint32)
        return (draw.random((count, 1)) < _OFTEN).astype(np.uint32)
