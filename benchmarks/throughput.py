"""Operations a second of folded networks on data-center and embedded parts: cycles simulated, area by yosys.

LFC with weights and activations of one bit (5.8 MOp a frame, random weights) on VU9P and ZU3EG, at clocks that the
kernels are pipelined for by the delay model: no vendor tool has confirmed them. Operations are two a product, and a
product a weight and a frame; frames come at the simulated pace. Area is what yosys counts actor by actor, summed.
BENCH_PARTS (a folder) keeps the row of each goal (`_parts`): yosys takes half an hour and more for a large one.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

from benchmarks._parts import part
from benchmarks._table import Claim, Outcome, at_least, at_most, equal, main
from benchmarks.folded import Case, row

OPERATIONS = 2 * (784 * 1024 + 2 * 1024 * 1024 + 1024 * 10)
CODE = ("src", *(f"benchmarks/{name}.py" for name in ("throughput", "folded", "_by_actor")))
"""What a row depends on."""
BITS = {"weight_bits": 1, "activation_bits": 1, "input_format": "u1.1"}


@dataclass(frozen=True)
class Goal:
    """So many TOp/s at least, on a part at a clock."""

    device: str
    clock_mhz: float
    tera: float

    def plan(self, graph: Any, device: Any) -> tuple[Any, Any]:
        """The least area that keeps the pace on the device."""
        from bitwright.explore import explore_graph

        fps = self.tera * 1e12 / OPERATIONS
        return graph, explore_graph(graph, device, clock_mhz=self.clock_mhz, target_fps=fps).foldings


SMALL, LARGE = Goal("xczu3eg", 250, 5), Goal("xcvu9p", 300, 50)
BEYOND = (Goal("xcvu9p", 300, 100),)
"""What comes after the goals."""


def reached(goal: Goal) -> dict[str, Any]:
    """A goal built, simulated, synthesized."""
    from bitwright.platforms import device

    case = Case("lfc", goal.device, goal.clock_mhz, BITS, goal.plan, "actor by actor")
    with tempfile.TemporaryDirectory() as folder:
        found = row(case, Path(folder))
    found["goal"] = goal.tera
    found["TOp/s"] = round(goal.clock_mhz * 1e6 / found["simulated"] * OPERATIONS / 1e12, 2)
    found["share of LUTs"] = round(found["LUT"] / device(goal.device).luts, 3)
    return found


def claims(rows: Sequence[dict[str, Any]]) -> list[Claim]:
    """What every row is held against."""
    found: list[Claim] = []
    for told in rows:
        name = f"{told['device']} at {told['MHz']} MHz"
        found.append(at_least(f"{name}: TOp/s", told["TOp/s"], told["goal"]))
        found.append(at_most(f"{name}, {told['TOp/s']} TOp/s: share of LUTs", told["share of LUTs"], 0.7))
        found.append(equal(f"{name}, {told['TOp/s']} TOp/s: codes that differ", told["codes that differ"], 0))
        computed = f"{name}, {told['TOp/s']} TOp/s: cycles computed"
        found.append(equal(computed, told["initiation"], told["simulated"]))
    return found


def measure(quick: bool) -> Outcome:
    """All goals; the quick run takes the small part's."""
    rows: list[dict[str, Any]] = []
    for goal in (SMALL,) if quick else (SMALL, LARGE, *BEYOND):
        told = f"{goal.device} {goal.clock_mhz} MHz {goal.tera} TOp/s"
        rows += part(told, lambda goal=goal: [reached(goal)], CODE)
        print(rows[-1], file=sys.stderr, flush=True)
    return Outcome(rows, claims(rows))


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "numpy"]))
