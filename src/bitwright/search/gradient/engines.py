"""Which engine trains: the one that Keras's backend allows."""

from __future__ import annotations

from typing import Any

from bitwright.search.gradient.interface import Engine, Loss
from bitwright.train.door import keras

__all__ = ["engine_for"]


def engine_for(model: Any, loss: Loss, metric: str, removed: float, width_rate: float) -> Engine:
    """Under JAX models train side by side in one compiled scan, elsewhere one after the other.

    loss: as `Loss`. metric: "luts" or "ebops". removed: bits that a LUT takes out of a sum. width_rate: how much faster
    widths learn.
    """
    if keras.backend.backend() == "jax":
        from bitwright.search.gradient.engine import JaxEngine

        return JaxEngine(model, loss, metric, removed, width_rate)
    from bitwright.search.gradient.sequential import SequentialEngine

    return SequentialEngine(model, loss, metric, removed, width_rate)
