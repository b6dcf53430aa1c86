"""The quantizers that a search chooses from when nobody says: QKeras's, each with the bits that limits compare.

Source: google/qkeras, autoqkeras/quantization_config.py.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["FALLBACKS", "Tables", "default_quantization_config"]

Tables = Mapping[str, Mapping[str, int]]
"""What is quantized ("kernel", "bias", "activation", "linear", ...) to quantizers and their bits."""

default_quantization_config: dict[str, dict[str, int]] = {
    "kernel": {
        "binary": 1,
        "stochastic_binary": 1,
        "ternary": 2,
        "stochastic_ternary": 2,
        "quantized_bits(2,1,1,alpha=1.0)": 2,
        "quantized_bits(4,0,1)": 4,
        "quantized_bits(8,0,1)": 8,
        "quantized_po2(4,1)": 4,
    },
    "bias": {
        "quantized_bits(4,0,1)": 4,
        "quantized_bits(8,3,1)": 8,
        "quantized_po2(4,8)": 4,
    },
    "activation": {
        "binary": 1,
        "binary(alpha='auto_po2')": 1,
        "ternary": 2,
        "quantized_relu(3,1)": 3,
        "quantized_relu(4,2)": 4,
        "quantized_relu(8,2)": 8,
        "quantized_relu(8,4)": 8,
        "quantized_relu(16,8)": 16,
        "quantized_relu_po2(4,4)": 4,
    },
    "linear": {
        "binary": 1,
        "ternary": 2,
        "quantized_bits(4,1)": 4,
        "quantized_bits(8,2)": 8,
        "quantized_bits(16,10)": 16,
        "quantized_po2(6,4)": 6,
    },
}

FALLBACKS: Tables = {
    "recurrent_kernel": default_quantization_config["kernel"],
    "recurrent_activation": {"quantized_sigmoid(4)": 4, "quantized_sigmoid(8)": 8},
}
"""For recurrent layers, whose tables QKeras leaves to the user."""
