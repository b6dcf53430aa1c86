"""The quantizers, under QKeras's names."""

from __future__ import annotations

from bitwright.train.quantizers.base import BaseQuantizer, Parts
from bitwright.train.quantizers.bits import quantized_bits
from bitwright.train.quantizers.curves import quantized_hswish, quantized_ulaw
from bitwright.train.quantizers.functions import (
    get_integer_bits,
    get_quantized_initializer,
    get_weight_scale,
    stochastic_round,
    stochastic_round_po2,
)
from bitwright.train.quantizers.grid import Grid
from bitwright.train.quantizers.learned import quantized_bits_learnable_po2, quantized_bits_msqe_po2
from bitwright.train.quantizers.linear import quantized_linear
from bitwright.train.quantizers.po2 import quantized_po2, quantized_relu_po2
from bitwright.train.quantizers.relu import quantized_relu
from bitwright.train.quantizers.sigmoid import quantized_sigmoid, quantized_tanh
from bitwright.train.quantizers.sigmoids import (
    DEFAULT_SIGMOID,
    binary_sigmoid,
    binary_tanh,
    hard_sigmoid,
    hard_tanh,
    internal_sigmoid,
    set_internal_sigmoid,
    smooth_sigmoid,
    smooth_tanh,
)
from bitwright.train.quantizers.signs import binary, ternary
from bitwright.train.quantizers.stochastic import bernoulli, stochastic_binary, stochastic_ternary
from bitwright.train.quantizers.trained import TrainedWidths, trained_bits, trained_digits

__all__ = [
    "DEFAULT_SIGMOID",
    "BaseQuantizer",
    "Grid",
    "Parts",
    "TrainedWidths",
    "bernoulli",
    "binary",
    "binary_sigmoid",
    "binary_tanh",
    "get_integer_bits",
    "get_quantized_initializer",
    "get_weight_scale",
    "hard_sigmoid",
    "hard_tanh",
    "internal_sigmoid",
    "quantized_bits",
    "quantized_bits_learnable_po2",
    "quantized_bits_msqe_po2",
    "quantized_hswish",
    "quantized_linear",
    "quantized_po2",
    "quantized_relu",
    "quantized_relu_po2",
    "quantized_sigmoid",
    "quantized_tanh",
    "quantized_ulaw",
    "set_internal_sigmoid",
    "smooth_sigmoid",
    "smooth_tanh",
    "stochastic_binary",
    "stochastic_round",
    "stochastic_round_po2",
    "stochastic_ternary",
    "ternary",
    "trained_bits",
    "trained_digits",
]
