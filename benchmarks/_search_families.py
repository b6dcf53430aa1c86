"""A front of one family for a given time: `python -m benchmarks._search_families TASK FAMILY SEED SECONDS SIZE FILE`.

TASK: of `_search_tasks`. FAMILY: "adders", "tables" (ours; the float network is trained first and not counted), "hgq2"
or "hgq-lut" (in the Python of BENCH_HGQ_PYTHON). SIZE: "quick" or "whole". Writes JSON: rows, seconds, note, and the
float network's "reference" (test accuracy; ours alone).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import bitwright as bw
from benchmarks._peer_fronts import FAMILIES as PEERS
from benchmarks._peer_fronts import peer_front
from benchmarks._search_tasks import TASKS, Task
from bitwright.core.cores import usable_cores
from bitwright.core.files import write_atomic
from bitwright.search.result import SearchResult
from bitwright.search.splits import split
from bitwright.train.data import Dataset

__all__ = ["CODE", "OURS", "PEERS", "PEER_CODE"]

OURS = ("adders", "tables")
_PARTS = tuple(f"benchmarks/_search_{name}.py" for name in ("families", "tasks"))
CODE = ("src", *_PARTS)
PEER_CODE = (
    *_PARTS,
    *(f"benchmarks/{name}.py" for name in ("_peer_front", "_peer_fronts", "_cells", "_mapped")),
    *(f"src/bitwright/{name}" for name in ("search/splits.py", "train/data.py", "toolchain")),
)
"""What our fronts depend on, and the peers': a change to our search does not send them back to training."""


def searched(
    task: Task, data: Dataset, family: str, seed: int, budget: float, quick: bool
) -> tuple[SearchResult, float]:
    """The search's result for a family of neurons, and the wall seconds it took."""
    told: dict[str, Any] = {"budget_s": None if quick else budget, "seed": seed}
    if family == "adders":
        (first, last), epochs = task.ends or (None, None), None
        if quick:
            first, last, epochs = 12000.0, 3000.0, (12, 3)
        method = bw.Gradient(points=3 if quick else task.points, epochs=epochs, first=first, last=last, **told)
    else:
        last, epochs = (1500.0, (1, 2, 1)) if quick else (450.0, None)
        tables = bw.Tables(points=2 if quick else 12, epochs=epochs, first=4200.0, last=last, **told)
        method = bw.Gradient(neurons="tables", tables=tables, seed=seed)
    model = task.trained(data, quick, seed)
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


def told_of(result: SearchResult, data: Dataset, family: str, seed: int, seconds: float) -> str:
    """What a search was given and what it did with it."""
    settings = result.settings if family == "adders" else result.settings["tables"]
    sizes = "{} training, {} validation, {} test samples of {}".format(*result.sizes, data.name)
    reference = f"float network {100 * (result.reference[1] or 0):.2f} % on test"
    return f"{family}, seed {seed}: epochs {settings['epochs']} in {seconds:.0f} s; {sizes}; {reference}"


def ours(task: Task, data: Dataset, family: str, seed: int, budget: float, quick: bool) -> dict[str, Any]:
    """The answer of `bw.search`."""
    result, seconds = searched(task, data, family, seed, budget, quick)
    return {
        "rows": rows_of(family, result, quick, seed), "seconds": seconds, "reference": result.reference[1],
        "note": told_of(result, data, family, seed, seconds),
    }  # fmt: skip


def theirs(task: Task, data: Dataset, family: str, seed: int, budget: float) -> dict[str, Any]:
    """The answer of a peer, on the same split."""
    since = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        points, note = peer_front(family, task, split(data, seed), budget, seed, Path(folder))
    rows = [
        {
            "family": PEERS[family], "seed": seed, "test %": 100 * p.test, "validation %": 100 * p.validation,
            "LUT": None, "yosys LUT": p.luts, "EBOPs": round(p.ebops),
        }
        for p in points
    ]  # fmt: skip
    return {"rows": rows, "seconds": time.perf_counter() - since, "note": f"{data.name}: {note}"}


def main(name: str, family: str, seed: int, budget: float, quick: bool, file: Path) -> None:
    """One front to `file`."""
    task = TASKS[name]
    data = task.data()
    answer = (
        ours(task, data, family, seed, budget, quick) if family in OURS else theirs(task, data, family, seed, budget)
    )
    write_atomic(file, json.dumps(answer, indent=1))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5] == "quick", Path(sys.argv[6]))
