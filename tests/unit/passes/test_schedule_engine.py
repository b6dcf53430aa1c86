"""From graphs to engine programs: the same function, and what is refused is refused by name."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.engine_graphs import GRAPHS, codes, grouped, perceptron, residual
from tests.generate_graphs import random_graph

from bitwright.core.errors import InvalidProgram, Unsupported
from bitwright.ir import engine as engines
from bitwright.ir.engine import Engine
from bitwright.ir.engine.ops import Matrix
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, run
from bitwright.ir.graph import ops as g
from bitwright.ir.netlist import Word
from bitwright.numeric import Ints, Steps, Table
from bitwright.passes.engine import ScheduleEngine
from bitwright.platforms import device

XCVU9P = device("xcvu9p")


def scheduled(graph: Graph, lanes: int) -> Engine:
    return engines.check(ScheduleEngine(XCVU9P, None, lanes)(graph))


def same(graph: Graph, program: Engine, frames: int = 3) -> bool:
    given = codes(graph, frames)
    (wanted,), (found,) = run(graph, given), engines.run(program, given)
    return np.array_equal(wanted, found.reshape(wanted.shape))


@pytest.mark.parametrize("lanes", [1, 3, 8])
@pytest.mark.parametrize("make", GRAPHS)
def test_the_engine_computes_what_the_graph_does(make: Callable[[], Graph], lanes: int) -> None:
    graph = make()
    program = scheduled(graph, lanes)
    assert same(graph, program)
    assert engines.parse(engines.show(program)) == program


def test_random_graphs_are_the_same_or_refused_by_name() -> None:
    same_ones = 0
    for seed in range(200):
        rng = random.Random(seed)
        graph = random_graph(rng, nodes=3)
        live = replace(graph, outputs=graph.outputs[:1])
        try:
            program = scheduled(live, rng.choice([1, 2, 4]))
        except Unsupported:
            continue
        assert same(live, program), seed
        same_ones += 1
    assert same_ones >= 20


def test_groups_are_read_alone_where_words_allow_it() -> None:
    """Of 8 channels in 2 groups, or one by one, each block of 4 reads one word instead of two."""
    program = scheduled(grouped(), 4)
    gathered = [n.op.walk.loops[5].extent for n in program.nodes if isinstance(n.op, Matrix)]
    assert gathered == [1, 1, 1, 2]


def test_memory_is_given_again_when_nobody_reads_it_any_more() -> None:
    program = scheduled(residual(), 8)
    kept = sum(node.type.words for node in program.nodes[:-2])
    assert program.machine.features < kept


def test_more_lanes_take_fewer_cycles() -> None:
    slow, fast = (engines.cycles(scheduled(perceptron(), lanes)).initiation_cycles for lanes in (2, 8))
    assert fast < slow / 4


def test_writing_over_what_is_still_read_is_found() -> None:
    program = scheduled(residual(), 8)
    nodes = list(program.nodes)
    nodes[1] = replace(nodes[1], type=replace(nodes[1].type, address=0))
    with pytest.raises(InvalidProgram, match="writes over x"):
        engines.check(replace(program, nodes=tuple(nodes)))


def test_a_map_that_is_not_affine_is_refused_with_the_layer() -> None:
    builder = GraphBuilder()
    x = builder.input(TensorType((4,), Ints(-2), Ints(1), Steps.of(1)), "x")
    table = Table(Ints([-2]), Ints([[3, 0, 0, 5]]))
    y = builder.apply(g.Map(table, Ints(0)), [x], step=Steps.of(1), name="square")
    with pytest.raises(Unsupported, match=r"layer 'square'.*affine(.|\n)*dataflow"):
        ScheduleEngine(XCVU9P, None, 4)(builder.graph("odd", [y]))


def test_what_all_weights_of_a_layer_share_is_multiplied_behind_the_sum() -> None:
    """Bits read as -1 and 1 double the weights of the layer that reads them."""
    machine = scheduled(perceptron(), 4).machine
    assert (machine.weight, machine.mul.high) == (Word(-1, 1), 2)
