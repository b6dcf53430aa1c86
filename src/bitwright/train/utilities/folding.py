"""Batch normalization into the layer before it, and out again.

Source: google/qkeras, utils.py and bn_folding_utils.py; Jacob et al. 2018, 3.2.
"""

from __future__ import annotations

from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train import layers as ql
from bitwright.train.rewrite import carry_weights, rebuilt, same
from bitwright.train.wiring import every_network, followers

__all__ = [
    "FOLDED_TWINS",
    "carry_folded",
    "convert_folded_layer_to_unfolded",
    "convert_to_folded_model",
    "foldable",
    "unfold_model",
]

FOLDED_TWINS: dict[str, Any] = {
    "Conv2D": ql.QConv2DBatchnorm,
    "DepthwiseConv2D": ql.QDepthwiseConv2DBatchnorm,
}
"""The float classes that fold, by name, and what they become."""

_UNFOLDED: dict[Any, Any] = {
    ql.QConv2DBatchnorm: ql.QConv2D,
    ql.QDepthwiseConv2DBatchnorm: ql.QDepthwiseConv2D,
    ql.QDenseBatchnorm: ql.QDense,
}

_OF_NORMALIZATION = {
    "axis", "momentum", "epsilon", "center", "scale", "ema_freeze_delay", "folding_mode",
    *(f"{part}_{what}" for part in ("beta", "gamma", "moving_mean", "moving_variance")
      for what in ("initializer", "regularizer", "constraint")),
}  # fmt: skip


def foldable(model: Any) -> dict[int, tuple[Any, Any]]:
    """By the id of each Keras Conv2D or DepthwiseConv2D that can fold: it and its batch normalization.

    It folds when a plain BatchNormalization is the only reader of its output and nothing, not even an
    activation of its own, lies between. Nested models are looked into.
    """
    found: dict[int, tuple[Any, Any]] = {}
    for network in every_network(model):
        readers = followers(network)
        for layer in network.layers:
            follower = readers.get(id(layer), [])
            if type(layer).__name__ not in FOLDED_TWINS or len(follower) != 1:
                continue
            if type(follower[0]).__name__ == "BatchNormalization" and layer.activation.__name__ == "linear":
                found[id(layer)] = (layer, follower[0])
    return found


def convert_to_folded_model(model: Any) -> tuple[Any, list[str]]:
    """(`model` without the batch normalizations that fold, the names of the layers they fold into).

    The other layers keep class and weights, so the new model computes something else until
    `model_quantize(..., enable_bn_folding=True)` has made folded layers of those named.
    """
    pairs = foldable(model)
    gone = {id(norm) for _, norm in pairs.values()}
    copy = rebuilt(model, lambda layer: None if id(layer) in gone else same(layer))
    return copy.carry_weights(), [layer.name for layer, _ in pairs.values()]


def carry_folded(layer: Any, norm: Any, folded: Any) -> None:
    """Set the weights of the folded layer from those of the layer and its batch normalization."""
    sources = {weight.name: weight for old in (layer, norm) for weight in old.weights}
    for weight in folded.weights:
        if weight.name in sources:
            weight.assign(sources[weight.name])


def convert_folded_layer_to_unfolded(layer: Any) -> Any:
    """The QConv2D, QDepthwiseConv2D or QDense, with a bias, that computes what the folded `layer` does.

    It is not built; `unfold_model` gives it the folded kernel and bias. Raises InvalidValue for a layer
    that is not folded.
    """
    kind = _UNFOLDED.get(type(layer))
    if kind is None:
        known = ", ".join(sorted(k.__name__ for k in _UNFOLDED))
        raise InvalidValue(
            f"{type(layer).__name__} is no folded layer", where=f"layer '{layer.name}'", remedy=f"give one of {known}"
        )
    config = {name: value for name, value in layer.get_config().items() if name not in _OF_NORMALIZATION}
    return kind.from_config({**config, "use_bias": True})


def unfold_model(model: Any) -> Any:
    """The same function with ordinary layers: each folded layer becomes one with the folded weights.

    At inference the outputs are equal bit for bit; a model without folded layers is copied.
    """

    def replace(layer: Any) -> Any:
        return convert_folded_layer_to_unfolded(layer) if type(layer) in _UNFOLDED else same(layer)

    def carry(old: Any, new: Any) -> None:
        if type(old) in _UNFOLDED:
            new.set_weights(old.get_folded_weights())
        else:
            carry_weights(old, new)

    return rebuilt(model, replace).carry_weights(carry)

