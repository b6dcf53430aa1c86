"""Recurrent layers as graphs: step after step, as frontends write them."""

from __future__ import annotations

import numpy as np

from bitwright.core.origin import Origin
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Add, Concat, Constant, Dense, Map, Multiply, Reshape, Slice
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps

__all__ = ["CELLS", "Steps4", "recurrent"]

CELLS = ("simple", "lstm", "gru", "gru_before")
ONE = Steps.of(1)


class Steps4:
    """The operators of a step; codes of states have four bits."""

    def __init__(self, builder: GraphBuilder, units: int, features: int, seed: int) -> None:
        self.builder, self.units, self.features = builder, units, features
        self.draw = np.random.default_rng(seed)
        self.held: dict[tuple[str, int, int], Dense] = {}

    def clip(self, x: int, shift: int, low: int, high: int, mul: int = 1, add: int = 0) -> int:
        """(mul * x + add) >> shift, saturated."""
        parts = [Ints([n]) for n in (mul, add, shift, low, high)]
        form = ShiftRoundSaturate(parts[0], parts[1], parts[2], Rounding.FLOOR, parts[3], parts[4])
        return self.put(Map(form, Ints(0)), x)

    def put(self, op: object, *args: int) -> int:
        """An operator of the layer."""
        return self.builder.apply(op, args, step=ONE, name="layer", origin=Origin("layer"))  # type: ignore[arg-type]

    def dense(self, name: str, x: int, outputs: int) -> int:
        """The same sums in every step."""
        inputs = self.builder.type(x).shape[0]
        key = name, inputs, outputs
        if key not in self.held:
            weights, bias = self.draw.integers(-3, 4, (inputs, outputs)), self.draw.integers(-4, 5, outputs)
            self.held[key] = Dense(Ints(weights), Ints(bias))
        return self.put(self.held[key], x)

    def part(self, z: int, index: int) -> int:
        """The columns of a gate."""
        return self.put(Slice((index * self.units,), ((index + 1) * self.units,), (1,)), z)

    def gate(self, z: int, index: int) -> int:
        """A gate: 0 to 7."""
        return self.clip(self.part(z, index), 2, 0, 7, add=8)

    def read(self, states: list[int]) -> list[int]:
        """As a step reads them."""
        return [self.clip(s, 0, -8, 7) for s in states]

    def simple(self, x: int, states: list[int]) -> tuple[int, list[int]]:
        """A sum and its saturation."""
        h = self.clip(self.dense("z", self.put(Concat(0), x, *self.read(states)), self.units), 2, -8, 7)
        return h, [h]

    def lstm(self, x: int, states: list[int]) -> tuple[int, list[int]]:
        """Four gates, two states."""
        h, c = self.read(states)
        z = self.dense("z", self.put(Concat(0), x, h), 4 * self.units)
        kept = self.put(Multiply(), self.gate(z, 1), c)
        new = self.put(Multiply(), self.gate(z, 0), self.clip(self.part(z, 2), 2, -8, 7))
        c = self.put(Add(), kept, new)
        h = self.put(Multiply(), self.gate(z, 3), self.clip(c, 3, -8, 7))
        h, c = self.clip(h, 3, -16, 15), self.clip(c, 3, -16, 15)
        return h, [h, c]

    def gru(self, x: int, states: list[int]) -> tuple[int, list[int]]:
        """The reset behind the product: a sum of the state alone."""
        (h,) = self.read(states)
        z = self.dense("z", self.put(Concat(0), x, h), 2 * self.units)
        u, r = self.gate(z, 0), self.gate(z, 1)
        past = self.put(Multiply(), r, self.dense("u", h, self.units))
        new = self.clip(self.put(Add(), self.clip(self.dense("n", x, self.units), 0, -512, 511, mul=8), past), 4, -8, 7)
        kept, rest = self.put(Multiply(), u, h), self.put(Multiply(), self.clip(u, 0, 0, 8, mul=-1, add=8), new)
        out = self.clip(self.put(Add(), kept, rest), 3, -16, 15)
        return out, [out]

    def carried(self, x: int, states: list[int]) -> tuple[int, list[int]]:
        """A carry that is read before the sums of the output, which is the second state."""
        c, h = self.read(states)
        kept = self.put(Multiply(), self.clip(self.dense("g", x, self.units), 2, 0, 7, add=8), c)
        new = self.clip(self.dense("z", self.put(Concat(0), x, h), self.units), 0, -64, 63)
        c = self.clip(self.put(Add(), kept, new), 3, -16, 15)
        return self.clip(c, 1, -8, 7), [c, self.clip(c, 1, -8, 7)]

    def gru_before(self, x: int, states: list[int]) -> tuple[int, list[int]]:
        """The reset before the product: one sum after the other."""
        (h,) = self.read(states)
        z = self.dense("z", self.put(Concat(0), x, h), 2 * self.units)
        past = self.clip(self.put(Multiply(), self.gate(z, 1), h), 3, -8, 7)
        new = self.clip(self.dense("n", self.put(Concat(0), x, past), self.units), 2, -8, 7)
        out = self.clip(self.put(Add(), self.put(Multiply(), self.gate(z, 0), h), new), 2, -16, 15)
        return out, [out]


def recurrent(
    cell: str, length: int = 5, features: int = 3, units: int = 4, *, sequences: bool = False, backward: bool = False,
    seed: int = 0, dense: int = 0,
) -> Graph:  # fmt: skip
    """A layer of `cell` over `length` rows, unrolled; perhaps a dense layer of `dense` outputs behind it."""
    builder = GraphBuilder()
    x = builder.input(TensorType((length, features), Ints(-8), Ints(7), ONE), "x")
    steps, outputs = Steps4(builder, units, features, seed), list[int]()
    zero = builder.apply(Constant(Ints(np.zeros(units, dtype=np.int64))), [], step=ONE, name="layer")
    states = [zero] * (2 if cell in ("lstm", "carried") else 1)
    for time in range(length)[:: -1 if backward else 1]:
        row = steps.put(Reshape((features,)), steps.put(Slice((time, 0), (time + 1, features), (1, 1)), x))
        out, states = getattr(steps, cell)(row, states)
        outputs.append(out)
    rows = [steps.put(Reshape((1, units)), o) for o in outputs] if sequences else []
    made = steps.put(Concat(0), *rows) if sequences else outputs[-1]
    if dense:
        weights = Ints(steps.draw.integers(-3, 4, (units, dense)))
        op = Dense(weights, Ints(np.zeros(dense, dtype=np.int64)))
        made = builder.apply(op, [made], step=ONE, name="dense")
    return builder.graph(f"{cell}_{length}", [made])
