"""A front of one family for a given time: `python -m benchmarks._search_families FAMILY SEED SECONDS SIZE FILE`.

FAMILY: "adders", "tables" (ours; the float 64-32-32-5 baseline is trained first and not counted), "hgq2" or "hgq-lut"
(in the Python of BENCH_HGQ_PYTHON). SIZE: "quick" or "whole". Writes JSON: rows, seconds, note.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

import bitwright as bw
from benchmarks._peer_fronts import FAMILIES as PEERS
from benchmarks._peer_fronts import peer_front
from bitwright.core.cores import usable_cores
from bitwright.core.files import write_atomic
from bitwright.search.result import SearchResult
from bitwright.search.splits import split
from bitwright.train.data import Dataset, load
from bitwright.train.fit import fit

__all__ = ["DATA", "OURS", "PEERS", "network", "trained"]

DATA = Path(os.environ.get("BITWRIGHT_DATA", "../shared/data")) / "jets_hlf_pythia"
OURS = ("adders", "tables")
WIDTHS = (64, 32, 32)


def network(seed: int) -> Any:
    """The float baseline, untrained."""
    keras.utils.set_random_seed(seed)
    x = inputs = keras.Input((16,), name="features")
    for index, width in enumerate(WIDTHS):
        x = keras.layers.Dense(width, activation="relu", name=f"fc{index + 1}")(x)
    return keras.Model(inputs, keras.layers.Dense(5, activation="softmax", name="out")(x), name="jets")


def trained(data: Dataset, quick: bool, seed: int = 0) -> Any:
    """The float baseline."""
    model = network(seed)
    fit(model, data, epochs=2 if quick else 15, batch_size=1024, seed=seed)
    return model


def searched(data: Dataset, family: str, seed: int, budget: float, quick: bool) -> tuple[SearchResult, float]:
    """The search's result for a family of neurons, and the wall seconds it took."""
    told: dict[str, Any] = {"budget_s": None if quick else budget, "seed": seed}
    if family == "adders":
        last, epochs = (3000.0, (12, 3)) if quick else (500.0, None)
        method = bw.Gradient(points=3 if quick else 16, epochs=epochs, first=12000.0, last=last, **told)
    else:
        last, epochs = (1500.0, (1, 2, 1)) if quick else (450.0, None)
        tables = bw.Tables(points=2 if quick else 12, epochs=epochs, first=4200.0, last=last, **told)
        method = bw.Gradient(neurons="tables", tables=tables, seed=seed)
    model = trained(data, quick, seed)
    since = time.perf_counter()
    result = bw.search(model, data, method=method, seed=seed, verify="none" if quick else "best")
    return result, time.perf_counter() - since


def rows_of(family: str, result: SearchResult, quick: bool, seed: int) -> list[dict[str, Any]]:
    """A row a point; `yosys LUT` where it was synthesized."""
    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor(usable_cores()) as pool:
        designs = [] if quick else [point.design for point in result.points]
        counted = list(pool.map(lambda design: design.synthesize().luts, designs)) or [None] * len(result.points)
    for point, measured in zip(result.points, counted, strict=True):
        rows.append({
            "family": family, "seed": seed, "test %": 100 * (point.test or 0), "error %": 100 * (point.test_error or 0),
            "validation %": 100 * point.validation, "LUT": round(point.facts["luts"]), "yosys LUT": measured,
            "FF": round(point.facts["ffs"]), "cycles": round(point.facts["latency_cycles"]),
            "ns": point.facts["latency_ns"], "price": round(point.facts["price"]),
            "EBOPs": round(point.facts["ebops"]) if family == "adders" else None,
        })  # fmt: skip
    return rows


def told_of(result: SearchResult, family: str, seed: int, seconds: float) -> str:
    """What a search was given and what it did with it."""
    settings = result.settings if family == "adders" else result.settings["tables"]
    sizes = "{} training, {} validation, {} test jets".format(*result.sizes)
    reference = f"float network {100 * (result.reference[1] or 0):.2f} % on test"
    return f"{family}, seed {seed}: epochs {settings['epochs']} in {seconds:.0f} s; {sizes}; {reference}"


def ours(data: Dataset, family: str, seed: int, budget: float, quick: bool) -> dict[str, Any]:
    """The answer of `bw.search`."""
    result, seconds = searched(data, family, seed, budget, quick)
    return {
        "rows": rows_of(family, result, quick, seed), "seconds": seconds,
        "note": told_of(result, family, seed, seconds),
    }  # fmt: skip


def theirs(data: Dataset, family: str, seed: int, budget: float) -> dict[str, Any]:
    """The answer of a peer, on the same split."""
    since = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        points, note = peer_front(family, split(data, seed), budget, seed, Path(folder))
    rows = [
        {
            "family": PEERS[family], "seed": seed, "test %": 100 * p.test, "validation %": 100 * p.validation,
            "LUT": None, "yosys LUT": p.luts, "EBOPs": round(p.ebops),
        }
        for p in points
    ]  # fmt: skip
    return {"rows": rows, "seconds": time.perf_counter() - since, "note": note}


def main(family: str, seed: int, budget: float, quick: bool, file: Path) -> None:
    """One front to `file`."""
    data = load(DATA)
    answer = ours(data, family, seed, budget, quick) if family in OURS else theirs(data, family, seed, budget)
    write_atomic(file, json.dumps(answer, indent=1))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "quick", Path(sys.argv[5]))
