"""Seeded training of classifiers, quietly, with progress told to a listener."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidModel
from bitwright.core.progress import Progress, Silent
from bitwright.train.data import Dataset
from bitwright.train.door import keras

__all__ = ["Fitted", "accuracy", "fit", "set_seed"]


@dataclass(frozen=True)
class Fitted:
    """What a training run gave: shares of right answers, and the loss after each epoch."""

    train_accuracy: float
    test_accuracy: float
    losses: tuple[float, ...]


def fit(
    model: Any,
    dataset: Dataset,
    *,
    epochs: int,
    batch_size: int,
    seed: int = 0,
    learning_rate: float = 3e-3,
    progress: Progress | None = None,
) -> Fitted:
    """Train `model` (class probabilities out) in place with Adam and a cosine-decayed learning rate.

    The same seed and the same initial weights give the same result on one machine. Raises
    `InvalidModel` when the loss becomes NaN, naming the epoch.
    """
    keras.utils.set_random_seed(seed)
    steps = epochs * -(-len(dataset.x_train) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps, alpha=0.01)
    model.compile(optimizer=keras.optimizers.Adam(schedule), loss="sparse_categorical_crossentropy")
    listener = _Listener(progress or Silent())
    model.fit(dataset.x_train, dataset.y_train, epochs=epochs, batch_size=batch_size, verbose=0, callbacks=[listener])
    some = slice(None, len(dataset.x_test))
    return Fitted(
        accuracy(model, dataset.x_train[some], dataset.y_train[some]),
        accuracy(model, dataset.x_test, dataset.y_test),
        tuple(listener.losses),
    )


def accuracy(model: Any, x: Any, y: Any) -> float:
    """The share of samples whose largest output is at the label."""
    return float((np.argmax(model.predict(x, batch_size=4096, verbose=0), axis=-1) == y).mean())


def set_seed(seed: int) -> None:
    """Seed Python, numpy and the backend: build and train after it to get the same model again."""
    keras.utils.set_random_seed(seed)


class _Listener(keras.callbacks.Callback):
    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress
        self.losses: list[float] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Move the bar on; stop on a loss that is no number."""
        self.losses.append(float((logs or {})["loss"]))
        if not np.isfinite(self.losses[-1]):
            raise InvalidModel(
                f"the loss is {self.losses[-1]} after epoch {epoch + 1}", remedy="lower the learning rate"
            )
        self.progress.advance()
