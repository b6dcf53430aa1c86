"""Whole designs for the cost models: graphs without Keras, of many shapes, widths and sparsities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bitwright.core.origin import Origin
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Conv, Dense, Map, MaxPool, Reshape
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Steps, Table

__all__ = ["Recipe", "convolutional", "matrix", "network"]

_ONE = Steps.of(1)


@dataclass(frozen=True)
class Recipe:
    """How a design's numbers are drawn: widths in bits, the share of weights that are not zero."""

    weight_bits: int = 6
    code_bits: int = 6
    input_bits: int = 8
    density: float = 1.0
    signed_input: bool = True
    rounding: Rounding = Rounding.FLOOR
    tables: bool = False
    seed: int = 0

    def weights(self, random: np.random.Generator, *shape: int) -> IntArray:
        """Bell-shaped weights, as training leaves them."""
        top = max((1 << self.weight_bits - 1) - 1, 1)
        drawn = np.rint(random.normal(0, top / 2.2, shape)).clip(-top, top).astype(np.int64)
        return drawn * (random.random(shape) < self.density)

    def input(self, shape: tuple[int, ...]) -> TensorType:
        """The type of an input tensor."""
        low = -(1 << self.input_bits - 1) if self.signed_input else 0
        return TensorType(shape, Ints(low), Ints(low + (1 << self.input_bits) - 1), _ONE)


def matrix(name: str, inputs: int, outputs: int, recipe: Recipe) -> Graph:
    """A constant matrix times a vector."""
    random = np.random.default_rng(recipe.seed)
    builder = GraphBuilder()
    x = builder.input(recipe.input((inputs,)), "x")
    dense = Dense(Ints(recipe.weights(random, inputs, outputs)), Ints(np.zeros(outputs, dtype=np.int64)))
    return builder.graph(name, [builder.apply(dense, [x], step=_ONE, origin=Origin("matrix"))])


def network(name: str, widths: Sequence[int], recipe: Recipe) -> Graph:
    """Dense layers of `widths` (inputs first) with biases; all but the last end in a quantized ReLU."""
    random = np.random.default_rng(recipe.seed)
    builder = GraphBuilder()
    x = builder.input(recipe.input((widths[0],)), "x")
    for number, (inputs, units) in enumerate(pairwise(widths), 1):
        x = _dense(builder, x, recipe, random, inputs, units, number)
        if number < len(widths) - 1:
            x = _activated(builder, x, recipe, number)
    return builder.graph(name, [x])


def _dense(
    builder: GraphBuilder, x: int, recipe: Recipe, random: np.random.Generator, inputs: int, units: int, number: int
) -> int:
    bias = random.integers(-(1 << recipe.weight_bits), 1 << recipe.weight_bits, units)
    op = Dense(Ints(recipe.weights(random, inputs, units)), Ints(bias))
    return builder.apply(op, [x], step=_ONE, origin=Origin(f"fc{number}"))


def _activated(builder: GraphBuilder, x: int, recipe: Recipe, number: int) -> int:
    """A quantized ReLU, or a table of a sigmoid behind a saturation, as wide codes ask for."""
    low, high = (int(e.min()) if i == 0 else int(e.max()) for i, e in enumerate(builder.type(x).bounds()))
    top = (1 << recipe.code_bits) - 1
    shift = max(int(max(-low, high)).bit_length() - recipe.code_bits - 1, 0)
    origin = Origin(f"relu{number}")
    if not recipe.tables:
        form = _saturating(shift, recipe.rounding, 0, top)
        return builder.apply(Map(form, Ints(0)), [x], step=_ONE, origin=origin)
    most = (1 << recipe.code_bits) - 1
    cut = Map(_saturating(shift, Rounding.FLOOR, -most - 1, most), Ints(0))
    x = builder.apply(cut, [x], step=_ONE, origin=Origin(f"clip{number}"))
    codes = np.arange(-most - 1, most + 1)
    values = np.rint(top / (1 + np.exp(-codes / (most / 3)))).astype(np.int64)
    return builder.apply(Map(Table(Ints([-most - 1]), Ints(values[None])), Ints(0)), [x], step=_ONE, origin=origin)


def _saturating(shift: int, rounding: Rounding, low: int, high: int) -> ShiftRoundSaturate:
    return ShiftRoundSaturate(Ints([1]), Ints([0]), Ints([shift]), rounding, Ints([low]), Ints([high]))


def convolutional(name: str, size: int, filters: Sequence[int], units: int, recipe: Recipe) -> Graph:
    """3x3 convolutions with quantized ReLU over a square picture, a pooling and a dense layer."""
    random = np.random.default_rng(recipe.seed)
    builder = GraphBuilder()
    x = builder.input(recipe.input((size, size, 1)), "x")
    channels = 1
    for number, count in enumerate(filters, 1):
        weights = Ints(recipe.weights(random, 3, 3, channels, count))
        bias = Ints(random.integers(-(1 << recipe.weight_bits), 1 << recipe.weight_bits, count))
        conv = Conv(weights, bias, (1, 1), ((0, 0), (0, 0)), (1, 1))
        x = builder.apply(conv, [x], step=_ONE, origin=Origin(f"conv{number}"))
        x, channels = _activated(builder, x, recipe, number), count
    x = builder.apply(MaxPool((2, 2), (2, 2), ((0, 0), (0, 0))), [x], origin=Origin("pool"))
    inputs = builder.type(x).size
    x = builder.apply(Reshape((inputs,)), [x], origin=Origin("flatten"))
    return builder.graph(name, [_dense(builder, x, recipe, random, inputs, units, len(filters) + 1)])
