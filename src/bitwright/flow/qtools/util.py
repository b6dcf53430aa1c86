"""QTools's small functions that QKeras programs call.

Source: google/qkeras, qtools/qtools_util.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bitwright.cost.qtools import Settings
from bitwright.cost.qtools.arithmetic import accumulate, add, adjusted
from bitwright.cost.qtools.mapping import type_map
from bitwright.cost.qtools.unroll import divisors
from bitwright.flow.qtools.operators import Operator
from bitwright.frontends.keras.facts import layer_network
from bitwright.frontends.keras.operands import scale_exponents

__all__ = [
    "adjust_accumulator_for_auto_po2",
    "adjust_multiplier_for_auto_po2",
    "find_divisors",
    "get_layer_info",
    "get_operation_count",
    "get_scale_from_quantized_bits_with_auto_po2",
    "get_val",
    "get_weights",
    "is_merge_layers",
    "is_shape_alternation_layers",
    "is_upsampled",
]

_SHAPING = (
    "MaxPooling1D", "MaxPooling2D", "Reshape", "Flatten", "UpSampling1D", "UpSampling2D", "ZeroPadding1D",
    "ZeroPadding2D", "GlobalMaxPooling2D", "Permute", "Cropping2D",
)  # fmt: skip
_MERGES = ("Add", "Multiply", "Subtract", "Average", "Maximum", "Minimum", "Concatenate", "Dot")

find_divisors = divisors


def get_val(feature: Any, key: str, default_val: Any = None) -> Any:
    """`feature[key]` or `feature.key`, `default_val` if there is neither."""
    if isinstance(feature, dict):
        return feature.get(key, default_val)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return getattr(feature, key, default_val)


def is_shape_alternation_layers(layer: Any) -> bool:
    """Whether a layer only moves elements, or picks the greatest."""
    return type(layer).__name__ in _SHAPING


def is_merge_layers(layer: Any) -> bool:
    """Whether a layer joins several inputs."""
    return type(layer).__name__ in _MERGES


def get_operation_count(layer: Any, input_shape: Any) -> int:
    """The number of operations of a built layer for one input of this shape (with the batch axis)."""
    return type_map(layer_network(layer, input_shape), Settings()).layers[0].operation_count


def get_weights(layer: Any, model_weights_already_quantized: bool = True) -> list[Any]:
    """The layer's weights, put through their quantizers unless that has been done."""
    weights = layer.get_weights()
    if model_weights_already_quantized or not hasattr(layer, "get_quantizers"):
        return weights
    held = layer.get_quantizers()
    return [
        w if index >= len(held) or held[index] is None else np.asarray(held[index](w))
        for index, w in enumerate(weights)
    ]


def get_scale_from_quantized_bits_with_auto_po2(quantizer: Any) -> Any:
    """The power-of-two scale that a quantizer has found, or that it was given; None if it has none."""
    if getattr(quantizer, "alpha", None) != "auto_po2":
        return None
    return getattr(quantizer, "scale", None)


def adjust_multiplier_for_auto_po2(multiplier: Operator, qkeras_weight_quantizer: Any) -> None:
    """Widen a multiplier's output by the spread of its weights' power-of-two scale."""
    scale = scale_exponents(qkeras_weight_quantizer)
    multiplier.widen(adjusted(multiplier.output.operand, scale))


def adjust_accumulator_for_auto_po2(
    layer: Any, multiplier: Operator, qkeras_weight_quantizer: Any, bias_quantizer: Any
) -> Operator:
    """The accumulator behind a multiplier that is widened so; the multiplier stays as it is."""
    product = adjusted(multiplier.output.operand, scale_exponents(qkeras_weight_quantizer))
    shape = layer.get_weights()[0].shape
    count = int(np.prod(shape[:-2] if "Depthwise" in type(layer).__name__ else shape[:-1]))
    held = accumulate(product, count)
    if getattr(layer, "use_bias", False) and bias_quantizer is not None:
        held = add(held.result, bias_quantizer.operand)
    return Operator(replace(held))


def get_layer_info(layer: Any, attr_name: str) -> Any:
    """`layer.<attr_name>`, and "layer_type", "output_shape" and "quantizer_bits" of it."""
    if attr_name == "layer_type":
        return type(layer).__name__
    if attr_name == "output_shape":
        return tuple(layer.output.shape)
    return getattr(layer, attr_name, None)


def is_upsampled(layer: Any) -> bool:
    """Whether a layer gives more positions than it takes."""
    return type(layer).__name__.startswith("UpSampling") or "Transpose" in type(layer).__name__
