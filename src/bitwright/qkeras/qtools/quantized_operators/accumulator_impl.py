"""QKeras's `qkeras.qtools.quantized_operators.accumulator_impl`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.operators import (
    FixedPointAccumulator,
    FloatingPointAccumulator,
    IAccumulator,
    Po2Accumulator,
    po2_to_qbits,
)

__all__ = [
    "FixedPointAccumulator",
    "FloatingPointAccumulator",
    "IAccumulator",
    "Po2Accumulator",
    "po2_to_qbits",
]
