"""A quantized batch normalization seen as part of the layer before it: one factor and one bias per channel.

Source: google/qkeras, utils.py, `find_bn_fusing_layer_pair` and `add_bn_fusing_weights`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.train.layers.base import apply
from bitwright.train.wiring import every_network, followers, values

__all__ = ["add_bn_fusing_weights", "find_bn_fusing_layer_pair"]

_BEFORE = ("QConv2D", "QDepthwiseConv2D")


def find_bn_fusing_layer_pair(model: Any, custom_objects: Any = None) -> tuple[dict[str, str], set[str]]:
    """({layer: its QBatchNormalization}, names of these normalizations), by name, in `model`.

    A QConv2D or QDepthwiseConv2D pairs with a QBatchNormalization that alone reads its output.
    custom_objects is taken for QKeras's sake; a live model needs none.
    """
    pairs: dict[str, str] = {}
    for network in every_network(model):
        readers = followers(network)
        for layer in network.layers:
            follower = readers.get(id(layer), [])
            if type(layer).__name__ not in _BEFORE or len(follower) != 1:
                continue
            if type(follower[0]).__name__ == "QBatchNormalization":
                pairs[layer.name] = follower[0].name
    return pairs, set(pairs.values())


def add_bn_fusing_weights(prev_layer: Any, bn_layer: Any, saved_weights: dict[str, dict[str, Any]]) -> None:
    """Add to `saved_weights[prev_layer.name]` what fuses `bn_layer` into `prev_layer`.

    bn_inv: the quantized gamma / sqrt(variance + epsilon), per channel; fused_bias: beta + bn_inv *
    (bias - mean), so that `bn_inv * (kernel sum) + fused_bias` is what the two layers yield. Also
    enable_bn_fusing (True) and fused_bn_layer_name.
    """
    inverse = _inverse(bn_layer)
    bias = -_quantized(bn_layer, "moving_mean", "mean")
    if prev_layer.use_bias:
        bias = bias + values(apply(prev_layer.bias_quantizer, prev_layer.bias, None))
    fused = inverse * bias
    if bn_layer.center:
        fused = fused + _quantized(bn_layer, "beta", "beta")
    saved_weights[prev_layer.name].update(
        enable_bn_fusing=True, fused_bn_layer_name=bn_layer.name, bn_inv=inverse, fused_bias=fused
    )


def _inverse(layer: Any) -> NDArray[np.float32]:
    variance = _quantized(layer, "moving_variance", "variance")
    inverse = 1 / np.sqrt(variance + np.float32(layer.epsilon))
    if layer.scale:
        inverse = inverse * _quantized(layer, "gamma", "gamma")
    return values(apply(layer.inverse_quantizer, inverse.astype(np.float32), None))


def _quantized(layer: Any, weight: str, prefix: str) -> NDArray[np.float32]:
    return values(apply(getattr(layer, f"{prefix}_quantizer"), getattr(layer, weight), None))
