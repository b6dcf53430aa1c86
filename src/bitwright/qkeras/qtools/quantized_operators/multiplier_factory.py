"""QKeras's `qkeras.qtools.quantized_operators.multiplier_factory`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.operators import (
    MultiplierFactory,
)

__all__ = [
    "MultiplierFactory",
]
