"""Steps that treat negative numbers otherwise: one slope and two offsets, proven, instead of hundreds of thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.frontends.tflite.arithmetic import multiplied, multiplier, stairs
from bitwright.ir import dataflow
from bitwright.ir import graph as graphs
from bitwright.ir.dataflow.ops import Search
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Conv, Dense, Map
from bitwright.ir.netlist import Word
from bitwright.numeric import IntArray, Ints, Rounding, Steps, Thresholds
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Place
from bitwright.passes.streaming.halves import halves
from bitwright.passes.streaming.maps import LaneMap, in_halves
from bitwright.passes.tabulate import Tabulate
from bitwright.platforms import device

ONE = Steps.of(1)
LOW, HIGH = -30000, 31000


def twice_rounded(count: int, seed: int = 0, low: int = LOW, high: int = HIGH) -> Thresholds:
    """TFLite's requantization of so many channels to 8 bits: rounded to 32 bits, then half away from zero."""
    scales = np.random.default_rng(seed).uniform(0.002, 0.006, count)
    told = [np.array(column) for column in zip(*(multiplier(float(s)) for s in scales), strict=True)]
    return stairs(lambda x, rows: np.clip(multiplied(x, told[0][rows], told[1][rows]), -120, 127),
                  np.full(count, low), np.full(count, high))  # fmt: skip


def meant(form: Thresholds, row: int, codes: IntArray) -> IntArray:
    return form.values.array[row][np.searchsorted(form.thresholds.array[row], codes, side="right")]


def test_a_product_rounded_twice_has_one_slope_and_two_offsets() -> None:
    form, codes = twice_rounded(40), np.arange(LOW, HIGH + 1)
    apart = 0
    for row in range(form.count):
        found = halves(form, row, LOW, HIGH)
        assert found is not None
        assert np.array_equal(found(codes), meant(form, row, codes))
        apart += found.below != found.above
    assert apart > 20


@pytest.mark.parametrize("rounding", [Rounding.HALF_AWAY, Rounding.TRUNCATE, Rounding.FLOOR])
@pytest.mark.parametrize("shift", [3, 7])
def test_the_roundings_with_a_sign_are_halves(rounding: Rounding, shift: int) -> None:
    low, high = -(40 << shift), 41 << shift
    form = stairs(lambda x, rows: np.clip(rounding(5 * x, shift + 2), -37, 45), np.array([low]), np.array([high]))
    found = halves(form, 0, low, high)
    assert found is not None
    codes = np.arange(low, high + 1)
    assert np.array_equal(found(codes), meant(form, 0, codes))


def test_uneven_and_falling_steps_and_those_of_one_sign_are_none() -> None:
    draw = np.random.default_rng(1)
    uneven = Thresholds(Ints(np.sort(draw.integers(-900, 900, (1, 60)), axis=1)), Ints(np.arange(61)[None]))
    assert halves(uneven, 0, -1000, 1000) is None
    form = twice_rounded(1)
    assert halves(Thresholds(form.thresholds, Ints(-form.values.array)), 0, LOW, HIGH) is None
    assert halves(form, 0, 0, HIGH) is None
    moved = form.thresholds.array.copy()
    moved[0, len(moved[0]) // 2 + 20] += 60
    assert halves(Thresholds(Ints(moved), form.values), 0, LOW, HIGH) is None


def network(kind: str, seed: int = 0) -> Graph:
    """A layer of 16 channels, each requantized by its own number."""
    draw, b = np.random.default_rng(seed), GraphBuilder()
    shape = (6, 1, 16) if kind == "depthwise" else (32,)
    x = b.input(TensorType(shape, Ints(-128), Ints(127), ONE), "x")
    bias = Ints(draw.integers(-3000, 3000, 16))
    if kind == "depthwise":
        op = Conv(Ints(draw.integers(-127, 128, (3, 1, 1, 16))), bias, (1, 1), ((0, 0), (0, 0)), (1, 1), 16)
    else:
        op = Dense(Ints(draw.integers(-20, 21, (32, 16))), bias)
    y = b.apply(op, [x], step=ONE, name="sum")
    low, high = b.type(y).bounds()
    form = twice_rounded(16 if kind != "same" else 1, low=int(low.min()), high=int(high.max()))
    rows = Ints(0) if kind == "same" else Ints(np.arange(16))
    y = b.apply(Map(form, rows), [y], step=ONE, name="map")
    return b.graph("halves", [y])


@pytest.mark.parametrize("kind", ["depthwise", "dense", "same"])
def test_layers_with_such_maps_stream_exactly_without_thresholds(kind: str) -> None:
    graph = network(kind)
    assert any(isinstance(n.op, Map) and isinstance(n.op.form, Thresholds) for n in Tabulate()(graph).nodes)
    folding = {"sum": Folding(1, 2), "x": Folding(1)}
    program = dataflow.check(Buffer()(Place(device("xc7z020"), 100, folding)(graph)))
    assert not any(isinstance(n.op, Search) for n in program.nodes)
    codes: IntArray = np.random.default_rng(3).integers(-128, 128, (40, *graph.inputs[0].type.shape))
    (wanted,), (found,) = graphs.run(graph, [codes]), dataflow.run(program, [codes])
    assert np.array_equal(found.reshape(wanted.shape), wanted)
    assert (wanted < 0).any()


def test_a_gain_and_a_bias_before_the_map_are_part_of_its_sign() -> None:
    form = twice_rounded(4)
    told = LaneMap(form, (2, 0, 3), -3, (40, -700, 5))
    found = in_halves(told, Word(-5000, 4000))
    assert found is not None
    x = np.arange(-5000, 4001)
    for one, row, bias in zip(found, told.rows, told.bias, strict=True):
        assert np.array_equal(one(-3 * x + bias), meant(form, row, -3 * x + bias))
