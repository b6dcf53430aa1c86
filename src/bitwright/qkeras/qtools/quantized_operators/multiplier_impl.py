"""QKeras's `qkeras.qtools.quantized_operators.multiplier_impl`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.operators import (
    Adder,
    AndGate,
    FixedPointMultiplier,
    FloatingPointMultiplier,
    IMultiplier,
    Mux,
    Shifter,
    XorGate,
)

__all__ = [
    "Adder",
    "AndGate",
    "FixedPointMultiplier",
    "FloatingPointMultiplier",
    "IMultiplier",
    "Mux",
    "Shifter",
    "XorGate",
]
