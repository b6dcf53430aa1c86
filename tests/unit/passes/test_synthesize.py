"""Unrolling: what each operator becomes, sharing, refusal of what is too large."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.core.errors import InvalidValue
from bitwright.core.origin import Origin
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, ops, run
from bitwright.ir.netlist import Netlist, check
from bitwright.ir.netlist import ops as words
from bitwright.ir.netlist import run as run_netlist
from bitwright.numeric import IntArray, Ints, Steps
from bitwright.passes import AdderGraph, Share, Synthesize

ONE = Steps.of(1)


def of_one(op: ops.GraphOp, type: TensorType) -> Graph:
    builder = GraphBuilder()
    start = builder.input(type, "x")
    told = ONE if isinstance(op, ops.Dense | ops.Conv | ops.Map) else None
    return builder.graph("net", [builder.apply(op, [start], step=told, name="layer")])


def signed(*shape: int, low: int = -8, high: int = 7) -> TensorType:
    return TensorType(shape, Ints(low), Ints(high), ONE)


def count(program: Netlist, *kinds: type[words.WordOp]) -> int:
    return sum(isinstance(node.op, kinds) for node in program)


def same(graph: Graph, codes: IntArray) -> Netlist:
    program = check(Synthesize()(graph))
    for a, b in zip(run(graph, [codes]), run_netlist(program, [codes]), strict=True):
        assert (a == b).all()
    return program


def test_padded_windows_share_one_adder_graph_only_where_their_zeros_agree() -> None:
    # The first window lacks the input that the others negate; it once took its graph along to all of them.
    weights = Ints(np.array([[[-1]], [[1]], [[2]]]))
    graph = of_one(ops.Conv(weights, Ints([-4]), (1,), ((1, 1),), (1,)), signed(5, 1))
    built: list[IntArray] = []

    class Counting(Share):
        def __call__(self, matrix: IntArray, low: IntArray, high: IntArray) -> AdderGraph:
            built.append(matrix)
            return Share.__call__(self, matrix, low, high)

    codes = np.random.default_rng(1).integers(-8, 8, (50, 5, 1))
    found = run_netlist(check(Synthesize(Counting())(graph)), [codes])[0]
    assert (found == run(graph, [codes])[0]).all()
    assert len(built) == 3, "left border, middle, right border"


def test_zero_matrices_and_zero_columns_become_their_biases() -> None:
    zero = np.zeros((3, 2), dtype=np.int64)
    program = same(of_one(ops.Dense(Ints(zero), Ints([5, 0])), signed(3)), np.ones((4, 3), dtype=np.int64))
    assert count(program, words.Add, words.Subtract) == 0
    zero[:, 1] = (1, -1, 0)
    program = same(of_one(ops.Dense(Ints(zero), Ints([5, 0])), signed(3)), np.ones((4, 3), dtype=np.int64))
    assert count(program, words.Add, words.Subtract) == 1


def test_an_identity_matrix_is_wires() -> None:
    codes = np.random.default_rng(2).integers(-8, 8, (9, 4))
    program = same(of_one(ops.Dense(Ints(np.eye(4, dtype=np.int64) * 4), Ints([0] * 4)), signed(4)), codes)
    assert {type(n.op) for n in program} == {words.Input, words.Shift}


def test_equal_rows_share_their_words() -> None:
    builder = GraphBuilder()
    start = builder.input(signed(1, 2), "x")
    twice = builder.apply(ops.Upsample((3, 1)), [start])
    matrix = ops.Dense(Ints([[3, 5], [7, -1]]), Ints([1, 2]))
    graph = builder.graph("net", [builder.apply(matrix, [twice], step=ONE)])
    program = same(graph, np.random.default_rng(3).integers(-8, 8, (9, 1, 2)))
    once = same(of_one(matrix, signed(1, 2)), np.zeros((1, 1, 2), dtype=np.int64))
    assert len(program) == len(once)


@pytest.mark.parametrize("kind", [ops.SumPool, ops.MaxPool])
def test_pools_over_constant_zeros_are_zero(kind: type[ops.SumPool]) -> None:
    type = TensorType((4, 2), Ints([0, -8]), Ints([0, 7]), ONE)
    codes = np.random.default_rng(4).integers(-8, 8, (9, 4, 2)) * [0, 1]
    program = same(of_one(kind((2,), (2,), ((0, 0),)), type), codes)
    assert {type.low for i in program.outputs[::2] for type in [program.nodes[i].type]} == {0}


def test_maxima_of_ranges_that_do_not_overlap_are_wires() -> None:
    type = TensorType((2, 1), Ints([[-8], [8]]), Ints([[7], [15]]), ONE)
    codes = np.array([[[-8], [8]], [[7], [15]]])
    program = same(of_one(ops.MaxPool((2,), (1,), ((0, 0),)), type), codes)
    assert {node.op.__class__ for node in program} == {words.Input}


def test_pools_are_balanced_trees() -> None:
    program = same(of_one(ops.SumPool((8,), (1,), ((0, 0),)), signed(8, 1)), np.ones((2, 8, 1), dtype=np.int64))
    depth = [0] * len(program)
    for i, node in enumerate(program.nodes):
        depth[i] = max((depth[a] for a in node.args), default=0) + bool(node.args)
    assert max(depth) == 3


def test_proven_ranges_of_the_graph_narrow_the_words() -> None:
    # x - x is zero, which single words cannot see but the graph's matrix does.
    graph = of_one(ops.Dense(Ints([[1, 1], [-1, 1]]), Ints([0, 0])), TensorType((2,), Ints(0), Ints([7, 0]), ONE))
    program = check(Synthesize()(graph))
    assert [program.nodes[o].type for o in program.outputs] == [words.Word(0, 7)] * 2


def test_outputs_may_be_inputs_constants_and_repeated() -> None:
    builder = GraphBuilder()
    x = builder.input(signed(2), "x")
    five = builder.apply(ops.Constant(Ints([5])), (), step=ONE)
    program = check(Synthesize()(builder.graph("net", [x, five, x])))
    found = run_netlist(program, [np.array([[1, 2], [3, 4]])])
    assert [f.tolist() for f in found] == [[[1, 2], [3, 4]], [[5], [5]], [[1, 2], [3, 4]]]
    assert [p.name for p in program.results] == ["y0", "y1", "y2"]


def test_a_layer_may_be_called_like_an_input() -> None:
    builder = GraphBuilder()
    x = builder.input(signed(2), "x")
    matrix = ops.Dense(Ints([[3, 5], [7, -1]]), Ints([1, 2]))
    twice = builder.apply(matrix, [x], step=ONE, name="x", origin=Origin("x"))
    program = check(Synthesize()(builder.graph("net", [builder.apply(matrix, [twice], step=ONE, origin=Origin("x"))])))
    assert [node.name for node in program][:2] == ["x_0", "x_1"]


def test_words_are_called_by_layer_and_element() -> None:
    builder = GraphBuilder()
    x = builder.input(signed(2), "x")
    matrix = ops.Dense(Ints([[3, 5], [7, -1]]), Ints([1, 2]))
    graph = builder.graph("net", [builder.apply(matrix, [x], step=ONE, origin=Origin("block/fc 1"))])
    program = check(Synthesize()(graph))
    assert [program.nodes[o].name for o in program.outputs] == ["block_fc_1_0", "block_fc_1_1"]


def test_a_scalar_goes_through() -> None:
    graph = of_one(ops.Reshape((1,)), signed())
    assert same(graph, np.arange(-8, 8)).inputs[0].shape == ()


def test_what_is_too_large_to_unroll_is_refused_before_any_work() -> None:
    graph = of_one(ops.Dense(Ints(np.ones((100, 50), dtype=np.int64)), Ints([0] * 50)), signed(100))
    with pytest.raises(InvalidValue, match=r"about 5,000 additions \(the parallel architecture stops at 4,999\)"):
        Synthesize(most_words=4999)(graph)
    assert len(Synthesize(most_words=5000)(graph)) > 0


def test_a_bounded_depth_is_kept() -> None:
    graph = of_one(ops.Dense(Ints(np.full((16, 1), 3)), Ints([0])), signed(16))
    with pytest.raises(InvalidValue, match="levels"):
        Synthesize(Share(max_depth=2))(graph)
    assert len(Synthesize(Share(max_depth=5))(graph)) > 0


def test_an_adder_graph_computes_the_product() -> None:
    rng = np.random.default_rng(5)
    for shape in ((3, 4), (1, 1), (4, 0)):
        matrix = rng.integers(-20, 20, shape)
        x = rng.integers(-8, 8, (30, shape[0]))
        ends = np.full(shape[0], -8), np.full(shape[0], 7)
        assert (Share()(matrix, *ends)(x) == x @ matrix).all()
