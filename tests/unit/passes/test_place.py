"""Laying graphs out as streams: what cannot be is refused by name."""

from __future__ import annotations

import pytest

from bitwright.core.errors import Unsupported
from bitwright.ir.graph import GraphBuilder, TensorType
from bitwright.ir.graph.ops import Add, Constant, Upsample
from bitwright.numeric import Ints, Steps
from bitwright.passes.streaming import Place
from bitwright.platforms import device


def test_a_layer_that_no_input_reaches_is_refused_with_the_way_out() -> None:
    b, one = GraphBuilder(), Steps.of(1)
    x = b.input(TensorType((4,), Ints(0), Ints(3), one), "x")
    numbers = Ints([1, 2])
    told = b.add(Constant(numbers), (), TensorType((2,), numbers, numbers, one), "told")
    twice = b.apply(Upsample((2,)), [told], step=one, name="twice")
    graph = b.graph("constants", [b.apply(Add(), [x, twice], step=one, name="sum")])
    with pytest.raises(Unsupported, match=r"layer 'twice'.*\n?.*parallel"):
        Place(device("xcvu9p"))(graph)
