"""Batch normalization folded into the weights before it, so that training sees the weights that hardware has."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.train.door import keras
from bitwright.train.rewrite import carry_weights, plain_config, rebuilt, same
from bitwright.train.wiring import every_network, followers, values

__all__ = ["folded"]

_SUMS = (keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


def folded(model: Any) -> Any:
    """`model` with each batch normalization that follows a float sum folded into its kernel and bias.

    It folds where it alone reads a Dense, Conv or DepthwiseConv2D that has no activation of its own, along the last
    axis: also before an activation, which stays. Elsewhere (behind an activation, after a sum that others read) it is
    kept: it becomes part of the next quantizer's map. At inference the outputs are equal but for float rounding; in
    training the statistics stay as they were. Without such a layer the model itself is returned.
    """
    pairs = _pairs(model)
    if not pairs:
        return model
    gone = {id(norm) for norm in pairs.values()}

    def replace(layer: Any) -> Any:
        if id(layer) in gone:
            return None
        return type(layer).from_config({**plain_config(layer), "use_bias": True}) if id(layer) in pairs else same(layer)

    def carry(old: Any, new: Any) -> None:
        if id(old) in pairs:
            new.set_weights(_weights(old, pairs[id(old)]))
        else:
            carry_weights(old, new)

    return rebuilt(model, replace).carry_weights(carry)


def _pairs(model: Any) -> dict[int, Any]:
    """By the id of each layer that takes a normalization in: that normalization."""
    found: dict[int, Any] = {}
    for network in every_network(model):
        readers = followers(network)
        read = Counter(id(reader) for those in readers.values() for reader in those)
        for layer in network.layers:
            those = readers.get(id(layer), [])
            if type(layer) in _SUMS and len(those) == 1 and read[id(those[0])] == 1 and _folds(layer, those[0]):
                found[id(layer)] = those[0]
    return found


def _folds(layer: Any, norm: Any) -> bool:
    if type(norm) is not keras.layers.BatchNormalization or layer.activation is not keras.activations.linear:
        return False
    rank = len(layer.output.shape)
    return getattr(layer, "data_format", None) != "channels_first" and norm.axis in (-1, rank - 1)


def _weights(layer: Any, norm: Any) -> list[NDArray[np.float32]]:
    """The kernel and the bias of both together."""
    kernel = values(layer.kernel).astype(np.float64)
    spread = np.sqrt(values(norm.moving_variance).astype(np.float64) + norm.epsilon)
    scale = (values(norm.gamma) if norm.scale else 1.0) / spread
    bias = values(layer.bias).astype(np.float64) if layer.use_bias else 0.0
    shift = values(norm.beta) if norm.center else 0.0
    # A depthwise kernel's last two axes together are its channels.
    last = kernel.shape[-2:] if isinstance(layer, keras.layers.DepthwiseConv2D) else kernel.shape[-1:]
    parts = kernel * scale.reshape(last), (bias - values(norm.moving_mean)) * scale + shift
    return [part.astype(np.float32) for part in parts]
