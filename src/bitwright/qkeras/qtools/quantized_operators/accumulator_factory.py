"""QKeras's `qkeras.qtools.quantized_operators.accumulator_factory`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.operators import (
    AccumulatorFactory,
)

__all__ = [
    "AccumulatorFactory",
]
