"""QKeras's `qkeras.quantizers`: see `bitwright.quantizers`."""

from __future__ import annotations

from bitwright.train.quantizers import (
    BaseQuantizer,
    binary,
    binary_sigmoid,
    binary_tanh,
    hard_sigmoid,
    hard_tanh,
    quantized_bits,
    quantized_po2,
    quantized_relu,
    quantized_relu_po2,
    quantized_sigmoid,
    quantized_tanh,
    set_internal_sigmoid,
    smooth_sigmoid,
    smooth_tanh,
    ternary,
)
from bitwright.train.spec import get_quantizer

__all__ = [
    "BaseQuantizer",
    "binary",
    "binary_sigmoid",
    "binary_tanh",
    "get_quantizer",
    "hard_sigmoid",
    "hard_tanh",
    "quantized_bits",
    "quantized_po2",
    "quantized_relu",
    "quantized_relu_po2",
    "quantized_sigmoid",
    "quantized_tanh",
    "set_internal_sigmoid",
    "smooth_sigmoid",
    "smooth_tanh",
    "ternary",
]
