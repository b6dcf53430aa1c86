"""Products of two live tensors, operands that are repeated, and rows that are reduced, in any folding."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from bitwright.core.errors import Unsupported
from bitwright.cost.timetable import timetable
from bitwright.flow.vectors import random_codes
from bitwright.ir import dataflow
from bitwright.ir import graph as graphs
from bitwright.ir.dataflow.ops import Inner, Rearrange, Recur
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Add, GraphOp, Map, MatMul, MaxPool, Multiply, Reshape, Subtract, SumPool, Transpose
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Place, fold_steps, legal_foldings
from bitwright.platforms import device

ZYNQ = device("xc7z020")
ONE = Steps.of(1)
NONE = ((0, 0), (0, 0))


def graph_of(op: GraphOp, *shapes: tuple[int, ...]) -> Graph:
    builder = GraphBuilder()
    args = [builder.input(TensorType(s, Ints(-4 + i), Ints(3 + 2 * i), ONE), f"x{i}") for i, s in enumerate(shapes)]
    return graphs.check(builder.graph("one", [builder.apply(op, args, name="node")]))


def placed(graph: Graph, folding: Folding | None, clock: float | None = 100.0) -> dataflow.Dataflow:
    told = {"node": folding} if folding else {}
    return dataflow.check(Buffer()(Place(ZYNQ, clock, told)(graph)))


def same(program: dataflow.Dataflow, graph: Graph, seed: int = 0) -> bool:
    codes = random_codes(graph, 6, seed)
    wanted = graphs.run(graph, codes)[0]
    return np.array_equal(dataflow.run(program, codes)[0].reshape(wanted.shape), wanted)


@pytest.mark.parametrize(
    "shapes",
    [((3, 4), (4, 6)), ((2, 3, 4), (2, 4, 5)), ((2, 3, 4), (4, 2)), ((3, 4), (2, 4, 3)), ((1, 4), (4, 3)),
     ((2, 1), (1, 2))],
)  # fmt: skip
def test_a_product_in_every_folding_is_the_product(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    graph = graph_of(MatMul(), *shapes)
    node, args = graph.results[0], [n.type for n in graph.inputs]
    for folding in legal_foldings(node.op, node, args):
        program = placed(graph, folding)
        assert same(program, graph), folding
        assert dataflow.parse(dataflow.show(program)) == program
        steps = {a.name: a.steps for a in timetable(program).actors}
        assert steps["node"] == node.type.size * shapes[0][-1] // (folding.lanes * folding.units)
        assert fold_steps(node.op, node, args, folding) >= steps["node"]


def test_what_is_repeated_is_read_once() -> None:
    program = placed(graph_of(MatMul(), (5, 4), (4, 6)), Folding(1, 2))
    (node,) = (n for n in program.nodes if isinstance(n.op, Inner))
    kept = [program.nodes[a] for a in node.args]
    assert all(isinstance(n.op, Rearrange) for n in kept)
    assert [program.nodes[n.args[0]].type.words for n in kept] == [20, 12]


@pytest.mark.parametrize("folding", [Folding(2, 2), Folding(3, 6), Folding(1, 4)])
def test_foldings_that_do_not_fit_are_refused(folding: Folding) -> None:
    with pytest.raises(Unsupported, match="divisors of both"):
        placed(graph_of(MatMul(), (3, 4), (4, 6)), folding)


@pytest.mark.parametrize("op", [Add(), Subtract(), Multiply()], ids=["add", "subtract", "multiply"])
@pytest.mark.parametrize(
    "shapes",
    [((3, 4), (3, 1)), ((3, 1), (3, 4)), ((2, 3, 4), (3, 4)), ((2, 3, 4), (2, 1, 4)), ((2, 3, 4), (4,)), ((3, 4), ()),
     ((2, 1, 2), (1, 3, 2)), ((2, 3, 2, 3, 2), (2, 1, 2, 1, 2))],
)  # fmt: skip
@pytest.mark.parametrize("lanes", [1, 2])
def test_operands_are_repeated(op: GraphOp, shapes: tuple[tuple[int, ...], tuple[int, ...]], lanes: int) -> None:
    graph = graph_of(op, *shapes)
    assert same(placed(graph, Folding(lanes)), graph)


@pytest.mark.parametrize(
    "op", [MaxPool((1, 6), (1, 1), NONE), SumPool((1, 6), (1, 1), NONE), MaxPool((6,), (6,), NONE[:1])]
)
@pytest.mark.parametrize("clock", [None, 100.0, 500.0])
def test_rows_are_reduced_in_every_folding(op: MaxPool | SumPool, clock: float | None) -> None:
    graph = graph_of(op, (6, 1) if len(op.pool) == 1 else (3, 6, 1))
    node = graph.results[0]
    for folding in legal_foldings(node.op, node, [graph.nodes[0].type]):
        program = placed(graph, folding, clock)
        assert same(program, graph)
        assert any(isinstance(n.op, Recur) for n in program.nodes) == (folding.lanes < 6)


def attention(heads: int = 2, tokens: int = 4, width: int = 3) -> Graph:
    """Scores, how far each is below the row's largest, a power of two of that, its share of the row, mixed values."""
    builder = GraphBuilder()
    q, k, v = (builder.input(TensorType((tokens, heads, width), Ints(-4), Ints(3), ONE), n) for n in "qkv")

    def put(op: GraphOp, *args: int) -> int:
        return builder.apply(op, args, step=ONE, name=f"{type(op).__name__.lower()}")

    def clip(x: int, mul: int, shift: int, low: int, high: int, add: int = 0) -> int:
        parts = [Ints([n]) for n in (mul, add, shift, low, high)]
        return put(
            Map(ShiftRoundSaturate(parts[0], parts[1], parts[2], Rounding.FLOOR, parts[3], parts[4]), Ints(0)), x
        )

    turned = [put(Transpose(order), x) for order, x in (((1, 0, 2), q), ((1, 2, 0), k), ((1, 0, 2), v))]
    scores = clip(put(MatMul(), turned[0], turned[1]), 1, 2, -8, 7)
    rows = put(Reshape((heads * tokens, tokens, 1)), scores)
    most = put(Reshape((heads, tokens, 1)), put(MaxPool((1, tokens), (1, 1), NONE), rows))
    e = clip(put(Subtract(), scores, most), 1, 1, 0, 7, add=16)
    total = put(
        Reshape((heads, tokens, 1)),
        put(SumPool((1, tokens), (1, 1), NONE), put(Reshape((heads * tokens, tokens, 1)), e)),
    )
    shares = clip(put(Multiply(), e, clip(total, -1, 2, 1, 7, add=31)), 1, 2, 0, 7)
    mixed = put(Transpose((1, 0, 2)), put(MatMul(), shares, turned[2]))
    return graphs.check(builder.graph("attention", [clip(mixed, 1, 2, -16, 15)]))


def test_attention_is_a_stream() -> None:
    graph = attention()
    foldings: dict[str, Folding] = {}
    for node in graph.nodes:
        found = legal_foldings(node.op, node, [a.type for a in graph.args_of(node)])
        if found:
            foldings[node.name] = found[len(found) // 2]
    slow = dataflow.check(Buffer()(Place(ZYNQ, 100.0)(graph)))
    fast = dataflow.check(Buffer()(Place(ZYNQ, 100.0, foldings)(graph)))
    assert same(slow, graph)
    assert same(fast, graph)
    assert timetable(fast).rate < timetable(slow).rate
    assert sum(isinstance(n.op, Inner) for n in slow.nodes) == 2


def test_more_lanes_take_fewer_cycles() -> None:
    graph = graph_of(MatMul(), (3, 4), (4, 6))
    rates = [timetable(placed(graph, f)).rate for f in (Folding(1, 1), Folding(1, 2), Folding(1, 3))]
    assert all(a > b for a, b in pairwise(rates))
