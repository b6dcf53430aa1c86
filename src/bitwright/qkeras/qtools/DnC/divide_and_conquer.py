"""QKeras's `qkeras.qtools.DnC.divide_and_conquer`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.unrolling import (
    CostMode,
    estimate_model_cost,
)

__all__ = [
    "CostMode",
    "estimate_model_cost",
]
