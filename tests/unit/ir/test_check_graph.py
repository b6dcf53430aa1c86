"""`check` finds each kind of broken graph and names the node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, check, ops, run
from bitwright.ir.program import Node
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps

ONE = Steps.of(1)


def network() -> Graph:
    """x (4, 2) -> conv -> relu -> flat -> fc, and a skip from x."""
    builder = GraphBuilder()
    x = builder.input(TensorType((4, 2), Ints(-8), Ints(7), ONE), "x")
    weights = Ints(np.ones((3, 2, 2), dtype=np.int64))
    conv = builder.apply(ops.Conv(weights, Ints([0, 1]), (1,), ((1, 1),), (1,)), [x], step=ONE, name="conv")
    form = ShiftRoundSaturate(Ints([1]), Ints([0]), Ints([2]), Rounding.FLOOR, Ints([0]), Ints([7]))
    relu = builder.apply(ops.Map(form, Ints(0)), [conv], step=ONE, name="relu")
    skip = builder.apply(ops.Add(), [relu, x], name="skip")
    flat = builder.apply(ops.Reshape((8,)), [skip], name="flat")
    dense = ops.Dense(Ints(np.eye(8, 3, dtype=np.int64)), Ints([0, 0, 0]))
    return builder.graph("net", [builder.apply(dense, [flat], step=ONE, name="fc")])


Change = Callable[[Node], Node]  # pyright: ignore[reportMissingTypeArgument]


def changed(name: str, change: Change) -> Graph:
    graph = network()
    return replace(graph, nodes=tuple(change(n) if n.name == name else n for n in graph.nodes))


def op(**fields: object) -> Change:
    return lambda node: replace(node, op=replace(node.op, **fields))


def of_type(**fields: object) -> Change:
    return lambda node: replace(node, type=replace(node.type, **fields))


def test_a_sound_graph_is_returned_as_it_is() -> None:
    graph = network()
    assert check(graph) is graph


BROKEN: dict[str, tuple[str, Change, str]] = {
    "name taken": ("relu", lambda n: replace(n, name="conv"), "name is taken"),
    "argument later": ("relu", lambda n: replace(n, args=(4,)), "argument comes later"),
    "argument itself": ("relu", lambda n: replace(n, args=(2,)), "argument comes later"),
    "argument negative": ("relu", lambda n: replace(n, args=(-1,)), "argument comes later"),
    "too few arguments": ("skip", lambda n: replace(n, args=(2,)), "1 arguments"),
    "too many arguments": ("fc", lambda n: replace(n, args=(4, 4)), "2 arguments"),
    "an input that reads": ("skip", lambda n: replace(n, op=ops.Input()), "2 arguments"),
    "no argument": ("relu", lambda n: replace(n, args=()), "0 arguments"),
    "shape": ("conv", of_type(shape=(2, 2), low=Ints(-99), high=Ints(99)), r"shape \(2, 2\) is not \(4, 2\)"),
    "range too low": ("conv", of_type(high=Ints(5)), "leave the stored range"),
    "range too high": ("conv", of_type(low=Ints(0)), "leave the stored range"),
    "step": ("skip", of_type(step=Steps.of(2)), "step"),
    "weights that do not fit": ("fc", op(weights=Ints(np.ones((7, 3), dtype=np.int64))), "do not fit"),
    "bias that does not fit": ("fc", op(bias=Ints([1])), "bias"),
    "channels that do not fit": ("conv", op(groups=2), "2 channels in 2 groups"),
    "channels left over": ("conv", op(weights=Ints(np.ones((3, 1, 2), dtype=np.int64))), "2 channels in 1 groups"),
    "no groups": ("conv", op(groups=0), "0 groups"),
    "no stride": ("conv", op(strides=(0,)), "do not fit"),
    "window too large": ("conv", op(dilation=(9,)), "do not fit"),
    "pads of another rank": ("conv", op(pads=((1, 1), (1, 1))), "do not fit"),
    "negative pads": ("conv", op(pads=((-1, 1),)), "do not fit"),
    "a row that is not there": ("relu", op(rows=Ints(1)), "row outside the 1"),
    "a negative row": ("relu", op(rows=Ints(-1)), "row outside the 1"),
    "rows of another shape": ("relu", op(rows=Ints([0, 0, 0])), "do not fit"),
    "reshape to another size": ("flat", op(shape=(9,)), "do not fit"),
    "reshape to a negative size": ("flat", op(shape=(-1,)), "shape|do not fit"),
    "a bias beyond 62 bits": ("fc", op(bias=Ints([1 << 62, 0, 0])), "do not fit"),
}


@pytest.mark.parametrize("case", sorted(BROKEN))
def test_each_kind_of_broken_graph_is_refused_by_the_name_of_its_node(case: str) -> None:
    name, change, what = BROKEN[case]
    if case == "reshape to a negative size":  # means the same to numpy, but no type says so
        change = lambda n: replace(n, op=ops.Reshape((-1,)), type=replace(n.type, shape=(8, 1)))  # noqa: E731
    with pytest.raises(InvalidProgram, match=what) as caught:
        check(changed(name, change))
    assert caught.value.where.startswith("net.")


def test_an_output_that_names_no_node_is_refused() -> None:
    for outputs in ((9,), (-1,)):
        with pytest.raises(InvalidProgram, match="an output names no node"):
            check(replace(network(), outputs=outputs))


def test_a_wider_stored_range_is_allowed() -> None:
    wide = changed("fc", of_type(low=Ints(-500), high=Ints(500)))
    assert check(wide) is wide


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"low": Ints([1, 2, 3])}, "does not broadcast"),
        ({"step": Steps.of([1, 2, 3])}, "does not broadcast"),
        ({"low": Ints(3), "high": Ints(2)}, "the range is empty"),
        ({"high": Ints(1 << 62)}, "beyond 62 bits"),
        ({"low": Ints(-(1 << 62))}, "beyond 62 bits"),
        ({"shape": (0,)}, "no elements"),
    ],
)
def test_types_that_mean_nothing_cannot_be_built(fields: dict[str, object], what: str) -> None:
    with pytest.raises(InvalidValue, match=what):
        replace(TensorType((2,), Ints(0), Ints(7), ONE), **fields)  # pyright: ignore[reportArgumentType]


def test_run_refuses_codes_and_shapes_that_are_not_the_inputs() -> None:
    graph = network()
    fine = np.zeros((3, 4, 2), dtype=np.int64)
    assert run(graph, [fine])[0].shape == (3, 3)
    for arrays, what in (
        ([], "0 arrays for 1 inputs"),
        ([fine, fine], "2 arrays"),
        ([fine[:, :3]], r"shape \(3, 2\) is not \(4, 2\)"),
        ([fine[0]], "shape"),
        ([fine + 8], "outside the format"),
        ([fine - 9], "outside the format"),
    ):
        with pytest.raises(InvalidValue, match=what):
            run(graph, arrays)
