"""What a trial of AutoQKeras costs over the float network's fit of as many epochs, in CPU time.

    python -m benchmarks.search_trials [--quick] [--json FILE]

Jets (drawn ones where the data are not there): 16-64-32-32-5, searched over the widths of all layers. A trial is built,
scored, compiled by JAX, trained and validated; so is the float network, anew each time, in turns with the searches.
Epochs are counted, for a trial that stopped early would be cheap. QKeras's own trials were recorded at 3.4 to 5.4
times its float fit (TensorFlow, the same network).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks._table import Claim, Outcome, at_most, equal, main
from bitwright.qkeras.autoqkeras import AutoQKeras
from bitwright.train.data import load

DATA = Path(os.environ.get("BITWRIGHT_DATA", "../shared/data")) / "jets_hlf_pythia"
CASES = ((1024, 5), (1024, 20), (16384, 20))
"""Samples of a batch, epochs."""
TRIALS, MOST = 3, 1.5
LIMIT = {"Dense": [8, 8, 8], "Activation": [8]}
GOAL = {"type": "bits", "params": {"delta_p": 8.0, "delta_n": 8.0, "rate": 2.0, "stress": 1.0}}

Arrays = tuple[Any, Any]


class Counted(keras.callbacks.Callback):
    """How many epochs were trained, over all fits."""

    epochs = 0

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """One more."""
        Counted.epochs += 1


def network() -> Any:
    """The float network, compiled."""
    kl = keras.layers
    hidden = [layer for n in (64, 32, 32) for layer in (kl.Dense(n), kl.Activation("relu"))]
    model = keras.Sequential([keras.Input((16,)), *hidden, kl.Dense(5), kl.Activation("softmax")])
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["acc"])
    return model


def jets() -> tuple[Arrays, Arrays, str]:
    """Samples to train on and to validate with, and what they are."""
    if DATA.is_dir():
        data = load(DATA)
        held = len(data.y_train) // 5
        train, label = data.x_train, data.y_train
        return (train[held:], label[held:]), (train[:held], label[:held]), "jets"
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100_000, 16)).astype(np.float32), rng.integers(0, 5, 100_000)
    return (x[20_000:], y[20_000:]), (x[:20_000], y[:20_000]), "drawn"


def seconds(work: Callable[[], None]) -> tuple[float, int]:
    """CPU seconds of this process, and epochs trained."""
    before, since = Counted.epochs, time.process_time()
    work()
    return time.process_time() - since, Counted.epochs - before


def case(batch: int, epochs: int, rounds: int) -> dict[str, Any]:
    """The cost of a trial, and of a float fit, as medians over the rounds."""
    train, held, name = jets()

    def told() -> dict[str, Any]:
        patient = keras.callbacks.EarlyStopping("val_loss", patience=epochs)
        return {"validation_data": held, "batch_size": batch, "epochs": epochs, "callbacks": [patient, Counted()]}

    def fit() -> None:
        network().fit(*train, verbose=0, **told())

    network().fit(*train, batch_size=batch, verbose=0)  # what a process compiles once is no part of either

    def search(turn: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            found = AutoQKeras(
                network(), metrics=["acc"], goal=GOAL, limit=LIMIT, output_dir=folder, mode="random",
                max_trials=TRIALS, seed=turn,
            )  # fmt: skip
            found.fit(*train, **told())

    times: dict[str, list[float]] = {"float": [], "trial": []}
    counted: dict[str, set[float]] = {"float": set(), "trial": set()}
    for turn in range(rounds):
        for what, work, times_over in (("float", fit, 1), ("trial", lambda turn=turn: search(turn), TRIALS)):
            spent, done = seconds(work)
            times[what].append(spent / times_over)
            counted[what].add(done / times_over)
    float_s, trial_s = float(np.median(times["float"])), float(np.median(times["trial"]))
    return {
        "data": name, "batch": batch, "epochs": epochs, "float fit s": float_s, "trial s": trial_s,
        "ratio": trial_s / float_s, "least epochs": min(counted["trial"] | counted["float"]),
    }  # fmt: skip


def claims(rows: list[dict[str, Any]]) -> list[Claim]:
    """What every row is held against."""
    found: list[Claim] = []
    for row in rows:
        name = f"batch {row['batch']}, {row['epochs']} epochs"
        found.append(at_most(f"{name}: a trial over the float fit, CPU time", row["ratio"], MOST))
        found.append(equal(f"{name}: epochs trained in each", row["least epochs"], float(row["epochs"])))
    return found


def measure(quick: bool) -> Outcome:
    """All cases; a quick run takes the last, in one turn."""
    rows = [case(batch, epochs, 1 if quick else 3) for batch, epochs in (CASES[-1:] if quick else CASES)]
    return Outcome(rows, claims(rows))


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "jax", "numpy"]))
