"""Planning of the engine with weights outside: cycles are the scheduled program's, memory is waited for as told."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import ceil

import pytest
from tests.engine_graphs import grouped, perceptron, residual, uneven, wide_head

from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.explore import offload_lanes, plan_offload
from bitwright.ir.engine import Place, cycles
from bitwright.ir.graph import Graph
from bitwright.passes.engine import ScheduleEngine
from bitwright.passes.engine.shapes import Kind, LayerShape, point
from bitwright.passes.streaming.view import View
from bitwright.platforms import device

LARGE, SMALL = device("xcvu9p"), device("xczu3eg")


def chain(*units: int, bits: int = 1) -> tuple[LayerShape, ...]:
    """Dense layers one behind the other."""
    made = [LayerShape("x", Kind.INPUT, (), point((1, 1, units[0])), units[0], 2)]
    for at, (given, count) in enumerate(pairwise(units)):
        made.append(LayerShape(f"d{at}", Kind.LINEAR, (at,), point((1, 1, given)), count, 2, bits))
    return tuple(made)


@pytest.mark.parametrize("lanes", [1, 3, 8])
@pytest.mark.parametrize("make", [perceptron, residual, grouped, wide_head, uneven])
def test_planned_cycles_are_those_of_the_scheduled_program(make: Callable[[], Graph], lanes: int) -> None:
    graph = make()
    program = ScheduleEngine(LARGE, None, lanes)(graph)
    told = cycles(program)
    plan = plan_offload(graph, LARGE, lanes, 200.0, 10.0, overhead_cycles=program.machine.overhead_cycles)
    assert plan.buffer_words == 0
    assert [n.compute_cycles for n in plan.layers] == list(told.by_instruction.values())
    assert plan.initiation_cycles == told.initiation_cycles
    features = [n.type.end for n in program.nodes if n.type.place is Place.FEATURES]
    assert plan.feature_bits % max(features) == 0


def test_weights_that_do_not_fit_come_in_while_the_layer_before_computes() -> None:
    layers = chain(1024, 4096, 4096, 4096, bits=2)
    plan = plan_offload(layers, SMALL, 32, 200.0, 8.0, overhead_cycles=10)
    assert plan.buffer_words > 0
    per_cycle = 8.0 * 8e9 / 200e6
    assert sum(n.load_bits for n in plan.layers) == 2 * (1024 * 4096 + 2 * 4096**2)
    assert plan.initiation_cycles >= sum(n.load_bits for n in plan.layers) / per_cycle
    assert plan.bound == "memory"
    assert max(plan.shares.values()) <= 1
    fast = plan_offload(layers, SMALL, 32, 200.0, 1e6, overhead_cycles=10)
    assert fast.initiation_cycles == fast.compute_cycles
    assert fast.bound == "compute"


def test_a_slot_is_the_longer_of_computing_and_loading_the_next_part() -> None:
    layers = chain(1024, 4096, 4096, 4096, bits=2)
    plan = plan_offload(layers, SMALL, 32, 200.0, 8.0, overhead_cycles=10)
    parts = [n for n in plan.layers if n.weight_words]
    slots = [(n.compute_cycles / n.parts, n.load_bits / n.parts / 320) for n in parts for _ in range(n.parts)]
    bound = sum(max(slot[0], after[1]) for slot, after in zip(slots, [*slots[1:], slots[0]], strict=True))
    ends = sum(n.compute_cycles for n in plan.layers if not n.weight_words)
    assert bound <= plan.initiation_cycles <= bound + ends + len(slots)


def test_maps_that_do_not_fit_go_out_and_are_read_once_a_part() -> None:
    grid = (512, 512, 64)
    layers = (
        LayerShape("x", Kind.INPUT, (), point(grid), 64, 4),
        LayerShape("c", Kind.LINEAR, (0,), View(grid, (1, 1), (8, 8), ((0, 0), (0, 0)), (1, 1)), 8, 4, 4),
    )
    plan = plan_offload(layers, SMALL, 8, 200.0, 8.0)
    loaded = plan.layers[0], plan.layers[1]
    assert loaded[0].spilled
    assert loaded[0].load_bits == 512 * 512 * 64 * 4
    weights = 64 * 8 * 4 if plan.buffer_words else 0
    assert loaded[1].load_bits == weights + loaded[1].parts * 512 * 512 * 64 * 4
    assert plan.initiation_cycles >= ceil(loaded[1].load_bits / 320)


def test_the_fastest_number_of_lanes_that_fits_is_taken() -> None:
    layers = chain(256, 1024, 1024, 10, bits=4)
    told = (8, 16, 24, 32)
    plan = offload_lanes(layers, SMALL, 200.0, 8.0, lanes=told)
    fitting = [plan_offload(layers, SMALL, n, 200.0, 8.0) for n in told if n <= plan.lanes]
    assert plan.fps == max(p.fps for p in fitting)
    wide = offload_lanes(layers, SMALL, 200.0, 8.0)
    assert "times the" in wide.larger
    assert wide.fps >= plan.fps


def test_what_does_not_fit_is_refused_with_the_resource() -> None:
    with pytest.raises(Unsupported, match="512 lanes on xczu3eg"):
        plan_offload(chain(1024, 1024, 8, bits=8), SMALL, 512, 200.0, 8.0)
    with pytest.raises(InvalidValue, match="GB/s"):
        plan_offload(chain(8, 8), SMALL, 8, 200.0, 0.0)
    wrong = (*chain(8, 8), LayerShape("d", Kind.LINEAR, (1,), point((1, 1, 9)), 4, 2, 1))
    with pytest.raises(InvalidValue, match="layer 'd'"):
        plan_offload(wrong, SMALL, 8, 200.0, 8.0)
