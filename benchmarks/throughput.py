"""Operations a second of networks on data-center and embedded parts: cycles simulated, area by yosys.

FINN's fully connected networks with weights and activations of one bit (random weights): LFC (5.8 MOp a frame) folded,
TFC and SFC (0.1 and 0.7 MOp) unrolled, a frame a cycle, their weights dissolved in adder graphs. Clocks are those that
the pipelines are cut for by the delay model: no vendor tool has confirmed them. Operations are two a product, and a
product a weight and a frame; frames come at the simulated pace. Area of the folded ones is what yosys counts actor by
actor, summed; of the unrolled ones what it counts for the whole. BENCH_PARTS (a folder) keeps the row of each goal
(`_parts`): yosys takes half an hour and more for a large one.
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

WIDTHS = {"tfc": 64, "sfc": 256, "lfc": 1024}
"""Units of each of the three hidden layers, between 784 pixels and 10 classes."""
CODE = ("src", *(f"benchmarks/{name}.py" for name in ("throughput", "folded", "_by_actor")))
"""What a row depends on."""
LONGEST_S = 7200.0
BITS = {"weight_bits": 1, "activation_bits": 1, "input_format": "u1.1"}


@dataclass(frozen=True)
class Goal:
    """So many TOp/s at least of a network, on a part at a clock."""

    network: str
    device: str
    clock_mhz: float
    tera: float
    unrolled: bool = False

    @property
    def operations(self) -> int:
        """Of a frame."""
        width = WIDTHS[self.network]
        return 2 * (784 * width + 2 * width * width + width * 10)

    def plan(self, graph: Any, device: Any) -> tuple[Any, Any]:
        """The least area that keeps the pace on the device."""
        from bitwright.explore import explore_graph

        fps = self.tera * 1e12 / self.operations
        return graph, explore_graph(graph, device, clock_mhz=self.clock_mhz, target_fps=fps).foldings


SMALL = (Goal("lfc", "xczu3eg", 250, 5), Goal("tfc", "xczu3eg", 250, 5, unrolled=True))
LARGE = (Goal("lfc", "xcvu9p", 300, 50),)
BEYOND = (Goal("sfc", "xcvu9p", 300, 200, unrolled=True),)
"""What comes after the goals."""
FRAMES = 256
"""Simulated of an unrolled network, one a cycle."""


def whole(goal: Goal) -> dict[str, Any]:
    """An unrolled network compiled, simulated, synthesized.

    The simulation feeds a frame a cycle and looks at the outputs the computed latency later. It counts no cycles: that
    no code differs is what shows that pace and latency are those computed.
    """
    from bitwright import compile as compiled
    from bitwright import zoo
    from bitwright.core.progress import Silent
    from bitwright.flow.vectors import random_codes
    from bitwright.flow.verification import simulate
    from bitwright.ir import graph as graphs

    model = zoo.build(goal.network, **BITS)
    design: Any = compiled(model, device=goal.device, clock_mhz=goal.clock_mhz, architecture="parallel")
    codes = random_codes(design.graph, FRAMES, 1)
    answers, _ = simulate(design, codes, None, Silent())
    wanted = graphs.run(design.source, codes)
    told, measured = design.estimate(), design.synthesize(timeout_s=LONGEST_S)
    return {
        "network": goal.network,
        "device": goal.device,
        "MHz": goal.clock_mhz,
        "initiation": told.initiation_cycles,
        "simulated": None,
        "latency": told.latency_cycles,
        "simulated latency": None,
        "frames/s": round(goal.clock_mhz * 1e6 / told.initiation_cycles),
        "codes that differ": sum(int((a != b).sum()) for a, b in zip(answers, wanted, strict=True)),
        "counted": "whole",
        "LUT": measured.luts,
        "predicted LUT": told.luts,
        "FF": measured.ffs,
        "predicted FF": told.ffs,
        "BRAM36": measured.brams,
        "predicted BRAM18": 2 * told.brams,
        "DSP": measured.dsps,
    }


def reached(goal: Goal) -> dict[str, Any]:
    """A goal built, simulated, synthesized."""
    from bitwright.platforms import device

    if goal.unrolled:
        found = whole(goal)
    else:
        case = Case(goal.network, goal.device, goal.clock_mhz, BITS, goal.plan, "actor by actor")
        with tempfile.TemporaryDirectory() as folder:
            found = row(case, Path(folder))
    found["goal"] = goal.tera
    pace = found["simulated"] or found["initiation"]
    found["TOp/s"] = round(goal.clock_mhz * 1e6 / pace * goal.operations / 1e12, 2)
    found["share of LUTs"] = round(found["LUT"] / device(goal.device).luts, 3)
    return found


def claims(rows: Sequence[dict[str, Any]]) -> list[Claim]:
    """What every row is held against."""
    found: list[Claim] = []
    for told in rows:
        name = f"{told['network'].upper()}, {told['device']} at {told['MHz']} MHz"
        found.append(at_least(f"{name}: TOp/s", told["TOp/s"], told["goal"]))
        found.append(at_most(f"{name}, {told['TOp/s']} TOp/s: share of LUTs", told["share of LUTs"], 0.7))
        found.append(equal(f"{name}, {told['TOp/s']} TOp/s: codes that differ", told["codes that differ"], 0))
        if told["simulated"] is not None:
            computed = f"{name}, {told['TOp/s']} TOp/s: cycles computed"
            found.append(equal(computed, told["initiation"], told["simulated"]))
    return found


def measure(quick: bool) -> Outcome:
    """All goals; the quick run takes the small part's."""
    rows: list[dict[str, Any]] = []
    for goal in SMALL if quick else (*SMALL, *LARGE, *BEYOND):
        told = f"{goal.network} {goal.device} {goal.clock_mhz} MHz {goal.tera} TOp/s"
        rows += part(told, lambda goal=goal: [reached(goal)], CODE)
        print(rows[-1], file=sys.stderr, flush=True)
    return Outcome(rows, claims(rows))


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "numpy"]))
