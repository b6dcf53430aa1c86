"""`explore_graph`: the best folding of every layer under a device's budget, and the proof that it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import cached_property

from bitwright.core.collector import collector_paused
from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.cost.area import Area
from bitwright.explore.candidates import Stage, Wire, stages_of
from bitwright.explore.dominance import RESOURCES, conversion, needed_until
from bitwright.explore.plan import Binding, LayerPlan, Plan
from bitwright.explore.power import MAGNITUDES, TOGGLE, energy_pj, power_of
from bitwright.explore.program import Answer, least, overshoot
from bitwright.ir.graph import Graph
from bitwright.passes.streaming import Products
from bitwright.platforms import Device

__all__ = ["Objective", "Task", "best_plan", "explore_graph", "fits", "pareto", "plan_of", "task_of"]


class Objective(Enum):
    """What is to be best."""

    MAX_THROUGHPUT = "max_throughput"
    MIN_AREA = "min_area"
    MIN_ENERGY = "min_energy"


@dataclass(frozen=True)
class Task:
    """A network on a device: its stages and wires, the ceilings, and what the shell takes."""

    network: str
    device: Device
    clock_mhz: float
    stages: list[Stage]
    wires: list[Wire]
    ceilings: dict[str, float]
    infrastructure: Area = field(default_factory=Area)

    @property
    def room(self) -> dict[str, float]:
        """The ceilings less the shell."""
        return {name: most - getattr(self.infrastructure, name) for name, most in self.ceilings.items()}

    @property
    def prices(self) -> dict[str, float]:
        """What a unit of each resource counts as: its share of what can be used."""
        return {name: 1.0 / most for name, most in self.ceilings.items() if most > 0}

    @property
    def paces(self) -> list[int]:
        """All initiations that foldings have, ascending; the first is the fastest that every layer can keep."""
        floor = max(min(c.cycles for c in stage.candidates) for stage in self.stages)
        return sorted({c.cycles for stage in self.stages for c in stage.candidates if c.cycles >= floor})

    @cached_property
    def _until(self) -> dict[int, list[list[int]]]:
        """Until when candidates are needed, by the slowest pace that was looked at."""
        return {}

    def needed(self, cycles: int) -> list[list[int]]:
        """For each stage the candidates that keep the pace and that none is better than: the optimum is among them."""
        known = min((slowest for slowest in self._until if slowest >= cycles), default=cycles)
        if known not in self._until:
            self._until[known] = [until.tolist() for until in needed_until(self.stages, self.wires, known)]
        return [
            [i for i, c in enumerate(stage.candidates) if c.cycles <= cycles < until[i]]
            for stage, until in zip(self.stages, self._until[known], strict=True)
        ]

    def area(self, choice: Sequence[int]) -> Area:
        """What a choice takes, shell included."""
        chosen = [stage.candidates[at] for stage, at in zip(self.stages, choice, strict=True)]
        total = sum((c.area for c in chosen), self.infrastructure)
        for wire in self.wires:
            total += conversion(chosen[wire.producer].made, chosen[wire.consumer].given, wire.width)
        return total


def task_of(
    graph: Graph,
    device: Device,
    clock_mhz: float | None = None,
    budget: Mapping[str, float] | None = None,
    infrastructure: Area | None = None,
) -> Task:
    """The task of folding `graph` for `device`; `budget` in resources (luts, ffs, bram18s, dsps, urams), else what of
    the device is usable (70 % of its LUTs, ...).
    """
    usable = device.usable
    ceilings = {
        "luts": float(usable.luts), "ffs": float(usable.ffs), "dsps": float(usable.dsps), "urams": float(usable.urams),
        "bram18s": float(device.bram18s * device.ceilings.brams),
    }  # fmt: skip
    unknown = set(budget or {}) - set(RESOURCES)
    if unknown:
        raise InvalidValue(f"unknown resource {min(unknown)!r}", where="budget", remedy=f"one of {RESOURCES}")
    clock = clock_mhz or device.clock_mhz
    stages, wires = stages_of(graph, device, clock)
    return Task(graph.name, device, clock, stages, wires, ceilings | dict(budget or {}), infrastructure or Area())


def explore_graph(
    graph: Graph,
    devices: Device | Sequence[Device],
    *,
    clock_mhz: float | None = None,
    target_fps: float | None = None,
    objective: Objective | str | None = None,
    budget: Mapping[str, float] | None = None,
    infrastructure: Area | None = None,
    seconds: float | None = None,
) -> Plan:
    """The best plan for `graph` on the best of `devices`.

    With `target_fps` the least area (or energy) that keeps the pace, without it the highest pace that fits. Area is
    counted as the sum of the shares of what can be used. Every legal folding, unrolled layers, and memories of LUTs
    and of blocks compete; the optimum over them is proved. Raises `Unsupported` where nothing fits, and says
    what is missing.
    """
    wanted = Objective(objective) if objective else Objective.MIN_AREA if target_fps else Objective.MAX_THROUGHPUT
    told = [devices] if isinstance(devices, Device) else list(devices)
    plans: list[Plan] = []
    refused: Unsupported | None = None
    for device in told:
        try:
            task = task_of(graph, device, clock_mhz, budget, infrastructure)
            plans.append(best_plan(task, wanted, target_fps, seconds))
        except Unsupported as error:
            refused = error
    if not plans:
        raise refused or InvalidValue("no devices", where="exploration", remedy="name one at least")
    if wanted is Objective.MAX_THROUGHPUT:
        return max(plans, key=lambda plan: plan.fps)
    if wanted is Objective.MIN_ENERGY:
        return min(plans, key=lambda plan: plan.power_w / plan.fps)
    return min(plans, key=lambda plan: (plan.area.luts, plan.area.bram18s))


@collector_paused()
def best_plan(task: Task, objective: Objective, target_fps: float | None = None, seconds: float | None = None) -> Plan:
    """The best plan of a task.

    Products go into more multiplier blocks than what takes least has only where the pace needs it: else the choice is
    among the candidates without them, of which there are half as many.
    """
    paces = task.paces
    if target_fps is not None:
        slowest = int(task.clock_mhz * 1e6 / target_fps)
        paces = [pace for pace in paces if pace <= slowest]
        if not paces:
            raise Unsupported(
                f"a frame takes {task.paces[0]} cycles at least", where=task.network,
                why=f"{target_fps:g} frames a second are one every {slowest} cycles",
                remedy="a faster clock, or a slower pace",
            )  # fmt: skip
    if objective is Objective.MAX_THROUGHPUT:
        return _fastest(task, paces, seconds)
    for told in (_without_blocks(task), task):
        answer = _solved(told, paces[-1], objective, seconds)
        if answer is not None:
            return plan_of(told, answer, objective.value, None)
    raise _too_large(task, paces[-1])


def _without_blocks(task: Task) -> Task:
    """The task without candidates that ask for multiplier blocks."""
    stages = [
        replace(s, candidates=tuple(c for c in s.candidates if c.folding.products is Products.AUTO))
        for s in task.stages
    ]  # fmt: skip
    return replace(task, stages=stages)


def fits(task: Task, cycles: int, seconds: float | None = None) -> bool:
    """Whether any choice keeps that pace under the ceilings."""
    return _solved(task, cycles, Objective.MIN_AREA, seconds, any_choice=True) is not None


def _fastest(task: Task, paces: Sequence[int], seconds: float | None) -> Plan:
    """The first pace that fits, in the least area; a pace that fits makes all slower ones fit."""
    high = len(paces)
    best: Task | None = None
    for told in (_without_blocks(task), task):
        low = 0
        while low < high:
            middle = (low + high) // 2
            if fits(told, paces[middle], seconds):
                best, high = told, middle
            else:
                low = middle + 1
    answer = None if best is None else _solved(best, paces[high], Objective.MIN_AREA, seconds)
    if best is None or answer is None:
        raise _too_large(task, paces[-1])
    return plan_of(best, answer, Objective.MAX_THROUGHPUT.value, paces[high - 1] if high else None)


def _solved(
    task: Task, cycles: int, objective: Objective, seconds: float | None, any_choice: bool = False
) -> Answer | None:
    """The best choice for the objective at a pace; `any_choice`: the first that fits, if one does."""
    kept = task.needed(cycles) if objective is Objective.MIN_AREA else _keeping(task, cycles)
    if objective is Objective.MIN_AREA:
        return least(task.stages, task.wires, kept, task.prices, task.room, None, seconds, any_choice)
    extra = {
        (n, at): energy_pj(task.stages[n].candidates[at].area) * task.stages[n].candidates[at].cycles * 1e-6
        for n, options in enumerate(kept)
        for at in options
    }
    # What leaks is the same for all; converters switch as long as the pace lasts.
    prices = {name: MAGNITUDES[name].per_cycle(TOGGLE) * 1e-6 * cycles for name in ("luts", "ffs")}
    adjusted = {
        (n, at): value - sum(p * getattr(task.stages[n].candidates[at].area, name) for name, p in prices.items())
        for (n, at), value in extra.items()
    }
    return least(task.stages, task.wires, kept, prices, task.room, adjusted, seconds)


def _keeping(task: Task, cycles: int) -> list[list[int]]:
    return [[i for i, c in enumerate(stage.candidates) if c.cycles <= cycles] for stage in task.stages]


def _too_large(task: Task, cycles: int) -> Unsupported:
    found = overshoot(task.stages, task.wires, task.needed(cycles), task.room)
    name, share = _most(task, found[0]) if found else ("luts", 0.0)
    return Unsupported(
        f"{task.network} at {cycles} cycles a frame does not fit on {task.device.name}", where="exploration",
        why=f"it takes {share:.2f} times the {name} at least", remedy="a larger device, a slower pace, or fewer bits",
    )  # fmt: skip


def _most(task: Task, answer: Answer) -> tuple[str, float]:
    area = task.area(answer.choice)
    shares = {name: getattr(area, name) / max(most, 1.0) for name, most in task.ceilings.items()}
    name = max(shares, key=lambda n: shares[n])
    return name, shares[name]


def plan_of(task: Task, answer: Answer, objective: str, faster: int | None, method: str = "exact") -> Plan:
    """The record of a choice; `faster`: the next pace, which did not fit."""
    chosen = [stage.candidates[at] for stage, at in zip(task.stages, answer.choice, strict=True)]
    layers = tuple(
        LayerPlan(stage.name, c.folding, c.cycles, c.area) for stage, c in zip(task.stages, chosen, strict=True)
    )
    pace = max(c.cycles for c in chosen)
    area = task.area(answer.choice)
    shares = {name: getattr(area, name) / most for name, most in task.ceilings.items() if most > 0}
    slowest = tuple(layer.name for layer in layers if layer.cycles == pace)
    binding = Binding(slowest, shares)
    if faster is not None:
        found = overshoot(task.stages, task.wires, task.needed(faster), task.room)
        resource, missing = _most(task, found[0]) if found else ("", 0.0)
        binding = Binding(slowest, shares, faster, resource, missing)
    busy = sum(energy_pj(c.area) * c.cycles for c in chosen) / max(sum(energy_pj(c.area) for c in chosen) * pace, 1e-9)
    power = power_of(area, task.device, task.clock_mhz, busy)
    return Plan(
        task.network, task.device.name, task.clock_mhz, objective, layers, pace, area, binding, answer.proved,
        answer.gap, answer.nodes, method, power.total_w, power=power,
    )  # fmt: skip


def pareto(
    graph: Graph,
    devices: Sequence[Device],
    clocks_mhz: Sequence[float] = (),
    *,
    points: int = 6,
    budget: Mapping[str, float] | None = None,
) -> tuple[Plan, ...]:
    """Plans that no other is faster and smaller than, over devices, clocks and paces; the fastest first.

    For each device and clock (the device's own where none are told) the fastest plan and the least areas at `points`
    paces.
    """
    found: list[Plan] = []
    for device in devices:
        for clock in clocks_mhz or (device.clock_mhz,):
            task = task_of(graph, device, clock, budget)
            try:
                fastest = best_plan(task, Objective.MAX_THROUGHPUT)
            except Unsupported:
                continue
            found.append(fastest)
            slower = [pace for pace in task.paces if pace > fastest.initiation_cycles]
            step = max(len(slower) // max(points, 1), 1)
            for pace in slower[step - 1 :: step]:
                answer = _solved(task, pace, Objective.MIN_AREA, None)
                if answer is not None:
                    found.append(plan_of(task, answer, Objective.MIN_AREA.value, None))
    front = [p for p in found if not any(_beats(q, p) for q in found)]
    return tuple(sorted(front, key=lambda plan: -plan.fps))


def _beats(one: Plan, other: Plan) -> bool:
    """Whether `one` is at least as fast and takes no more of anything that counts, and differs."""
    ours, theirs = ((p.area.luts, p.area.bram18s, p.area.dsps, p.area.urams, -p.fps) for p in (one, other))
    return ours != theirs and all(a <= b for a, b in zip(ours, theirs, strict=True))
