"""What computes nothing goes, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.core.origin import Origin
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, ops, run
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.passes import Canonical

ONE = Steps.of(1)


def identity(low: int, high: int, rounding: Rounding = Rounding.FLOOR) -> ops.Map:
    return ops.Map(ShiftRoundSaturate(Ints([1]), Ints([0]), Ints([0]), rounding, Ints([low]), Ints([high])), Ints(0))


def chain(*steps: ops.GraphOp, shape: tuple[int, ...] = (4, 4, 2), step: Steps | None = None) -> Graph:
    builder = GraphBuilder()
    last = builder.input(TensorType(shape, Ints(-8), Ints(7), ONE), "x")
    for op in steps:
        told = (step or ONE) if isinstance(op, ops.Map | ops.Conv | ops.Dense) else None
        last = builder.apply(op, [last], step=told, name="n", origin=Origin("layer"))
    return builder.graph("net", [last])


def kinds(graph: Graph) -> list[str]:
    return [type(node.op).__name__ for node in graph]


def conv(pads: tuple[tuple[int, int], ...] = ((0, 1), (0, 0))) -> ops.Conv:
    weights = Ints(np.arange(-6, 6).reshape(2, 3, 2, 1))
    return ops.Conv(weights, Ints([3]), (1, 2), pads, (1, 1))


CUT = ops.Slice((0, 0, 0), (5, 7, 2), (1, 1, 1))


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        ([identity(-8, 7)], []),
        ([identity(-9, 100)], []),
        ([identity(-7, 7)], ["Map"]),
        ([identity(-8, 6)], ["Map"]),
        ([ops.Reshape((4, 4, 2))], []),
        ([ops.Reshape((32,)), ops.Reshape((8, 4))], ["Reshape"]),
        ([ops.Reshape((32,)), ops.Reshape((4, 4, 2))], []),
        ([ops.Reshape((32,)), ops.Reshape((2, 16)), ops.Reshape((4, 4, 2)), ops.Reshape((16, 2))], ["Reshape"]),
        ([ops.Transpose((0, 1, 2))], []),
        ([ops.Transpose((1, 0, 2)), ops.Transpose((1, 0, 2))], []),
        ([ops.Transpose((1, 2, 0)), ops.Transpose((1, 0, 2))], ["Transpose"]),
        ([ops.Pad(((1, 0), (2, 1), (0, 0))), conv()], ["Conv"]),
        ([ops.Pad(((1, 0), (2, 1), (1, 0))), CUT, conv()], ["Pad", "Slice", "Conv"]),
        ([ops.Pad(((0, 0), (0, 0), (0, 1)))], ["Pad"]),
    ],
)
def test_what_computes_nothing_goes(steps: list[ops.GraphOp], left: list[str]) -> None:
    graph = chain(*steps)
    found = Canonical()(graph)
    assert kinds(found) == ["Input", *left]
    codes = [np.random.default_rng(1).integers(-8, 8, (20, 4, 4, 2))]
    assert (run(found, codes)[0] == run(graph, codes)[0]).all()


@pytest.mark.parametrize(("low", "high"), [((-8, -2), (7, 7)), ((-8, -8), (7, 3)), ((-2, -8), (7, 7))])
def test_a_map_of_which_one_row_saturates_stays(low: tuple[int, int], high: tuple[int, int]) -> None:
    one, zero = Ints([1, 1]), Ints([0, 0])
    form = ShiftRoundSaturate(one, zero, zero, Rounding.FLOOR, Ints(low), Ints(high))
    graph = chain(ops.Map(form, Ints([0, 1])))
    assert kinds(Canonical()(graph)) == ["Input", "Map"]


def test_a_map_that_changes_the_step_stays() -> None:
    assert kinds(Canonical()(chain(identity(-8, 7), step=Steps.of(2)))) == ["Input", "Map"]


def test_padding_that_others_read_too_stays_for_them() -> None:
    builder = GraphBuilder()
    x = builder.input(TensorType((4, 4, 2), Ints(-8), Ints(7), ONE), "x")
    padded = builder.apply(ops.Pad(((1, 1), (1, 1), (0, 0))), [x])
    graph = builder.graph("net", [builder.apply(conv(), [padded], step=ONE), padded])
    found = Canonical()(graph)
    assert sorted(kinds(found)) == ["Conv", "Input", "Pad"]
    codes = [np.random.default_rng(1).integers(-8, 8, (20, 4, 4, 2))]
    assert all((a == b).all() for a, b in zip(run(found, codes), run(graph, codes), strict=True))


def test_dead_nodes_go_but_inputs_stay_in_order() -> None:
    builder = GraphBuilder()
    a, b, c = (builder.input(TensorType((2,), Ints(0), Ints(1), ONE), name) for name in "abc")
    builder.apply(ops.Add(), [a, b])
    found = Canonical()(builder.graph("net", [c]))
    assert [node.name for node in found] == ["a", "b", "c"]
    assert found.outputs == (2,)


def test_names_and_layers_stay_and_the_pass_is_recorded_where_it_changed_something() -> None:
    found = Canonical()(chain(ops.Pad(((1, 0), (2, 1), (0, 0))), conv(), identity(-999, 999, Rounding.HALF_EVEN)))
    assert [str(node.origin) for node in found] == ["x", "layer (canonical)", "layer"]
    assert [node.name for node in found] == ["x", "n_2", "n_3"]


def test_ranges_narrow_to_what_arguments_allow() -> None:
    graph = chain(ops.Reshape((32,)))
    wide = Graph(graph.name, (graph.nodes[0], graph.nodes[1].__class__(
        graph.nodes[1].op, (0,), TensorType((32,), Ints(-99), Ints(99), ONE), "n")), (1,))  # fmt: skip
    assert Canonical()(wide).results[0].type == TensorType((32,), Ints(-8), Ints(7), ONE)
