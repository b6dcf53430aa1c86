"""The jet taggers of Nature Machine Intelligence 3, 675 (arXiv:2006.10159), whose energies the paper prints.

BF counts at 15 bits what is not quantized; Q6 has 6 bits everywhere; QE and QB were found by AutoQKeras
for the least energy and the fewest bits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train import layers as ql
from bitwright.train.door import keras

__all__ = ["PAPER_MODELS", "bf", "paper_model", "q6", "qb", "qe"]

_WIDE = (64, 32, 32, 5)
_NARROW = (32, 16, 16, 5)


def bf() -> Any:
    """The reference: 64-32-32-5, weights quantized_bits(15,5,1), activations quantized_relu(15,5)."""
    return _uniform("quantized_bits(15,5,1)", "quantized_relu(15,5)", "bf")


def q6() -> Any:
    """The same network in 6 bits: quantized_bits(6,0,1) and quantized_relu(6,0)."""
    return _uniform("quantized_bits(6,0,1)", "quantized_relu(6,0)", "q6")


def qe() -> Any:
    """32-16-16-5 for the least energy: kernels of 4 bits, ternary, 2 bits and stochastic binary."""
    kernels = ("quantized_bits(4,0,1)", "ternary()", "quantized_bits(2,1,1)", "stochastic_binary()")
    return _mixed(kernels, ("quantized_relu(4,2)", "quantized_relu(3,1)", "quantized_relu(4,2)"), "qe")


def qb() -> Any:
    """32-16-16-5 for the fewest bits: kernels of 4 bits, stochastic binary, ternary and stochastic binary."""
    kernels = ("quantized_bits(4,0,1)", "stochastic_binary()", "ternary()", "stochastic_binary()")
    return _mixed(kernels, ("quantized_relu(4,2)", "quantized_relu(4,2)", "quantized_relu(3,1)"), "qb")


def _uniform(kernel: str, activation: str, name: str) -> Any:
    x = entry = keras.Input((16,), name="input")
    for index, units in enumerate(_WIDE[:-1], 1):
        x = ql.QDense(units, kernel_quantizer=kernel, bias_quantizer=kernel, name=f"fc{index}")(x)
        x = ql.QActivation(activation, name=f"relu{index}")(x)
    x = ql.QDense(_WIDE[-1], kernel_quantizer=kernel, bias_quantizer=kernel, name="output")(x)
    return keras.Model(entry, keras.layers.Activation("softmax", name="softmax")(x), name=name)


def _mixed(kernels: Sequence[str], activations: Sequence[str], name: str) -> Any:
    """Batch normalization instead of hidden biases; the output's bias has no quantizer."""
    x = entry = keras.Input((16,), name="input")
    for index, (units, kernel, activation) in enumerate(zip(_NARROW, kernels, activations, strict=False), 1):
        x = ql.QDense(units, kernel_quantizer=kernel, use_bias=False, name=f"fc{index}")(x)
        x = keras.layers.BatchNormalization(name=f"bn{index}")(x)
        x = ql.QActivation(activation, name=f"relu{index}")(x)
    x = ql.QDense(_NARROW[-1], kernel_quantizer=kernels[-1], name="output")(x)
    return keras.Model(entry, keras.layers.Activation("softmax", name="softmax")(x), name=name)


PAPER_MODELS: dict[str, Callable[[], Any]] = {"BF": bf, "Q6": q6, "QE": qe, "QB": qb}
"""The paper's names of the models."""


def paper_model(name: str) -> Any:
    """The model of this name in the paper: "BF", "Q6", "QE" or "QB"."""
    if name not in PAPER_MODELS:
        raise InvalidValue(f"no model {name!r} in the paper", remedy=f"one of {', '.join(PAPER_MODELS)}")
    return PAPER_MODELS[name]()
