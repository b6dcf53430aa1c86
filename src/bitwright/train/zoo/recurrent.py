"""Small recurrent networks: LSTM and GRU taggers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bitwright.train import layers as ql
from bitwright.train import quantizers as q
from bitwright.train.door import keras
from bitwright.train.zoo.blocks import Maker, entry, weight_quantizer
from bitwright.train.zoo.seeding import seeded

__all__ = ["gru", "lstm"]


def lstm(
    weight_bits: int = 8,
    activation_bits: int = 8,
    *,
    steps: int = 20,
    features: int = 6,
    units: int = 20,
    input_format: Any = None,
    seed: int | None = 0,
) -> Any:
    """The top tagger of hls4ml's recurrent layers: 20 particles of 6 features, LSTM 20, dense 64, 1.

    3,569 parameters, 42,944 products. Gates are quantized sigmoids, states and activations signed, of
    `activation_bits`. It reads into the graph unrolled over its steps. Source: Khoda et al., arXiv:2207.00559.
    """
    return _tagger("lstm", ql.QLSTM, weight_bits, activation_bits, (steps, features, units), input_format, seed)


def gru(
    weight_bits: int = 6,
    activation_bits: int = 6,
    *,
    steps: int = 20,
    features: int = 6,
    units: int = 20,
    input_format: Any = None,
    seed: int | None = 0,
) -> Any:
    """As `lstm` with a GRU (reset behind the product, as Keras's default): 3,089 parameters, 32,544 products.

    At 8 bits its sums of products of three numbers leave what float32 holds, so it is refused by `compile`.
    """
    cell = lambda *args, **told: ql.QGRU(*args, reset_after=True, **told)  # noqa: E731
    return _tagger("gru", cell, weight_bits, activation_bits, (steps, features, units), input_format, seed)


def _tagger(
    name: str,
    cell: Callable[..., Any],
    weight_bits: int,
    activation_bits: int,
    sizes: tuple[int, int, int],
    told: Any,
    seed: int | None,
) -> Any:
    steps, features, units = sizes
    maker = Maker(weight_bits, activation_bits, seed is not None)
    x, y = entry((steps, features), told, "s8.4")
    y = cell(
        units,
        activation=q.quantized_tanh(activation_bits),
        recurrent_activation=q.quantized_sigmoid(activation_bits),
        kernel_quantizer=weight_quantizer(weight_bits),
        recurrent_quantizer=weight_quantizer(weight_bits),
        bias_quantizer=q.quantized_bits(weight_bits + 2, 2, alpha=1),
        state_quantizer=q.quantized_bits(activation_bits, 1, alpha=1),
        name=name,
    )(y)
    y = ql.QActivation(q.quantized_bits(activation_bits, 0, alpha=1), name="state")(y)
    y = maker.act(maker.dense(y, 64, "fc", use_bias=True), "fc", norm=False)
    return seeded(keras.Model(x, maker.dense(y, 1, "logit", use_bias=True), name=name), seed)
