"""Constants of maps in the sums before them: the same function of every input, with fewer bits to add."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from bitwright.ir.graph import Graph, GraphBuilder, TensorType, check, ops, run
from bitwright.ir.netlist import run as run_words
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.passes import Absorb, Canonical, Synthesize
from bitwright.passes.absorb import Column, absorbed
from bitwright.passes.affine import Affine
from bitwright.passes.settle import affine_of, settled

ONE = Steps.of(1)
CODES = np.arange(-260, 261)


def value(found: Affine, x: IntArray) -> IntArray:
    return np.clip(found.rounding(found.mul * x + found.add, found.shift), found.low, found.high)


def affine(rng: random.Random, mode: Rounding) -> Affine:
    low = rng.choice([0, 0, -20, 1, -1000, 2])
    high = max(low, rng.choice([7, 50, 1000]))
    mul = rng.choice([1, 1, 1, -1, 2, 4, 8, 3, 5, 6, 0, -4, 12])
    return Affine(mul, rng.randint(-60, 60), rng.randint(0, 6), mode, low, high)


@pytest.mark.parametrize("mode", list(Rounding))
def test_settled_maps_are_the_same_function_and_stay_as_they_are(mode: Rounding) -> None:
    rng = random.Random(mode.value)
    floors = 0
    for _ in range(1500):
        before = affine(rng, mode)
        after = settled(before)
        assert (value(before, CODES) == value(after, CODES)).all(), before
        assert after.shift <= before.shift
        assert settled(after) == after
        floors += after.rounding is Rounding.FLOOR
    assert floors > 500


def total(column: Column, x: IntArray) -> IntArray:
    return value(column.map, x @ column.weights + column.bias)


def column(rng: random.Random) -> Column:
    grid = rng.choice([0, 0, 1, 2, 3, 5])
    weights = np.array([rng.randint(-5, 5) for _ in range(3)]) << grid
    return Column(weights, rng.randint(-90, 90), affine(rng, rng.choice(list(Rounding))))


def test_absorbed_columns_give_the_same_codes_for_every_input() -> None:
    rng = random.Random(3)
    x = np.array(list(itertools.product(range(-3, 5), range(4), range(-1, 2))))
    without_adder = 0
    for _ in range(4000):
        before = column(rng)
        after = absorbed(before)
        assert (total(before, x) == total(after, x)).all(), before
        again = absorbed(after)
        assert (again.bias, again.map, again.weights.tolist()) == (after.bias, after.map, after.weights.tolist())
        half = 1 << after.map.shift >> 1 if after.map.rounding is Rounding.HALF_EVEN else 0
        without_adder += after.map.add == -half
    assert without_adder > 2500  # the map itself adds nothing any more


def test_a_rounding_half_goes_into_the_bias_and_bits_below_the_grid_go() -> None:
    half_up = Affine(1, 0, 4, Rounding.HALF_UP, 0, 15)
    found = absorbed(Column(np.array([4, -8, 12]), 13, half_up))
    # 13 + 8 = 21, of which a grid of 4 sees 20; the grid itself goes into the step.
    assert (found.bias, found.scale, found.weights.tolist()) == (5, 2, [1, -2, 3])
    assert found.map == Affine(1, 0, 2, Rounding.FLOOR, 0, 15)


def test_half_even_rounding_is_a_floor_where_the_bias_lies_off_the_grid() -> None:
    half_even = Affine(1, 0, 4, Rounding.HALF_EVEN, 0, 15)
    assert absorbed(Column(np.array([4, 8]), 1, half_even)).map.rounding is Rounding.FLOOR
    tie = absorbed(Column(np.array([4, 8]), 4, half_even))
    assert tie.map == Affine(1, -2, 2, Rounding.HALF_EVEN, 0, 15)
    assert tie.bias == 3


def test_constants_that_could_overflow_stay() -> None:
    far = Column(np.array([1, 2]), 1 << 57, Affine(1, 3, 2, Rounding.HALF_UP, 0, 15))
    assert absorbed(far) is far
    deep = Column(np.array([1, 2]), 0, Affine(1, 3, 60, Rounding.HALF_EVEN, 0, 15))
    assert absorbed(deep) is deep


def chain(
    op: ops.GraphOp, shape: tuple[int, ...], form: ShiftRoundSaturate, rows: Ints, low: int, high: int, step: int = 1
) -> Graph:
    builder = GraphBuilder()
    x = builder.input(TensorType(shape, Ints(low), Ints(high), ONE), "x")
    y = builder.apply(op, [x], step=ONE, name="sum")
    return builder.graph("net", [builder.apply(ops.Map(form, rows), [y], step=Steps.of(step), name="map")])


def form(rng: random.Random, rows: int) -> ShiftRoundSaturate:
    mode = rng.choice(list(Rounding))
    each = [affine(rng, mode) for _ in range(rows)]
    fields = [Ints([getattr(a, name) for a in each]) for name in ("mul", "add", "shift", "low", "high")]
    return ShiftRoundSaturate(fields[0], fields[1], fields[2], mode, fields[3], fields[4])


def weights(rng: random.Random, *shape: int) -> Ints:
    values = np.random.default_rng(rng.getrandbits(32)).integers(-3, 4, shape)
    return Ints(values << np.array([rng.choice([0, 0, 1, 3]) for _ in range(shape[-1])]))


def linear(rng: random.Random) -> tuple[ops.GraphOp, tuple[int, ...], int]:
    kind, units = rng.randrange(3), rng.randint(1, 4)
    bias = Ints([rng.randint(-40, 40) for _ in range(units)])
    if kind == 0:
        return ops.Dense(weights(rng, 3, units), bias), (3,), units
    if kind == 1:
        return ops.Conv(weights(rng, 2, 2, units), bias, (1,), ((1, 0),), (1,)), (3, 2), units
    return ops.ConvTranspose(weights(rng, 2, 2, units), bias, (2,), ((0, 1),), (1,)), (2, 2), units


def test_graphs_and_their_netlists_give_the_same_codes() -> None:
    rng = random.Random(5)
    changed = 0
    for seed in range(250):
        op, shape, units = linear(rng)
        rows = Ints(rng.randrange(2)) if rng.random() < 0.5 else Ints([rng.randrange(2) for _ in range(units)])
        graph = check(chain(op, shape, form(rng, 2), rows, -3, 4))
        after = check(Absorb()(graph))
        x = np.random.default_rng(seed).integers(-3, 5, (200, *shape))
        expected = run(graph, [x])[0]
        assert (run(after, [x])[0] == expected).all(), seed
        if seed % 5 == 0:
            assert (run_words(Synthesize()(after), [x])[0] == expected).all(), seed
        assert Absorb()(after) == after, seed
        changed += after != graph
    assert changed > 150


def test_values_of_the_sum_keep_their_meaning_when_it_gives_up_a_power_of_two() -> None:
    relu = ShiftRoundSaturate(Ints([1]), Ints([0]), Ints([3]), Rounding.FLOOR, Ints([0]), Ints([15]))
    graph = chain(ops.Dense(Ints([[4, 1], [8, 2]]), Ints([0, 0])), (2,), relu, Ints(0), 0, 7)
    node = Absorb()(graph).nodes[1]
    assert node.type.step == Steps.of([4, 1])
    assert node.origin.passes == ("absorb",)


def test_sums_that_something_else_reads_and_maps_that_vary_over_space_stay() -> None:
    relu = ShiftRoundSaturate(Ints([1, 2]), Ints([5, 1]), Ints([3, 2]), Rounding.HALF_UP, Ints([0, 0]), Ints([15, 9]))
    dense = ops.Dense(Ints([[4, 1], [8, 2]]), Ints([1, 2]))
    builder = GraphBuilder()
    x = builder.input(TensorType((2,), Ints(0), Ints(7), ONE), "x")
    y = builder.apply(dense, [x], step=ONE)
    read_twice = builder.graph("net", [builder.apply(ops.Map(relu, Ints(0)), [y], step=ONE), y])
    over_space = chain(dense, (2, 2), relu, Ints([[0, 0], [1, 1]]), 0, 7)
    for graph in (read_twice, over_space):
        assert Absorb()(graph) == graph


def test_a_map_that_adds_nothing_any_more_vanishes_behind_it() -> None:
    shift = ShiftRoundSaturate(Ints([1]), Ints([3]), Ints([2]), Rounding.FLOOR, Ints([-99]), Ints([99]))
    graph = chain(ops.Dense(Ints([[4], [8]]), Ints([1])), (2,), shift, Ints(0), 0, 7, step=4)
    assert len(Canonical()(Absorb()(graph)).nodes) == 2


def test_rows_of_a_form_read_back() -> None:
    rng = random.Random(1)
    made = form(rng, 3)
    x = np.arange(-50, 50)
    for row in range(3):
        assert (value(affine_of(made, row), x) == made(x, np.array(row))).all()
