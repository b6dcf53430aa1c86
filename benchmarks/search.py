"""The gradient search on jets, with adders and with tables: fronts of compiled designs, the peers' beside them.

    python -m benchmarks.search [--quick] [--json FILE]

Trains a float 64-32-32-5 network, gives `bw.search` 15 minutes (BENCH_SEARCH_S seconds) for adders and as many for
tables (`--quick`: a few epochs), measures the points with yosys, and compares LUTs at equal test accuracy, interpolated
on log LUTs between points: adders alone with HGQ2, adders and tables together with HGQ-LUT. With BENCH_HGQ_PYTHON (a
Python that has hgq2 and alkaid) the peers train for the same time on the same jets, their ternary adders on true
cells. BENCH_SEARCH_SEEDS (1) says how often all of it is done. Both peers' recorded points (Alkaid's RTL through yosys
0.23 without such cells, 30 minutes of training on two cores) are shown as well.
"""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import bitwright as bw
from benchmarks._peer_fronts import FAMILIES as PEERS
from benchmarks._peer_fronts import peer_front
from benchmarks._peers import python_of
from benchmarks._table import Claim, Outcome, at_least, at_most, geometric_mean, main
from bitwright.search.result import SearchResult
from bitwright.search.splits import split
from bitwright.train.data import Dataset, load
from bitwright.train.fit import fit

DATA = Path(os.environ.get("BITWRIGHT_DATA", "../shared/data")) / "jets_hlf_pythia"
WIDTHS = (64, 32, 32)
SECONDS = float(os.environ.get("BENCH_SEARCH_S", "900"))
SEEDS = int(os.environ.get("BENCH_SEARCH_SEEDS", "1"))
FAMILIES = ("adders", "tables")
BASELINE_LUTS, BASELINE = 156642, 0.7315
ACCURACIES = (0.717, 0.7205, 0.724, 0.726)
RECORDED = {
    "HGQ2 + Alkaid": (
        (476, 0.6923), (1339, 0.7086), (2139, 0.7175), (3173, 0.7209), (4613, 0.7229), (9477, 0.7265), (12784, 0.7302),
    ),
    "HGQ-LUT + Alkaid": ((1242, 0.7170), (1858, 0.7205), (2710, 0.7238), (3244, 0.7257), (5199, 0.7273)),
}  # fmt: skip


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


def searched(model: Any, data: Dataset, family: str, quick: bool, seed: int = 0) -> tuple[SearchResult, float]:
    """The search's result for a family of neurons, and the wall seconds it took."""
    if family == "adders":
        method = bw.Gradient(
            points=3 if quick else 12, epochs=(12, 3) if quick else None, budget_s=None if quick else SECONDS,
            first=12000.0, last=3000.0 if quick else 500.0, seed=seed,
        )  # fmt: skip
    else:
        tables = bw.Tables(
            points=2 if quick else 12, epochs=(1, 2, 1) if quick else None,
            budget_s=None if quick else SECONDS, first=4200.0, last=1500.0 if quick else 450.0,
            seed=seed,
        )  # fmt: skip
        method = bw.Gradient(neurons="tables", tables=tables, seed=seed)
    since = time.perf_counter()
    result = bw.search(model, data, method=method, seed=seed, verify="none" if quick else "best")
    return result, time.perf_counter() - since


def luts_at(points: list[tuple[float, float]], accuracy: float) -> float | None:
    """LUTs of a front (luts, accuracy) at `accuracy`, linear in log LUTs; None outside it."""
    rising = sorted(points, key=lambda point: point[1])
    luts, reached = np.array([p[0] for p in rising]), np.array([p[1] for p in rising])
    if not reached[0] <= accuracy <= reached[-1]:
        return None
    return float(np.exp(np.interp(accuracy, reached, np.log(luts))))


