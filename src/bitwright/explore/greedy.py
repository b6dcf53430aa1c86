"""FINN's balancer, for comparison: greedy, no way back (FINN-R, TRETS 2018)."""

from __future__ import annotations

from bitwright.core.errors import Unsupported
from bitwright.explore.candidates import Candidate, Stage
from bitwright.explore.explore import Task, plan_of
from bitwright.explore.plan import Plan
from bitwright.explore.program import Answer
from bitwright.ir.dataflow.ops import Memory
from bitwright.passes.streaming import Kernel

__all__ = ["greedy_plan"]

_DEEP = 128
"""Words from which on FINN's `auto` memories are blocks."""


def greedy_plan(task: Task, target_fps: float | None = None) -> Plan:
    """Everything at 1; raise SIMD of the slowest layer to the next divisor, else PE, until the target or a ceiling.

    The last step that fits counts. Raises `Unsupported` where not even the least folding does.
    """
    ladders = [_folded(stage) for stage in task.stages]
    choice = [min(ladder) for ladder in ladders]
    numbers = [ladder[at] for ladder, at in zip(ladders, choice, strict=True)]
    if not _fits(task, numbers):
        raise Unsupported("not even the least folding fits", where=task.network, remedy="a larger device")
    enough = 0 if target_fps is None else int(task.clock_mhz * 1e6 / target_fps)
    while True:
        cycles = [stage.candidates[n].cycles for stage, n in zip(task.stages, numbers, strict=True)]
        slowest = cycles.index(max(cycles))
        step = _next(ladders[slowest], choice[slowest]) if max(cycles) > enough else None
        if step is None:
            break
        tried = [*numbers]
        tried[slowest] = ladders[slowest][step]
        if not _fits(task, tried):
            break
        choice[slowest], numbers = step, tried
    return plan_of(task, Answer(tuple(numbers), 0.0, 1.0, False, 0), "greedy", None, "greedy")


def _folded(stage: Stage) -> dict[tuple[int, int], int]:
    """(lanes, units) -> the candidate with FINN's choice of memory: blocks where words are many."""
    found: dict[tuple[int, int], int] = {}
    for number, candidate in enumerate(stage.candidates):
        folding = candidate.folding
        if folding.kernel is not Kernel.FOLDED:
            continue
        key = folding.lanes, folding.units
        if key not in found or _preferred(candidate):
            found[key] = number
    return found


def _preferred(candidate: Candidate) -> bool:
    return candidate.folding.weights is Memory.BLOCK and candidate.cycles >= _DEEP


def _next(ladder: dict[tuple[int, int], int], at: tuple[int, int]) -> tuple[int, int] | None:
    lanes = [key for key in ladder if key[1] == at[1] and key[0] > at[0]]
    units = [key for key in ladder if key[0] == at[0] and key[1] > at[1]]
    return min(lanes) if lanes else min(units) if units else None


def _fits(task: Task, numbers: list[int]) -> bool:
    area = task.area(numbers)
    return all(getattr(area, name) <= most for name, most in task.ceilings.items())
