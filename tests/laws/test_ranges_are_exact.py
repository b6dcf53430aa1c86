"""The range that is inferred for an operator is reached: no code less, no code more."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.ir import graph as graphs
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, ops
from bitwright.ir.graph.types import TensorType as Type
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Steps, Table, Thresholds

ONE = Steps.of(1)
Window = dict[str, tuple[object, ...]]


def tensor(rng: np.random.Generator, shape: tuple[int, ...], spread: int = 2) -> TensorType:
    low = rng.integers(-2, 3, shape)
    return TensorType(shape, Ints(low), Ints(low + rng.integers(0, spread, shape)), ONE)


def every_input(type: Type) -> IntArray:
    """(n, *shape): all combinations of codes."""
    low, high = (a.ravel() for a in type.bounds())
    axes = np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(low, high, strict=True)), indexing="ij")
    return np.stack([a.ravel() for a in axes], axis=1).reshape(-1, *type.shape)


def of_one_input(op: ops.GraphOp, type: TensorType) -> Graph:
    builder = GraphBuilder()
    start = builder.input(type, "x")
    fixed = isinstance(op, ops.SumPool | ops.MaxPool)
    return builder.graph("one", [builder.apply(op, [start], step=None if fixed else ONE)])


def assert_bounds_are_reached(op: ops.GraphOp, type: TensorType) -> None:
    graph = graphs.check(of_one_input(op, type))
    codes = graphs.run(graph, [every_input(type)])[0]
    low, high = graph.results[0].type.bounds()
    assert (codes.min(axis=0) == low).all(), op
    assert (codes.max(axis=0) == high).all(), op


@pytest.mark.parametrize("seed", range(40))
def test_dense_reaches_its_bounds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    inputs, units = int(rng.integers(1, 7)), int(rng.integers(1, 4))
    weights = rng.integers(-3, 4, (inputs, units)) * (rng.random((inputs, units)) < 0.7)
    shape = (inputs,) if seed % 2 else (2, inputs) if inputs < 5 else (1, inputs)
    op = ops.Dense(Ints(weights), Ints(rng.integers(-5, 5, units)))
    assert_bounds_are_reached(op, tensor(rng, shape))


@pytest.mark.parametrize("seed", range(40))
def test_convolutions_reach_their_bounds_at_every_position(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups, per_group = (2, 1) if seed % 3 == 0 else (1, int(rng.integers(1, 3)))
    rank = 1 + seed % 2
    space = (5,) if rank == 1 else (2, 3)
    if rank * groups * per_group > 2:
        space = (3,) if rank == 1 else (2, 2)
    kernel = tuple(int(rng.integers(1, n + 1)) for n in space)
    pads = tuple((int(rng.integers(0, k)), int(rng.integers(0, k))) for k in kernel)
    weights = rng.integers(-2, 3, (*kernel, per_group, 2 * groups))
    bias, ones = Ints(rng.integers(-3, 3, 2 * groups)), (1,) * rank
    op = ops.Conv(Ints(weights), bias, (1 + seed % 2,) * rank, pads, ones, groups)
    assert_bounds_are_reached(op, tensor(rng, (*space, groups * per_group)))


@pytest.mark.parametrize("seed", range(20))
def test_transposed_convolutions_reach_their_bounds_and_add_what_their_definition_says(seed: int) -> None:
    rng = np.random.default_rng(seed)
    groups, stride, dilation = 1 + seed % 2, int(rng.integers(1, 4)), int(rng.integers(1, 3))
    space, size = 4 // groups, int(rng.integers(1, 4))
    full = (space - 1) * stride + (size - 1) * dilation + 1
    crops = int(rng.integers(-2, min(full, 3))), int(rng.integers(-2, 1))
    weights, bias = rng.integers(-2, 3, (size, 1, groups)), rng.integers(-3, 3, groups)
    op = ops.ConvTranspose(Ints(weights), Ints(bias), (stride,), (crops,), (dilation,), groups)
    type = tensor(rng, (space, groups))
    assert_bounds_are_reached(op, type)
    x = every_input(type)
    total = np.zeros((len(x), full, groups), dtype=np.int64)
    for i, k in product(range(space), range(size)):
        total[:, i * stride + k * dilation] += x[:, i] * weights[k, 0]
    kept = np.pad(total, ((0, 0), *((max(-c, 0), max(-d, 0)) for c, d in [crops]), (0, 0)))
    kept = kept[:, max(crops[0], 0) :] + bias
    assert np.array_equal(graphs.evaluate(op, [x]), kept)


@pytest.mark.parametrize("kind", [ops.SumPool, ops.MaxPool])
@pytest.mark.parametrize("seed", range(12))
def test_pools_reach_their_bounds(kind: type[ops.SumPool | ops.MaxPool], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rank = 1 + seed % 2
    space = (6,) if rank == 1 else (2, 3)
    pool = tuple(int(rng.integers(1, 3)) for _ in space)
    pads = tuple((int(rng.integers(0, p)), int(rng.integers(0, p))) for p in pool)
    assert_bounds_are_reached(kind(pool, (1 + seed % 3,) * rank, pads), tensor(rng, (*space, 1 + seed % 2)))


@pytest.mark.parametrize("seed", range(30))
def test_maps_reach_their_bounds_row_by_row(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = Ints(rng.integers(0, 2, (2, 3) if seed % 2 else (3,)))
    type = tensor(rng, (2, 3), spread=4)
    mode = list(Rounding)[seed % len(Rounding)]
    pairs = [Ints(rng.integers(-3, 4, 2)) for _ in range(2)]
    affine = ShiftRoundSaturate(pairs[0], pairs[1], Ints(rng.integers(0, 3, 2)), mode, Ints([-3, 0]), Ints([2, 4]))
    steps = Thresholds(Ints(np.sort(rng.integers(-3, 6, (2, 3)), axis=1)), Ints(rng.integers(-5, 6, (2, 4))))
    table = Table(Ints([-2, -4]), Ints(rng.integers(-9, 9, (2, 12))))
    for form in (affine, steps, table):
        assert_bounds_are_reached(ops.Map(form, rows), type)


@pytest.mark.parametrize("kind", [ops.Add, ops.Subtract, ops.Multiply, ops.Maximum, ops.Minimum])
def test_operations_on_two_independent_tensors_reach_their_bounds(kind: type[ops.GraphOp]) -> None:
    rng = np.random.default_rng(3)
    for left, right in product(((2,), (1, 2), ()), repeat=2):
        builder = GraphBuilder()
        types = tensor(rng, left, 4), tensor(rng, right, 4)
        ends = [builder.input(t, f"x{i}") for i, t in enumerate(types)]
        graph = graphs.check(builder.graph("two", [builder.apply(kind(), ends)]))
        first, second = (every_input(t) for t in types)
        pairs = np.repeat(first, len(second), axis=0), np.tile(second, (len(first), *[1] * len(right)))
        codes = graphs.run(graph, list(pairs))
        low, high = graph.results[0].type.bounds()
        assert codes[0].shape[1:] == np.broadcast_shapes(left, right) == graph.results[0].type.shape
        assert (codes[0].min(axis=0) == low).all()
        assert (codes[0].max(axis=0) == high).all()


def test_ranges_of_single_codes_width_one_and_negative_codes_only_stay_what_they_are() -> None:
    known = ((0, 1, 1, "u1.0"), (-1, 0, 1, "s1.0"), (5, 5, 3, "u3.0"), (-7, -3, 4, "s4.0"), (0, 0, 1, "u1.0"))
    for low, high, width, text in known:
        type = TensorType((), Ints(low), Ints(high), ONE)
        assert type.widths().tolist() == width
        assert [str(f) for f in type.formats()] == [text]
        assert type.bits == width
        assert type.size == 1


def test_formats_have_a_fraction_only_where_the_step_is_a_power_of_two() -> None:
    type = TensorType((4,), Ints(0), Ints(3), Steps.of([0.25, 4, 3, 0.75]))
    assert [f.fraction for f in type.formats()] == [2, -2, 0, 0]


def test_zero_weights_and_empty_columns_give_constants() -> None:
    type = TensorType((3,), Ints(-8), Ints(7), ONE)
    graph = graphs.check(of_one_input(ops.Dense(Ints(np.zeros((3, 2), dtype=np.int64)), Ints([4, -4])), type))
    assert graph.results[0].type.low == graph.results[0].type.high == Ints([4, -4])


def test_sums_are_exact_to_the_last_bit_near_62_bits() -> None:
    top = (1 << 31) - 1
    type = TensorType((2,), Ints(-top), Ints(top), ONE)
    weights = np.array([[(1 << 29) + 1, 1], [(1 << 29) - 1, -1]])
    graph = graphs.check(of_one_input(ops.Dense(Ints(weights), Ints([7, -7])), type))
    codes = np.array([[top, top], [-top, -top], [top, -top], [1, 0]])
    (p, q), (r, s) = weights.tolist()
    expected = [[a * p + b * r + 7, a * q + b * s - 7] for a, b in codes.tolist()]
    assert graphs.run(graph, [codes])[0].tolist() == expected
    assert graph.results[0].type.high.array.tolist() == [top * (1 << 30) + 7, 2 * top - 7]


STEEP = ShiftRoundSaturate(Ints([1 << 31]), Ints([0]), Ints([0]), Rounding.FLOOR, Ints([0]), Ints([1]))


@pytest.mark.parametrize(
    "op",
    [
        ops.Dense(Ints([[1 << 31]]), Ints([0])),
        ops.Dense(Ints([[1]]), Ints([1 << 62])),
        ops.Conv(Ints([[[1 << 31]]]), Ints([0]), (1,), ((0, 0),), (1,)),
        ops.SumPool((1 << 20,), (1,), (((1 << 20), 0),)),
        ops.Map(STEEP, Ints(0)),
        ops.Multiply(),
    ],
    ids=lambda op: type(op).__name__,
)
def test_what_could_leave_int64_is_refused(op: ops.GraphOp) -> None:
    top = (1 << 44) - 1
    builder = GraphBuilder()
    start = builder.input(TensorType((1, 1), Ints(-top), Ints(top), ONE), "x")
    args = [start, start] if isinstance(op, ops.Multiply) else [start]
    with pytest.raises(InvalidValue, match=r"a sum reaches|beyond 62 bits|leaves 62 bits"):
        builder.apply(op, args, step=None if isinstance(op, ops.Multiply | ops.SumPool) else ONE)


def test_a_window_of_padding_alone_has_no_maximum() -> None:
    type = TensorType((2, 1), Ints(0), Ints(3), ONE)
    with pytest.raises(InvalidProgram, match="padding alone"):
        of_one_input(ops.MaxPool((1,), (1,), ((1, 0),)), type)


STEPPED: list[tuple[ops.GraphOp, int, list[object]]] = [
    (ops.Transpose((1, 0)), 1, [[1, 1], [2, 2], [4, 4]]),
    (ops.Reshape((6,)), 1, [1, 2, 4, 1, 2, 4]),
    (ops.Slice((0, 1), (2, 2), (1, 1)), 1, [[2], [2]]),
    (ops.Pad(((0, 0), (1, 0))), 1, [[1, 1, 2, 4]] * 2),
    (ops.Upsample((1, 2)), 1, [[1, 1, 2, 2, 4, 4]] * 2),
    (ops.Concat(1), 2, [[1, 2, 4, 1, 2, 4]] * 2),
    (ops.Multiply(), 2, [[1, 4, 16]] * 2),
]


@pytest.mark.parametrize(("op", "count", "expected"), STEPPED, ids=lambda v: type(v).__name__)
def test_steps_follow_their_elements(op: ops.GraphOp, count: int, expected: list[object]) -> None:
    builder = GraphBuilder()
    start = builder.input(TensorType((2, 3), Ints(0), Ints(1), Steps.of([1, 2, 4])), "x")
    type = builder.type(builder.apply(op, [start] * count))
    assert np.broadcast_to(type.step.array, type.shape).tolist() == expected


def test_sums_of_different_steps_and_pools_over_them_are_refused() -> None:
    builder = GraphBuilder()
    one = builder.input(TensorType((2, 2), Ints(0), Ints(1), ONE), "a")
    two = builder.input(TensorType((2, 2), Ints(0), Ints(1), Steps.of([[1, 1], [2, 2]])), "b")
    with pytest.raises(InvalidProgram, match="differ"):
        builder.apply(ops.Add(), [one, two])
    with pytest.raises(InvalidProgram, match="changes along"):
        builder.apply(ops.SumPool((2,), (2,), ((0, 0),)), [two])
    with pytest.raises(InvalidProgram, match="no step"):
        builder.apply(ops.Dense(Ints([[1], [1]]), Ints([0])), [one])
    with pytest.raises(InvalidProgram, match="differs"):
        builder.apply(ops.Add(), [one, one], step=Steps.of(2))
