"""A small `bw.search` that kills its own process (kill -9) at a given unit of work; run by test_killed."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

import bitwright as bw
from bitwright.search.checkpoint import CheckpointFile
from bitwright.search.limits import Limits

METHODS: dict[str, Any] = {
    "gradient": bw.Gradient(
        points=2, epochs=(10, 4), batch_size=100, first=150.0, last=80.0, learning_rate=0.02, activation_bits=4
    ),
    "trials": bw.Trials(
        trials=6, weights=(2, 4), activations=(3, 5), inputs=(4,), epochs=2, batch_size=100, warm=2, seed=4
    ),
}


class Deadly:
    """A listener that kills the process when the step `name` has advanced `units`."""

    def __init__(self, name: str, units: int) -> None:
        self.wanted, self.left, self.name = name, units, ""

    def step(self, name: str, total: int | None = None) -> None:
        self.name = name

    def advance(self, amount: int = 1) -> None:
        if self.name == self.wanted:
            self.left -= amount
            if self.left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def note(self, text: str) -> None:
        return None

    def done(self, note: str = "") -> None:
        return None


def searched(method: str, folder: Path | None, progress: Any = None) -> list[Any]:
    """What a search found, but for times: its points, and what it went through."""
    CheckpointFile.every_s = 0.0
    rng = np.random.default_rng(1)
    x = rng.normal(0, 1, (400, 4)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int64)
    keras.utils.set_random_seed(1)
    layers = [keras.layers.Dense(6, activation="relu", name="hidden"), keras.layers.Dense(2, name="out")]
    model = keras.Sequential([keras.Input((4,), name="x"), *layers], name="small")
    found = bw.search(
        model, ((x, y), (x, y)), Limits(luts=None), METHODS[method], verify="none", folder=folder, progress=progress
    )
    points = [[point.name, point.validation, point.test, dict(point.facts), point.origin] for point in found.points]
    return [points, [told(row) for row in found.history], list(found.warnings)]


def told(row: Any) -> list[Any]:
    """A row of the history as text, without the seconds that a trial took."""
    facts = {name: getattr(row, name) for name in type(row).__dataclass_fields__ if name != "seconds"}
    return [f"{name}={value}" for name, value in facts.items()]


if __name__ == "__main__":
    where, method, step, units = sys.argv[1:]
    result = searched(method, Path(where), Deadly(step, int(units)) if step else None)
    (Path(where) / "found.json").write_text(json.dumps(result))
