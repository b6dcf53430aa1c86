"""The share of weights that quantization makes zero. Source: google/qkeras, utils.py, `get_model_sparsity`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.train.rewrite import every_layer
from bitwright.train.utilities.saved import weights_of
from bitwright.train.wiring import values

__all__ = ["get_model_sparsity", "sparsity_text"]

_COUNTED = (
    "QDense", "QConv1D", "QConv2D", "QConv2DTranspose", "QDepthwiseConv2D", "QSeparableConv1D", "QSeparableConv2D",
    "QOctaveConv2D", "QConv2DBatchnorm", "QDepthwiseConv2DBatchnorm",
)  # fmt: skip
"""Recurrent and float layers are left out, as in QKeras; name them in allow_list to count them."""


def get_model_sparsity(model: Any, per_layer: bool = False, allow_list: Collection[str] | None = None) -> Any:
    """The share of zeros among the quantized weights (biases included) of the layers of the classes in allow_list.

    allow_list: class names, by default all quantized layers with one kernel or a separable one; folded
    layers count with their folded, unquantized weights, as in QKeras. per_layer: return also a list of
    (layer name, share). A model without such layers has the share 0. The model is not changed.
    """
    counted = _COUNTED if allow_list is None else allow_list
    found = {layer.name: _values(layer) for layer in every_layer(model) if type(layer).__name__ in counted}
    found = {name: weights for name, weights in found.items() if weights.size}
    total = _zeros(np.concatenate([*found.values(), np.zeros(0, np.float32)]))
    return (total, [(name, _zeros(weights)) for name, weights in found.items()]) if per_layer else total


def sparsity_text(model: Any) -> str:
    """For each layer that pruning may act on: its prunable weights and their share of zeros as they stand."""
    lines = [f"Model Sparsity Summary ({model.name})", "--"]
    for layer in every_layer(model):
        prunable = layer.get_prunable_weights() if hasattr(layer, "get_prunable_weights") else []
        if prunable:
            told = ", ".join(f"({weight.name}, {_zeros(values(weight)):.4f})" for weight in prunable)
            lines.append(f"{layer.name}: {told}")
    return "\n".join([*lines, ""])


def _values(layer: Any) -> NDArray[Any]:
    if hasattr(layer, "get_folded_weights"):
        arrays = [values(weight) for weight in layer.get_folded_weights()]
    elif hasattr(layer, "get_quantizers"):
        arrays = [weight.quantized for weight in weights_of(layer)]
    else:
        arrays = [values(weight) for weight in layer.weights]
    return np.concatenate([*(array.ravel() for array in arrays), np.zeros(0, np.float32)])


def _zeros(weights: NDArray[Any]) -> float:
    return float(np.mean(weights == 0)) if weights.size else 0.0
