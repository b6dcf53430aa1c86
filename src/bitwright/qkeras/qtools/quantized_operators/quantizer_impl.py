"""QKeras's `qkeras.qtools.quantized_operators.quantizer_impl`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.quantizers import (
    Bernoulli,
    Binary,
    FloatingPoint,
    IQuantizer,
    PowerOfTwo,
    QuantizedBits,
    QuantizedRelu,
    QuantizedTanh,
    QuantizedUlaw,
    ReluPowerOfTwo,
    StochasticBinary,
    StochasticTernary,
    Ternary,
    get_exp,
    get_np_value,
)

__all__ = [
    "Bernoulli",
    "Binary",
    "FloatingPoint",
    "IQuantizer",
    "PowerOfTwo",
    "QuantizedBits",
    "QuantizedRelu",
    "QuantizedTanh",
    "QuantizedUlaw",
    "ReluPowerOfTwo",
    "StochasticBinary",
    "StochasticTernary",
    "Ternary",
    "get_exp",
    "get_np_value",
]
