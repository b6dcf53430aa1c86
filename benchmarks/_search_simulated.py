"""A front of ours, as `_search_families` makes it, and then every design of it simulated on all test samples.

`python -m benchmarks._search_simulated TASK FAMILY SEED SECONDS SIZE FILE`: arguments and answer are those of
`_search_families`. Each row has three more: "vectors simulated" in RTL (the test samples, random codes, corners),
"samples exempt" (where float32 sums excuse Keras) and "mismatch" (how it was said that levels differ; "": they agree).
The seconds are the search's alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmarks._search_families import rows_of, searched, told_of
from benchmarks._search_tasks import TASKS
from bitwright.core.errors import Mismatch
from bitwright.core.files import write_atomic

__all__ = ["simulated"]


def simulated(design: Any, x: NDArray[Any]) -> dict[str, Any]:
    """Keras, integer program, netlist and RTL of a design compared code by code on `x`."""
    try:
        comparisons = design.verify(x).comparisons
    except Mismatch as error:
        return {"vectors simulated": 0, "samples exempt": 0, "mismatch": str(error)}
    vectors = sum(compared.vectors for compared in comparisons if compared.after.startswith("RTL"))
    exempt = sum(compared.exempt for compared in comparisons)
    return {"vectors simulated": vectors, "samples exempt": exempt, "mismatch": ""}


def main(name: str, family: str, seed: int, budget: float, quick: bool, file: Path) -> None:
    """One front to `file`; in a quick run a hundred samples are simulated."""
    data = TASKS[name].data()
    result, seconds = searched(TASKS[name], data, family, seed, budget, quick)
    rows = rows_of(family, result, quick, seed)
    x = data.x_test[:100] if quick else data.x_test
    for row, point in zip(rows, result.points, strict=True):
        row |= simulated(point.design, x)
    answer = {
        "rows": rows, "seconds": seconds, "reference": result.reference[1], "test samples": len(data.x_test),
        "note": told_of(result, data, family, seed, seconds),
    }  # fmt: skip
    write_atomic(file, json.dumps(answer, indent=1))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), sys.argv[5] == "quick", Path(sys.argv[6]))
