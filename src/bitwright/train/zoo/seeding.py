"""Random weights that a trained network might have: every level used, every activation alive."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.train.door import keras

__all__ = ["seeded"]

_ACTIVE = 0.5
"""Mean square of what a sum reads: about that of a rectified normal variable."""


def seeded(model: Any, seed: int | None) -> Any:
    """The model with weights drawn from `seed`, the same on every backend; None leaves Keras's own.

    Kernels and biases are uniform in [-1, 1), those of recurrent layers smaller; batch normalization gets the mean
    and variance that such sums have, each off by a factor of its own, so that thresholds differ by channel.
    """
    if seed is None:
        return model
    draws = np.random.default_rng(seed)
    variance = 1.0
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights(_normalization(draws, variance, int(layer.moving_mean.shape[0])))
        elif layer.weights:
            old = [tuple(w.shape) for w in layer.weights]
            scale = 0.5 if hasattr(layer, "cell") else 1.0
            layer.set_weights([scale * _uniform(draws, shape) for shape in old])
            variance = _ACTIVE * _terms(layer) * _mean_square(layer)
    return model


def _uniform(draws: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    return 2 * draws.random(shape, dtype=np.float32) - 1


def _terms(layer: Any) -> int:
    """Products in one sum of the layer."""
    shape = tuple(layer.weights[0].shape)
    last = 2 if isinstance(layer, keras.layers.DepthwiseConv2D) else 1
    return int(np.prod(shape[:-last]))


def _mean_square(layer: Any) -> float:
    """Mean square of a weight as quantized: signs, signs with a third of zeros, or uniform in [-1, 1)."""
    quantizer = getattr(layer, "kernel_quantizer", None) or getattr(layer, "depthwise_quantizer", None)
    return {"binary": 1.0, "ternary": 2 / 3}.get(type(quantizer).__name__, 1 / 3)


def _normalization(draws: np.random.Generator, variance: float, channels: int) -> list[NDArray[np.float32]]:
    """gamma, beta, mean and variance of sums with this variance around zero."""
    gamma, spread = draws.uniform(0.5, 1.5, channels), variance * draws.uniform(0.7, 1.4, channels)
    beta, mean = 0.3 * draws.standard_normal(channels), 0.2 * variance**0.5 * draws.standard_normal(channels)
    return [values.astype(np.float32) for values in (gamma, beta, mean, spread)]
