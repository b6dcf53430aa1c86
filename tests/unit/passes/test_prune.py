"""Unread, constant and repeated features: gone from the sums, and nothing else changes."""

from __future__ import annotations

import numpy as np

from bitwright.ir.graph import Graph, GraphBuilder, TensorType, check, ops, run
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps, Table
from bitwright.passes import Canonical, Prune, Synthesize
from bitwright.passes.features import equal_features, first_of, read_features

ONE = Steps.of(1)


def relu(*high: int) -> ShiftRoundSaturate:
    ones, zeros = Ints([1] * len(high)), Ints([0] * len(high))
    return ShiftRoundSaturate(ones, zeros, zeros, Rounding.FLOOR, zeros, Ints(high))


def start(*shape: int, low: int = -4, high: int = 3) -> tuple[GraphBuilder, int]:
    builder = GraphBuilder()
    return builder, builder.input(TensorType(shape, Ints(low), Ints(high), ONE), "x")


def dense(weights: list[list[int]], bias: list[int] | None = None) -> ops.Dense:
    return ops.Dense(Ints(weights), Ints(bias or [0] * len(weights[0])))


def assert_same(before: Graph, after: Graph) -> None:
    check(after)
    shape = before.inputs[0].type.shape
    x = np.random.default_rng(0).integers(-4, 4, (300, *shape))
    assert (run(after, [x])[0] == run(before, [x])[0]).all()


def op_of(graph: Graph, name: str) -> ops.Dense:
    op = next(n.op for n in graph.nodes if n.name == name)
    assert isinstance(op, ops.Dense)
    return op


def two_layers(first: ops.Dense, rows: list[int], second: ops.Dense) -> Graph:
    builder, x = start(2)
    y = builder.apply(first, [x], step=ONE, name="first")
    y = builder.apply(ops.Map(relu(9, 5), Ints(rows)), [y], step=ONE, name="relu")
    return builder.graph("net", [builder.apply(second, [y], step=ONE, name="second")])


def test_weights_of_equal_features_are_added_and_the_copies_go() -> None:
    graph = two_layers(dense([[1, 1, 1], [2, 2, 3]]), [0, 0, 0], dense([[1], [2], [4]]))
    found = Prune()(graph)
    assert_same(graph, found)
    assert op_of(found, "second").weights == Ints([[3], [0], [4]])
    assert op_of(found, "first").weights == Ints([[1, 0, 1], [2, 0, 3]])


def test_features_with_different_maps_or_biases_are_not_equal() -> None:
    for first, rows in (
        (dense([[1, 1, 2], [2, 2, 3]]), [0, 1, 0]),
        (dense([[1, 1, 2], [2, 2, 3]], [0, 1, 0]), [0, 0, 0]),
    ):
        graph = two_layers(first, rows, dense([[1], [2], [4]]))
        assert Prune()(graph) == graph


def test_constant_features_go_into_the_bias() -> None:
    graph = two_layers(dense([[1, 0], [2, 0]], [0, 3]), [0, 0], dense([[1], [7]], [5]))
    found = Prune()(graph)
    assert_same(graph, found)
    assert op_of(found, "second") == dense([[1], [0]], [26])


def test_unread_sums_take_a_number_that_their_table_knows() -> None:
    builder, x = start(1, low=2, high=5)
    y = builder.apply(dense([[1, 2]]), [x], step=ONE, name="first")
    table = Table(Ints([2, 4]), Ints([[9, 8, 7, 6, 0, 0, 0], [1, 2, 3, 4, 5, 6, 7]]))
    y = builder.apply(ops.Map(table, Ints([0, 1])), [y], step=ONE)
    graph = builder.graph("net", [builder.apply(dense([[1], [0]]), [y], step=ONE)])
    found = Prune()(graph)
    check(found)
    x_codes = np.arange(2, 6)[:, None]
    assert (run(found, [x_codes])[0] == run(graph, [x_codes])[0]).all()
    assert op_of(found, "first") == dense([[1, 0]], [0, 4])
    marked = {n.name: n.origin.passes for n in found.nodes}
    assert marked["first"] == ("prune",)


def test_unread_inputs_stay_as_ports() -> None:
    builder, x = start(3)
    graph = builder.graph("net", [builder.apply(dense([[1], [0], [0]]), [x], step=ONE)])
    assert [n.type for n in Prune()(graph).inputs] == [n.type for n in graph.inputs]


def test_padding_keeps_constant_channels_where_it_interrupts_them() -> None:
    for pads, merged in (((0, 0), True), ((1, 0), False)):
        builder, x = start(4, 2)
        y = builder.apply(dense([[1, 0], [2, 0]], [0, 3]), [x], step=ONE)
        conv = ops.Conv(Ints(np.arange(1, 5).reshape(2, 2, 1)), Ints([0]), (1,), (pads,), (1,))
        graph = builder.graph("net", [builder.apply(conv, [y], step=ONE)])
        found = Prune()(graph)
        assert_same(graph, found)
        op = found.nodes[-1].op
        assert isinstance(op, ops.Conv)
        assert op.bias == (Ints([18]) if merged else Ints([0]))


def test_features_are_followed_through_windows_reshapes_and_concatenations() -> None:
    builder, x = start(4, 2)
    y = builder.apply(dense([[1, 1, 2, 5], [2, 2, 3, 0]]), [x], step=ONE, name="first")
    y = builder.apply(ops.MaxPool((2,), (2,), ((0, 0),)), [y])
    y = builder.apply(ops.Concat(1), [y, y])
    y = builder.apply(ops.Reshape((16,)), [y])
    rows = [[1 if place % 4 < 3 else 0] for place in range(16)]
    graph = builder.graph("net", [builder.apply(dense(rows), [y], step=ONE, name="last")])
    found = Prune()(graph)
    assert_same(graph, found)
    assert op_of(found, "first").weights == Ints([[1, 0, 2, 0], [2, 0, 3, 0]])
    assert op_of(found, "last").weights.array.ravel().tolist() == [2, 0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0]


def test_groups_read_their_own_channels() -> None:
    op = ops.Conv(Ints(np.array([[[1, 0, 2, 0]]])), Ints([0] * 4), (1,), ((0, 0),), (1,), 2)
    (found,) = read_features(op, np.array([True, True, False, True]), [])
    assert found.tolist() == [True, False]
    type = TensorType((4, 4), Ints(0), Ints(9), ONE)
    assert equal_features(op, [np.arange(2)], [], type).tolist() == [0, 1, 2, 3]
    assert first_of(["a", "b", "a"]).tolist() == [0, 1, 0]


def test_pruned_sums_take_no_hardware() -> None:
    graph = two_layers(dense([[3, 3, 5], [7, 7, 0]]), [0, 0, 1], dense([[5], [3], [0]]))
    assert len(Synthesize()(Prune()(graph)).nodes) < len(Synthesize()(graph).nodes)


def test_nodes_that_compute_the_same_are_one() -> None:
    builder, x = start(2)
    pair = [builder.apply(dense([[1, 2], [3, 4]]), [x], step=ONE) for _ in range(2)]
    graph = builder.graph("net", [builder.apply(ops.Add(), pair), builder.apply(ops.Concat(0), pair)])
    found = Canonical()(graph)
    assert sum(isinstance(n.op, ops.Dense) for n in found.nodes) == 1
    assert_same(graph, found)
