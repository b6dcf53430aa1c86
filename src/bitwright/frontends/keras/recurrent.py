"""Recurrent layers, unrolled over time: a sum, maps between quantized points and products a step.

The same functions serve every step. What a step computes lies on a grid as long as its gates and
states do; where one does not, the layer is refused with the argument that would put it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers as kl
from numpy.typing import NDArray

from bitwright.core.errors import Inexact, Unsupported
from bitwright.core.rules import Rules
from bitwright.frontends.grid.elementwise import Elementwise
from bitwright.frontends.grid.exact import aligned_sum, product
from bitwright.frontends.grid.walk import Lazy, Walk
from bitwright.frontends.keras.activation import activation_piece
from bitwright.frontends.keras.linear import dense_of
from bitwright.frontends.keras.rules import lower
from bitwright.frontends.keras.weights import Linear
from bitwright.ir.graph.ops import Concat, Constant, Multiply, Reshape, Slice
from bitwright.numeric import Ints, Steps
from bitwright.train import layers as ql

__all__ = ["unrolled"]

Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class _Loop:
    """What all steps share: the layer's weights and functions. Methods take and return graph positions."""

    layer: str
    walk: Walk
    cell: Any
    weights: Weights
    state: Elementwise | None
    activation: Elementwise | None
    gate: Elementwise | None
    complement: Elementwise

    @property
    def units(self) -> int:
        return int(self.cell.units)

    def weight(self, name: str, columns: slice) -> NDArray[np.float32]:
        """Some columns of a weight."""
        return self.weights[name][..., columns]

    def total(self, terms: list[tuple[int, NDArray[np.float32]]], bias: NDArray[np.float32] | None) -> int:
        """The sum of x @ kernel over the terms, and the bias."""
        positions = [x for x, _ in terms]
        source = positions[0] if len(positions) == 1 else self.walk.emit(Concat(0), positions, self.layer)
        kernel = np.concatenate([k for _, k in terms])
        shape = self.walk.type(source).shape
        lazy = dense_of(self.layer, self.walk, Lazy(shape, source), Linear(kernel, bias, _same, _same, None))
        if lazy.chain or lazy.base is None:
            raise Unsupported(
                "its bias is not on the grid of its sums",
                where=f"layer '{self.layer}'",
                remedy="give bias_quantizer='quantized_bits(6,1,alpha=1)'",
            )
        return lazy.base

    def part(self, position: int, index: int) -> int:
        """Columns [index * units, (index + 1) * units) of a sum over several gates."""
        start, stop = index * self.units, (index + 1) * self.units
        return self.walk.emit(Slice((start,), (stop,), (1,)), [position], self.layer)

    def called(self, position: int, piece: Elementwise | None, argument: str) -> int:
        """The codes of piece(x)."""
        if piece is None:
            return position
        try:
            return self.walk.codes(Lazy(self.walk.type(position).shape, position, (piece,)), self.layer)
        except Unsupported as error:
            raise Unsupported(
                f"{argument} yields values on no grid",
                where=f"layer '{self.layer}'",
                why=error.what,
                remedy=_REMEDIES[argument],
            ) from error

    def gated(self, position: int) -> int:
        """The recurrent activation of a sum."""
        return self.called(position, self.gate, "recurrent_activation")

    def activated(self, position: int) -> int:
        """The activation of a sum or a state."""
        return self.called(position, self.activation, "activation")

    def read(self, states: list[int]) -> list[int]:
        """The states as a step reads them."""
        return [self.called(s, self.state, "state_quantizer") for s in states]

    def times(self, a: int, b: int) -> int:
        """a * b, exact in float32."""
        return product(self.walk, Multiply(), a, b, self.layer, _GROWS)

    def plus(self, a: int, b: int) -> int:
        """a + b, exact in float32."""
        return aligned_sum(self.walk, a, b, self.layer, _GROWS)


