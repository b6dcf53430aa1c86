"""QKeras's `qkeras.qtools.qtools_util`: see `bitwright.flow.qtools`."""

from __future__ import annotations

from bitwright.flow.qtools.util import (
    adjust_accumulator_for_auto_po2,
    adjust_multiplier_for_auto_po2,
    find_divisors,
    get_layer_info,
    get_operation_count,
    get_scale_from_quantized_bits_with_auto_po2,
    get_val,
    get_weights,
    is_merge_layers,
    is_shape_alternation_layers,
    is_upsampled,
)

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
