"""A trained network of tables as a Keras model of `QTableDense` layers behind fixed-point inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.search.tables.layer import TableLayer
from bitwright.search.tables.network import RANGE, TableNetwork
from bitwright.train import layers as ql
from bitwright.train.door import keras
from bitwright.train.quantizers import trained_bits

__all__ = ["model_of"]


def model_of(network: TableNetwork, fraction: NDArray[np.int64], name: str, softmax: bool) -> Any:
    """The Keras model; fraction: of each input's format. softmax: whether its outputs become probabilities."""
    bits = network.layers[0].bits
    quantizer = trained_bits(bits, bits - 1, True)
    value = inputs = keras.Input((len(fraction),), name="inputs")
    value = ql.QActivation(quantizer, name="formats")(value)
    for place, layer in enumerate(network.layers):
        made = ql.QTableDense(
            layer.shape[1], 1, layer.bits, RANGE, smooth=False, train_fractions=False, name=f"tables{place + 1}"
        )
        value = made(value)
        _fill(made, layer)
    value = keras.layers.Softmax(name="softmax")(value) if softmax else value
    quantizer.trained["fraction"].assign(fraction.astype(np.float32))
    quantizer.trained["integer"].assign((bits - 1 - fraction).astype(np.float32))
    return keras.Model(inputs, value, name=name)


def _fill(made: Any, layer: TableLayer) -> None:
    half = 1 << (layer.bits - 1)
    made.levels.assign((np.arange(1 - half, half)[None] * layer.step[:, None]).astype(np.float32))
    made.tables.assign(layer.rounded(layer.entries()))
    made.fractions.assign(layer.fraction.astype(np.float32))
    made.bias.assign(layer.bias)