_GROWS = "give state_quantizer='quantized_bits(8,1,1)', a quantized recurrent_activation, or fewer bits"
_REMEDIES = {
    "recurrent_activation": "give recurrent_activation='quantized_sigmoid(4)' (or QKeras's 'hard_sigmoid')",
    "activation": "give activation='quantized_tanh(8)'",
    "state_quantizer": "give state_quantizer='quantized_bits(8,1,1)'",
}


def _same(x: Any) -> Any:
    return x


step: Rules[[_Loop, int, list[int]], tuple[int, list[int]]] = Rules("step of a recurrent cell")
"""(cell, loop, input, states as they are read) -> (output, new states)."""


@step.on(ql.QSimpleRNNCell)
def _(cell: Any, loop: _Loop, x: int, states: list[int]) -> tuple[int, list[int]]:
    every = slice(None)
    terms = [(x, loop.weight("kernel", every)), (states[0], loop.weight("recurrent_kernel", every))]
    out = loop.activated(loop.total(terms, loop.weights.get("bias")))
    return out, [out]


@step.on(ql.QLSTMCell)
def _(cell: Any, loop: _Loop, x: int, states: list[int]) -> tuple[int, list[int]]:
    every, (h, c) = slice(None), states
    terms = [(x, loop.weight("kernel", every)), (h, loop.weight("recurrent_kernel", every))]
    z = loop.total(terms, loop.weights.get("bias"))
    enter, forget, leave = (loop.gated(loop.part(z, index)) for index in (0, 1, 3))
    new = loop.activated(loop.part(z, 2))
    carry = loop.plus(loop.times(forget, c), loop.times(enter, new))
    out = loop.times(leave, loop.activated(carry))
    return out, [out, carry]


@step.on(ql.QGRUCell)
def _(cell: Any, loop: _Loop, x: int, states: list[int]) -> tuple[int, list[int]]:
    h, gates, last = states[0], slice(0, 2 * loop.units), slice(2 * loop.units, None)
    bias = loop.weights.get("bias")
    inner, outer = (bias, None) if bias is None or not cell.reset_after else (bias[0], bias[1])
    both = inner if outer is None else inner + outer  # pyright: ignore[reportOptionalOperand]
    terms = [(x, loop.weight("kernel", gates)), (h, loop.weight("recurrent_kernel", gates))]
    z = loop.total(terms, None if both is None else both[gates])
    update, reset = (loop.gated(loop.part(z, index)) for index in (0, 1))
    mine = (x, loop.weight("kernel", last))
    past = loop.weight("recurrent_kernel", last)
    if cell.reset_after:
        kept = loop.times(reset, loop.total([(h, past)], None if outer is None else outer[last]))
        total = loop.plus(loop.total([mine], None if inner is None else inner[last]), kept)
    else:
        total = loop.total([mine, (loop.times(reset, h), past)], None if inner is None else inner[last])
    new = loop.activated(total)
    rest = loop.called(update, loop.complement, "recurrent_activation")
    out = loop.plus(loop.times(update, h), loop.times(rest, new))
    return out, [out]


def _loop(layer: Any, walk: Walk, name: str) -> _Loop:
    cell = layer.cell
    if type(cell) not in step.kinds:
        raise Unsupported(
            f"no rule for the cell {type(cell).__name__}",
            where=f"layer '{name}'",
            remedy="use QSimpleRNN, QLSTM or QGRU",
        )
    if layer.stateful:
        raise Unsupported(
            "stateful=True: each call would depend on those before",
            where=f"layer '{name}'",
            remedy="use stateful=False and give whole sequences",
        )
    weights: Weights = {key: np.asarray(value.z) for key, value in cell.quantized_weights().items()}
    gate = getattr(cell, "recurrent_activation", None)
    return _Loop(
        name,
        walk,
        cell,
        weights,
        _piece(cell.state_quantizer, name, "state_quantizer"),
        _piece(cell.activation, name, "activation"),
        _piece(gate, name, "recurrent_activation"),
        Elementwise(name, lambda x: 1 - x),
    )


