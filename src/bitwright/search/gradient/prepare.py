"""From a float model to the same model with trained widths, its ranges set from data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import Unsupported
from bitwright.search.gradient.normalization import folded
from bitwright.search.gradient.options import Gradient
from bitwright.train import layers as ql
from bitwright.train.door import keras
from bitwright.train.layers.base import Quantized
from bitwright.train.observe import as_array, observe
from bitwright.train.quantizers import BaseQuantizer, trained_bits, trained_digits
from bitwright.train.rewrite import plain_config, rebuilt, same
from bitwright.train.twins import TWINS
from bitwright.train.wiring import followers, functional_of

__all__ = ["trainable_copy"]

_SUMS = ("Dense", "Conv1D", "Conv2D", "DepthwiseConv2D")
_LATER = ("ReLU", "Activation", "LeakyReLU", "BatchNormalization", "QActivation")
_BIAS = "quantized_bits(16,7,alpha=1)"
_SAMPLES = 4096
_KEPT = 99.9
"""The percentile of magnitudes that a range starts with."""


def trainable_copy(model: Any, x: NDArray[Any], options: Gradient) -> Any:
    """A copy of `model` in which weights are `trained_digits` and activations `trained_bits`.

    `model`: functional or Sequential, float; layers that are quantized already keep their quantizers. Every input gets
    one. Batch normalizations behind sums are folded first (`folded`). `x`: samples from which ranges are set, channel
    by channel.

    Raises Unsupported for activations without a quantized form.
    """
    source = functional_of(folded(model))
    reads = followers(source)

    def entrance(tensor: Any) -> Any:
        quantizer = _activation(options, bool((x < 0).any()))
        return ql.QActivation(quantizer, name=f"{tensor.name}_quantizer")(tensor)

    entry = None if _quantized_at_once(source, reads) else entrance
    copy = rebuilt(source, lambda layer: _twin(layer, reads[id(layer)], options), entry).carry_weights(_carried)
    _set_ranges(copy, x[:_SAMPLES])
    return copy


def _quantized_at_once(source: Any, reads: dict[int, list[Any]]) -> bool:
    entries = [layer for layer in source.layers if isinstance(layer, keras.layers.InputLayer)]
    first = [reader for entry in entries for reader in reads[id(entry)]]
    return bool(first) and all(isinstance(layer, ql.QActivation) for layer in first)


def _activation(options: Gradient, keep_negative: bool) -> Any:
    bits, wraps = options.activation_bits + keep_negative, options.overflow == "wrap"
    return trained_bits(bits, 2, keep_negative, options.activation_granularity, calibrated=wraps)


def _twin(layer: Any, readers: list[Any], options: Gradient) -> Any:
    kind = type(layer).__name__
    if isinstance(layer, Quantized) or kind not in (*_SUMS, "ReLU", "Activation"):
        return same(layer)
    found = _form(layer, readers, options)
    if kind not in _SUMS:
        return same(layer) if found is None else ql.QActivation(found, name=layer.name)
    twin, config = TWINS[kind], plain_config(layer)
    config[twin.roles[0].quantizer] = trained_digits(options.digits, granularity=options.weight_granularity)
    config["bias_quantizer"] = _BIAS if layer.use_bias else None
    config["activation"] = layer.activation if found is None else found
    return twin.kind.from_config({**config, f"{twin.roles[0].prefix}_constraint": None})


def _form(layer: Any, readers: list[Any], options: Gradient) -> Any:
    """The quantizer in the place of the layer's activation; None where it stays."""
    name = "relu" if isinstance(layer, keras.layers.ReLU) else getattr(layer.activation, "__name__", "")
    if isinstance(getattr(layer, "activation", None), BaseQuantizer) or name in ("softmax", "log_softmax"):
        return None
    if name == "relu":
        return _activation(options, False)
    if name == "linear":
        later = all(reader is None or type(reader).__name__ in _LATER for reader in readers)
        return None if later else _activation(options, True)
    if name in ("tanh", "sigmoid"):
        return f"quantized_{name}(6,use_real_{name}=True)"
    raise Unsupported(
        f"no trained form of {name or 'its activation'} is known",
        where=f"layer '{layer.name}'",
        remedy="use relu, tanh, sigmoid or linear, or a QActivation of your own",
    )


def _carried(old: Any, new: Any) -> None:
    """Kernel and bias by name: the twin has the variables of its quantizers besides."""
    roles: Any = getattr(new, "roles", ())
    if not roles or hasattr(old, "roles"):
        new.set_weights(old.get_weights())
        return
    for role in roles:
        variable = getattr(old, role.attribute, None)
        if variable is not None:
            # A copy: backends may give away the memory of a variable that is trained.
            getattr(new, role.attribute).assign(np.array(as_array(variable)))


def _set_ranges(model: Any, x: NDArray[Any]) -> None:
    """Integer bits that hold nearly all that each channel was given, nothing before it being clipped or rounded."""
    given: dict[int, tuple[Any, NDArray[np.float32]]] = {}

    def listen(layer: Any, quantizer: Any, tensor: Any, output: Any) -> Any:
        if not isinstance(quantizer, trained_bits):
            return None
        values = as_array(tensor)
        given[id(quantizer)] = quantizer, values
        return tensor if quantizer.keep_negative else keras.ops.relu(tensor)

    observe(model, x, listen)
    for quantizer, values in given.values():
        shape = quantizer.trained["fraction"].shape
        flat = np.abs(values) if quantizer.keep_negative else np.maximum(values, 0)
        axes = tuple(range(flat.ndim - len(shape)))
        top = np.percentile(flat, _KEPT, axis=axes)
        # A channel that is nearly always 0 starts with the range of the layer.
        top = np.where(top > 0, top, max(float(np.percentile(flat, _KEPT)), 2.0**-4))
        quantizer.set_range(np.ceil(np.log2(top)))
