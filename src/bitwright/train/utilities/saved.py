"""The weights of a model as hardware stores them: `model_save_quantized_weights`.

Source: google/qkeras, utils.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.train.door import keras
from bitwright.train.layers.base import apply
from bitwright.train.quantizers import quantized_bits, quantized_po2, quantized_relu_po2
from bitwright.train.rewrite import every_layer
from bitwright.train.utilities.files import save_weights
from bitwright.train.utilities.fusing import add_bn_fusing_weights, find_bn_fusing_layer_pair
from bitwright.train.wiring import values

__all__ = ["Weight", "model_save_quantized_weights", "quantized_layers", "weights_of"]

Array = NDArray[np.float32]
_ACTIVATIONS = ("QActivation", "QAdaptiveActivation")
_POOLS = ("QAveragePooling2D", "QGlobalAveragePooling2D")


@dataclass(frozen=True)
class Weight:
    """One weight of a layer: what the quantizer makes of it, and the variable (None if it is computed)."""

    quantized: Array
    quantizer: Any
    original: Array
    variable: Any = None


def weights_of(layer: Any) -> list[Weight]:
    """The weights of a quantized layer, in QKeras's order: those of folded layers after folding."""
    if hasattr(layer, "get_folded_weights"):
        found = [(w, None) for w in layer.get_folded_weights()]
    elif type(layer).__name__ == "QBatchNormalization":
        return _of_normalization(layer)
    else:
        found = [(w, w) for w in layer.weights]
    weights: list[Weight] = []
    for (tensor, variable), quantizer in zip(found, _quantizers(layer), strict=False):
        weights.append(_weight(tensor, variable, quantizer))
    return weights


def quantized_layers(model: Any) -> Iterator[Any]:
    """The layers that have quantizers, activations apart; those of nested models as well."""
    for layer in every_layer(model):
        if hasattr(layer, "get_quantizers") and type(layer).__name__ not in _ACTIVATIONS:
            yield layer


def model_save_quantized_weights(
    model: Any, filename: str | None = None, custom_objects: Any = None
) -> dict[str, dict[str, Any]]:
    """Quantize the weights of `model` in place, and return them as hardware stores them.

    By layer name: "weights", a list of arrays: the quantized values; for power-of-two quantizers the
    exponents, with "signs" (a list of the same length, [] where there is none) if one is signed; for
    quantized_bits with alpha="auto_po2" the values over the unscaled step 2^(integer - bits + 1), with
    "scales" (the step of each channel, [] elsewhere). "enable_bn_fusing" tells whether a
    QBatchNormalization is fused: see `add_bn_fusing_weights` for what it adds. Average pooling has
    "q_mult_factor", "mult_factor" and "pool_area". Folded layers keep their variables, since the
    folded kernel is none of them; layers without quantizers are left out.

    filename: also write the weights, as Keras does (".weights.h5", or ".h5" in the old layout).
    custom_objects is taken for QKeras's sake.
    """
    saved: dict[str, dict[str, Any]] = {}
    layers = {layer.name: layer for layer in quantized_layers(model)}
    pairs, followers = find_bn_fusing_layer_pair(model)
    for name, layer in layers.items():
        if not layer.weights and type(layer).__name__ not in _POOLS:
            continue
        saved[name] = {**_stored(weights_of(layer)), "enable_bn_fusing": name in followers}
        if type(layer).__name__ in _POOLS:
            saved[name].update(_pooling(layer))
        _set(layer)
        if name in pairs:
            add_bn_fusing_weights(layer, layers[pairs[name]], saved)
    if filename is not None:
        save_weights(model, filename)
    return saved


def _set(layer: Any) -> None:
    for weight in weights_of(layer):
        if weight.variable is not None and weight.quantizer is not None:
            weight.variable.assign(weight.quantized)


def _quantizers(layer: Any) -> list[Any]:
    """The quantizers of the weights alone: recurrent layers have one more for the state."""
    if isinstance(layer, keras.layers.Bidirectional):
        return [*_quantizers(layer.forward_layer), *_quantizers(layer.backward_layer)]
    quantizers = layer.get_quantizers()
    if not isinstance(layer, keras.layers.RNN):
        return quantizers
    kept = quantizers[:-1]
    return kept if layer.use_bias else kept[:-1]


def _of_normalization(layer: Any) -> list[Weight]:
    parts = {"gamma": "gamma", "beta": "beta", "moving_mean": "mean", "moving_variance": "variance"}
    found: list[Weight] = []
    for attribute, prefix in parts.items():
        variable = getattr(layer, attribute, None)
        if variable is not None:
            found.append(_weight(variable, variable, getattr(layer, f"{prefix}_quantizer")))
    return found


def _weight(tensor: Any, variable: Any, quantizer: Any) -> Weight:
    original = values(tensor)
    return Weight(values(apply(quantizer, original, None)), quantizer, original, variable)


def _stored(weights: list[Weight]) -> dict[str, Any]:
    entries = [_entry(weight) for weight in weights]
    stored: dict[str, Any] = {"weights": [e[0] for e in entries]}
    if any(isinstance(w.quantizer, quantized_po2) for w in weights):
        stored["signs"] = [e[1] for e in entries]
    if any(len(e[2]) for e in entries):
        stored["scales"] = [e[2] for e in entries]
    return stored


def _entry(weight: Weight) -> tuple[Array, Any, Any]:
    """(what is stored, signs, scales) of one weight; [] for none."""
    q, quantizer = weight.quantized, weight.quantizer
    if isinstance(quantizer, quantized_po2 | quantized_relu_po2):
        return np.round(np.log2(np.abs(q))).astype(np.float32), np.where(q < 0, -1, 1).astype(np.float32), []
    if isinstance(quantizer, quantized_bits) and quantizer.alpha == "auto_po2" and quantizer.bits > 1:
        levels = np.float32(2.0 ** (quantizer.bits - quantizer.keep_negative - quantizer.integer))
        scale = values(quantizer.parts(weight.original).scale)
        return q * levels, [], scale / levels
    return q, [], []


def _pooling(layer: Any) -> dict[str, Any]:
    height, width = tuple(layer.input.shape)[2:4] if layer.data_format == "channels_first" else layer.input.shape[1:3]
    area = prod(getattr(layer, "pool_size", (height, width)))
    factor = np.float32(1.0 / area)
    return {
        "q_mult_factor": values(apply(layer.average_quantizer, np.full((1,), factor), None)).reshape(()),
        "mult_factor": factor,
        "pool_area": area,
    }
