"""What the gradient method asks of whatever trains its models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bitwright.search.gradient.state import State

__all__ = ["ADAM", "CHUNK", "Engine", "Loss", "Told"]

ADAM = (0.9, 0.999, 1e-7)
"""What the means forget, and what keeps their quotient finite."""
CHUNK = 16384
"""Samples of which outputs are computed at once."""

Loss = Callable[[Any, Any, Any], Any]
"""(outputs, labels, teacher's outputs or None) to a scalar."""


@dataclass(frozen=True)
class Told:
    """What an epoch tells, (models,) each: the mean loss without the price, and the price at its end."""

    loss: NDArray[np.float64]
    price: NDArray[np.float64]


class Engine(Protocol):
    """Trains states of one model: several models at a time, whose variables have a leading axis."""

    def epoch(
        self,
        state: State,
        data: tuple[Any, Any, Any],
        order: NDArray[np.int64],
        betas: NDArray[np.float64],
        rate: float,
    ) -> tuple[State, Told]:
        """One pass: `order` (batches, batch) are positions in `data` (inputs, labels, teacher's outputs or None).

        `betas` (models,) weigh the price in the losses; `rate` is the learning rate. `state` is used up.
        """
        ...

    def prices(self, state: State) -> NDArray[np.float64]:
        """The price of each model, (models,)."""
        ...

    def outputs(self, state: State, x: NDArray[Any]) -> NDArray[np.float32]:
        """(models, samples, ...): what the models return at inference."""
        ...
