"""The emulator is exact where floats begin to lose integers, and says which float carries a layer."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.ir.graph import Graph, GraphBuilder, TensorType, ops, run
from bitwright.ir.graph.emulator import Emulator
from bitwright.ir.graph.kernels import exact_matmul
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Steps, Thresholds

ONE = Steps.of(1)


def linear(bits: int, *, mode: Rounding | None = None, rows: Ints | None = None, mul: int = 1, add: int = 0) -> Graph:
    """A sum of four products that reaches 2**bits, with a map behind it where a mode is given."""
    top = (1 << (bits // 2)) - 1
    weight = (1 << (bits - bits // 2 - 2)) - 1
    builder = GraphBuilder()
    x = builder.input(TensorType((4,), Ints(-top), Ints(top), ONE), "x")
    weights = Ints([[weight, weight], [weight, -weight], [weight, 1], [weight, 0]])
    last = builder.apply(ops.Dense(weights, Ints([1, -1])), [x], step=ONE)
    if mode is not None:
        high = builder.type(last).largest
        columns = Ints([mul] * 2), Ints([add] * 2), Ints([1, 3]), mode, Ints([-high] * 2), Ints([high] * 2)
        last = builder.apply(ops.Map(ShiftRoundSaturate(*columns), rows or Ints([0, 1])), [last], step=ONE)
    return builder.graph("sums", [last])


def corners(graph: Graph) -> IntArray:
    """Where sums end: all combinations of the ends, the codes beside them, and ones."""
    top = graph.inputs[0].type.largest
    choices = np.array([-top, -top + 1, -1, 0, 1, top - 1, top])
    return choices[np.random.default_rng(1).integers(0, 7, (400, 4))]


@pytest.mark.parametrize("bits", [10, 22, 23, 24, 25, 26, 50, 52, 53, 54, 55, 58, 60])
@pytest.mark.parametrize("mode", [None, *Rounding])
def test_sums_are_exact_around_every_limit_of_the_floats(bits: int, mode: Rounding | None) -> None:
    graph = linear(bits, mode=mode)
    codes = corners(graph)
    assert (Emulator(graph)([codes])[0] == run(graph, [codes])[0]).all()


@pytest.mark.parametrize("mul", [-5, 0, 3])
def test_maps_with_a_factor_and_rows_in_any_order_are_fused_exactly(mul: int) -> None:
    for rows in (Ints(0), Ints([1, 0]), Ints([1, 1])):
        graph = linear(20, mode=Rounding.HALF_EVEN, rows=rows, mul=mul, add=-3)
        codes = corners(graph)
        emulator = Emulator(graph)
        assert len(emulator.steps) == 1, "the layer and its map are one product"
        assert (emulator([codes])[0] == run(graph, [codes])[0]).all()


def test_a_layer_that_two_read_is_not_fused_into_one_of_them() -> None:
    plain = linear(20, mode=Rounding.FLOOR)
    graph = Graph(plain.name, plain.nodes, (1, 2))
    codes = corners(graph)
    found = Emulator(graph)([codes])
    assert all((a == b).all() for a, b in zip(found, run(graph, [codes]), strict=True))


@pytest.mark.parametrize("bits", [23, 24, 25, 52, 53, 54, 61])
def test_matrix_products_are_exact_around_every_limit_of_the_floats(bits: int) -> None:
    rng = np.random.default_rng(bits)
    left, right = 1 << (bits // 2), 1 << (bits - bits // 2 - 2)
    x = left - rng.integers(1, 3, (50, 3))
    weights = (right - rng.integers(0, 2, (3, 5))) * rng.choice([-1, 1], (3, 5))
    exact = [[sum(int(a) * int(w) for a, w in zip(row, column, strict=True)) for column in weights.T] for row in x]
    assert exact_matmul(x, weights).tolist() == exact


def test_results_are_codes_of_64_bits_whatever_carried_them() -> None:
    for bits in (10, 30, 58):
        graph = linear(bits)
        found = Emulator(graph)([corners(graph)])[0]
        assert found.dtype == np.int64
        assert found.shape == (400, 2)


@pytest.mark.parametrize("bits", [8, 23, 24, 25])
def test_maps_by_few_thresholds_are_exact_with_unreached_and_equal_ones(bits: int) -> None:
    top = (1 << bits) - 1
    builder = GraphBuilder()
    x = builder.input(TensorType((3,), Ints(-top), Ints(top), ONE), "x")
    steps = [[-top, 0, 1 << 61], [5, 5, top], [1 << 61, 1 << 61, 1 << 61]]
    form = Thresholds(Ints(steps), Ints([[9, -3, 7, 0], [1, 2, 4, 8], [6, 5, 4, 3]]))
    last = builder.apply(ops.Map(form, Ints([0, 1, 2])), [x], step=ONE)
    graph = builder.graph("map", [last])
    ends = np.array([-top, -top + 1, -1, 0, 1, 4, 5, 6, top - 1, top])
    codes = np.stack([ends] * 3, axis=1)
    assert (Emulator(graph)([codes])[0] == run(graph, [codes])[0]).all()
