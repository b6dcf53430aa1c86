"""The main job on real data: accuracy, differing bits, predicted beside synthesized area, seconds.

Digits always; jets and MNIST where their folders are named by BITWRIGHT_DATA or lie in ../shared/data.
Every vector of the RTL comparison counts: test samples, random codes and corners.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

from benchmarks._table import Claim, Outcome, at_least, at_most, equal, main, timed

DATA = Path(os.environ.get("BITWRIGHT_DATA", "../shared/data"))


def job(data: str | None, folder: Path) -> tuple[dict[str, Any], list[Claim]]:
    """One row and its claims for a data set (None: digits)."""
    from bitwright.core.progress import Silent
    from bitwright.flow.demo import run_demo

    with timed() as clock:
        result = run_demo(data, folder, seed=0, progress=Silent())
    report = result.report
    cost = {q: report.cost_of(q) for q in ("LUT", "FF")}
    accuracy = report.accuracy
    assert accuracy is not None
    name = result.design.name
    row: dict[str, Any] = {
        "model": name,
        "float": accuracy.float_,
        "quantized": accuracy.quantized,
        "hardware": accuracy.hardware,
        "vectors": report.vectors,
        "differing": report.differences,
    }
    claims = [equal(f"{name}: differing codes from Keras to the RTL", report.differences, 0)]
    claims.append(at_least(f"{name}: vectors simulated", report.vectors, 359 if data is None else 10_000))
    for quantity, bound in (("LUT", 0.10), ("FF", 0.05)):
        found = cost[quantity]
        if found is not None and found.synthesized:
            row[f"{quantity} predicted"], row[f"{quantity} yosys"] = found.predicted, found.synthesized
            claims.append(at_most(f"{name}: error of predicted {quantity}", abs(found.error or 0.0), bound))
    row["cycles"] = report.timing.latency_cycles if report.timing else None
    row["seconds"] = clock.seconds
    if data is None:
        claims.append(at_most("digits: seconds for the whole demo once installed", clock.seconds, 120))
    return row, claims


def measure(quick: bool) -> Outcome:
    """All jobs whose data is there."""
    jobs: list[str | None] = [None]
    if not quick:
        jobs += [str(p) for n in ("jets_hlf_pythia", "mnist") if (p := DATA / n).is_dir()]
    rows, claims = [], []
    with tempfile.TemporaryDirectory() as scratch:
        for index, data in enumerate(jobs):
            row, found = job(data, Path(scratch) / str(index))
            rows.append(row)
            claims += found
    return Outcome(rows, claims)


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "keras", "jax", "scikit-learn"]))
