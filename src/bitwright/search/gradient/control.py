"""Steering: the weight of the price in the loss follows a target, model by model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Controller", "Ramp", "Schedule", "descents", "falling", "holding", "steering"]

Floats = NDArray[np.float64]
_MOST = 0.5
_CYCLES = 12
_LOWEST = 0.04
"""Of the learning rate, at the end of each cycle: the models met there are the settled ones."""
_FINISH = 0.5
"""Of the learning rate, where the finish begins: its models have been trained."""
_MEASURED = 6
"""How often on the way down a model is compiled to correct the price."""
_DESCENTS = (("descent", 1, 0.0), ("descent 2", 3, 0.35), ("descent 3", 4, 0.6))
"""Stage, number, and where it begins, on the way down in logarithms."""
_PACE = 100
"""Epochs in which a descent that is not the only one lowers its target by a factor e, at least."""
_QUIET = 0.7
"""The part of the finish after which the rate is low enough for models to be kept."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """A stage epoch by epoch: the targets (epochs, models), the learning rates, and where models are kept or compiled.

    stage: its name. number: of the stage, for its random draws.
    """

    stage: str
    number: int
    targets: Floats
    rates: Floats
    kept: NDArray[np.bool_]
    compiled: NDArray[np.bool_]


def descents(first: float, last: float, epochs: int, rate: float, *, again: bool = True) -> list[Schedule]:
    """The way down, and down again from below where `epochs` leave the time: which weights go first is chance.

    All fall at one pace, evenly on a logarithmic scale, and end at `last`.
    """
    starts = [first * (last / first) ** part for _, _, part in _DESCENTS]
    lengths = [max(np.log(start / last), 0.0) for start in starts]
    most = len(starts) if again and first > last else 1
    many = max((n for n in range(2, most + 1) if epochs >= _PACE * sum(lengths[:n])), default=1)
    shares = np.array(lengths[:many]) / sum(lengths[:many]) if many > 1 else np.ones(1)
    ends = np.rint(np.cumsum(shares) * epochs).astype(int)
    counts = np.diff(ends, prepend=0).tolist()
    return [
        falling(start, last, count, rate, stage, number)
        for (stage, number, _), start, count in zip(_DESCENTS[:many], starts[:many], counts, strict=True)
    ]


def falling(first: float, last: float, epochs: int, rate: float, stage: str = "descent", number: int = 1) -> Schedule:
    """A descent: targets fall evenly on a logarithmic scale; cosine restarts, low rates let models settle."""
    count = np.arange(epochs)
    cycle, every = max(epochs // _CYCLES, 1), max(epochs // _MEASURED, 1)
    rates = rate * (_LOWEST + (1.0 - _LOWEST) * 0.5 * (1 + np.cos(np.pi * (count % cycle) / cycle)))
    targets = np.geomspace(first, last, max(epochs, 2))[:epochs, None]
    return Schedule(stage, number, targets, rates, np.ones(epochs, bool), (count > 0) & (count % every == 0))


def holding(targets: Floats, epochs: int, rate: float) -> Schedule:
    """The finish: each model holds its target (models,) while the rate falls to nothing."""
    count = np.arange(epochs)
    rates = rate * _FINISH * 0.5 * (1 + np.cos(np.pi * count / max(epochs, 1)))
    every = np.repeat(targets[None], epochs, axis=0)
    kept = count >= min(_QUIET * epochs, epochs - 1)
    return Schedule("finish", 2, every, rates, kept, np.zeros(epochs, bool))


class Controller:
    """A rule on logarithms with three gains: beta grows while the price is above its target.

    start: the first betas, (models,), in units of loss per unit of price. total: what it remembers, (2, models): the
    errors summed, times the second gain, and the last one (zeros to begin with). gains: proportional, integral and
    derivative. HGQ2's PID on EBOPs has the same aim; the rule here acts on ratios, so that it needs no scale.
    """

    def __init__(
        self, start: Floats, total: Floats | None = None, gains: tuple[float, float, float] = (1.5, 0.15, 0.0)
    ) -> None:
        self.start, self.gains = np.asarray(start, np.float64), gains
        self.total = np.zeros((2, len(self.start))) + (0.0 if total is None else np.asarray(total, np.float64))

    def __call__(self, price: Floats, target: Floats) -> Floats:
        """The betas for the next epoch, (models,), after `price` was met where `target` was wanted."""
        error = np.clip(np.log(np.maximum(price, 1e-9) / target), -_MOST, _MOST)
        proportional, integral, derivative = self.gains
        summed, before = self.total[0] + integral * error, self.total[1]
        self.total = np.stack([summed, error])
        return self.start * np.exp(summed + proportional * error + derivative * (error - before))


class Ramp:
    """HGQ's schedule: betas that are told, epoch by epoch, whatever the price.

    betas: (epochs, models). total: how many epochs are done, (models,).
    """

    def __init__(self, betas: Floats, total: Floats) -> None:
        self.betas, self.total = betas, np.asarray(total, np.float64)

    def __call__(self, price: Floats, target: Floats) -> Floats:
        """The betas for the next epoch, (models,)."""
        here = self.betas[min(int(self.total.max()), len(self.betas) - 1)]
        self.total = self.total + 1.0
        return here


def steering(
    plan: Schedule, start: Floats, total: Floats, gains: tuple[float, float, float], ramp: tuple[float, float] | None
) -> Controller | Ramp:
    """What sets the betas of a stage: a controller, or a ramp through the descent whose betas the finish holds."""
    if ramp is None:
        return Controller(start, total, gains)
    many = len(plan.rates)
    if plan.stage == "descent":
        return Ramp(np.geomspace(*ramp, max(many, 2))[:many, None], total)
    return Ramp(np.repeat(start[None], max(many, 1), axis=0), total)