def _piece(function: Any, name: str, argument: str) -> Elementwise | None:
    if function is None or function is keras.activations.linear:
        return None
    piece = activation_piece(function, name, function)
    if piece.head is not None:
        raise Unsupported(
            f"{argument}={getattr(function, '__name__', function)!r} is a float function",
            where=f"layer '{name}'",
            why="inside the loop its values would have to lie on a grid",
            remedy=_REMEDIES[argument],
        )
    return piece


def unrolled(layer: Any, walk: Walk, source: int, name: str) -> tuple[list[int], list[int]]:
    """(outputs of the steps in the order of time they are made, last states) of a recurrent layer.

    source: position of the sequence (steps, features). Raises `Unsupported` or `Inexact` by name.
    """
    loop = _loop(layer, walk, name)
    length, features = walk.type(source).shape
    sizes = len(layer.state_size)
    zero = Constant(Ints(np.zeros(loop.units, dtype=np.int64)))
    states = [walk.emit(zero, [], name, Steps.of(1))] * sizes
    outputs: list[int] = []
    order = range(length)[::-1] if layer.go_backwards else range(length)
    for time in order:
        row = walk.emit(Slice((time, 0), (time + 1, features), (1, 1)), [source], name)
        x = walk.emit(Reshape((features,)), [row], name)
        out, states = step(loop.cell, loop, x, loop.read(states))
        outputs.append(out)
    walk.note(name, True, f"{length} steps unrolled; products and sums of gates and states stay below 2**24: exact")
    return outputs, states


def sequence(walk: Walk, outputs: list[int], name: str) -> int:
    """The outputs of the steps as one tensor (steps, units)."""
    units = walk.type(outputs[0]).shape[-1]
    rows = [walk.emit(Reshape((1, units)), [o], name) for o in walk.aligned(outputs, name)]
    return walk.emit(Concat(0), rows, name)


def _lazy(walk: Walk, position: int) -> Lazy:
    return Lazy(walk.type(position).shape, position)


def _source(layer: Any, walk: Walk, lazy: Lazy) -> int:
    position = walk.codes(lazy, layer.name)
    type = walk.type(position)
    if not type.step.dyadic:
        raise Inexact(
            f"its input's step {type.step} is no power of two",
            where=f"layer '{layer.name}'",
            why="Keras's float32 sums round then, and the error would go round the loop",
            remedy="put bw.QActivation('quantized_bits(8,1,alpha=1)') before it",
        )
    return position


@lower.on(ql.QSimpleRNN, ql.QLSTM, ql.QGRU, kl.RNN)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Any:
    source = _source(layer, walk, inputs[0])
    outputs, states = unrolled(layer, walk, source, layer.name)
    result = sequence(walk, outputs, layer.name) if layer.return_sequences else outputs[-1]
    found = [_lazy(walk, p) for p in (result, *(states if layer.return_state else ()))]
    return found if layer.return_state else found[0]


@lower.on(ql.QBidirectional)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Any:
    name, source = layer.name, _source(layer, walk, inputs[0])
    forward, left = unrolled(layer.forward_layer, walk, source, name)
    backward, right = unrolled(layer.backward_layer, walk, source, name)
    if layer.return_sequences:
        both = [sequence(walk, forward, name), sequence(walk, backward[::-1], name)]
    else:
        both = [forward[-1], backward[-1]]
    found = _merged(layer, walk, both)
    if layer.return_state:
        found += [_lazy(walk, p) for p in (*left, *right)]
    return found if len(found) > 1 else found[0]


def _merged(layer: Any, walk: Walk, both: list[int]) -> list[Lazy]:
    name, axes = layer.name, len(walk.type(both[0]).shape)
    left, right = both
    match layer.merge_mode:
        case None:
            return [_lazy(walk, p) for p in both]
        case "concat":
            return [_lazy(walk, walk.emit(Concat(axes - 1), walk.aligned(both, name), name))]
        case "mul":
            return [_lazy(walk, product(walk, Multiply(), left, right, name, _GROWS))]
        case mode:
            total = _lazy(walk, aligned_sum(walk, left, right, name, _GROWS))
            return [total.then(Elementwise(name, lambda x: x / 2)) if mode == "ave" else total]
