"""QKeras's `qkeras.autoqkeras.forgiving_metrics.forgiving_factor`: see `bitwright.search.scores.factor`."""

from __future__ import annotations

from bitwright.search.scores.factor import (
    ForgivingFactor,
)

__all__ = [
    "ForgivingFactor",
]
