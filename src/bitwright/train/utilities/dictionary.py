"""`model_quantize`: QKeras's dictionary of quantizers applied to a float model.

Source: google/qkeras, utils.py, `model_quantize`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from bitwright.core.errors import ConfigError, ParseError
from bitwright.train import layers as ql
from bitwright.train.door import keras
from bitwright.train.rewrite import carry_weights, every_layer, plain_config, rebuilt, same
from bitwright.train.spec import get_activation, parse_call
from bitwright.train.twins import TWINS, Twin
from bitwright.train.utilities.folding import FOLDED_TWINS, carry_folded, foldable

__all__ = ["get_config", "model_quantize", "quantize_activation"]

_AUTOMATIC = ("relu", "tanh", "sigmoid")
"""The activations that activation_bits quantizes, all as `quantized_<name>(bits)`."""


_LINEAR = {
    name: TWINS[name]
    for name in ("Dense", "Conv1D", "Conv2D", "Conv2DTranspose", "DepthwiseConv2D", "SimpleRNN", "LSTM", "GRU")
}
_POOLS = {name: TWINS[name] for name in ("AveragePooling2D", "GlobalAveragePooling2D")}
_NORMALIZATION = TWINS["BatchNormalization"].quantizers
_FUNCTIONS = ("activation_quantizer", "recurrent_activation_quantizer")
_FOLDING = ("folding_mode", "ema_freeze_delay")
_CLASSES = {
    *(kind.name for kind in (*_LINEAR.values(), *_POOLS.values())),
    *(kind.__name__ for kind in FOLDED_TWINS.values()),
    "QActivation", "QAdaptiveActivation", "QBatchNormalization", "QBidirectional",
}  # fmt: skip
# Classes that occur in QKeras's dictionaries and that its model_quantize leaves as they are.
_LEFT = {"QSeparableConv1D", "QSeparableConv2D", "QDenseBatchnorm", "QMobileNetSeparableConv2D", "QOctaveConv2D"}


def get_config(quantizer_config: Mapping[str, Any], layer: Any, layer_class: str, parameter: str | None = None) -> Any:
    """The dictionary's entry for `layer` (one with this name or, without one, `layer_class`), or a part of it.

    layer: a Keras layer, or its serialized form as QKeras passes it. None where nothing is found.
    """
    name = layer["config"]["name"] if isinstance(layer, Mapping) else layer.name
    entry = quantizer_config.get(name, quantizer_config.get(layer_class))
    return entry if entry is None or parameter is None else entry.get(parameter)


def quantize_activation(layer_config: dict[str, Any], activation_bits: int) -> None:
    """Replace relu, tanh or sigmoid under "activation" by the quantized form of that many bits, in place."""
    if layer_config.get("activation") in _AUTOMATIC:
        layer_config["activation"] = f"quantized_{layer_config['activation']}({activation_bits})"


def model_quantize(
    model: Any,
    quantizer_config: Mapping[str, Any],
    activation_bits: int,
    custom_objects: Mapping[str, Any] | None = None,
    transfer_weights: bool = False,
    prefer_qadaptiveactivation: bool = False,
    enable_bn_folding: bool = False,
) -> Any:
    """The quantized form of a float model, by QKeras's dictionary; `model` is not changed.

    quantizer_config: layer names, or class names such as "QDense", to entries. A name beats a class
    and replaces its whole entry. An entry holds the layer's quantizer arguments, and
    "activation_quantizer" (and "recurrent_activation_quantizer"); without a kernel quantizer the layer
    stays float. Activations of quantized layers that are not named become quantized_relu, _tanh or
    _sigmoid of `activation_bits`. The entry of an activation layer is a quantizer or, by activation,
    {"relu": ..., "leakyrelu": ...}, under its name, "QActivation" or "QAdaptiveActivation" (which
    wins where both have one under prefer_qadaptiveactivation). BatchNormalization needs an entry, be
    it {}, and takes only the quantizers named there. Separable convolutions stay float, as in QKeras:
    use `bitwright.quantize` for them. Nested models are converted, too.

    enable_bn_folding: Conv2D and DepthwiseConv2D with a kernel quantizer take the batch normalization
    behind them in ("QConv2DBatchnorm", "QDepthwiseConv2DBatchnorm", else the entries of the plain
    classes; "folding_mode" and "ema_freeze_delay" are understood). transfer_weights: give the new
    model the weights of the old one. custom_objects: further quantizers by name.

    An entry that nothing in the model matches is ignored with a warning, as QKeras programs share
    dictionaries; a misspelled setting raises ConfigError, an unreadable quantizer ParseError, each
    naming the layer.
    """
    objects = dict(custom_objects or {})
    settings = _Dictionary(quantizer_config, activation_bits, prefer_qadaptiveactivation, objects)
    folds = {key: pair for key, pair in foldable(model).items() if settings.folds(pair[0])} if enable_bn_folding else {}
    gone = {id(norm) for _, norm in folds.values()}

    def replace(layer: Any) -> Any:
        if id(layer) in gone:
            return None
        return settings.folded(*folds[id(layer)]) if id(layer) in folds else settings.twin(layer)

    def carry(old: Any, new: Any) -> None:
        if id(old) in folds:
            carry_folded(*folds[id(old)], new)
        else:
            carry_weights(old, new)

    with keras.saving.custom_object_scope(objects):
        copy = rebuilt(model, replace)
    settings.warn(model)
    return copy.carry_weights(carry) if transfer_weights else copy.model


@dataclass
class _Dictionary:
    """The dictionary and the settings beside it; makes the new layers."""

    entries: Mapping[str, Any]
    bits: int
    adaptive_first: bool
    objects: dict[str, Any]
    used: set[str] = field(default_factory=set[str])

    def twin(self, layer: Any) -> Any:
        """What stands for `layer` in the quantized model."""
        name = type(layer).__name__
        if name in _LINEAR:
            return self._linear(layer, _LINEAR[name])
        if name in _POOLS:
            return self._pool(layer, _POOLS[name])
        special = {
            "BatchNormalization": self._normalization,
            "Bidirectional": self._bidirectional,
            "Activation": self._activation,
            "ReLU": self._rectifier,
            "LeakyReLU": self._rectifier,
        }
        return special.get(name, same)(layer)

    def folds(self, layer: Any) -> bool:
        """Whether the dictionary gives the layer a kernel quantizer, so that it can fold."""
        twin = _LINEAR[type(layer).__name__]
        return bool((self._folded_entry(layer) or {}).get(twin.quantizers[0]))

    def folded(self, layer: Any, norm: Any) -> Any:
        """The folded layer for `layer` and the batch normalization behind it."""
        twin, folded = _LINEAR[type(layer).__name__], FOLDED_TWINS[type(layer).__name__]
        entry = self._checked(layer, self._folded_entry(layer), {*twin.quantizers, *_FUNCTIONS, *_FOLDING})
        config = {**plain_config(norm), **plain_config(layer)}
        for dropped in ("synchronized", "renorm", "renorm_clipping", "renorm_momentum"):
            config.pop(dropped, None)
        config.update({key: entry[key] for key in _FOLDING if key in entry})
        return self._made(folded, layer, {**config, **self._quantizers(layer, twin, entry)})

    def warn(self, model: Any) -> None:
        """Say which entries had no effect because nothing in the model is called so."""
        names = [layer.name for layer in every_layer(model)]
        for key in self.entries:
            if key in self.used or key in _CLASSES or key in names:
                continue
            if key in _LEFT:
                warnings.warn(
                    f"model_quantize leaves the layers of {key!r} float, as in QKeras; use bw.quantize", stacklevel=3
                )
                continue
            near = get_close_matches(key, [*names, *_CLASSES], 1)
            advice = f"; did you mean {near[0]!r}?" if near else ""
            warnings.warn(f"model_quantize: {key!r} is no layer of '{model.name}' and no class{advice}", stacklevel=3)

    def _entry(self, layer: Any, *classes: str) -> Any:
        for key in (layer.name, *classes):
            if key in self.entries:
                self.used.add(key)
                return self.entries[key]
        return None

    def _folded_entry(self, layer: Any) -> Any:
        kind = type(layer).__name__
        return self._entry(layer, FOLDED_TWINS[kind].__name__, _LINEAR[kind].name)

    def _checked(self, layer: Any, entry: Any, keys: set[str]) -> Mapping[str, Any]:
        if not isinstance(entry, Mapping):
            raise ConfigError(
                f"its entry {entry!r} is no dictionary",
                where=f"layer '{layer.name}'",
                remedy=f"write {{{sorted(keys)[0]!r}: ...}}",
            )
        for key in entry:
            if key not in keys:
                near = get_close_matches(key, keys, 1, cutoff=0.3)
                raise ConfigError(
                    f"{type(layer).__name__} has no setting {key!r}",
                    where=f"layer '{layer.name}'",
                    why=f"known are {', '.join(sorted(keys))}",
                    remedy=f"did you mean {near[0]!r}?" if near else "leave it out",
                )
        return entry

    def _linear(self, layer: Any, twin: Twin) -> Any:
        entry = self._entry(layer, twin.name)
        if not entry:
            return same(layer)
        entry = self._checked(layer, entry, {*twin.quantizers, *_FUNCTIONS, *_FOLDING})
        if not entry.get(twin.quantizers[0]):
            return same(layer)
        return self._made(twin.kind, layer, {**plain_config(layer), **self._quantizers(layer, twin, entry)})

    def _quantizers(self, layer: Any, twin: Twin, entry: Mapping[str, Any]) -> dict[str, Any]:
        config = {"activation": plain_config(layer)["activation"]}
        if entry.get("activation_quantizer"):
            config["activation"] = entry["activation_quantizer"]
        else:
            quantize_activation(config, self.bits)
        if entry.get("recurrent_activation_quantizer"):
            config["recurrent_activation"] = entry["recurrent_activation_quantizer"]
        given = {name: entry.get(name) for name in twin.quantizers}
        if not layer.use_bias:
            given["bias_quantizer"] = None
        return {**config, **given}

    def _bidirectional(self, layer: Any) -> Any:
        entry = self._entry(layer, "QBidirectional")
        if not entry:
            return same(layer)
        sides = [self._side(layer, side, entry) for side in (layer.forward_layer, layer.backward_layer)]
        return ql.QBidirectional(
            sides[0], merge_mode=layer.merge_mode, backward_layer=sides[1], name=layer.name, trainable=layer.trainable
        )

    def _side(self, layer: Any, side: Any, entry: Any) -> Any:
        twin = _LINEAR.get(type(side).__name__)
        if twin is None:
            return same(side)
        entry = self._checked(layer, entry, {*twin.quantizers, *_FUNCTIONS})
        return self._made(twin.kind, layer, {**plain_config(side), **self._quantizers(side, twin, entry)})

    def _pool(self, layer: Any, twin: Twin) -> Any:
        entry = self._entry(layer, twin.name)
        if not entry:
            return same(layer)
        entry = self._checked(layer, entry, {*twin.quantizers, "activation_quantizer"})
        given = {"average_quantizer": entry.get("average_quantizer"), "activation": entry.get("activation_quantizer")}
        return self._made(twin.kind, layer, {**plain_config(layer), **given})

    def _normalization(self, layer: Any) -> Any:
        entry = self._entry(layer, "QBatchNormalization")
        if entry is None:
            return same(layer)
        entry = self._checked(layer, entry, set(_NORMALIZATION))
        given = {name: entry.get(name) for name in _NORMALIZATION}
        return self._made(ql.QBatchNormalization, layer, {**plain_config(layer), **given})

    def _activation(self, layer: Any) -> Any:
        order = ("QAdaptiveActivation", "QActivation")
        name = getattr(layer.activation, "__name__", str(layer.activation))
        for kind in order if self.adaptive_first else reversed(order):
            chosen = self._choice(self._entry(layer, kind), name)
            if chosen:
                return self._quantized_activation(layer, kind, chosen)
        return same(layer)

    def _rectifier(self, layer: Any) -> Any:
        leaky = type(layer).__name__ == "LeakyReLU" or layer.negative_slope > 0
        chosen = self._choice(self._entry(layer, "QActivation"), "leakyrelu" if leaky else "relu")
        return self._quantized_activation(layer, "QActivation", chosen) if chosen else same(layer)

    def _choice(self, entry: Any, activation: str) -> Any:
        return entry.get(activation) if isinstance(entry, Mapping) and "class_name" not in entry else entry

    def _quantized_activation(self, layer: Any, kind: str, chosen: Any) -> Any:
        common = {"name": layer.name, "trainable": layer.trainable}
        quantizer = self._resolved(layer, chosen)
        if kind == "QActivation":
            return ql.QActivation(quantizer, **common)
        made = get_activation(quantizer)
        if not hasattr(made, "bits"):
            raise ConfigError(
                f"{made} cannot adapt its range",
                where=f"layer '{layer.name}'",
                remedy="give quantized_bits or quantized_relu, or use QActivation",
            )
        slope = {"relu_neg_slope": made.negative_slope} if hasattr(made, "negative_slope") else {}
        return ql.QAdaptiveActivation(type(made).__name__, made.bits, **slope, **common)

    def _made(self, kind: Any, layer: Any, config: dict[str, Any]) -> Any:
        told = {key: self._resolved(layer, v) if _names_function(key) else v for key, v in config.items()}
        return kind.from_config(told)

    def _resolved(self, layer: Any, given: Any) -> Any:
        """`given` with names of custom objects looked up, and read, so that an error can name the layer."""
        if not isinstance(given, str):
            return given
        try:
            if given.partition("(")[0].strip() in self.objects:
                name, arguments, named = parse_call(given)
                found = self.objects[name]
                return found(*arguments, **named) if isinstance(found, type) or "(" in given else found
            return get_activation(given)
        except ParseError as error:
            raise ParseError(
                error.what, where=f"layer '{layer.name}'", why=error.why, remedy=error.remedy
            ) from error


def _names_function(key: str) -> bool:
    return key in ("activation", "recurrent_activation") or key.endswith("_quantizer")
