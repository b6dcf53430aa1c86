"""Several pixels at a time: the same images, in fewer words."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.core.errors import Unsupported
from bitwright.cost.timetable import timetable
from bitwright.explore import explore_graph
from bitwright.ir import dataflow
from bitwright.ir import graph as graphs
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Conv, MaxPool, SumPool
from bitwright.numeric import Ints, Steps
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Kernel, Place
from bitwright.passes.streaming.pixels import neighbors_of
from bitwright.passes.streaming.view import View
from bitwright.platforms import device

XCVU9P = device("xcvu9p")
ONE = Steps.of(1)
SAME, VALID = ((1, 1), (1, 1)), ((0, 0), (0, 0))
Pads = tuple[tuple[int, int], tuple[int, int]]


def conv(pads: Pads, strides: tuple[int, int] = (1, 1), dilation: tuple[int, int] = (1, 1), *, low: int = 0) -> Graph:
    rng = np.random.default_rng(3)
    b = GraphBuilder()
    x = b.input(TensorType((5, 12, 2), Ints(low), Ints(7), ONE), "x")
    op = Conv(Ints(rng.integers(-3, 4, (3, 3, 2, 3))), Ints(rng.integers(-9, 9, 3)), strides, pads, dilation)
    return b.graph("conv", [b.apply(op, [x], step=ONE, name="layer")])


def pool(kind: type[MaxPool] | type[SumPool], pads: Pads = VALID) -> Graph:
    b = GraphBuilder()
    x = b.input(TensorType((4, 8, 3), Ints(-9), Ints(7), ONE), "x")
    return b.graph("pool", [b.apply(kind((2, 2), (2, 2), pads), [x], step=ONE, name="layer")])


def placed(program: Graph, pixels: int) -> dataflow.Dataflow:
    lanes = pixels * program.nodes[0].type.shape[-1]
    told = {"layer": Folding(lanes, kernel=Kernel.UNROLLED), "x": Folding(lanes)}
    return dataflow.check(Place(XCVU9P, None, told)(program))


def same(program: Graph, made: dataflow.Dataflow) -> bool:
    type = program.nodes[0].type
    x = np.random.default_rng(1).integers(int(type.low.array.min()), 8, (5, *type.shape))
    return bool((dataflow.run(made, [x])[0] == graphs.run(program, [x])[0]).all())


@pytest.mark.parametrize(
    ("program", "pixels"),
    [
        (conv(SAME), 2),
        (conv(SAME, low=-8), 4),
        (conv(VALID), 2),
        (conv(((0, 1), (0, 1)), (2, 2)), 2),
        (conv(((0, 1), (0, 1)), (2, 2)), 4),
        (conv(((1, 1), (2, 2)), dilation=(1, 2)), 3),
        (pool(MaxPool), 2),
        (pool(MaxPool), 4),
        (pool(SumPool), 4),
        (pool(MaxPool, ((0, 0), (1, 1))), 2),
    ],
)
def test_words_of_several_pixels_hold_the_same_image(program: Graph, pixels: int) -> None:
    assert same(program, placed(program, pixels))


def test_twice_the_pixels_take_half_the_cycles() -> None:
    cycles = [timetable(Buffer()(placed(conv(VALID), n))).initiation_cycles for n in (1, 2)]
    assert cycles == [60, 30]


def test_rows_that_are_no_whole_words_are_refused_with_the_way_out() -> None:
    with pytest.raises(Unsupported, match="divides a row"):
        placed(conv(SAME), 5)
    assert neighbors_of(View((5, 12, 2), (3, 3), (1, 2), VALID, (1, 1)), 3) is None


def test_the_explorer_takes_several_pixels_where_the_pace_asks_for_them() -> None:
    program = conv(SAME)
    plan = explore_graph(program, XCVU9P, clock_mhz=200, target_fps=200e6 / 50)
    folding = plan.foldings["layer"]
    assert folding.kernel is Kernel.UNROLLED
    assert folding.lanes > 2
    made = Buffer()(Place(XCVU9P, 200, plan.foldings)(program))
    assert timetable(made).initiation_cycles <= 50
    assert same(program, made)
