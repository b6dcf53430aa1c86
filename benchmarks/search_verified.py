"""A searched front of table networks for jets, every design of it simulated: LUTs against the paper's 16-bit baseline.

    python -m benchmarks.search_verified [--quick] [--json FILE]

`bw.search` has 600 seconds (BENCH_SEARCH_S) for one front (seed 0), as in `benchmarks.search`. Then each design is
synthesized with yosys and its Verilog simulated on all test jets, on random codes and on corner vectors: Keras, integer
program, netlist and RTL are compared code by code. "times fewer" is over the 156642 LUTs of the 16-bit 64-32-32-5
network (73.15 %), unrolled; what is lost is lost on the test jets, which the search never saw.
"""

from __future__ import annotations

import os
from typing import Any

from numpy.typing import NDArray

from benchmarks._search_families import searched
from benchmarks._search_tasks import DATA, TASKS
from benchmarks._table import Claim, Outcome, at_least, equal, main
from benchmarks.search import BASELINE, BASELINE_LUTS
from bitwright.core.errors import Mismatch

SECONDS = float(os.environ.get("BENCH_SEARCH_S", "600"))
HEADLINES = ((0.5, 50), (1.0, 100))
"""Percentage points lost at most, times fewer LUTs at least."""


def measure(quick: bool) -> Outcome:
    """A row a design; a note where the data are not there."""
    if not (DATA / "jets_hlf_pythia").is_dir():
        return Outcome([], [], [f"no jets in {DATA}: set BITWRIGHT_DATA"])
    task = TASKS["jets"]
    data = task.data()
    result, seconds = searched(task, data, "tables", 0, SECONDS, quick)
    rows = [row_of(point, data.x_test) for point in (result.points[:1] if quick else result.points)]
    settings = result.settings["tables"]
    notes = [f"tables, seed 0: epochs {settings['epochs']} in {seconds:.0f} s"]
    notes += [row["mismatch"] for row in rows if row["mismatch"]]
    return Outcome(rows, claims_of(rows, len(data.x_test), quick), notes)


def row_of(point: Any, x: NDArray[Any]) -> dict[str, Any]:
    """What a design costs and reaches, what was compared, and how it was said that levels differ ("": they agree)."""
    row = {
        "test %": 100 * point.test, "error %": 100 * point.test_error, "lost": 100 * (BASELINE - point.test),
        "FF": round(point.facts["ffs"]), "ns": point.facts["latency_ns"],
    }  # fmt: skip
    counted = point.design.synthesize().luts
    row |= {"LUT": counted, "times fewer": BASELINE_LUTS / counted}
    try:
        comparisons = point.design.verify(x).comparisons
    except Mismatch as error:
        return row | {"vectors simulated": 0, "samples exempt": 0, "mismatch": str(error)}
    simulated = sum(c.vectors for c in comparisons if c.after.startswith("RTL"))
    return row | {
        "vectors simulated": simulated, "samples exempt": sum(c.exempt for c in comparisons), "mismatch": "",
    }  # fmt: skip


def claims_of(rows: list[dict[str, Any]], jets: int, quick: bool) -> list[Claim]:
    """That nothing differs on any jet, and the headlines."""
    fewest = min(row["vectors simulated"] for row in rows)
    found = [
        equal("designs in which Keras, graph, netlist or RTL differ", sum(bool(row["mismatch"]) for row in rows), 0),
        equal("jets on which float32 sums excuse a difference", sum(row["samples exempt"] for row in rows), 0),
        at_least("vectors simulated in RTL for every design: the test jets at least", fewest, jets),
    ]
    for lost, times in () if quick else HEADLINES:
        agree = [row["times fewer"] for row in rows if row["lost"] <= lost and not row["mismatch"]]
        found.append(
            at_least(f"times fewer LUTs, at most {lost:g} points lost, simulated", max(agree, default=0.0), times)
        )
    return found


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "jax"]))
