"""The gradient search on jets, with adders and with tables: fronts of compiled designs, the peers' beside them.

    python -m benchmarks.search [--quick] [--json FILE]

Trains a float 64-32-32-5 network, gives `bw.search` 600 seconds (BENCH_SEARCH_S) on one core for adders and as many
for tables, compiling included (`--quick`: a few epochs), measures the points with yosys, and compares LUTs at equal
test accuracy, interpolated on log LUTs between points: adders alone with HGQ2, adders and tables together with HGQ-LUT.
With BENCH_HGQ_PYTHON (a Python that has hgq2 and alkaid) the peers train as long as ours trains (85 % of it) on the
same jets, their ternary adders on true cells. All of it is done for three seeds (BENCH_SEARCH_SEEDS). Each front is
trained in a process of its own; as many go side by side as there are cores, or each has BENCH_SEARCH_CORES of them.
BENCH_PARTS (a folder) keeps what is finished (`_parts`). Both peers' recorded points (Alkaid's RTL through yosys 0.23
without such cells, 30 minutes of training on two cores) are shown as well.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._figures import Chart, Line, main_with_figures, svg
from benchmarks._peers import python_of
from benchmarks._runs import Run, finished
from benchmarks._search_families import CODE, OURS, PEER_CODE
from benchmarks._search_fronts import ratios_at, unbeaten
from benchmarks._search_tasks import DATA
from benchmarks._table import Claim, Outcome, at_least, at_most, geometric_mean
from bitwright.search.gradient.tables import TRAINED

PAPER = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "paper2021.json"
SECONDS = float(os.environ.get("BENCH_SEARCH_S", "600"))
SEEDS = int(os.environ.get("BENCH_SEARCH_SEEDS", "3"))
BASELINE_LUTS, BASELINE = 156642, 0.7315
ACCURACIES = (0.717, 0.7205, 0.724, 0.726)
RECORDED = {
    "HGQ2 + Alkaid": (
        (476, 0.6923), (1339, 0.7086), (2139, 0.7175), (3173, 0.7209), (4613, 0.7229), (9477, 0.7265), (12784, 0.7302),
    ),
    "HGQ-LUT + Alkaid": ((1242, 0.7170), (1858, 0.7205), (2710, 0.7238), (3244, 0.7257), (5199, 0.7273)),
}  # fmt: skip


def ratio_claim(rows: list[dict[str, Any]], families: tuple[str, ...], peer: str, recorded: bool) -> list[Claim]:
    """LUTs over the peer's at equal accuracies, all seeds.

    Where none of these lies in both fronts: at the best accuracy of each of the peer's. Empty where none does.
    """
    ratios, at_best = list[float](), list[float]()
    for seed in {row["seed"] for row in rows}:
        mine = unbeaten(rows, families, seed)
        theirs = [(float(n), a) for n, a in RECORDED[peer]] if recorded else unbeaten(rows, (peer,), seed)
        ratios += ratios_at(ACCURACIES, mine, theirs)
        if theirs:
            at_best += ratios_at([max(a for _, a in theirs)], mine, theirs)
    if not ratios and not at_best:
        return []
    what = "adders alone" if families == ("adders",) else "with tables"
    where = f"{len(ratios)} accuracies" if ratios else f"the best accuracies of its {len(at_best)} fronts"
    told = f"LUTs {what} over {peer}{' (recorded)' if recorded else ''}, geometric mean of {where}"
    return [at_most(told, geometric_mean(ratios or at_best), 0.7)]


def headline(rows: list[dict[str, Any]], lost: float) -> float:
    """How many times fewer LUTs than the baseline at so much accuracy lost; the median of the seeds."""
    found: list[float] = []
    for seed in {row["seed"] for row in rows}:
        least = min((n for n, a in unbeaten(rows, OURS, seed) if a >= BASELINE - lost), default=None)
        found.append(0.0 if least is None else BASELINE_LUTS / least)
    return float(np.median(found))


def claims_of(rows: list[dict[str, Any]], seconds: dict[str, float]) -> list[Claim]:
    """What the search is held against."""
    fronts = [unbeaten(rows, ("adders",), seed) for seed in {row["seed"] for row in rows}]
    useful = min(sum(accuracy <= BASELINE - 0.003 for _, accuracy in front) for front in fronts)
    claims = [
        at_least("points of each adders' front from 0.3 points below the baseline downwards", useful, 8),
        *(at_most(f"minutes of search, {family}", spent / 60, 15) for family, spent in seconds.items()),
    ]
    for lost, factor in ((0.005, 50), (0.010, 100)):
        told = f"times fewer LUTs than the 16-bit baseline, {100 * lost:g} points lost"
        claims.append(at_least(told, headline(rows, lost), factor))
    for peer, families in (("HGQ2 + Alkaid", ("adders",)), ("HGQ-LUT + Alkaid", OURS)):
        claims += ratio_claim(rows, families, peer, False) + ratio_claim(rows, families, peer, True)
    return claims


def runs_of(quick: bool) -> list[Run]:
    """A run for each seed and family, the families that are compared one after the other."""
    seeds, budget = (1, 20.0) if quick else (SEEDS, SECONDS)
    families = ("adders", "hgq2", "tables", "hgq-lut") if python_of("hgq") else OURS
    return [_run(family, seed, budget, quick) for seed in range(seeds) for family in families]


def _run(family: str, seed: int, budget: float, quick: bool) -> Run:
    """Ours has the budget for everything, a peer trains for the share of it that ours trains for."""
    mine, size = family in OURS, "quick" if quick else "whole"
    seconds = budget if mine or quick else budget * TRAINED
    told = ("jets", family, str(seed), str(seconds), size)
    name = f"{family}-{seed}-{seconds:.0f}s-{size}"
    return Run(name, "benchmarks._search_families", told, CODE if mine else PEER_CODE)


def fronts_chart(rows: list[dict[str, Any]]) -> Chart:
    """Test accuracy against LUTs: every family's fronts, a line a seed, the peers' recorded points, the paper's models.

    The paper's Q6, QE and QB are those that `benchmarks.paper2021` trained and compiled.
    """
    lines: list[Line] = []
    for family in dict.fromkeys(row["family"] for row in rows if "seed" in row):
        seeds = sorted({row["seed"] for row in rows if row["family"] == family})
        fronts = [[(n, 100 * a) for n, a in unbeaten(rows, (family,), seed)] for seed in seeds]
        name = f"bitwright, {family}" if family in OURS else family.partition(" ")[0]
        lines.append(Line(name, fronts[0], further=fronts[1:]))
    for peer, points in RECORDED.items():
        lines.append(Line(f"{peer.partition(' ')[0]}, recorded", [(n, 100 * a) for n, a in points]))
    lines.append(Line("16-bit baseline", [(BASELINE_LUTS, 100 * BASELINE)]))
    known = json.loads(PAPER.read_text())["rows"] if PAPER.is_file() else []
    for row in known:
        if row["model"] in ("Q6", "QE", "QB"):
            lines.append(Line(row["model"], [(row["LUT"], row["accuracy %"])]))
    return Chart("Jets: accuracy against LUTs", "LUT", "test accuracy, %", lines, 65.0, 73.5, logarithmic=True)


def measure(quick: bool, figures: dict[str, str]) -> Outcome:
    """Rows and claims; a note where the data are not there. Fills `figures`."""
    if not (DATA / "jets_hlf_pythia").is_dir():
        return Outcome([], [], [f"no jets in {DATA}: set BITWRIGHT_DATA"])
    runs = runs_of(quick)
    cores = int(os.environ.get("BENCH_SEARCH_CORES", "1"))
    answers = finished(runs, cores)
    rows = [row for answer in answers for row in answer["rows"]]
    spent = {
        family: max(a["seconds"] for run, a in zip(runs, answers, strict=True) if run.arguments[1] == family)
        for family in OURS
    }
    claims = [] if quick else claims_of(rows, spent)
    figures["fronts"] = svg(fronts_chart(rows))
    for peer, points in RECORDED.items():
        rows += [{"family": f"{peer}, recorded", "test %": 100 * a, "LUT": n} for n, a in points]
    notes = [answer["note"] for answer in answers]
    notes.append(f"cores of a run: {cores}")
    notes.append("recorded peers: Alkaid's RTL through yosys, not with its ternary adders on cells")
    return Outcome(rows, claims, notes)


if __name__ == "__main__":
    raise SystemExit(main_with_figures(measure, __doc__, packages=["keras", "jax"]))
