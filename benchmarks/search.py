"""The gradient search on jets, with adders and with tables: fronts of compiled designs, the peers' beside them.

    python -m benchmarks.search [--quick] [--json FILE]

Trains a float 64-32-32-5 network, gives `bw.search` 600 seconds (BENCH_SEARCH_S) on one core for adders and as many
for tables, compiling included (`--quick`: a few epochs), measures the points with yosys, and compares LUTs at equal
test accuracy, interpolated on log LUTs between points: adders alone with HGQ2, adders and tables together with HGQ-LUT.
With BENCH_HGQ_PYTHON (a Python that has hgq2 and alkaid) the peers train as long as ours trains (85 % of it) on the
same jets, their ternary adders on true cells. All of it is done for three seeds (BENCH_SEARCH_SEEDS). Each front is
trained in a process of its own; as many go side by side as there are cores, or each has BENCH_SEARCH_CORES of them.
BENCH_PARTS (a folder) keeps what is finished (`_parts`). Every design of ours is then simulated in RTL on all test
jets, random codes and corners: Keras, integer program, netlist and RTL are compared code by code, and only designs in
which none differs count for the headline, "times fewer" than the 156642 LUTs of the 16-bit 64-32-32-5 network (73.15 %,
unrolled). Both peers' recorded points (Alkaid's RTL through yosys 0.23
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
from benchmarks._table import Claim, Outcome, at_least, at_most, equal, geometric_mean
from bitwright.search.gradient.tables import TRAINED

PAPER = Path(__file__).resolve().parents[1] / "docs" / "benchmarks" / "paper2021.json"
SECONDS = float(os.environ.get("BENCH_SEARCH_S", "600"))
SEEDS = int(os.environ.get("BENCH_SEARCH_SEEDS", "3"))
BASELINE_LUTS, BASELINE = 156642, 0.7315
HEADLINES = ((0.005, 50), (0.010, 100))
"""Of the accuracy lost at most, times fewer LUTs at least."""
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


def headlines(rows: list[dict[str, Any]], lost: float) -> list[float]:
    """How many times fewer LUTs than the baseline at so much accuracy lost, for each seed; 0 where no design is there.

    Designs in which levels differ do not count.
    """
    found: list[float] = []
    for seed in sorted({row["seed"] for row in rows}):
        agree = [row for row in rows if not row.get("mismatch")]
        least = min((n for n, a in unbeaten(agree, OURS, seed) if a >= BASELINE - lost), default=None)
        found.append(0.0 if least is None else BASELINE_LUTS / least)
    return found


def simulation_claims(rows: list[dict[str, Any]], jets: int) -> list[Claim]:
    """That in none of our designs a level differs from the one before, on any jet."""
    mine = [row for row in rows if row["family"] in OURS]
    fewest = min(row["vectors simulated"] for row in mine)
    differ = sum(bool(row["mismatch"]) for row in mine)
    return [
        equal(f"designs of {len(mine)} in which Keras, integer program, netlist or RTL differ", differ, 0),
        equal("test jets on which float32 sums excuse a difference", sum(row["samples exempt"] for row in mine), 0),
        at_least("vectors simulated in RTL for each design: the test jets at least", fewest, jets),
    ]


def claims_of(rows: list[dict[str, Any]], seconds: dict[str, float]) -> list[Claim]:
    """What the search is held against."""
    fronts = [unbeaten(rows, ("adders",), seed) for seed in {row["seed"] for row in rows}]
    useful = min(sum(accuracy <= BASELINE - 0.003 for _, accuracy in front) for front in fronts)
    claims = [
        at_least("points of each adders' front from 0.3 points below the baseline downwards", useful, 8),
        *(at_most(f"minutes of search, {family}", spent / 60, 15) for family, spent in seconds.items()),
    ]
    for lost, factor in HEADLINES:
        told = f"times fewer LUTs than the 16-bit baseline, {100 * lost:g} points lost, simulated, median of the seeds"
        claims.append(at_least(told, float(np.median(headlines(rows, lost))), factor))
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
    module = "benchmarks._search_simulated" if mine else "benchmarks._search_families"
    seconds = budget if mine or quick else budget * TRAINED
    told = ("jets", family, str(seed), str(seconds), size)
    name = f"{family}-{seed}-{seconds:.0f}s-{size}"
    return Run(name, module, told, (*CODE, "benchmarks/_search_simulated.py") if mine else PEER_CODE)


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
    claims += simulation_claims(rows, 100 if quick else answers[0]["test samples"])
    notes = [answer["note"] for answer in answers]
    for lost, _ in () if quick else HEADLINES:
        each = ", ".join(f"{times:.0f}" for times in headlines(rows, lost))
        notes.append(f"times fewer LUTs of each seed, {100 * lost:g} points lost: {each}")
    figures["fronts"] = svg(fronts_chart(rows))
    for peer, points in RECORDED.items():
        rows += [{"family": f"{peer}, recorded", "test %": 100 * a, "LUT": n} for n, a in points]
    notes.append(f"cores of a run: {cores}")
    notes.append("recorded peers: Alkaid's RTL through yosys, not with its ternary adders on cells")
    return Outcome(rows, claims, notes)


if __name__ == "__main__":
    raise SystemExit(main_with_figures(measure, __doc__, packages=["keras", "jax"]))
