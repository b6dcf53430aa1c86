"""QKeras's `qkeras.qtools.quantized_operators.adder_impl`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.operators import (
    FixedPointAdder,
    FloatingPointAdder,
    Po2Adder,
    Po2FixedPointAdder,
)
from bitwright.flow.qtools.operators import (
    Operator as IAdderImpl,
)

__all__ = [
    "FixedPointAdder",
    "FloatingPointAdder",
    "IAdderImpl",
    "Po2Adder",
    "Po2FixedPointAdder",
]
