"""All architectures compete; what is planned with an engine is what is built; stretches are tried exhaustively."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import pytest
from tests.engine_graphs import grouped, perceptron, residual, wide_head

from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.cost.actors import predict_stream
from bitwright.cost.engines import engine_area
from bitwright.explore import (
    ARCHITECTURES,
    Architectures,
    Objective,
    Plan,
    Task,
    best_plan,
    explore_architectures,
    task_of,
)
from bitwright.explore.mixed import Mixes, best_mix
from bitwright.explore.units import Units
from bitwright.ir.engine import cycles
from bitwright.passes.buffer import Buffer
from bitwright.passes.engine import ScheduleEngine
from bitwright.passes.mix import Mix, parts_of
from bitwright.passes.streaming import Place
from bitwright.platforms import device

PART = device("xc7z020")


@cache
def explored(fps: float | None = None) -> Architectures:
    return explore_architectures(perceptron(), PART, clock_mhz=100.0, target_fps=fps, lanes=(4,))


@cache
def folded() -> Task:
    return task_of(grouped(), PART, 100.0)


@cache
def mixed() -> Plan:
    plan = best_mix(Mixes(grouped(), folded(), (8,)), Objective.MAX_THROUGHPUT)
    assert plan is not None
    return plan


@pytest.mark.parametrize("make", [perceptron, residual, grouped, wide_head])
def test_a_planned_engine_has_the_cycles_of_the_scheduled_one_and_nearly_its_area(make) -> None:  # type: ignore[no-untyped-def]
    graph = make()
    units = Units(graph, PART, 100.0)
    for first, last in combinations(range(len(units.pieces)), 2):
        if not units.able(first, last):
            continue
        try:
            planned = units.unit(first, last, 4)
        except Unsupported:
            # Words that take and yield unlike numbers of channels are not planned: the schedule copies them.
            continue
        made = ScheduleEngine(PART, 100.0, 4)(parts_of(graph, planned.segment).middle)
        area = engine_area(made, PART.fabric)
        assert planned.cycles == cycles(made).initiation_cycles
        assert planned.area.luts == pytest.approx(area.luts, rel=0.3)  # what constants hold is not looked at
        assert planned.area.dsps == area.dsps
        assert area.bram18s <= planned.area.bram18s <= area.bram18s + 1


def test_the_highest_pace_is_the_best_of_all_architectures() -> None:
    found = explored()
    assert [c.architecture for c in found.choices] == list(ARCHITECTURES)
    assert found.best.fps == max(c.fps for c in found.choices)
    assert found.proved


def test_a_mix_that_is_planned_is_built_with_that_pace_and_area() -> None:
    plan = mixed()
    assert plan.segment is not None
    assert plan.initiation_cycles < best_plan(folded(), Objective.MAX_THROUGHPUT).initiation_cycles
    made = Buffer()(Mix(Place(PART, 100.0, plan.foldings), plan.segment, plan.lanes)(grouped()))
    found = predict_stream(made, PART)
    assert found.cycles.initiation_cycles == plan.initiation_cycles
    assert found.luts == pytest.approx(plan.area.luts, rel=0.25)
    assert found.dsps == plan.area.dsps


def test_no_stretch_left_out_by_a_bound_would_have_been_better() -> None:
    mixes = Mixes(grouped(), folded(), (8,))
    for ends in mixes.stretches():
        alone = Mixes(grouped(), folded(), (8,), only=mixes.units.segment(*ends))
        plan = best_mix(alone, Objective.MAX_THROUGHPUT)
        assert plan is None or plan.initiation_cycles >= mixed().initiation_cycles


def test_with_a_pace_the_least_area_wins_and_keeps_it() -> None:
    found = explored(20_000.0)
    assert found.best.fps >= 20_000
    prices = folded().prices
    costs = [sum(p * getattr(c.area, n) for n, p in prices.items()) for c in found.choices if not c.refused]
    assert min(costs) == pytest.approx(sum(p * getattr(found.best.area, n) for n, p in prices.items()))


def test_what_is_too_large_for_every_architecture_is_refused_with_each_ones_reason() -> None:
    with pytest.raises(Unsupported, match=r"parallel: .*dataflow: .*engine: .*mixed: "):
        explore_architectures(wide_head(), PART, clock_mhz=100.0, budget={"luts": 60}, lanes=(4,))
    with pytest.raises(InvalidValue, match="systolic"):
        explore_architectures(perceptron(), PART, only=("systolic",))
