"""Exploration: optimal by enumeration, honest about what binds, and what it promises is what is placed."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.cost.actors import predict_stream
from bitwright.explore import (
    Objective,
    Plan,
    Task,
    best_plan,
    explore_graph,
    foldings_from_json,
    foldings_to_json,
    greedy_plan,
    layer_area,
    pareto,
    task_of,
)
from bitwright.ir.dataflow.ops import Memory
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Add, Conv, Dense, Map, MaxPool, Reshape
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Kernel, Place, Products
from bitwright.platforms import device

PART = device("xc7z020")
ONE = Steps.of(1)


def relu(builder: GraphBuilder, x: int, name: str, shift: int) -> int:
    parts = [Ints([n]) for n in (1, 0, shift, 0, 15)]
    form = ShiftRoundSaturate(parts[0], parts[1], parts[2], Rounding.FLOOR, parts[3], parts[4])
    return builder.apply(Map(form, Ints(0)), [x], step=ONE, name=name)


def network(residual: bool = False, size: int = 6) -> Graph:
    """A convolution (and a second one beside a shortcut), a pool, a dense layer."""
    draw, b = np.random.default_rng(7), GraphBuilder()
    x = b.input(TensorType((size, size, 2), Ints(-8), Ints(7), ONE), "x")

    def conv(given: int, filters: int, name: str) -> int:
        weights = Ints(draw.integers(-3, 4, (3, 3, b.type(given).shape[-1], filters)))
        op = Conv(weights, Ints(draw.integers(-4, 5, filters)), (1, 1), ((1, 1), (1, 1)), (1, 1))
        return relu(b, b.apply(op, [given], step=ONE, name=name), f"{name}_relu", 3)

    y = conv(x, 4, "first")
    if residual:
        y = relu(b, b.apply(Add(), [conv(y, 4, "second"), y], step=ONE, name="join"), "join_relu", 1)
    y = b.apply(MaxPool((2, 2), (2, 2), ((0, 0), (0, 0))), [y], step=ONE, name="pool")
    flat = b.apply(Reshape((b.type(y).size,)), [y], name="flat", step=ONE)
    dense = Dense(Ints(draw.integers(-3, 4, (b.type(flat).size, 6))), Ints(np.zeros(6, dtype=np.int64)))
    return b.graph("net", [b.apply(dense, [flat], step=ONE, name="dense")])


@cache
def task(residual: bool = False) -> Task:
    return task_of(network(residual), PART, 100.0)


def cost(own: Task, area) -> float:
    return sum(price * getattr(area, name) for name, price in own.prices.items())


def thinned(own: Task, each: int) -> Task:
    """Every so many candidates only, so that all choices can be tried."""
    return replace(
        own, stages=[replace(s, candidates=s.candidates[:: max(len(s.candidates) // each, 1)]) for s in own.stages]
    )


@pytest.mark.parametrize("residual", [False, True])
def test_the_least_area_is_that_of_all_choices(residual: bool) -> None:
    own = thinned(task(residual), 4)
    pace = own.paces[len(own.paces) // 2]
    choices = itertools.product(*(range(len(s.candidates)) for s in own.stages))
    kept = [c for c in choices if max(s.candidates[i].cycles for s, i in zip(own.stages, c, strict=True)) <= pace]
    plan = best_plan(own, Objective.MIN_AREA, own.clock_mhz * 1e6 / pace)
    assert plan.proved
    assert plan.gap == 0
    assert cost(own, plan.area) == pytest.approx(min(cost(own, own.area(c)) for c in kept))


def test_the_highest_pace_is_that_of_all_choices() -> None:
    own = thinned(task(), 4)
    own = replace(own, ceilings=own.ceilings | {"luts": 420.0})
    choices = itertools.product(*(range(len(s.candidates)) for s in own.stages))
    paces = [
        max(s.candidates[i].cycles for s, i in zip(own.stages, c, strict=True))
        for c in choices
        if all(getattr(own.area(c), name) <= most for name, most in own.ceilings.items())
    ]
    assert best_plan(own, Objective.MAX_THROUGHPUT).initiation_cycles == min(paces)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("luts", [800.0, 1500.0, 37240.0])
def test_greedy_is_never_faster(residual: bool, luts: float) -> None:
    own = replace(task(residual), ceilings=task(residual).ceilings | {"luts": luts})
    assert greedy_plan(own).initiation_cycles >= best_plan(own, Objective.MAX_THROUGHPUT).initiation_cycles


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("fps", [20_000.0, 100_000.0, 300_000.0])
def test_greedy_never_keeps_a_pace_for_less(residual: bool, fps: float) -> None:
    own = task(residual)
    greedy = greedy_plan(own, fps)
    if greedy.fps >= fps:
        assert cost(own, greedy.area) >= cost(own, best_plan(own, Objective.MIN_AREA, fps).area) - 1e-9


@pytest.mark.parametrize("residual", [False, True])
def test_what_is_planned_is_what_is_placed(residual: bool) -> None:
    graph = network(residual)
    for pace in (700_000.0, 60_000.0):
        plan = best_plan(task(residual), Objective.MIN_AREA, pace)
        program = Buffer()(Place(PART, 100.0, plan.foldings)(graph))
        found = predict_stream(program, PART)
        assert found.cycles.initiation_cycles == plan.initiation_cycles
        assert found.luts == pytest.approx(plan.area.luts, rel=0.25)
        assert found.bram18s == pytest.approx(plan.area.bram18s, abs=1)


def test_a_budget_binds_and_says_so() -> None:
    own = replace(task(), ceilings=task().ceilings | {"luts": 420.0})
    plan = best_plan(own, Objective.MAX_THROUGHPUT)
    assert plan.area.luts <= 420
    assert plan.binding.resource == "luts"
    assert plan.binding.missing > 1
    assert plan.binding.next_cycles is not None
    assert plan.binding.next_cycles < plan.initiation_cycles
    assert set(plan.binding.layers) == {layer.name for layer in plan.layers if layer.cycles == plan.initiation_cycles}


def test_where_luts_bind_products_go_into_multiplier_blocks_that_are_free() -> None:
    """Weights of three bits fit into LUTs, so that without need no block is taken."""
    graph = network()
    ceilings = task().ceilings | {"luts": 420.0}
    free, none = (
        best_plan(replace(task(), ceilings=ceilings | {"dsps": dsps}), Objective.MAX_THROUGHPUT)
        for dsps in (200.0, 0.0)
    )
    assert free.proved
    assert free.initiation_cycles < none.initiation_cycles
    packed = [name for name, told in free.foldings.items() if told.products is Products.BLOCKS]
    assert packed
    assert none.area.dsps == 0
    assert all(told.products is Products.AUTO for told in none.foldings.values())
    found = predict_stream(Buffer()(Place(PART, 100.0, free.foldings)(graph)), PART)
    assert found.cycles.initiation_cycles == free.initiation_cycles
    assert found.dsps == free.area.dsps > 0
    assert found.luts == pytest.approx(free.area.luts, rel=0.25)
    assert foldings_from_json(foldings_to_json(free.foldings)) == free.foldings


def test_without_need_no_more_blocks_are_taken_than_take_least() -> None:
    for objective in (Objective.MIN_AREA, Objective.MIN_ENERGY):
        plan = best_plan(task(), objective, 60_000.0)
        assert all(told.products is Products.AUTO for told in plan.foldings.values())
    tight = replace(task(), ceilings=task().ceilings | {"luts": 420.0})
    fast = best_plan(tight, Objective.MAX_THROUGHPUT)
    assert best_plan(tight, Objective.MIN_AREA, fast.fps).initiation_cycles == fast.initiation_cycles


def test_without_room_it_is_refused_with_what_is_missing() -> None:
    with pytest.raises(Unsupported, match=r"does not fit .*times the luts"):
        explore_graph(network(), PART, budget={"luts": 100})
    with pytest.raises(Unsupported, match="cycles at least"):
        explore_graph(network(), PART, target_fps=1e9)
    with pytest.raises(InvalidValue, match="unknown resource"):
        explore_graph(network(), PART, budget={"slices": 100})


def test_energy_has_an_objective_of_its_own() -> None:
    plans = [best_plan(task(), objective, 50_000.0) for objective in (Objective.MIN_ENERGY, Objective.MIN_AREA)]
    assert plans[0].proved
    assert plans[0].power_w > 0
    assert cost(task(), plans[1].area) <= cost(task(), plans[0].area) + 1e-9


def test_foldings_pass_through_json() -> None:
    told = {
        "a": Folding(4, 2, Kernel.FOLDED, Memory.BLOCK, Memory.LUT),
        "b": Folding(3, 8, Kernel.UNROLLED),
    }
    assert foldings_from_json(foldings_to_json(told)) == told
    finn = json.dumps({"Defaults": {}, "MVAU_0": {"SIMD": 8, "PE": 4, "ram_style": "block"}})
    assert foldings_from_json(finn) == {"MVAU_0": Folding(8, 4, weights=Memory.BLOCK)}


@pytest.mark.parametrize("text", ["no", "[1]", '{"a": {"SMID": 3}}', '{"a": {"SIMD": "x"}}', '{"a": 3}'])
def test_foldings_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(InvalidValue):
        foldings_from_json(text)


def test_no_plan_of_a_front_beats_another() -> None:
    front = pareto(network(), [PART], [100.0, 200.0], points=3)
    assert len(front) > 2
    assert all(isinstance(p, Plan) and p.proved for p in front)
    sizes = [(-p.fps, p.area.luts, p.area.bram18s, p.area.dsps) for p in front]
    assert all(any(b < a for a, b in zip(one, other, strict=True)) for one, other in itertools.permutations(sizes, 2))


def test_thirty_layers_are_proved_and_greedy_is_no_better() -> None:
    draw, b = np.random.default_rng(3), GraphBuilder()
    x = b.input(TensorType((12,), Ints(0), Ints(15), ONE), "x")
    for layer in range(30):
        dense = Dense(Ints(draw.integers(-3, 4, (12, 12))), Ints(draw.integers(-4, 5, 12)))
        x = relu(b, b.apply(dense, [x], step=ONE, name=f"dense_{layer}"), f"relu_{layer}", 3)
    own = task_of(b.graph("deep", [x]), PART, 100.0)
    plan = best_plan(own, Objective.MAX_THROUGHPUT)
    assert plan.proved
    assert len(plan.layers) == 31
    greedy = greedy_plan(own)
    assert plan.initiation_cycles <= greedy.initiation_cycles
    assert cost(own, best_plan(own, Objective.MIN_AREA, greedy.fps).area) <= cost(own, greedy.area) + 1e-9


def test_a_layer_alone_has_the_area_of_its_candidate() -> None:
    stage = next(s for s in task().stages if s.name == "dense")
    folded = [c for c in stage.candidates if c.folding.kernel is Kernel.FOLDED]
    assert layer_area(network(), "dense", folded[3].folding, PART, 100.0) == folded[3].area
