"""`quantize`: a float Keras model becomes the same model of quantized twins, weights transferred."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import ConfigError, InvalidModel, Unsupported
from bitwright.train import layers as ql
from bitwright.train import quantizers as q
from bitwright.train.door import keras
from bitwright.train.ranges import best_integer, fitting
from bitwright.train.rewrite import every_layer, plain_config, rebuilt, same
from bitwright.train.spec import get_activation
from bitwright.train.twins import TWINS, Twin

__all__ = ["Bits", "quantize"]

_ACTIVATIONS = ("Activation", "ReLU", "LeakyReLU")
_LEFT_FLOAT = {"linear", "softmax", "log_softmax"}


@dataclass(frozen=True)
class Bits:
    """How many bits a layer gets; `quantize` turns this into quantizers.

    weights, bias (None: two more than weights), activations: widths. integer: bits of the weights
    before the point (None: whatever fits the transferred weights best). activation_integer: the same
    of activations, so that 2 covers values up to 4. alpha: of the kernel's quantizer; 1 is plain
    fixed point, "auto" or "auto_po2" find a scale per channel.
    """

    weights: int = 6
    activations: int = 6
    bias: int | None = None
    integer: int | None = None
    activation_integer: int = 2
    alpha: Any = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("weights", "activations", "bias") and value is not None and value < 1:
                raise ConfigError(f"{field.name}={value}", where="Bits", remedy="give at least one bit")


Rule = Bits | Mapping[str, Any]


def quantize(model: Any, rules: Mapping[str, Rule], input_quantizer: Any = None) -> Any:
    """The quantized twin of `model`, a Sequential or functional Keras model; `model` is not changed.

    rules: layer names or patterns ("dense*"), or class names ("Conv2D"), to `Bits` or to settings in
    QKeras's words (`{"kernel_quantizer": ..., "activation": ...}`). An exact name beats patterns, and
    these, in the order given, beat class names. Layers without a rule, and softmax, stay as they are;
    nested models are looked into. Under `Bits` ReLU becomes quantized_relu, tanh and sigmoid their
    quantized forms, states of recurrent layers are quantized like activations, and batch normalization
    keeps float parameters: with the activation after it, it compiles to one exact map. Layers without
    a kernel (pooling, softmax, layer normalization, attention) are quantized by settings alone.
    input_quantizer: put as a QActivation behind every input.

    Raises ConfigError for a rule that no layer matches, naming the nearest layer, and Unsupported for
    an activation that has no quantized form.
    """
    source = _functional(model)
    _check_rules(rules, source)

    def entrance(tensor: Any) -> Any:
        return ql.QActivation(input_quantizer, name=f"{tensor.name}_quantizer")(tensor)

    copy = rebuilt(
        source,
        lambda layer: _twin(layer, _rule_for(layer, rules)),
        None if input_quantizer is None else entrance,
    )
    return copy.carry_weights()


def _functional(model: Any) -> Any:
    if isinstance(model, keras.Sequential):
        if not model.built:
            raise InvalidModel(
                "the model has no input shape yet",
                where=f"model '{model.name}'",
                remedy="begin it with keras.Input(...) or call model.build(...)",
            )
        x = entry = keras.Input(batch_shape=model.input_shape, dtype=model.inputs[0].dtype, name="input")
        for layer in model.layers:
            x = layer(x)
        return keras.Model(entry, x, name=model.name)
    if not hasattr(model, "inputs") or not hasattr(model, "get_layer") or not model.inputs:
        raise Unsupported(
            "only Sequential and functional models can be rebuilt layer by layer",
            where=f"model '{getattr(model, 'name', model)}'",
            remedy="write it with keras.Input and keras.Model, or use Q layers by hand",
        )
    return model


def _check_rules(rules: Mapping[str, Rule], model: Any) -> None:
    layers = list(every_layer(model))
    names = [layer.name for layer in layers]
    classes = {type(layer).__name__ for layer in layers}
    for key in rules:
        if key in classes or any(fnmatchcase(name, key) for name in names):
            continue
        near = get_close_matches(key, [*names, *classes], 1, cutoff=0.3)
        raise ConfigError(
            f"rule {key!r} matches no layer",
            where=f"model '{model.name}'",
            why=f"its layers are {', '.join(names)}",
            remedy=f"did you mean {near[0]!r}?" if near else "name one of them",
        )


def _rule_for(layer: Any, rules: Mapping[str, Rule]) -> Rule | None:
    if layer.name in rules:
        return rules[layer.name]
    for key, rule in rules.items():
        if fnmatchcase(layer.name, key):
            return rule
    return rules.get(type(layer).__name__)


def _twin(layer: Any, rule: Rule | None) -> Any:
    kind = type(layer).__name__.removeprefix("Q")
    if rule is None:
        return same(layer)
    if kind in _ACTIVATIONS:
        return _activation_layer(layer, rule)
    if kind == "Bidirectional":
        sides = [_twin(side, rule) for side in (layer.forward_layer, layer.backward_layer)]
        common = {"merge_mode": layer.merge_mode, "name": layer.name, "trainable": layer.trainable}
        return ql.QBidirectional(sides[0], backward_layer=sides[1], **common)
    twin = TWINS.get(kind)
    if twin is None:
        return same(layer)
    settings = _from_bits(layer, twin, rule) if isinstance(rule, Bits) else _checked(layer, rule, twin.settings)
    if settings is None:
        return same(layer)
    config = plain_config(layer)
    if kind == "BatchNormalization" and not isinstance(layer, ql.QBatchNormalization):
        config.update(dict.fromkeys(twin.quantizers))
    return twin.kind.from_config({**config, **settings})


def _activation_layer(layer: Any, rule: Rule) -> Any:
    found = _activation(layer, rule) if isinstance(rule, Bits) else _checked(layer, rule, {"activation"})["activation"]
    return same(layer) if found is None else ql.QActivation(found, name=layer.name)


def _checked(layer: Any, rule: Mapping[str, Any], allowed: set[str]) -> dict[str, Any]:
    for key in rule:
        if key not in allowed:
            near = get_close_matches(key, allowed, 1, cutoff=0.3)
            raise ConfigError(
                f"{type(layer).__name__} has no setting {key!r}",
                where=f"layer '{layer.name}'",
                remedy=f"did you mean {near[0]!r}?" if near else f"use {', '.join(sorted(allowed))}",
            )
    return dict(rule)


def _from_bits(layer: Any, twin: Twin, bits: Bits) -> dict[str, Any] | None:
    """The settings of the twin; None where the layer should stay as it is."""
    if twin.name == "QBatchNormalization":
        return {}
    if not any(role.is_kernel for role in twin.roles):
        return None
    owner = getattr(layer, "cell", layer)
    settings: dict[str, Any] = {}
    for role in twin.roles:
        weight = getattr(owner, role.attribute, None) if role.attribute else None
        if role.prefix == "state":
            settings[role.quantizer] = q.quantized_bits(bits.activations, bits.activation_integer, 1, alpha=1.0)
        elif weight is not None:
            values = np.asarray(keras.ops.convert_to_numpy(weight))
            settings[role.quantizer] = (_weight_quantizer if role.is_kernel else _bias_quantizer)(values, bits)
    for name in twin.more:
        activation = _activation(layer, bits, name) if name != "mask" else None
        if activation is not None:
            settings[name] = activation
    return settings


def _bias_quantizer(bias: NDArray[Any], bits: Bits) -> Any:
    width = bits.weights + 2 if bits.bias is None else bits.bias
    return q.quantized_bits(width, max(0, fitting(bias, width)), alpha=1.0)


def _weight_quantizer(kernel: NDArray[Any], bits: Bits) -> Any:
    if bits.weights == 1:
        return q.binary(alpha=bits.alpha)
    if isinstance(bits.alpha, str) or bits.alpha is None:
        return q.quantized_bits(bits.weights, bits.integer or 0, alpha=bits.alpha)
    integer = best_integer(kernel, bits.weights) if bits.integer is None else bits.integer
    return q.quantized_bits(bits.weights, integer, alpha=bits.alpha)


def _activation(layer: Any, bits: Bits, attribute: str = "activation") -> Any:
    """The quantizer for the layer's activation; None where it stays."""
    kind, width, integer = type(layer).__name__, bits.activations, bits.activation_integer
    if kind in ("ReLU", "LeakyReLU"):
        return _relu(layer, bits)
    function = getattr(layer, "quantizer", None) or getattr(layer, attribute)
    name = getattr(function, "__name__", "")
    if isinstance(function, q.BaseQuantizer) or name in _LEFT_FLOAT:
        return None
    forms = {
        "relu": f"quantized_relu({width},{integer})",
        "relu6": f"quantized_relu({width},{integer},relu_upper_bound=6.0,is_quantized_clip=False)",
        "tanh": f"quantized_tanh({width},use_real_tanh=True)",
        "sigmoid": f"quantized_sigmoid({width},use_real_sigmoid=True)",
    }
    if name not in forms:
        raise _no_form(layer, name)
    return get_activation(forms[name])


def _relu(layer: Any, bits: Bits) -> Any:
    slope, bound = float(getattr(layer, "negative_slope", 0.0)), getattr(layer, "max_value", None)
    if getattr(layer, "threshold", 0.0):
        raise _no_form(layer, "ReLU with a threshold")
    if slope and not np.log2(slope).is_integer():
        raise _no_form(layer, f"a slope of {slope}")
    return q.quantized_relu(
        bits.activations,
        bits.activation_integer,
        negative_slope=slope,
        relu_upper_bound=None if bound is None else float(bound),
        is_quantized_clip=bound is None,
    )


def _no_form(layer: Any, what: str) -> Unsupported:
    return Unsupported(
        f"no quantized form of {what or 'its activation'} is known",
        where=f"layer '{layer.name}'",
        remedy=f"give a rule {{'{layer.name}': {{'activation': 'quantized_relu(6,2)'}}}} or another quantizer",
    )
