"""The largest along an axis, in one word or word by word: the same places on every level."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from bitwright.core.errors import InvalidProgram
from bitwright.flow.vectors import random_codes
from bitwright.ir import dataflow, netlist
from bitwright.ir import graph as graphs
from bitwright.ir.dataflow.ops import Recur
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import TopK
from bitwright.numeric import IntArray, Ints, Steps
from bitwright.passes import Synthesize
from bitwright.passes.streaming import Folding, Place, fold_steps, legal_foldings
from bitwright.platforms import device

ZYNQ = device("xc7z020")


def ranking(shape: tuple[int, ...], count: int, values: bool, low: int = -2, high: int = 1) -> Graph:
    builder = GraphBuilder()
    x = builder.input(TensorType(shape, Ints(low), Ints(high), Steps.of(1)), "x")
    return graphs.check(builder.graph("ranking", [builder.apply(TopK(count, values), [x], name="top")]))


def largest(codes: IntArray, count: int) -> IntArray:
    """Written as a person would say it."""
    rows = codes.reshape(-1, codes.shape[-1])
    found = [sorted(range(len(r)), key=lambda i, r=r: (-r[i], i))[:count] for r in rows.tolist()]
    return np.array(found).reshape(*codes.shape[:-1], count)


@pytest.mark.parametrize("values", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_first_of_equals_comes_first_on_every_level(count: int, values: bool) -> None:
    graph = ranking((5,), count, values, -1, 1)
    codes = np.array(list(itertools.product((-1, 0, 1), repeat=5)))
    wanted = largest(codes, count)
    wanted = np.take_along_axis(codes, wanted, 1) if values else wanted
    assert np.array_equal(graphs.run(graph, [codes])[0], wanted)
    assert np.array_equal(netlist.run(Synthesize()(graph), [codes])[0], wanted)
    for lanes in (1, 5):
        program = dataflow.check(Place(ZYNQ, None, {"x": Folding(lanes)})(graph))
        assert np.array_equal(dataflow.run(program, [codes])[0].reshape(wanted.shape), wanted)


@pytest.mark.parametrize("seed", range(12))
def test_any_folding_finds_the_same(seed: int) -> None:
    rng = random.Random(seed)
    shape = rng.choice([(12,), (3, 8), (2, 2, 6)])
    graph = ranking(shape, rng.choice([1, 1, 2, 4]), rng.random() < 0.4)
    node = graph.results[0]
    folding = rng.choice(legal_foldings(node.op, node, [graph.nodes[0].type]))
    program = dataflow.check(Place(ZYNQ, rng.choice([None, 100.0, 500.0]), {"top": folding})(graph))
    codes = random_codes(graph, 20, seed)
    wanted = graphs.run(graph, codes)[0]
    assert np.array_equal(dataflow.run(program, codes)[0].reshape(wanted.shape), wanted)
    steps = [p.steps for n in program.nodes if isinstance(n.op, Recur)
             for p in dataflow.schedule(n.op, n.type, [a.type for a in program.args_of(n)])[0]]  # fmt: skip
    assert all(s >= fold_steps(node.op, node, [graph.nodes[0].type], folding) for s in steps)


def test_at_a_moderate_clock_an_argmax_takes_a_word_a_cycle() -> None:
    graph = ranking((16,), 1, False, -128, 127)
    program = Place(ZYNQ, 150.0, {"x": Folding(4), "top": Folding(4)})(graph)
    (node,) = (n for n in program.nodes if isinstance(n.op, Recur))
    (process,), _ = dataflow.schedule(node.op, node.type, [a.type for a in program.args_of(node)])
    assert process.steps == 4


@pytest.mark.parametrize("count", [0, 6])
def test_more_than_there_are_is_refused(count: int) -> None:
    with pytest.raises(InvalidProgram, match="largest"):
        ranking((5,), count, False)
