"""Steering: the weight of the price in the loss follows a target, model by model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Controller", "Schedule", "falling", "holding"]

Floats = NDArray[np.float64]
_PROPORTIONAL, _INTEGRAL = 1.5, 0.15
_MOST = 0.5
_CYCLES = 8
_MEASURED = 6
"""How often on the way down a model is compiled to correct the price."""
_QUIET = 0.7
"""The part of the finish after which the rate is low enough for models to be kept."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """A stage epoch by epoch: the targets (epochs, models), the learning rates, and where models are kept or compiled.

    number: of the stage, for its random draws.
    """

    stage: str
    number: int
    targets: Floats
    rates: Floats
    kept: NDArray[np.bool_]
    compiled: NDArray[np.bool_]


def falling(first: float, last: float, epochs: int, rate: float) -> Schedule:
    """The descent: targets fall evenly on a logarithmic scale; cosine restarts, low rates let models settle."""
    count = np.arange(epochs)
    cycle, every = max(epochs // _CYCLES, 1), max(epochs // _MEASURED, 1)
    rates = rate * (0.55 + 0.45 * np.cos(np.pi * (count % cycle) / cycle))
    targets = np.geomspace(first, last, max(epochs, 2))[:epochs, None]
    return Schedule("descent", 1, targets, rates, np.ones(epochs, bool), (count > 0) & (count % every == 0))


def holding(targets: Floats, epochs: int, rate: float) -> Schedule:
    """The finish: each model holds its target (models,) while the rate falls to nothing."""
    count = np.arange(epochs)
    rates = rate * 0.5 * (1 + np.cos(np.pi * count / max(epochs, 1)))
    every = np.repeat(targets[None], epochs, axis=0)
    return Schedule("finish", 2, every, rates, count >= _QUIET * epochs, np.zeros(epochs, bool))


class Controller:
    """A proportional-integral rule on logarithms: beta grows while the price is above its target.

    start: the first betas, (models,), in units of loss per unit of price; total: what it summed up so far. HGQ2's PID
    on EBOPs has the same aim; the rule here acts on ratios, so that it needs no scale.
    """

    def __init__(self, start: Floats, total: Floats | None = None) -> None:
        self.start = np.asarray(start, np.float64)
        self.total = np.zeros_like(self.start) if total is None else np.asarray(total, np.float64)

    def __call__(self, price: Floats, target: Floats) -> Floats:
        """The betas for the next epoch, (models,), after `price` was met where `target` was wanted."""
        error = np.clip(np.log(np.maximum(price, 1e-9) / target), -_MOST, _MOST)
        self.total = self.total + _INTEGRAL * error
        return self.start * np.exp(self.total + _PROPORTIONAL * error)
