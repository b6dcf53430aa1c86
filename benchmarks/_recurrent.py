"""Recurrent layers, step after step as frontends write them, ranking and attention: networks for streams."""

from __future__ import annotations

import numpy as np

from benchmarks._streams import Net
from bitwright.core.origin import Origin
from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    Dense,
    GraphOp,
    Map,
    MatMul,
    MaxPool,
    Multiply,
    Reshape,
    Slice,
    Subtract,
    SumPool,
    TopK,
    Transpose,
)
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps

__all__ = ["attention", "ranked", "recurrent"]

ONE = Steps.of(1)


class _Cell:
    """The operators of a step; states have five bits, gates three."""

    def __init__(self, net: Net, units: int) -> None:
        self.net, self.units = net, units
        self.held: dict[str, Dense] = {}

    def put(self, op: GraphOp, *args: int) -> int:
        """An operator of the layer."""
        return self.net.builder.apply(op, args, step=ONE, name="layer", origin=Origin("layer"))

    def clip(self, x: int, shift: int, low: int, high: int, mul: int = 1, add: int = 0) -> int:
        """(mul * x + add) >> shift, saturated."""
        parts = [Ints([n]) for n in (mul, add, shift, low, high)]
        form = ShiftRoundSaturate(parts[0], parts[1], parts[2], Rounding.FLOOR, parts[3], parts[4])
        return self.put(Map(form, Ints(0)), x)

    def dense(self, name: str, x: int, outputs: int) -> int:
        """The same sums in every step."""
        inputs = self.net.builder.type(x).shape[0]
        if name not in self.held:
            bias = Ints(self.net.draw.integers(-8, 9, outputs))
            self.held[name] = Dense(self.net.weights(4, inputs, outputs), bias)
        return self.put(self.held[name], x)

    def part(self, z: int, index: int) -> int:
        """The columns of a gate."""
        return self.put(Slice((index * self.units,), ((index + 1) * self.units,), (1,)), z)

    def gate(self, z: int, index: int) -> int:
        """0 to 7."""
        return self.clip(self.part(z, index), 3, 0, 7, add=16)

    def lstm(self, x: int, states: list[int]) -> list[int]:
        """Output and carry."""
        h, c = states
        z = self.dense("z", self.put(Concat(0), x, h), 4 * self.units)
        new = self.put(Multiply(), self.gate(z, 0), self.clip(self.part(z, 2), 2, -16, 15))
        c = self.clip(self.put(Add(), self.put(Multiply(), self.gate(z, 1), c), new), 3, -16, 15)
        return [self.clip(self.put(Multiply(), self.gate(z, 3), c), 3, -16, 15), c]

    def gru(self, x: int, states: list[int]) -> list[int]:
        """The reset behind the product."""
        (h,) = states
        z = self.dense("z", self.put(Concat(0), x, h), 2 * self.units)
        u, past = self.gate(z, 0), self.put(Multiply(), self.gate(z, 1), self.dense("u", h, self.units))
        own = self.clip(self.dense("n", x, self.units), 0, -2048, 2047, mul=8)
        new = self.clip(self.put(Add(), own, past), 5, -16, 15)
        rest = self.put(Multiply(), self.clip(u, 0, 0, 8, mul=-1, add=8), new)
        return [self.clip(self.put(Add(), self.put(Multiply(), u, h), rest), 3, -16, 15)]

    def gru_before(self, x: int, states: list[int]) -> list[int]:
        """The reset before the product: sums that read what follows from other sums."""
        (h,) = states
        z = self.dense("z", self.put(Concat(0), x, h), 2 * self.units)
        past = self.clip(self.put(Multiply(), self.gate(z, 1), h), 3, -16, 15)
        new = self.clip(self.dense("n", self.put(Concat(0), x, past), self.units), 3, -16, 15)
        u = self.gate(z, 0)
        rest = self.put(Multiply(), self.clip(u, 0, 0, 8, mul=-1, add=8), new)
        return [self.clip(self.put(Add(), self.put(Multiply(), u, h), rest), 3, -16, 15)]


def recurrent(kind: str, rows: int = 6, features: int = 4, units: int = 6, *, sequences: bool = False) -> Graph:
    """A layer of `kind` ("lstm", "gru", "gru_before"), its last result or all of them into a dense layer."""
    net = Net(f"{kind}{'_sequences' if sequences else ''}", (rows, features), -8, 7, seed=units)
    cell, x = _Cell(net, units), net.at
    zero = net.builder.apply(Constant(Ints(np.zeros(units, dtype=np.int64))), [], step=ONE, name="layer")
    states, outputs = [zero] * (2 if kind == "lstm" else 1), list[int]()
    for row in range(rows):
        given = cell.put(Reshape((features,)), cell.put(Slice((row, 0), (row + 1, features), (1, 1)), x))
        states = getattr(cell, kind)(given, states)
        outputs.append(states[0])
    rows_ = [cell.put(Reshape((1, units)), o) for o in outputs]
    net.at = cell.put(Concat(0), *rows_) if sequences else outputs[-1]
    return net.dense("d", 5, 4).graph()


def ranked(name: str) -> Graph:
    """A dense layer for each place, and the places of its three largest."""
    net = Net(name, (4, 6), -8, 7, seed=11)
    net.put(Dense(net.weights(4, 6, 12), net.weights(4, 12)), "d")
    return net.put(TopK(3), "top").graph()


def attention(name: str, heads: int = 2, tokens: int = 6, width: int = 4) -> Graph:
    """Queries, keys and values by dense layers; scores, a softmax of powers and shares, mixed values."""
    net = Net(name, (tokens, heads * width), -8, 7, seed=12)
    cell, x = _Cell(net, width), net.at
    none = ((0, 0), (0, 0))
    sides: list[int] = []
    for side, order in zip("qkv", ((1, 0, 2), (1, 2, 0), (1, 0, 2)), strict=True):
        op = Dense(net.weights(3, heads * width, heads * width), net.weights(3, heads * width))
        made = cell.clip(net.builder.apply(op, [x], step=ONE, name=side), 3, -8, 7)
        sides.append(cell.put(Transpose(order), cell.put(Reshape((tokens, heads, width)), made)))
    scores = cell.clip(cell.put(MatMul(), sides[0], sides[1]), 3, -8, 7)
    flat, back = (heads * tokens, tokens, 1), (heads, tokens, 1)
    most = cell.put(Reshape(back), cell.put(MaxPool((1, tokens), (1, 1), none), cell.put(Reshape(flat), scores)))
    power = cell.clip(cell.put(Subtract(), scores, most), 1, 0, 7, add=15)
    total = cell.put(Reshape(back), cell.put(SumPool((1, tokens), (1, 1), none), cell.put(Reshape(flat), power)))
    share = cell.clip(cell.put(Multiply(), power, cell.clip(total, 3, 1, 7, mul=-1, add=56)), 2, 0, 7)
    mixed = cell.put(Transpose((1, 0, 2)), cell.put(MatMul(), share, sides[2]))
    net.at = cell.clip(mixed, 2, -16, 15)
    return net.dense("d", 5, 3).graph()
