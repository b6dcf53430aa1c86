"""Recurrent layers, unrolled over time: the steps are those of `grid.recurrent`, the cells Keras's.

What a step computes lies on a grid as long as its gates and states do; where one does not, the layer is refused
with the argument that would put it there.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers as kl
from numpy.typing import NDArray

from bitwright.core.errors import Inexact, Unsupported
from bitwright.core.rules import Rules
from bitwright.frontends.grid.elementwise import Elementwise
from bitwright.frontends.grid.exact import aligned_sum, product
from bitwright.frontends.grid.recurrent import Cell, Remedies, gru_step, lstm_step, simple_step, stacked, unrolled
from bitwright.frontends.grid.walk import Lazy, Walk
from bitwright.frontends.keras.activation import activation_piece
from bitwright.frontends.keras.linear import dense_of
from bitwright.frontends.keras.rules import lower
from bitwright.frontends.keras.weights import Linear
from bitwright.ir.graph.ops import Concat, Constant, Multiply
from bitwright.numeric import Ints, Steps
from bitwright.train import layers as ql

__all__: list[str] = []

_GROWS = "give state_quantizer='quantized_bits(8,1,1)', a quantized recurrent_activation, or fewer bits"
_REMEDIES = {
    "recurrent_activation": "give recurrent_activation='quantized_sigmoid(4)' (or QKeras's 'hard_sigmoid')",
    "activation": "give activation='quantized_tanh(8)'",
    "state_quantizer": "give state_quantizer='quantized_bits(8,1,1)'",
}
_TOLD = Remedies(
    _REMEDIES["recurrent_activation"], _REMEDIES["activation"], _REMEDIES["state_quantizer"], _GROWS,
    "give bias_quantizer='quantized_bits(6,1,alpha=1)'",
)  # fmt: skip


def _same(x: Any) -> Any:
    return x


step: Rules[[Cell, int, list[int]], tuple[int, list[int]]] = Rules("step of a recurrent cell")
"""(Keras's cell, cell, input, states as they are read) -> (output, new states)."""


@step.on(ql.QSimpleRNNCell)
def _(own: Any, cell: Cell, x: int, states: list[int]) -> tuple[int, list[int]]:
    return simple_step(cell, x, states)


@step.on(ql.QLSTMCell)
def _(own: Any, cell: Cell, x: int, states: list[int]) -> tuple[int, list[int]]:
    return lstm_step(cell, x, states)


@step.on(ql.QGRUCell)
def _(own: Any, cell: Cell, x: int, states: list[int]) -> tuple[int, list[int]]:
    return gru_step(cell, x, states, bool(own.reset_after))


def _cell(layer: Any, walk: Walk, name: str) -> Cell:
    own = layer.cell
    if type(own) not in step.kinds:
        raise Unsupported(
            f"no rule for the cell {type(own).__name__}",
            where=f"layer '{name}'",
            remedy="use QSimpleRNN, QLSTM or QGRU",
        )
    if layer.stateful:
        raise Unsupported(
            "stateful=True: each call would depend on those before",
            where=f"layer '{name}'",
            remedy="use stateful=False and give whole sequences",
        )

    def summed(x: int, kernel: NDArray[np.float32], bias: NDArray[np.float32] | None) -> Lazy:
        return dense_of(name, walk, _lazy(walk, x), Linear(kernel, bias, _same, _same, None))

    gate = getattr(own, "recurrent_activation", None)
    activation = _piece(own.activation, name, "activation")
    return Cell(
        name,
        walk,
        int(own.units),
        {key: np.asarray(value.z) for key, value in own.quantized_weights().items()},
        summed,
        _piece(own.state_quantizer, name, "state_quantizer"),
        activation,
        activation,
        _piece(gate, name, "recurrent_activation"),
        Elementwise(name, lambda x: 1 - x),
        _TOLD,
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


def _steps(layer: Any, walk: Walk, source: int, name: str) -> tuple[list[int], list[int]]:
    """(outputs of the steps in the order of time they are made, last states) of a recurrent layer.

    source: position of the sequence (steps, features). Raises `Unsupported` or `Inexact` by name.
    """
    cell, length = _cell(layer, walk, name), walk.type(source).shape[0]
    zero = Constant(Ints(np.zeros(cell.units, dtype=np.int64)))
    states = [walk.emit(zero, [], name, Steps.of(1))] * len(layer.state_size)
    order = range(length)[::-1] if layer.go_backwards else range(length)
    return unrolled(cell, lambda c, x, s: step(layer.cell, c, x, s), source, states, order)


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
    outputs, states = _steps(layer, walk, source, layer.name)
    result = stacked(walk, outputs, layer.name) if layer.return_sequences else outputs[-1]
    found = [_lazy(walk, p) for p in (result, *(states if layer.return_state else ()))]
    return found if layer.return_state else found[0]


@lower.on(ql.QBidirectional)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Any:
    name, source = layer.name, _source(layer, walk, inputs[0])
    forward, left = _steps(layer.forward_layer, walk, source, name)
    backward, right = _steps(layer.backward_layer, walk, source, name)
    if layer.return_sequences:
        both = [stacked(walk, forward, name), stacked(walk, backward[::-1], name)]
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
