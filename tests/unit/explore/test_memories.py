"""UltraRAM among the candidates: for lines, and for weights that are written at run time, where a device has it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bitwright.core.errors import Unsupported
from bitwright.cost.actors import predict_stream
from bitwright.explore import explore_graph
from bitwright.ir.dataflow.ops import MatVec, Memory, Rearrange
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Conv, Dense
from bitwright.ir.graph.writable import declared
from bitwright.numeric import Ints, Steps
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Place
from bitwright.platforms import device

PART = device("xczu7ev")
ONE = Steps.of(1)


def deep(writable: bool = False) -> Graph:
    """A convolution with long lines of many channels."""
    draw, b = np.random.default_rng(3), GraphBuilder()
    x = b.input(TensorType((6, 48, 16), Ints(-128), Ints(127), ONE), "x")
    op = Conv(Ints(draw.integers(-8, 8, (3, 3, 16, 2))), Ints([0, 0]), (1, 1), ((1, 1), (1, 1)), (1, 1))
    return b.graph("deep", [b.apply(declared(op, 4) if writable else op, [x], step=ONE, name="conv")])


def dense(writable: bool) -> Graph:
    draw, b = np.random.default_rng(3), GraphBuilder()
    x = b.input(TensorType((64,), Ints(-128), Ints(127), ONE), "x")
    op = Dense(Ints(draw.integers(-8, 8, (64, 64))), Ints(np.zeros(64, np.int64)))
    return b.graph("dense", [b.apply(declared(op, 4) if writable else op, [x], step=ONE, name="fc")])


def test_lines_go_to_ultra_memory_where_there_are_no_blocks() -> None:
    few = {"bram18s": 0.0, "luts": 900.0}
    plan = explore_graph(deep(), PART, clock_mhz=200, target_fps=2000, budget=few)
    assert plan.foldings["conv"].lines is Memory.ULTRA
    made = Buffer()(Place(PART, 200, plan.foldings)(deep()))
    (window,) = (n.op for n in made.nodes if isinstance(n.op, Rearrange))
    assert window.memory is Memory.ULTRA
    found = predict_stream(made, PART)
    assert found.urams == 1
    assert found.bram18s == 0


def test_a_device_without_ultra_memory_has_no_such_candidates() -> None:
    plan = explore_graph(deep(), replace(PART, urams=0), clock_mhz=200, target_fps=2000)
    assert plan.foldings["conv"].lines is not Memory.ULTRA


def test_weights_are_in_ultra_memory_only_where_they_are_written() -> None:
    few = {"bram18s": 0.0, "luts": 1200.0}
    plan = explore_graph(dense(writable=True), PART, clock_mhz=200, target_fps=40_000, budget=few)
    assert plan.foldings["fc"].weights is Memory.ULTRA
    made = Buffer()(Place(PART, 200, plan.foldings)(dense(writable=True)))
    assert any(isinstance(n.op, MatVec) and n.op.memory is Memory.ULTRA for n in made.nodes)
    assert predict_stream(made, PART).urams > 0
    told = {"fc": Folding(2, 2, weights=Memory.ULTRA), "x": Folding(2)}
    with pytest.raises(Unsupported, match="layer 'fc': weights in UltraRAM that nobody writes"):
        Place(PART, 200, told)(dense(writable=False))


def test_what_is_planned_for_writable_layers_is_what_is_placed() -> None:
    for graph, fps in ((dense(writable=True), 20_000), (deep(writable=True), 1000)):
        plan = explore_graph(graph, PART, clock_mhz=200, target_fps=fps)
        made = Buffer()(Place(PART, 200, plan.foldings)(graph))
        found = predict_stream(made, PART)
        assert found.bram18s == plan.area.bram18s
        assert found.urams == plan.area.urams
        # The slave and the channels' final depths are not in a plan.
        assert abs(found.total.luts - found.ends.luts - plan.area.luts) < 0.25 * plan.area.luts + 40
