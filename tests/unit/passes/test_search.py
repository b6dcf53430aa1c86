"""Maps with many steps: thresholds in memories found by halves, exactly, where that takes less than logic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bitwright.core.errors import InvalidProgram
from bitwright.cost.actors import predict_stream
from bitwright.explore import explore_graph
from bitwright.ir import dataflow
from bitwright.ir import graph as graphs
from bitwright.ir.dataflow.ops import Search
from bitwright.ir.dataflow.search import level_bounds, level_memory, levels_of
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Dense, Map
from bitwright.ir.netlist import latency_cycles
from bitwright.numeric import IntArray, Ints, Steps, Thresholds
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Place
from bitwright.platforms import device

PART = device("xc7z020")
ONE = Steps.of(1)
OUTPUTS = 16


def network(values: IntArray, seed: int = 0, gain: int = 1, falls: bool = False) -> Graph:
    """A dense layer with its own uneven steps in each channel; `values` (steps + 1,)."""
    draw, b = np.random.default_rng(seed), GraphBuilder()
    x = b.input(TensorType((32,), Ints(-128), Ints(127), ONE), "x")
    weights = gain * draw.integers(-8, 8, (32, OUTPUTS))
    y = b.apply(Dense(Ints(weights), Ints(draw.integers(-50, 50, OUTPUTS))), [x], step=ONE, name="fc")
    steps = np.sort(draw.integers(-9000 * gain, 9000 * gain, (OUTPUTS, len(values) - 1)), axis=1)
    steps[0, -3:] = np.iinfo(np.int64).max  # a channel with fewer steps
    found = np.tile(values[::-1] if falls else values, (OUTPUTS, 1))
    y = b.apply(Map(Thresholds(Ints(steps), Ints(found)), Ints(np.arange(OUTPUTS))), [y], step=ONE, name="map")
    return b.graph("steps", [y])


def placed(graph: Graph, units: int) -> dataflow.Dataflow:
    return dataflow.check(Buffer()(Place(PART, 100, {"fc": Folding(4, units), "x": Folding(4)})(graph)))


def searches(program: dataflow.Dataflow) -> list[Search]:
    return [node.op for node in program.nodes if isinstance(node.op, Search)]


CASES = [
    (np.arange(256), 1, 1), (np.arange(-100, 100), 2, 3), (np.repeat(np.arange(40), 3), 4, 1),
    (np.cumsum(np.arange(30)), 8, 2),
]  # fmt: skip


@pytest.mark.parametrize(("values", "units", "gain"), CASES)
def test_uneven_steps_are_found_exactly(values: IntArray, units: int, gain: int) -> None:
    graph = network(values, gain=gain)
    program = placed(graph, units)
    (op,) = searches(program)
    codes = [np.random.default_rng(5).integers(-128, 128, (40, 32))]
    assert np.array_equal(dataflow.run(program, codes)[0], graphs.run(graph, codes)[0])
    assert dataflow.parse(dataflow.show(program)) == program
    assert levels_of(op) == (len(np.unique(values)) - 1).bit_length()


def test_a_map_alone_is_found_exactly_for_every_code() -> None:
    """Channels with steps beyond either end among them, and one that is constant."""
    draw, b = np.random.default_rng(2), GraphBuilder()
    steps = np.sort(draw.integers(-2048, 2048, (4, 40)), axis=1)
    steps[1] += 3000
    steps[2] -= 3000
    steps[3, 20:] = 5000
    x = b.input(TensorType((64, 4), Ints(-2048), Ints(2047), ONE), "x")
    form = Thresholds(Ints(steps), Ints(np.tile(np.arange(41), (4, 1))))
    graph = b.graph("alone", [b.apply(Map(form, Ints(np.arange(4))), [x], step=ONE, name="map")])
    program = dataflow.check(Buffer()(Place(PART, 100, {"x": Folding(2), "map": Folding(2)})(graph)))
    assert len(searches(program)) == 1
    codes = [np.repeat(np.arange(-2048, 2048).reshape(64, 64, 1), 4, axis=2)]
    assert np.array_equal(dataflow.run(program, codes)[0], graphs.run(graph, codes)[0])


def test_cycles_are_two_a_level_and_a_word_passes_in_each() -> None:
    program = placed(network(np.arange(256)), 2)
    (node,) = (n for n in program.nodes if isinstance(n.op, Search))
    (process,), late = dataflow.schedule(node.op, node.type, [a.type for a in program.args_of(node)])
    assert process.steps == node.type.words
    assert late == 1 + 2 * 8 + (latency_cycles(node.op.tail) if node.op.tail else 0)
    assert predict_stream(program, PART).cycles.initiation_cycles == 64


def test_the_thresholds_of_all_levels_are_all_thresholds() -> None:
    (op,) = searches(placed(network(np.arange(256)), 2))
    for lane in range(2):
        levels = [level_bounds(op, lane, level).reshape(8, -1) for level in range(8)]
        assert np.array_equal(np.sort(np.concatenate(levels, axis=1), axis=1), op.thresholds.array[:, lane])


def test_deep_levels_are_in_block_memory_and_cost_less_than_comparisons() -> None:
    program = placed(network(np.arange(256)), 2)
    (op,) = searches(program)
    blocks = [level_memory(op, level).value for level in range(8)]
    assert blocks == ["lut"] * 5 + ["block"] * 3
    found = predict_stream(program, PART)
    assert found.bram18s == 6
    # A comparator for each of 255 thresholds and two units, each with its own looked-up number.
    assert found.actors["fc_search"].luts < 255 * 2


def test_few_steps_falling_ones_and_single_sets_stay_logic() -> None:
    assert searches(placed(network(np.arange(12)), 2)) == []
    assert searches(placed(network(np.arange(256)), OUTPUTS)) == []
    graph = network(np.arange(40), falls=True)
    program = placed(graph, 4)
    assert searches(program) == []
    codes = [np.random.default_rng(5).integers(-128, 128, (20, 32))]
    assert np.array_equal(dataflow.run(program, codes)[0], graphs.run(graph, codes)[0])


def test_exploration_knows_what_a_search_takes() -> None:
    graph = network(np.arange(256))
    plan = explore_graph(graph, PART, clock_mhz=100, target_fps=200_000, budget={"luts": 900.0})
    found = predict_stream(Buffer()(Place(PART, 100, plan.foldings)(graph)), PART)
    assert found.bram18s == plan.area.bram18s
    assert abs(found.luts - plan.area.luts) < 0.2 * found.luts


def test_thresholds_that_do_not_ascend_or_fit_are_refused() -> None:
    program = placed(network(np.arange(256)), 2)
    (op,) = searches(program)
    for bounds in (op.thresholds.array[..., ::-1], op.thresholds.array * 100, op.thresholds.array[..., 1:]):
        wrong = replace(op, thresholds=Ints(bounds), tail=None)
        nodes = tuple(replace(n, op=wrong) if isinstance(n.op, Search) else n for n in program.nodes)
        with pytest.raises(InvalidProgram, match="fc_search"):
            dataflow.check(replace(program, nodes=nodes))
