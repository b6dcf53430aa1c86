"""The gradient search on MNIST, pixels averaged over 2x2: a front of compiled 196-32-32-10 networks in half an hour.

    python -m benchmarks.search_mnist [--quick] [--json FILE]

A float network is trained first; `bw.search` then has 25 minutes (BENCH_SEARCH_S seconds) of all cores, so that what is
compiled and verified at its end is within thirty. Points are measured with yosys; the accuracies are of the 10000 test
images, which the search never saw.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

import bitwright as bw
from benchmarks._search_families import rows_of, told_of
from benchmarks._table import Claim, Outcome, at_least, at_most, main
from bitwright.train.data import load
from bitwright.train.fit import fit
from bitwright.train.zoo import recipe

DATA = Path(os.environ.get("BITWRIGHT_DATA", "../shared/data")) / "mnist"
SECONDS = float(os.environ.get("BENCH_SEARCH_S", "1500"))
MOST_MIN = 30.0
LOST = 0.003
"""Of the float network's accuracy: where the front begins."""


def measure(quick: bool) -> Outcome:
    """Rows and claims; a note where the data are not there."""
    if not DATA.is_dir():
        return Outcome([], [], [f"no MNIST in {DATA}: set BITWRIGHT_DATA"])
    data, known = load(DATA), recipe("mnist")
    keras.utils.set_random_seed(0)
    model = known.float_model()
    fit(model, data, epochs=2 if quick else 20, batch_size=known.batch_size, seed=0)
    ends = {"epochs": (6, 2), "first": 12000.0, "last": 4000.0} if quick else {"budget_s": SECONDS}
    method = bw.Gradient(points=2 if quick else 12, seed=0, **ends)
    since = time.perf_counter()
    result = bw.search(model, data, method=method, seed=0, verify="none" if quick else "best")
    seconds = time.perf_counter() - since
    rows = rows_of("adders", result, quick, 0)
    note = told_of(result, "adders", 0, seconds).replace("jets", "images")
    return Outcome(rows, [] if quick else list(claims(rows, result.reference[1] or 1.0, seconds)), [note])


def claims(rows: list[dict[str, float]], reference: float, seconds: float) -> list[Claim]:
    """What the search is held against; `reference`: the float network's test accuracy."""
    front = [row for row in rows if row["test %"] <= 100 * (reference - LOST) + row["error %"]]
    best = max(row["test %"] for row in rows)
    return [
        at_least("points of the front from 0.3 points below the float network downwards", len(front), 8),
        at_least("test accuracy of the best point, %", best, 100 * (reference - LOST - 0.002)),
        at_most("minutes of search", seconds / 60, MOST_MIN),
    ]


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "jax"]))
