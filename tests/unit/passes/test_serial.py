"""Digit-serial layers: what the graph computes, in turns, with narrower adder graphs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.core.errors import InvalidProgram, Unsupported
from bitwright.cost.actors import predict_stream
from bitwright.cost.timetable import timetable
from bitwright.ir import dataflow
from bitwright.ir import graph as graphs
from bitwright.ir.dataflow.ops import Accumulate, Digits
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Conv, Dense, Map
from bitwright.ir.netlist import Word
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Kernel, Place
from bitwright.passes.streaming.serial import digits_of, turns
from bitwright.platforms import device

XCVU9P = device("xcvu9p")
ONE = Steps.of(1)


def dense(low: int, high: int, inputs: int = 5, outputs: int = 3, *, seed: int = 0, relu: bool = False) -> Graph:
    rng = np.random.default_rng(seed)
    b = GraphBuilder()
    x = b.input(TensorType((inputs,), Ints(low), Ints(high), ONE), "x")
    op = Dense(Ints(rng.integers(-31, 32, (inputs, outputs))), Ints(rng.integers(-999, 999, outputs)))
    y = b.apply(op, [x], step=ONE, name="fc")
    if relu:
        floor = ShiftRoundSaturate(Ints([1]), Ints([0]), Ints([4]), Rounding.FLOOR, Ints([0]), Ints([15]))
        y = b.apply(Map(floor, Ints(0)), [y], step=ONE, name="relu")
    return b.graph("dense", [y])


def conv(low: int, high: int, pads: tuple[tuple[int, int], tuple[int, int]]) -> Graph:
    rng = np.random.default_rng(1)
    b = GraphBuilder()
    x = b.input(TensorType((4, 5, 2), Ints(low), Ints(high), ONE), "x")
    op = Conv(Ints(rng.integers(-4, 5, (3, 2, 2, 3))), Ints(rng.integers(-99, 99, 3)), (1, 2), pads, (1, 1))
    return b.graph("conv", [b.apply(op, [x], step=ONE, name="fc")])


def placed(program: Graph, digits: int, clock_mhz: float | None = None) -> dataflow.Dataflow:
    op = program.nodes[1].op
    assert isinstance(op, Dense | Conv)
    lanes = op.weights.shape[-2]
    told = {"fc": Folding(lanes, op.weights.shape[-1], Kernel.UNROLLED, digits=digits), "x": Folding(lanes)}
    return dataflow.check(Place(XCVU9P, clock_mhz, told)(program))


def codes(program: Graph, frames: int) -> np.ndarray:
    type = program.nodes[0].type
    ends = int(type.low.array.min()), int(type.high.array.max())
    found = np.random.default_rng(2).integers(ends[0], ends[1] + 1, (frames, *type.shape))
    found[0], found[1] = ends
    return found


@given(st.integers(-40, 0), st.integers(1, 300), st.integers(2, 9), st.booleans())
def test_digits_in_turn_make_the_sums_of_the_whole(low: int, high: int, digits: int, relu: bool) -> None:
    program = dense(low, high, relu=relu, seed=digits)
    x = codes(program, 20)
    assert (dataflow.run(placed(program, digits), [x])[0] == graphs.run(program, [x])[0]).all()


@pytest.mark.parametrize(("low", "pads"), [(0, ((1, 1), (0, 1))), (-8, ((0, 0), (0, 0)))])
def test_windows_show_the_digits_of_their_pixels(low: int, pads: tuple[tuple[int, int], tuple[int, int]]) -> None:
    program = conv(low, 7, pads)
    x = codes(program, 6)
    for digits in (2, 4):
        assert (dataflow.run(placed(program, digits), [x])[0] == graphs.run(program, [x])[0]).all()


def test_signed_pixels_with_padding_are_refused_with_the_way_out() -> None:
    with pytest.raises(Unsupported, match="digits: 1"):
        placed(conv(-8, 7, ((1, 1), (0, 0))), 2)


def test_every_total_on_the_way_lies_in_its_range() -> None:
    program = placed(dense(-100, 27), 3)
    node = next(n for n in program.nodes if isinstance(n.op, Accumulate))
    assert isinstance(node.op, Accumulate)
    partial = [replace(node.op, count=n, tail=None) for n in (1, 2, 3)]
    digits = dataflow.trace(program, [codes(dense(-100, 27), 500)])[1].reshape(500, 3, -1)
    for count, op in enumerate(partial, 1):
        found = dataflow.evaluate(op, node.type, [digits[:, :count]])
        assert (found >= op.low.array).all()
        assert (found <= op.high.array).all()


def test_a_frame_takes_as_many_cycles_as_there_are_digits() -> None:
    for digits in (2, 4):
        program = Buffer()(placed(dense(0, 255), digits, 200.0))
        assert timetable(program).initiation_cycles == digits


def test_turns_take_fewer_luts() -> None:
    found = [
        sum(
            area.luts
            for area in predict_stream(Buffer()(placed(dense(0, 255, 32, 16), n, 200.0)), XCVU9P).actors.values()
        )
        for n in (1, 2, 4)
    ]
    assert found[1] < 0.8 * found[0]
    assert found[2] < 0.8 * found[1]


def test_only_turns_that_make_digits_narrower_are_worth_having() -> None:
    assert turns(8) == [2, 3, 4, 8]
    assert turns(1) == []
    assert digits_of([Word(0, 255)], 5) == Digits(4, 2)
    assert digits_of([Word(-3, 1), Word(0, 5)], 2) == Digits(2, 2, 8)


def test_digits_that_do_not_hold_the_word_are_refused() -> None:
    program = placed(dense(-8, 7), 2)
    node = next(n for n in program.nodes if isinstance(n.op, Digits))
    for wrong in (Digits(1, 2, 8), Digits(2, 2, 0), Digits(2, 2, 4)):
        with pytest.raises(InvalidProgram, match="digits of"):
            dataflow.infer(wrong, [program.nodes[node.args[0]].type])
