"""Operations a second of folded networks on data-center and embedded parts: cycles simulated, area by yosys.

LFC with weights and activations of one bit (5.8 MOp a frame, random weights) on VU9P and ZU3EG, at clocks that the
kernels are pipelined for by the delay model: no vendor tool has confirmed them. Operations are two a product, and a
product a weight and a frame; frames come at the simulated pace. Area is what yosys counts actor by actor, summed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

from benchmarks._table import Claim, Outcome, at_least, at_most, equal, main
from benchmarks.folded import Case, row

OPERATIONS = 2 * (784 * 1024 + 2 * 1024 * 1024 + 1024 * 10)


def paced(fps: float) -> Any:
    """The least area that keeps the pace on the device."""

    def plan(graph: Any, device: Any) -> tuple[Any, Any]:
        from bitwright.explore import explore_graph

        clock_mhz = {"xcvu9p": 300.0, "xczu3eg": 250.0}[device.name]
        return graph, explore_graph(graph, device, clock_mhz=clock_mhz, target_fps=fps).foldings

    return plan


def measure(quick: bool) -> Outcome:
    """Both parts; the quick run takes the small one."""
    from bitwright.platforms import device

    bits = {"weight_bits": 1, "activation_bits": 1, "input_format": "u1.1"}
    cases = [Case("lfc", "xczu3eg", 250, bits, paced(5e12 / OPERATIONS), "actor by actor")]
    if not quick:
        cases.append(Case("lfc", "xcvu9p", 300, bits, paced(50e12 / OPERATIONS), "actor by actor"))
    rows: list[dict[str, Any]] = []
    claims: list[Claim] = []
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            found = row(case, Path(folder))
        found["TOp/s"] = round(case.clock_mhz * 1e6 / found["simulated"] * OPERATIONS / 1e12, 2)
        found["share of LUTs"] = round(found["LUT"] / device(case.device).luts, 3)
        rows.append(found)
        wanted = 5 if case.device == "xczu3eg" else 50
        claims.append(at_least(f"{case.device}: TOp/s at {case.clock_mhz} MHz", found["TOp/s"], wanted))
        claims.append(at_most(f"{case.device}: share of LUTs", found["share of LUTs"], 0.7))
        claims.append(equal(f"{case.device}: codes that differ from the graph", found["codes that differ"], 0))
    return Outcome(rows, claims)


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "numpy"]))
