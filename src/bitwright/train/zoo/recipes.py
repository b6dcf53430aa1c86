"""Networks to begin with: each in float and in few bits, with the training that suits it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
from keras import layers as kl

from bitwright.core.errors import InvalidValue
from bitwright.train import layers as ql
from bitwright.train import quantizers as q

__all__ = ["Recipe", "digits", "jet_tagger", "mlp", "mnist_pooled", "quantized_mlp", "recipe"]


def mlp(inputs: int, units: tuple[int, ...], name: str) -> Any:
    """A float classifier: Dense and ReLU, softmax at the end."""
    x = entry = keras.Input((inputs,), name="x")
    for index, width in enumerate(units[:-1], 1):
        x = kl.Dense(width, name=f"fc{index}")(x)
        x = kl.ReLU(name=f"relu{index}")(x)
    x = kl.Dense(units[-1], name="logits")(x)
    return keras.Model(entry, kl.Softmax(name="softmax")(x), name=name)


def quantized_mlp(
    inputs: int,
    units: tuple[int, ...],
    name: str,
    *,
    input_quantizer: Any,
    weight_bits: int | tuple[int, ...] = 6,
    activation_bits: int | tuple[int, ...] = 6,
    weight_integer: int = 0,
    activation_integer: int = 1,
    softmax: bool = True,
) -> Any:
    """The same classifier in few bits.

    weight_bits: for all layers or one number per layer; activation_bits likewise for the hidden
    ones. Biases take two bits more than weights. `softmax=False` leaves the logits as outputs.
    """
    weights = _each(weight_bits, len(units))
    activations = _each(activation_bits, len(units) - 1)
    entry = keras.Input((inputs,), name="x")
    x = ql.QActivation(input_quantizer, name="quantize")(entry)
    for index, width in enumerate(units):
        last = index == len(units) - 1
        bits = weights[index]
        x = ql.QDense(
            width,
            kernel_quantizer=q.quantized_bits(bits, weight_integer, alpha=1),
            bias_quantizer=q.quantized_bits(bits + 2, weight_integer + 1, alpha=1),
            name="logits" if last else f"fc{index + 1}",
        )(x)
        if not last:
            quantizer = q.quantized_relu(activations[index], activation_integer)
            x = ql.QActivation(quantizer, name=f"relu{index + 1}")(x)
    return keras.Model(entry, kl.Softmax(name="softmax")(x) if softmax else x, name=name)


def _each(bits: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    if isinstance(bits, int):
        return (bits,) * count
    if len(bits) != count:
        raise InvalidValue(f"{len(bits)} widths for {count} layers", where="zoo", remedy="give one per layer")
    return bits


def jet_tagger(bits: int = 6, **options: Any) -> Any:
    """16-64-32-32-5 for jets (arXiv:2006.10159), all weights and activations of `bits` bits."""
    told: dict[str, Any] = {
        "input_quantizer": q.quantized_bits(bits + 2, 3, alpha=1),
        "weight_bits": bits,
        "activation_bits": bits,
        **options,
    }
    return quantized_mlp(16, (64, 32, 32, 5), "jets", **told)


def digits(bits: int = 5, **options: Any) -> Any:
    """64-20-10 for the 8x8 digits: inputs of 4 bits, `bits` for the rest."""
    told: dict[str, Any] = {
        "input_quantizer": q.quantized_relu(4, 0),
        "weight_bits": (bits - 1, bits),
        "activation_bits": bits - 1,
        "activation_integer": 2,
        **options,
    }
    return quantized_mlp(64, (20, 10), "digits", **told)


def mnist_pooled(bits: int = 4, **options: Any) -> Any:
    """196-32-32-10 for MNIST averaged over 2x2 pixels."""
    told: dict[str, Any] = {
        "input_quantizer": q.quantized_relu(4, 0),
        "weight_bits": bits,
        "activation_bits": bits,
        "activation_integer": 2,
        **options,
    }
    return quantized_mlp(196, (32, 32, 10), "mnist", **told)


@dataclass(frozen=True)
class Recipe:
    """Builders of the float and the quantized network for one data set, and how to train both."""

    float_model: Callable[[], Any]
    quantized_model: Callable[[], Any]
    epochs: int
    batch_size: int


_RECIPES = {
    "digits": Recipe(partial(mlp, 64, (20, 10), "digits_float"), digits, 60, 64),
    "jets": Recipe(partial(mlp, 16, (64, 32, 32, 5), "jets_float"), jet_tagger, 12, 1024),
    "mnist": Recipe(partial(mlp, 196, (32, 32, 10), "mnist_float"), mnist_pooled, 12, 256),
}


def recipe(name: str) -> Recipe:
    """The recipe for the data set called `name`."""
    if name not in _RECIPES:
        raise InvalidValue(f"no recipe for {name!r}", remedy=f"one of {', '.join(_RECIPES)}")
    return _RECIPES[name]
