"""QKeras's `qkeras.quantizers`: see `bitwright.quantizers`."""

from __future__ import annotations

import numpy as np

from bitwright.train.quantizers import (
    DEFAULT_SIGMOID as _default_sigmoid_type,  # noqa: N811 - QKeras's name
)
from bitwright.train.quantizers import (
    BaseQuantizer,
    bernoulli,
    binary,
    binary_sigmoid,
    binary_tanh,
    get_quantized_initializer,
    get_weight_scale,
    hard_sigmoid,
    hard_tanh,
    quantized_bits,
    quantized_hswish,
    quantized_linear,
    quantized_po2,
    quantized_relu,
    quantized_relu_po2,
    quantized_sigmoid,
    quantized_tanh,
    quantized_ulaw,
    set_internal_sigmoid,
    smooth_sigmoid,
    smooth_tanh,
    stochastic_binary,
    stochastic_round,
    stochastic_round_po2,
    stochastic_ternary,
    ternary,
)
from bitwright.train.quantizers import (
    get_integer_bits as _get_integer_bits,
)
from bitwright.train.quantizers import (
    internal_sigmoid as _sigmoid,
)
from bitwright.train.quantizers.groups import (
    get_rolled_back_shape as _get_rolled_back_shape,
)
from bitwright.train.quantizers.groups import (
    get_scale as _get_scale,
)
from bitwright.train.quantizers.groups import (
    get_unrolled_shape as _get_unrolled_shape,
)
from bitwright.train.spec import get_quantizer

__all__ = [
    "BaseQuantizer",
    "_default_sigmoid_type",
    "_get_integer_bits",
    "_get_rolled_back_shape",
    "_get_scale",
    "_get_unrolled_shape",
    "_sigmoid",
    "bernoulli",
    "binary",
    "binary_sigmoid",
    "binary_tanh",
    "get_quantized_initializer",
    "get_quantizer",
    "get_weight_scale",
    "hard_sigmoid",
    "hard_tanh",
    "np",  # star imports of QKeras programs find numpy here
    "quantized_bits",
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
]
