"""Predicted area of engines beside yosys, and the fitted constants.

    python -m benchmarks.engine_area [--quick] [--json FILE]

Networks of random weights on machines of different lanes, weights inside and outside, feature maps outside; each is
mapped whole by yosys for xc7. The note at the end gives `cost.engines.GLUE` as these machines fit it (least squares of
shares, none negative).
"""

from __future__ import annotations

import os
import sys
from statistics import median
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

from benchmarks._table import Claim, Outcome, at_least, at_most, equal, main

PART, CLOCK_MHZ = "xc7z020", 100.0
_BINARY = {"weight_bits": 1, "activation_bits": 1}
CASES: tuple[tuple[str, dict[str, Any], int, dict[str, Any] | None], ...] = (
    ("tfc", _BINARY, 8, None),
    ("tfc", _BINARY, 8, {"buffer_words": 98}),
    ("jet_tagger", {}, 4, None),
    ("resnet8", {}, 4, None),
    ("resnet8", {}, 4, {"buffer_words": 150, "feature_words": 4000, "data_bits": 32}),
)
"""Network, its widths, lanes, external memory."""


def row(name: str, widths: dict[str, Any], lanes: int, memory: dict[str, Any] | None) -> tuple[dict[str, Any], Any]:
    """One machine; and what its glue goes with, and took."""
    from bitwright import zoo
    from bitwright.backends.verilog.engine.code import encode
    from bitwright.cost.area import Area
    from bitwright.cost.engines import engine_parts, engine_sizes, glue_sizes
    from bitwright.flow.compiling import compile_model

    options: dict[str, Any] = {"device": PART, "clock_mhz": CLOCK_MHZ, "engine_lanes": lanes, "engine_memory": memory}
    design: Any = compile_model(zoo.build(name, **widths), architecture="engine", **options)
    sizes, fabric = engine_sizes(design.program, encode(design.program)), design.device.fabric
    parts = engine_parts(sizes, fabric)
    told = sum(parts.values(), Area())
    seen = design.synthesize()
    blocks = seen.cells.get("RAMB18E1", 0) + 2 * seen.cells.get("RAMB36E1", 0)
    found = {
        "network": name, "lanes": lanes, "weights": "outside" if memory else "inside",
        "maps": "outside" if sizes.spills else "inside", "LUTs": round(told.luts), "yosys": seen.luts,
        "off": told.luts / seen.luts - 1, "FFs": round(told.ffs), "FFs yosys": seen.ffs, "DSPs": round(told.dsps),
        "DSPs yosys": seen.dsps, "BRAM18": round(told.bram18s), "BRAM18 yosys": blocks,
    }  # fmt: skip
    rest = seen.luts - sum(area.luts for part, area in parts.items() if part != "glue")
    return found, (glue_sizes(sizes), rest, seen.luts)


def fitted(seen: list[Any]) -> str:
    """The constants of what lies between kernels and memories."""
    from scipy.optimize import nnls

    sizes, rest, whole = (np.array(column, dtype=float) for column in zip(*seen, strict=True))
    found: Any = nnls(sizes / whole[:, None], rest / whole)[0]
    return "GLUE = (" + ", ".join(f"{n:.1f}" for n in found) + ")"


def claims(rows: list[dict[str, Any]], quick: bool) -> list[Claim]:
    """The bounds of the issue."""
    off = [abs(r["off"]) for r in rows]
    return [
        at_least("engines compared", len(rows), 2 if quick else 4),
        at_most("engines: median error of LUTs", median(off), 0.07),
        at_most("engines: worst error", max(off), 0.20),
        equal("engines whose block memories differ", sum(r["BRAM18"] != r["BRAM18 yosys"] for r in rows), 0),
        equal("engines whose multipliers differ", sum(r["DSPs"] != r["DSPs yosys"] for r in rows), 0),
    ]


def measure(quick: bool) -> Outcome:
    """All machines; the quick ones are two perceptrons."""
    rows: list[dict[str, Any]] = []
    seen: list[Any] = []
    for case in CASES[: 2 if quick else len(CASES)]:
        found, glue = row(*case)
        rows.append(found)
        seen.append(glue)
        sys.stderr.write(f"{found}\n")
    return Outcome(rows, claims(rows, quick), [f"{PART}, {CLOCK_MHZ:g} MHz", fitted(seen)])


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "numpy", "scipy"]))
