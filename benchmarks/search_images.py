"""The gradient search on MNIST (pixels averaged over 2x2, 196-32-32-10) and on digits (64-20-10), HGQ2 beside it.

    python -m benchmarks.search_images [--quick] [--json FILE]

A float network is trained first; `bw.search` then has 15 minutes for MNIST (BENCH_SEARCH_S seconds) and a fifth of
that for digits, compiling included, on one core. With BENCH_HGQ_PYTHON (a Python that has hgq2 and alkaid) HGQ2 trains
as long as ours trains (85 % of it) on another, its ternary adders on true cells. Points are chosen on validation and
measured with yosys; accuracies are of the test samples (10000 and 359), which no search saw. LUTs are compared at five
accuracies spread evenly over what both fronts reach. BENCH_PARTS (a folder) keeps what is finished (`_parts`).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from benchmarks._figures import Chart, Line, main_with_figures, svg
from benchmarks._peers import python_of
from benchmarks._runs import Run, finished
from benchmarks._search_families import CODE, PEER_CODE, PEERS
from benchmarks._search_fronts import Point, ratios_at, unbeaten
from benchmarks._search_tasks import DATA
from benchmarks._table import Claim, Outcome, at_least, at_most, geometric_mean
from bitwright.search.gradient.tables import TRAINED

SECONDS = float(os.environ.get("BENCH_SEARCH_S", "900"))
SHARES = {"mnist": 1.0, "digits": 0.2}
"""Of the seconds."""
MOST_MIN = 30.0
LOST = 0.003
"""Of the float network's accuracy: where the front begins."""
PEER = PEERS["hgq2"]


def runs_of(quick: bool, names: list[str]) -> list[Run]:
    """Ours and, where it is installed, the peer's for each data set."""
    found: list[Run] = []
    for name in names:
        size, seconds = ("quick", 20.0) if quick else ("whole", SECONDS * SHARES[name])
        for family in ("adders", "hgq2") if python_of("hgq") else ("adders",):
            mine = family == "adders"
            told = seconds if mine or quick else seconds * TRAINED
            arguments = (name, family, "0", str(told), size)
            code = CODE if mine else PEER_CODE
            found.append(Run(f"{name}-{family}-{told:.0f}s-{size}", "benchmarks._search_families", arguments, code))
    return found


def claims_of(name: str, rows: list[dict[str, Any]], answer: dict[str, Any]) -> list[Claim]:
    """What the search on a data set is held against; `answer`: ours."""
    mine, reference = answer["rows"], answer["reference"]
    front = [row for row in mine if row["test %"] <= 100 * (reference - LOST)]
    best = max(row["test %"] for row in mine)
    found = [
        at_least(f"{name}: points of the front from 0.3 points below the float network downwards", len(front), 8),
        at_least(f"{name}: test accuracy of the best point, %", best, 100 * (reference - LOST - 0.002)),
        at_most(f"{name}: minutes of search", answer["seconds"] / 60, MOST_MIN),
    ]
    ratios = compared(unbeaten(rows, ("adders",), 0), unbeaten(rows, (PEER,), 0))
    if ratios:
        told = f"{name}: LUTs over {PEER}, geometric mean of {len(ratios)} accuracies"
        found.append(at_most(told, geometric_mean(ratios), 0.7))
    return found


def compared(mine: list[Point], theirs: list[Point]) -> list[float]:
    """LUTs over the other's at five accuracies spread over what both reach; empty where that is nothing."""
    if not mine or not theirs:
        return []
    low = max(min(accuracy for _, accuracy in front) for front in (mine, theirs))
    high = min(max(accuracy for _, accuracy in front) for front in (mine, theirs))
    return ratios_at(np.linspace(low, high, 5), mine, theirs) if low < high else []


def chart(name: str, rows: list[dict[str, Any]]) -> Chart:
    """Test accuracy against LUTs."""
    fronts = {told: unbeaten(rows, (family,), 0) for told, family in (("bitwright", "adders"), ("HGQ2", PEER))}
    lines = [Line(told, [(luts, 100 * a) for luts, a in front]) for told, front in fronts.items() if front]
    return Chart(f"{name}: accuracy against LUTs", "LUT", "test accuracy, %", lines, logarithmic=True)


def measure(quick: bool, figures: dict[str, str]) -> Outcome:
    """Rows and claims; digits alone where MNIST is not there. Fills `figures`."""
    names = [name for name in SHARES if name == "digits" or (DATA / name).is_dir()]
    runs = runs_of(quick, names)
    answers = finished(runs, 1)
    rows, claims = list[dict[str, Any]](), list[Claim]()
    for name in names:
        told = {run.arguments[1]: a for run, a in zip(runs, answers, strict=True) if run.arguments[0] == name}
        found = [row for answer in told.values() for row in answer["rows"]]
        claims += [] if quick else claims_of(name, found, told["adders"])
        figures[name] = svg(chart(name, found))
        rows += [{"data": name, **row} for row in found]
    notes = [answer["note"] for answer in answers]
    notes += [] if "mnist" in names else [f"no MNIST in {DATA}: set BITWRIGHT_DATA"]
    return Outcome(rows, claims, notes)


if __name__ == "__main__":
    raise SystemExit(main_with_figures(measure, __doc__, packages=["keras", "jax"]))
