"""Wider dense layers compute the same, and keep to the kind of weights that they have."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.core.errors import Unsupported
from bitwright.flow.vectors import random_codes
from bitwright.ir import graph as graphs
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Add, Dense, Map
from bitwright.numeric import IntArray, Ints, Steps, Thresholds
from bitwright.passes.streaming import Recode, Widen, legal_foldings


def network(weights: IntArray, *, joined: bool = False) -> Graph:
    builder = GraphBuilder()
    x = builder.input(TensorType((12,), Ints(0), Ints(1), Steps.of(1)), "x")
    y = builder.apply(Dense(Ints(weights), Ints([1] * 8)), [x], step=Steps.of(1), name="first")
    steps = Thresholds(Ints([[n - 3] for n in range(8)]), Ints([[-1, 1]] * 8))
    y = builder.apply(Map(steps, Ints(np.arange(8))), [y], step=Steps.of(1), name="sign")
    if joined:
        y = builder.apply(Add(), [y, y], name="twice")
    y = builder.apply(Dense(Ints(weights[:8, :4]), Ints([0] * 4)), [y], step=Steps.of(1), name="last")
    return Recode()(builder.graph("net", [y]))


def drawn(*choices: int) -> IntArray:
    return np.random.default_rng(1).choice(choices, (12, 8)).astype(np.int64)


@pytest.mark.parametrize("choices", [(-1, 1), (-1, 0, 1), (-4, -3, 2, 3)])
def test_more_outputs_than_needed_change_nothing(choices: tuple[int, ...]) -> None:
    graph = network(drawn(*choices))
    wider = graphs.check(Widen({"first": 11})(graph))
    codes = random_codes(graph, 200, 0)
    assert (graphs.run(wider, codes)[0] == graphs.run(graph, codes)[0]).all()
    dense = [n for n in wider.nodes if isinstance(n.op, Dense)]
    assert [n.op.weights.shape for n in dense] == [(12, 11), (11, 4)]
    assert {f.units for f in legal_foldings(dense[0].op, dense[0], [wider.nodes[0].type])} == {1, 11}


def test_weights_of_two_values_stay_so() -> None:
    wider = Widen({"first": 11})(network(drawn(-1, 1)))
    for node in wider.nodes:
        if isinstance(node.op, Dense):
            weights = node.op.weights.array
            assert len(np.unique(np.abs(weights))) == 1


def test_a_layer_that_others_read_too_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="first"):
        Widen({"first": 11})(network(drawn(-1, 1), joined=True))
