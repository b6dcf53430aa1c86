"""What searches are compared on: data, the dense network that everything begins with, and where fronts end."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from bitwright.train.data import Dataset, digits, load
from bitwright.train.fit import fit

__all__ = ["DATA", "TASKS", "Task"]

DATA = Path(os.environ.get("BITWRIGHT_DATA", "../shared/data"))


@dataclass(frozen=True)
class Task:
    """A data set and its network.

    widths: units of the dense layers, those of the outputs last. epochs, batch: of the float network. ends: LUTs at
    which the descent of adders begins and ends (None: the search's own). peer_ebops: of the networks of HGQ2
    among which points are chosen. points: of a front of adders.
    """

    data: Callable[[], Dataset]
    widths: tuple[int, ...]
    epochs: int
    batch: int
    ends: tuple[float, float] | None
    peer_ebops: tuple[float, float]
    points: int = 16

    def network(self, seed: int) -> Any:
        """The float network, untrained."""
        keras.utils.set_random_seed(seed)
        data = self.data()
        x = inputs = keras.Input(data.shape, name="features")
        for index, width in enumerate(self.widths[:-1]):
            x = keras.layers.Dense(width, activation="relu", name=f"fc{index + 1}")(x)
        x = keras.layers.Dense(self.widths[-1], activation="softmax", name="out")(x)
        return keras.Model(inputs, x, name=data.name)

    def trained(self, data: Dataset, quick: bool, seed: int) -> Any:
        """The float network, trained."""
        model = self.network(seed)
        fit(model, data, epochs=2 if quick else self.epochs, batch_size=self.batch, seed=seed)
        return model


TASKS = {
    "jets": Task(
        partial(load, DATA / "jets_hlf_pythia"), (64, 32, 32, 5), 15, 1024, (12000.0, 500.0), (600.0, 25000.0)
    ),
    "mnist": Task(partial(load, DATA / "mnist"), (32, 32, 10), 20, 256, (12000.0, 700.0), (1500.0, 30000.0), 12),
    "digits": Task(digits, (20, 10), 60, 64, None, (400.0, 12000.0), 12),
}
