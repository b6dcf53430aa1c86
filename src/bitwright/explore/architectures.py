"""`explore_architectures`: a network unrolled, as streams, on an engine, and as a mix of both; which one is best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bitwright.core.errors import BitwrightError, InvalidValue, Unsupported
from bitwright.cost import predict
from bitwright.cost.area import Area
from bitwright.explore.explore import Objective, Task, best_plan, task_of
from bitwright.explore.mixed import LANES, Mixes, best_mix
from bitwright.explore.plan import Plan
from bitwright.explore.power import power_w
from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense
from bitwright.passes import Retime, Share, Synthesize, unrolled
from bitwright.platforms import Device

__all__ = ["ARCHITECTURES", "MOST_ADDITIONS", "Architectures", "Choice", "additions", "explore_architectures"]

ARCHITECTURES = ("parallel", "dataflow", "engine", "mixed")
MOST_ADDITIONS = 20_000
"""Of a network that is unrolled to see what that takes; asked for by name, larger ones are unrolled too."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An architecture for a network: its pace and predicted area, or why there is none.

    plan: foldings and engine, None where everything is unrolled. shares: of each ceiling. power_w: an estimate.
    """

    architecture: str
    initiation_cycles: int = 0
    clock_mhz: float = 0.0
    area: Area = field(default_factory=Area)
    shares: Mapping[str, float] | None = None
    power_w: float = 0.0
    proved: bool = False
    plan: Plan | None = None
    refused: str = ""

    @property
    def fps(self) -> float:
        """Frames a second; 0 where it is refused."""
        return self.clock_mhz * 1e6 / self.initiation_cycles if self.initiation_cycles else 0.0


@dataclass(frozen=True)
class Architectures:
    """All candidates, in the order of `ARCHITECTURES`, and the number of the best.

    stretches: parts of the network that were tried on an engine; solved: integer programs among these. Where `proved`,
    no other choice of foldings, kernels, memories, engine and cut among the candidates is better by the predicted
    area; `parallel` is a candidate of its own, which is not folded at all.
    """

    network: str
    device: str
    objective: str
    choices: tuple[Choice, ...]
    best_number: int
    stretches: int = 0
    solved: int = 0

    @property
    def best(self) -> Choice:
        """The best that fits."""
        return self.choices[self.best_number]

    @property
    def proved(self) -> bool:
        """Whether the optimum over all that was tried is proved."""
        return all(choice.proved for choice in self.choices if not choice.refused)


def additions(graph: Graph) -> int:
    """About how many additions a graph takes unrolled: weights that are not zero, wherever they are used."""
    total = 0
    for node, alive in zip(graph.nodes, graph.live(), strict=True):
        if alive and isinstance(node.op, Dense | Conv | ConvTranspose):
            outputs = node.op.weights.shape[-1]
            total += int(np.count_nonzero(node.op.weights.array)) * max(node.type.size // max(outputs, 1), 1)
    return total


def explore_architectures(
    graph: Graph,
    device: Device,
    *,
    clock_mhz: float | None = None,
    target_fps: float | None = None,
    objective: Objective | str | None = None,
    budget: Mapping[str, float] | None = None,
    lanes: Sequence[int] = LANES,
    only: Sequence[str] = ARCHITECTURES,
    seconds: float | None = None,
) -> Architectures:
    """Every architecture's best for `graph` on `device`, and the best of them.

    With `target_fps` the least area (or energy) that keeps the pace, without it the highest pace that fits. Raises
    `Unsupported` where none does, with each one's reason.
    """
    wanted = Objective(objective) if objective else Objective.MIN_AREA if target_fps else Objective.MAX_THROUGHPUT
    unknown = set(only) - set(ARCHITECTURES)
    if unknown:
        raise InvalidValue(
            f"architecture {min(unknown)!r}", where="exploration", remedy=f"some of {', '.join(ARCHITECTURES)}"
        )
    task = task_of(graph, device, clock_mhz, budget)
    mixes = Mixes(graph, task, lanes)
    found: dict[str, Choice] = {}
    if "parallel" in only:
        found["parallel"] = _parallel(graph, task)
    if "dataflow" in only:
        found["dataflow"] = _streams(task, wanted, target_fps, seconds)
    rival = found["dataflow"].plan if "dataflow" in found else None
    for name in ("engine", "mixed"):
        if name in only:
            found[name] = _with_engine(mixes, name, wanted, target_fps, rival if name == "mixed" else None, seconds)
    choices = tuple(found[name] for name in ARCHITECTURES if name in found)
    fitting = [number for number, choice in enumerate(choices) if not choice.refused]
    if not fitting:
        raise Unsupported(
            f"{graph.name} on {device.name}", where="exploration",
            why="; ".join(f"{c.architecture}: {c.refused}" for c in choices),
            remedy="a larger device, or a slower pace",
        )  # fmt: skip
    best = min(fitting, key=lambda number: _rank(choices[number], wanted, task))
    return Architectures(graph.name, device.name, wanted.value, choices, best, mixes.tried, mixes.solved)


def _rank(choice: Choice, wanted: Objective, task: Task) -> tuple[float, float]:
    """Less is better; among equals what takes less area."""
    cost = sum(price * getattr(choice.area, name) for name, price in task.prices.items())
    if wanted is Objective.MAX_THROUGHPUT:
        return -choice.fps, cost
    return (choice.power_w / choice.fps if wanted is Objective.MIN_ENERGY else cost), cost


def _of_plan(name: str, plan: Plan) -> Choice:
    return Choice(
        name, plan.initiation_cycles, plan.clock_mhz, plan.area, plan.binding.shares, plan.power_w, plan.proved, plan
    )


def _streams(task: Task, wanted: Objective, target_fps: float | None, seconds: float | None) -> Choice:
    try:
        return _of_plan("dataflow", best_plan(task, wanted, target_fps, seconds))
    except Unsupported as error:
        return Choice("dataflow", refused=_reason(error))


def _with_engine(
    mixes: Mixes, name: str, wanted: Objective, target_fps: float | None, rival: Plan | None, seconds: float | None
) -> Choice:
    whole = name == "engine"
    try:
        plan = best_mix(mixes, wanted, target_fps, rival, whole=whole, seconds=seconds)
    except BitwrightError as error:
        return Choice(name, refused=_reason(error))
    if plan is not None:
        return _of_plan(name, plan)
    if rival is not None:
        return Choice(name, refused="none is better than streams alone")
    reasons = sorted({piece.refused for piece in mixes.units.pieces if piece.refused})
    return Choice(name, refused="; ".join(reasons) or "no engine that was tried fits and keeps the pace")


def _parallel(graph: Graph, task: Task) -> Choice:
    """The whole network unrolled: a frame in every cycle."""
    count = additions(graph)
    if count > MOST_ADDITIONS:
        return Choice("parallel", refused=f"about {count:,} additions unrolled, {MOST_ADDITIONS:,} are tried")
    try:
        recipe = Synthesize(Share(operands=task.device.fabric.adder_operands), fabric=task.device.fabric)
        made = predict(Retime(task.device, task.clock_mhz)(unrolled(graph, recipe)), task.device)
    except BitwrightError as error:
        return Choice("parallel", refused=_reason(error))
    area = Area(made.luts, made.ffs, made.carries, made.dsps, made.brams * 2.0) + task.infrastructure
    shares = {name: getattr(area, name) / most for name, most in task.ceilings.items() if most > 0}
    worst = max(shares, key=lambda name: shares[name])
    if shares[worst] > 1:
        return Choice("parallel", refused=f"it takes {shares[worst]:.2f} times the {worst}")
    watts = power_w(area, task.device, task.clock_mhz)
    return Choice("parallel", 1, task.clock_mhz, area, shares, watts, True)


def _reason(error: BitwrightError) -> str:
    return error.what + (f": {error.why}" if error.why else "")
