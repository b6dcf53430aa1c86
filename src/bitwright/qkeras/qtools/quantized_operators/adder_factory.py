"""QKeras's `qkeras.qtools.quantized_operators.adder_factory`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.operators import (
    IAdder,
)

__all__ = [
    "IAdder",
]
