from __future__ import annotations

import numpy as np
import pytest

from bitwright.cost import predict
from bitwright.flow.vectors import corner_codes, random_codes
from bitwright.ir import graph as graphs
from bitwright.ir import netlist as netlists
from bitwright.ir.graph import Graph, GraphBuilder, Scan, TensorType
from bitwright.ir.graph.ops import Add, Concat, Conv, Dense, Reshape, Slice
from bitwright.numeric import Ints, Steps
from bitwright.passes import Share, Synthesize
from bitwright.passes.siblings import joined, siblings
from bitwright.platforms import device

ONE = Steps.of(np.array(1.0))


def drawn(seed, *shape, largest=31):
    return np.random.default_rng(seed).integers(-largest, largest + 1, shape)


def dense(weights, seed=0):
    return Dense(Ints(weights), Ints(drawn(seed, weights.shape[1], largest=99)))


def tensor(*shape, low=-128, high=127):
    return TensorType(shape, Ints(np.array(low)), Ints(np.array(high)), ONE)


def branches(*layers, apart=False):
    """Layers on one tensor, or each on an input of its own, as outputs one behind the other."""
    builder = GraphBuilder()
    inputs = len(layers[0].weights.array)
    x = [builder.input(tensor(inputs), f"x{i}") for i in range(len(layers) if apart else 1)]
    made = [builder.apply(layer, [x[i % len(x)]], step=ONE, name=f"branch{i}") for i, layer in enumerate(layers)]
    return builder.graph("branches", made)


def convolutions(strides=(1, 2), groups=1):
    builder = GraphBuilder()
    x = builder.input(tensor(8, 4), "x")
    made = [
        builder.apply(
            Conv(Ints(drawn(i, 3, 4 // groups, 2)), Ints(drawn(i, 2)), (stride,), ((1, 1),), (1,), groups),
            [x],
            step=ONE,
        )
        for i, stride in enumerate(strides)
    ]
    return builder.graph("convolutions", made)


def cell(seed):
    """A recurrent cell with two gates on its row and two on its state."""
    builder = GraphBuilder()
    x, state = builder.input(tensor(1, 4, high=7, low=-8), "x"), builder.input(tensor(3, high=3, low=-4), "h")
    gates = [builder.apply(dense(drawn(seed + i, 4, 3, largest=3)), [x], step=ONE) for i in range(2)]
    gates = [builder.apply(Reshape((3,)), [gate], step=ONE) for gate in gates]
    gates += [builder.apply(dense(drawn(seed + 7 + i, 3, 3, largest=3)), [state], step=ONE) for i in range(2)]
    sums = [builder.apply(Add(), [gates[i], gates[i + 2]], step=ONE) for i in range(2)]
    result = builder.apply(Concat(0), sums, step=ONE)
    kept = builder.apply(Slice((0,), (3,), (1,)), [state], step=ONE)
    outer = GraphBuilder()
    rows = outer.input(tensor(3, 4, high=7, low=-8), "rows")
    scan = Scan(builder.graph("cell", [result, kept]), Ints(np.array([1, -2, 3])))
    return outer.graph("scan", [outer.apply(scan, [rows], step=ONE)])


def luts(graph: Graph) -> float:
    part = device("xcvu9p")
    share = Share(operands=part.fabric.adder_operands)
    return predict(Synthesize(share, fabric=part.fabric)(graph), part).luts


@pytest.mark.parametrize("operands", [2, 3])
@pytest.mark.parametrize(
    "graph",
    [
        branches(dense(drawn(1, 6, 4)), dense(drawn(2, 6, 3)), dense(drawn(3, 6, 1))),
        branches(dense(drawn(1, 5, 4)), dense(-2 * drawn(1, 5, 4), seed=3)),
        convolutions((2, 2)),
        convolutions((1, 2)),
        convolutions((1, 1), groups=2),
        cell(0),
    ],
    ids=["three", "multiples", "same windows", "other windows", "groups", "gates"],
)
def test_siblings_compute_what_they_computed_alone(graph, operands):
    netlist = Synthesize(Share(operands=operands))(graph)
    codes = [np.concatenate(p) for p in zip(random_codes(graph, 200, 0), corner_codes(graph, 0), strict=True)]
    for found, expected in zip(netlists.run(netlist, codes), graphs.run(graph, codes), strict=True):
        assert np.array_equal(found.reshape(expected.shape), expected)


def test_layers_are_siblings_that_read_one_tensor_through_the_same_windows():
    weights = drawn(0, 4, 3)
    assert siblings(branches(dense(weights), dense(weights), dense(weights)).nodes) == {1: [1, 2, 3]}
    assert siblings(branches(dense(weights), dense(weights), apart=True).nodes) == {}
    assert siblings(convolutions((2, 2)).nodes) == {1: [1, 2]}
    assert siblings(convolutions((1, 2)).nodes) == siblings(convolutions((1, 1), groups=2).nodes) == {}


def test_joined_layers_keep_the_order_of_their_outputs():
    first, second = dense(drawn(0, 4, 3)), dense(drawn(1, 4, 2), seed=5)
    made = joined([first, second])
    assert made.weights.array.tolist() == np.hstack([first.weights.array, second.weights.array]).tolist()
    assert made.bias.array.tolist() == [*first.bias.array, *second.bias.array]


def test_branches_that_resemble_each_other_take_fewer_luts_than_apart():
    weights = drawn(4, 16, 16)
    changed = weights + drawn(5, 16, 16, largest=1)
    together, apart = (luts(branches(dense(weights), dense(changed), apart=way)) for way in (False, True))
    assert together < 0.85 * apart


def test_random_branches_share_and_never_take_more_than_apart():
    for seed, density in ((6, 1.0), (7, 0.2)):
        kept = np.random.default_rng(seed).random((2, 12, 12)) < density
        layers = [dense(drawn(seed + 10 * i, 12, 12) * kept[i]) for i in range(2)]
        assert luts(branches(*layers)) <= 1.005 * luts(branches(*layers, apart=True))
