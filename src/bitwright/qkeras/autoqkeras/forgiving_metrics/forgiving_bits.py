"""QKeras's `qkeras.autoqkeras.forgiving_metrics.forgiving_bits`: see `bitwright.search.scores.bits`."""

from __future__ import annotations

from bitwright.search.scores.bits import (
    ForgivingFactorBits,
)

__all__ = [
    "ForgivingFactorBits",
]
