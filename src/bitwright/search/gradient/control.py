"""Steering: the weight of the price in the loss follows a target, model by model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Controller", "descent"]

Floats = NDArray[np.float64]
_PROPORTIONAL, _INTEGRAL = 1.5, 0.15
_MOST = 0.5


def descent(first: float, last: float, epochs: int) -> Floats:
    """Targets of the epochs, falling evenly on a logarithmic scale."""
    return np.geomspace(first, last, max(epochs, 2))[:epochs]


class Controller:
    """A proportional-integral rule on logarithms: beta grows while the price is above its target.

    start: the first betas, (models,), in units of loss per unit of price. Source: HGQ2's PID on EBOPs has the same aim;
    the rule here acts on ratios, so that it needs no scale.
    """

    def __init__(self, start: Floats) -> None:
        self.start = np.asarray(start, np.float64)
        self.total = np.zeros_like(self.start)

    def __call__(self, price: Floats, target: Floats) -> Floats:
        """The betas for the next epoch, (models,), after `price` was met where `target` was wanted."""
        error = np.clip(np.log(np.maximum(price, 1e-9) / target), -_MOST, _MOST)
        self.total = self.total + _INTEGRAL * error
        return self.start * np.exp(self.total + _PROPORTIONAL * error)
