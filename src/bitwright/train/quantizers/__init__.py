"""The quantizers, under QKeras's names."""

from __future__ import annotations

from bitwright.train.quantizers.base import BaseQuantizer, Parts
from bitwright.train.quantizers.bits import quantized_bits
from bitwright.train.quantizers.grid import Grid
from bitwright.train.quantizers.po2 import quantized_po2, quantized_relu_po2
from bitwright.train.quantizers.relu import quantized_relu
from bitwright.train.quantizers.sigmoid import quantized_sigmoid, quantized_tanh
from bitwright.train.quantizers.sigmoids import (
    binary_sigmoid,
    binary_tanh,
    hard_sigmoid,
    hard_tanh,
    set_internal_sigmoid,
    smooth_sigmoid,
    smooth_tanh,
)
from bitwright.train.quantizers.signs import binary, ternary

__all__ = [
    "BaseQuantizer",
    "Grid",
    "Parts",
    "binary",
    "binary_sigmoid",
    "binary_tanh",
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
