"""MatMul multiplies two live tensors: the same integers at every size, ranges from all products, one step a side."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.ir.graph import GraphBuilder, TensorType, ops, run
from bitwright.ir.graph.emulator import Emulator
from bitwright.numeric import Ints, Steps


def product(left: TensorType, right: TensorType) -> GraphBuilder:
    builder = GraphBuilder()
    builder.apply(ops.MatMul(), [builder.input(left, "a"), builder.input(right, "b")], name="c")
    return builder


def tensor(shape: tuple[int, ...], low: int, high: int, step: float = 1.0) -> TensorType:
    return TensorType(shape, Ints(low), Ints(high), Steps.of(step))


@pytest.mark.parametrize("bits", [4, 11, 26, 29])
def test_products_are_exact_in_every_carrier(bits: int) -> None:
    rng, top = np.random.default_rng(bits), (1 << bits) - 1
    graph = product(tensor((2, 3, 5), -top, top), tensor((5, 4), -top, top)).graph("product", [2])
    a = rng.integers(-top, top, size=(7, 2, 3, 5), endpoint=True)
    b = rng.integers(-top, top, size=(7, 5, 4), endpoint=True)
    expected = [[x @ y for x in rows] for rows, y in zip(a.astype(object), b.astype(object), strict=True)]
    assert run(graph, [a, b])[0].tolist() == np.array(expected).tolist()
    assert np.array_equal(Emulator(graph)([a, b])[0], run(graph, [a, b])[0])


def test_ranges_and_steps_follow_from_both_sides() -> None:
    type = product(tensor((2, 3), -2, 1, 0.5), tensor((3, 2), 0, 5, 0.25)).type(2)
    assert (type.shape, int(type.low.array), int(type.high.array)) == ((2, 2), -30, 15)
    assert type.step.uniform == Fraction(1, 8)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidProgram, match="do not fit"):
        product(tensor((2, 3), 0, 1), tensor((2, 3), 0, 1))
    with pytest.raises(InvalidProgram, match="no matrices"):
        product(tensor((3,), 0, 1), tensor((3, 2), 0, 1))
    with pytest.raises(InvalidProgram, match="different steps"):
        product(TensorType((2, 2), Ints(0), Ints(1), Steps.of([1, 0.5])), tensor((2, 2), 0, 1))
    with pytest.raises(InvalidValue, match="a sum reaches"):
        product(tensor((2, 3), 0, 1 << 31), tensor((3, 2), 0, 1 << 31))
