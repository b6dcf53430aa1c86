"""Candidates of layers whose channels lie on steps of their own."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from bitwright.explore.candidates import stages_of
from bitwright.ir.graph import GraphBuilder, TensorType
from bitwright.ir.graph.ops import Conv
from bitwright.numeric import Ints, Steps
from bitwright.passes.streaming import Kernel
from bitwright.platforms import device


def test_a_layer_with_a_step_for_each_channel_is_sampled_by_columns() -> None:
    """A sum of many weights is placed with some of its columns; the steps of the others go with these."""
    rng = np.random.default_rng(0)
    builder = GraphBuilder()
    x = builder.input(TensorType((6, 6, 16), Ints(-8), Ints(7), Steps.of(1)), "x")
    weights, steps = rng.integers(-3, 4, (3, 3, 16, 16)), [Fraction(1 + n % 3, 8) for n in range(16)]
    op = Conv(Ints(weights), Ints(np.zeros(16, dtype=np.int64)), (1, 1), ((0, 0), (0, 0)), (1, 1))
    y = builder.apply(op, [x], step=Steps(steps, (16,)), name="conv")
    stages, _ = stages_of(builder.graph("net", [y]), device("xcvu9p"), 200.0)
    found = [c for s in stages for c in s.candidates if c.folding.kernel is Kernel.UNROLLED]
    assert found
    assert found[0].area.luts > 0
