"""Tensors of more than three axes turn in streams as they do in the graph, a row at a time where that is enough."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.ir import dataflow as streams
from bitwright.ir.dataflow.ops import Rearrange
from bitwright.ir.graph import GraphBuilder, TensorType, run
from bitwright.ir.graph.ops import Reshape, Transpose
from bitwright.numeric import Ints, Steps
from bitwright.passes.buffer import Buffer
from bitwright.passes.streaming import Folding, Place
from bitwright.platforms import device

ONE = Steps.of(1)


@pytest.mark.parametrize(
    ("apart", "order"),
    [((4, 3, 3, 2, 2), (0, 3, 1, 4, 2)), ((4, 3, 2, 2, 3), (0, 2, 1, 3, 4)), ((4, 3, 6, 2), (2, 0, 3, 1))],
    ids=["depth to space, CRD", "depth to space, DCR", "across rows"],
)
@pytest.mark.parametrize("lanes", [1, 3, 12])
def test_any_order_of_more_than_three_axes(apart: tuple[int, ...], order: tuple[int, ...], lanes: int) -> None:
    builder = GraphBuilder()
    at = builder.input(TensorType((4, 3, 12), Ints(-8), Ints(7), ONE), "x")
    for name, op in (("apart", Reshape(apart)), ("turned", Transpose(order)), ("joined", Reshape((144,)))):
        at = builder.apply(op, [at], step=ONE, name=name)
    graph = builder.graph("net", [at])
    program = Buffer()(Place(device("xc7z020"), 100.0, {"x": Folding(lanes)})(graph))
    codes = [np.random.default_rng(0).integers(-8, 8, (3, 4, 3, 12))]
    assert np.array_equal(streams.run(program, codes)[0].reshape(3, 144), run(graph, codes)[0])
    (memory,) = (n.op for n in program.nodes if isinstance(n.op, Rearrange))
    assert (memory.depth < 100) == (order[0] == 0)
