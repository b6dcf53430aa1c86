"""Networks on the time-shared engine: cycles computed and simulated, codes compared with the integer graph.

Weights are random. `busy` is the share of the matrix unit's products that the network asks for. Weights, features and
parameters are on the chip; frames per second at 200 MHz, which is modelled.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

from benchmarks._table import Claim, Outcome, equal, main

_BINARY = {"weight_bits": 1, "activation_bits": 1}
CASES: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("tfc", _BINARY, 16),
    ("tfc", _BINARY, 32),
    ("resnet8", {}, 16),
    ("cnv", _BINARY, 32),
)
"""Network, its widths, lanes of the engine."""


def row(name: str, widths: dict[str, Any], lanes: int, folder: Path) -> dict[str, Any]:
    """One network: scheduled and simulated for two frames."""
    from bitwright import zoo
    from bitwright.flow.compiling import compile_model
    from bitwright.flow.vectors import random_codes
    from bitwright.ir import graph as graphs

    model = zoo.build(name, **widths)
    options: dict[str, Any] = {"device": "xcvu9p", "clock_mhz": 200, "engine_lanes": lanes}
    design: Any = compile_model(model, architecture="engine", **options)
    told = design.estimate()
    codes = random_codes(design.graph, 2, 1)
    found = design.simulate(codes, workdir=folder)
    golden = graphs.run(design.graph, codes)
    wrong = sum(int((a.reshape(b.shape) != b).sum()) for a, b in zip(found.outputs, golden, strict=True))
    products = zoo.operations(model).operations // 2
    return {
        "network": name,
        "lanes": lanes,
        "initiation": told.initiation_cycles,
        "simulated": found.initiation_cycles,
        "latency": told.latency_cycles,
        "simulated latency": found.latency_cycles,
        "frames/s": round(told.frames_per_second),
        "busy": round(products / (told.initiation_cycles * lanes * lanes), 3),
        "codes that differ": wrong,
        "weights kbit": told.weight_bits // 1024,
        "features kbit": told.feature_bits // 1024,
    }


def claims(rows: list[dict[str, Any]]) -> list[Claim]:
    """What the rows are held against."""
    off = sum((r["initiation"], r["latency"]) != (r["simulated"], r["simulated latency"]) for r in rows)
    return [
        equal("networks whose cycles differ from those computed", off, 0),
        equal("codes that differ from the graph", sum(r["codes that differ"] for r in rows), 0),
    ]


def measure(quick: bool) -> Outcome:
    """All cases; the quick ones are the perceptrons."""
    rows: list[dict[str, Any]] = []
    for name, widths, lanes in CASES[: 2 if quick else len(CASES)]:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(name, widths, lanes, Path(folder)))
    return Outcome(rows, claims(rows))


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "numpy"]))
