"""QKeras's `qkeras.autoqkeras.forgiving_metrics.forgiving_energy`: see `bitwright.search.scores.energy`."""

from __future__ import annotations

from bitwright.search.scores.energy import (
    ForgivingFactorPower,
)

__all__ = [
    "ForgivingFactorPower",
]