def rows_of(family: str, result: SearchResult, quick: bool, seed: int) -> list[dict[str, Any]]:
    """A row a point; `yosys LUT` where it was synthesized."""
    rows: list[dict[str, Any]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
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


def peer_rows(data: Dataset, quick: bool, seed: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The peers' points on the same split and for the same time, and notes."""
    rows, notes, splits = list[dict[str, Any]](), list[str](), split(data, seed)
    for family, name in PEERS.items():
        with tempfile.TemporaryDirectory() as folder:
            points, note = peer_front(family, splits, 20.0 if quick else SECONDS, seed, Path(folder))
        notes.append(note)
        rows += [
            {
                "family": name, "seed": seed, "test %": 100 * p.test, "validation %": 100 * p.validation,
                "LUT": None, "yosys LUT": p.luts, "EBOPs": round(p.ebops),
            }
            for p in points
        ]  # fmt: skip
    return rows, notes


def unbeaten(rows: list[dict[str, Any]], families: tuple[str, ...], seed: int) -> list[tuple[float, float]]:
    """The front of these families, chosen on validation: (LUTs, test accuracy) by rising LUTs."""
    mine = [row for row in rows if row["family"] in families and row["seed"] == seed]
    kept: list[dict[str, Any]] = []
    for row in sorted(mine, key=lambda row: row["yosys LUT"] or row["LUT"]):
        if not kept or row["validation %"] > kept[-1]["validation %"]:
            kept.append(row)
    return [(row["yosys LUT"] or row["LUT"], row["test %"] / 100) for row in kept]


def ratio_claim(rows: list[dict[str, Any]], families: tuple[str, ...], peer: str, recorded: bool) -> list[Claim]:
    """LUTs over the peer's at equal accuracies, all seeds; empty where the fronts do not meet."""
    ratios: list[float] = []
    for seed in {row["seed"] for row in rows}:
        mine = unbeaten(rows, families, seed)
        theirs = [(float(n), a) for n, a in RECORDED[peer]] if recorded else unbeaten(rows, (peer,), seed)
        pairs = [(luts_at(mine, a), luts_at(theirs, a)) for a in ACCURACIES] if mine and theirs else []
        ratios += [ours / other for ours, other in pairs if ours and other]
    if not ratios:
        return []
    what = "adders alone" if families == ("adders",) else "with tables"
    told = f"LUTs {what} over {peer}{' (recorded)' if recorded else ''}, geometric mean of {len(ratios)} accuracies"
    return [at_most(told, geometric_mean(ratios), 0.7)]


def headline(rows: list[dict[str, Any]], lost: float) -> float:
    """How many times fewer LUTs than the baseline at so much accuracy lost; the median of the seeds."""
    found: list[float] = []
    for seed in {row["seed"] for row in rows}:
        least = min((n for n, a in unbeaten(rows, FAMILIES, seed) if a >= BASELINE - lost), default=None)
        found.append(0.0 if least is None else BASELINE_LUTS / least)
    return float(np.median(found))


def claims_of(rows: list[dict[str, Any]], seconds: dict[str, float]) -> list[Claim]:
    """What the search is held against."""
    front = [accuracy for _, accuracy in unbeaten(rows, ("adders",), 0) if accuracy <= BASELINE - 0.003 + 0.0016]
    claims = [
        at_least("points of the adders' front from 0.3 points below the baseline downwards", len(front), 8),
        *(at_most(f"minutes of search, {family}", spent / 60, 16) for family, spent in seconds.items()),
    ]
    for lost, factor in ((0.005, 50), (0.010, 100)):
        told = f"times fewer LUTs than the 16-bit baseline, {100 * lost:g} points lost"
        claims.append(at_least(told, headline(rows, lost), factor))
    for peer, families in (("HGQ2 + Alkaid", ("adders",)), ("HGQ-LUT + Alkaid", FAMILIES)):
        claims += ratio_claim(rows, families, peer, False) + ratio_claim(rows, families, peer, True)
    return claims


def told_of(result: SearchResult, family: str, seed: int, seconds: float) -> str:
    """What a search was given and what it did with it."""
    settings = result.settings if family == "adders" else result.settings["tables"]
    sizes = "{} training, {} validation, {} test jets".format(*result.sizes)
    reference = f"float network {100 * (result.reference[1] or 0):.2f} % on test"
    return f"{family}, seed {seed}: epochs {settings['epochs']} in {seconds:.0f} s; {sizes}; {reference}"


def measure(quick: bool) -> Outcome:
    """Rows and claims; a note where the data are not there."""
    if not DATA.is_dir():
        return Outcome([], [], [f"no jets in {DATA}: set BITWRIGHT_DATA"])
    data, rows, seconds, notes = load(DATA), list[dict[str, Any]](), dict[str, float](), list[str]()
    for seed in range(1 if quick else SEEDS):
        model = trained(data, quick, seed)
        for family in FAMILIES:
            result, seconds[family] = searched(model, data, family, quick, seed)
            rows += rows_of(family, result, quick, seed)
            notes.append(told_of(result, family, seed, seconds[family]))
        if python_of("hgq"):
            beside, told = peer_rows(data, quick, seed)
            rows, notes = rows + beside, notes + told
    claims = [] if quick else claims_of(rows, seconds)
    for peer, points in RECORDED.items():
        rows += [{"family": f"{peer}, recorded", "test %": 100 * a, "LUT": n} for n, a in points]
    notes.append("recorded peers: Alkaid's RTL through yosys, not with its ternary adders on cells")
    return Outcome(rows, claims, notes)


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "jax"]))
