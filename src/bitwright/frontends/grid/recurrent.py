"""Recurrent cells on a grid, one time step: a sum, maps between quantized points and products.

The same functions serve every step. What a step computes lies on a grid as long as its gates and
states do; where one does not, the cell is refused with what would put it there. Gates come in Keras's
order (LSTM: input, forget, new, output; GRU: update, reset, new); the frontends bring their weights into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.elementwise import Elementwise
from bitwright.frontends.grid.exact import aligned_sum, product
from bitwright.frontends.grid.walk import Lazy, Walk
from bitwright.ir.graph.ops import Concat, Multiply, Reshape, Slice

__all__ = ["Cell", "Remedies", "Step", "gru_step", "lstm_step", "simple_step", "stacked", "unrolled"]

Weights = dict[str, NDArray[np.float32]]
Summed = Callable[[int, NDArray[np.float32], NDArray[np.float32] | None], Lazy]


@dataclass(frozen=True)
class Remedies:
    """What to do about gates, activations and states on no grid, about states that grow, and about a float bias."""

    gate: str
    activation: str
    state: str
    grows: str
    bias: str


@dataclass(frozen=True)
class Cell:
    """What all steps share: weights, functions, and how the frontend sums. Methods take and return graph positions.

    weights: kernel (features, gates * units), recurrent_kernel (units, gates * units), perhaps bias.
    summed(x, kernel, bias): the frontend's exact sum. state: what a state passes before a step reads it;
    leave: what the LSTM's state passes before the output gate (None: nothing, as for the others).
    reset: what a GRU's reset state passes: its sum before the product (reset_after), else the product before the sum.
    """

    layer: str
    walk: Walk
    units: int
    weights: Weights
    summed: Summed
    state: Elementwise | None
    activation: Elementwise | None
    leave: Elementwise | None
    gate: Elementwise | None
    complement: Elementwise
    remedies: Remedies
    reset: Elementwise | None = None

    def weight(self, name: str, columns: slice) -> NDArray[np.float32]:
        """Some columns of a weight."""
        return self.weights[name][..., columns]

    def total(self, terms: list[tuple[int, NDArray[np.float32]]], bias: NDArray[np.float32] | None) -> int:
        """The sum of x @ kernel over the terms, and the bias."""
        positions = [x for x, _ in terms]
        source = positions[0] if len(positions) == 1 else self.walk.emit(Concat(0), positions, self.layer)
        lazy = self.summed(source, np.concatenate([k for _, k in terms]), bias)
        if lazy.chain or lazy.base is None:
            raise Unsupported(
                "its bias is not on the grid of its sums", where=f"layer '{self.layer}'", remedy=self.remedies.bias
            )
        return lazy.base

    def part(self, position: int, index: int) -> int:
        """Columns [index * units, (index + 1) * units) of a sum over several gates."""
        start, stop = index * self.units, (index + 1) * self.units
        return self.walk.emit(Slice((start,), (stop,), (1,)), [position], self.layer)

    def called(self, position: int, piece: Elementwise | None, argument: str, remedy: str) -> int:
        """The codes of piece(x)."""
        if piece is None:
            return position
        try:
            return self.walk.codes(Lazy(self.walk.type(position).shape, position, (piece,)), self.layer)
        except Unsupported as error:
            raise Unsupported(
                f"{argument} yields values on no grid", where=f"layer '{self.layer}'", why=error.what, remedy=remedy
            ) from error

    def gated(self, position: int) -> int:
        """The recurrent activation of a sum."""
        return self.called(position, self.gate, "recurrent_activation", self.remedies.gate)

    def activated(self, position: int) -> int:
        """The activation of a sum."""
        return self.called(position, self.activation, "activation", self.remedies.activation)

    def left(self, position: int) -> int:
        """The activation of a state."""
        return self.called(position, self.leave, "activation", self.remedies.activation)

    def settled(self, position: int) -> int:
        """What a GRU resets, or has reset."""
        return self.called(position, self.reset, "reset state", self.remedies.state)

    def rest(self, position: int) -> int:
        """1 less a gate."""
        return self.called(position, self.complement, "recurrent_activation", self.remedies.gate)

    def read(self, states: list[int]) -> list[int]:
        """The states as a step reads them."""
        return [self.called(s, self.state, "state_quantizer", self.remedies.state) for s in states]

    def times(self, a: int, b: int) -> int:
        """a * b, exact in float32."""
        return product(self.walk, Multiply(), a, b, self.layer, self.remedies.grows)

    def plus(self, a: int, b: int) -> int:
        """a + b, exact in float32."""
        return aligned_sum(self.walk, a, b, self.layer, self.remedies.grows)


Step = Callable[[Cell, int, list[int]], tuple[int, list[int]]]
"""(cell, input, states as they are read) -> (output, new states)."""


def simple_step(cell: Cell, x: int, states: list[int]) -> tuple[int, list[int]]:
    """activation(x @ kernel + h @ recurrent_kernel + bias)."""
    every = slice(None)
    terms = [(x, cell.weight("kernel", every)), (states[0], cell.weight("recurrent_kernel", every))]
    out = cell.activated(cell.total(terms, cell.weights.get("bias")))
    return out, [out]


def lstm_step(cell: Cell, x: int, states: list[int]) -> tuple[int, list[int]]:
    """c' = forget * c + enter * new; h' = leave * activation(c')."""
    every, (h, c) = slice(None), states
    terms = [(x, cell.weight("kernel", every)), (h, cell.weight("recurrent_kernel", every))]
    z = cell.total(terms, cell.weights.get("bias"))
    enter, forget, leave = (cell.gated(cell.part(z, index)) for index in (0, 1, 3))
    new = cell.activated(cell.part(z, 2))
    carry = cell.plus(cell.times(forget, c), cell.times(enter, new))
    out = cell.times(leave, cell.left(carry))
    return out, [out, carry]


def gru_step(cell: Cell, x: int, states: list[int], reset_after: bool) -> tuple[int, list[int]]:
    """h' = update * h + (1 - update) * new; reset_after: the bias is (2, 3 * units), and the reset scales a sum."""
    h, gates, last = states[0], slice(0, 2 * cell.units), slice(2 * cell.units, None)
    bias = cell.weights.get("bias")
    inner, outer = (bias, None) if bias is None or not reset_after else (bias[0], bias[1])
    both = inner if outer is None else inner + outer  # pyright: ignore[reportOptionalOperand]
    terms = [(x, cell.weight("kernel", gates)), (h, cell.weight("recurrent_kernel", gates))]
    z = cell.total(terms, None if both is None else both[gates])
    update, reset = (cell.gated(cell.part(z, index)) for index in (0, 1))
    mine = (x, cell.weight("kernel", last))
    past = cell.weight("recurrent_kernel", last)
    if reset_after:
        kept = cell.times(reset, cell.settled(cell.total([(h, past)], None if outer is None else outer[last])))
        total = cell.plus(cell.total([mine], None if inner is None else inner[last]), kept)
    else:
        kept = cell.settled(cell.times(reset, h))
        total = cell.total([mine, (kept, past)], None if inner is None else inner[last])
    new = cell.activated(total)
    out = cell.plus(cell.times(update, h), cell.times(cell.rest(update), new))
    return out, [out]


def unrolled(
    cell: Cell, step: Step, source: int, states: list[int], order: Iterable[int]
) -> tuple[list[int], list[int]]:
    """(outputs of the steps as they are made, last states) over the rows of `source` (steps, features) in `order`."""
    walk, name = cell.walk, cell.layer
    features = walk.type(source).shape[1]
    outputs: list[int] = []
    for time in order:
        row = walk.emit(Slice((time, 0), (time + 1, features), (1, 1)), [source], name)
        x = walk.emit(Reshape((features,)), [row], name)
        out, states = step(cell, x, cell.read(states))
        outputs.append(out)
    why = f"{len(outputs)} steps unrolled; products and sums of gates and states stay below 2**24: exact"
    walk.note(name, True, why)
    return outputs, states


def stacked(walk: Walk, outputs: list[int], name: str) -> int:
    """The outputs of the steps as one tensor (steps, units)."""
    units = walk.type(outputs[0]).shape[-1]
    rows = [walk.emit(Reshape((1, units)), [o], name) for o in walk.aligned(outputs, name)]
    return walk.emit(Concat(0), rows, name)

