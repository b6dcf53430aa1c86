"""Softmax and layer normalization between quantized points: sums, products and tables, all exact."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.elementwise import Elementwise
from bitwright.frontends.grid.exact import aligned_difference, largest, one_step, product, total
from bitwright.frontends.grid.walk import Lazy, Walk
from bitwright.frontends.keras.activation import activation_piece
from bitwright.frontends.keras.rules import lower
from bitwright.ir.graph.ops import Constant, Map, Maximum, Minimum, Multiply
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.train import layers as ql

__all__ = ["quantized_piece", "softmax_of"]

_FEWER = "use quantizers with fewer bits"
_ONE = Steps.of(1)


def quantized_piece(quantizer: Any, call: Any, name: str, argument: str) -> Elementwise:
    """What a layer's method computes up to and with `quantizer`; refuses to go without one."""
    if quantizer is None:
        raise Unsupported(
            f"{argument}=None leaves floats between the tables",
            where=f"layer '{name}'",
            remedy=f"give {argument}='quantized_bits(8,2,alpha=1)' or another quantizer",
        )
    return activation_piece(quantizer, name, call)


def _codes(walk: Walk, position: int, piece: Elementwise) -> int:
    return walk.codes(Lazy(walk.type(position).shape, position, (piece,)), piece.layer)


def softmax_of(layer: Any, walk: Walk, source: int, name: str, kept: NDArray[np.bool_] | None = None) -> Lazy:
    """`QSoftmax` over the last axis of the codes at `source`; where `kept` is false an element counts as 0."""
    x = one_step(walk, source, name)
    type = walk.type(x)
    seen = x
    if kept is not None:
        low, high = int(type.low.array.min()), int(type.high.array.max())
        limit = Constant(Ints(np.where(kept, high + 1, low)))
        seen = walk.emit(Minimum(), [x, walk.emit(limit, [], name, type.step)], name)
    below = aligned_difference(walk, x, largest(walk, seen, name), name, _FEWER)
    e = _codes(walk, _at_most_zero(walk, below, name), _piece(layer, "exp", layer.exponential, name))
    if kept is not None:
        e = product(walk, Multiply(), e, walk.emit(Constant(Ints(kept.astype(np.int64))), [], name, _ONE), name, _FEWER)
    r = _codes(walk, total(walk, e, name, _FEWER), _piece(layer, "inverse", layer.inverse, name))
    y = product(walk, Multiply(), e, r, name, _FEWER)
    walk.note(name, True, "softmax of integers: exponential and inverse are tables, sums and products exact")
    return Lazy(type.shape, y, (_piece(layer, "output", layer.output_of, name),))


def _piece(layer: Any, prefix: str, call: Any, name: str) -> Elementwise:
    argument = f"{prefix}_quantizer"
    return quantized_piece(getattr(layer, argument), call, name, argument)


def _at_most_zero(walk: Walk, position: int, name: str) -> int:
    """The codes, known to be at most 0: intervals alone do not see that x <= max x."""
    low = int(walk.type(position).low.array.min())
    column = [Ints([v]) for v in (1, 0, 0, min(low, 0), 0)]
    form = ShiftRoundSaturate(column[0], column[1], column[2], Rounding.FLOOR, column[3], column[4])
    return walk.emit(Map(form, Ints(0)), [position], name, walk.type(position).step)


@lower.on(ql.QSoftmax)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    _last_axis(layer, len(inputs[0].shape))
    return softmax_of(layer, walk, walk.codes(inputs[0], layer.name), layer.name)


def _last_axis(layer: Any, rank: int) -> None:
    axes = list(layer.axis) if isinstance(layer.axis, list | tuple) else [layer.axis]
    if axes not in ([-1], [rank]):
        raise Unsupported(f"axis={layer.axis}", where=f"layer '{layer.name}'", remedy="normalize the last axis")


@lower.on(ql.QLayerNormalization)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    name = layer.name
    _last_axis(layer, len(inputs[0].shape))
    x = one_step(walk, walk.codes(inputs[0], name), name)
    count = walk.type(x).shape[-1]
    mean = quantized_piece(layer.mean_quantizer, lambda s: layer.mean(s, count), name, "mean_quantizer")
    d = aligned_difference(walk, x, _codes(walk, total(walk, x, name, _FEWER), mean), name, _FEWER)
    squares = product(walk, Multiply(), d, d, name, _FEWER)
    # Intervals alone do not see that squares are not negative.
    zero = walk.emit(Constant(Ints(0)), [], name, walk.type(squares).step)
    variance = total(walk, walk.emit(Maximum(), [squares, zero], name), name, _FEWER)
    inverse = quantized_piece(layer.inverse_quantizer, lambda v: layer.inverse(v, count), name, "inverse_quantizer")
    y = product(walk, Multiply(), d, _codes(walk, variance, inverse), name, _FEWER)
    walk.note(name, True, "mean and inverse deviation are tables of exact sums")
    channelwise = bool(layer.scale or layer.center)
    if not channelwise and layer.activation is keras.activations.linear:
        return Lazy(walk.type(y).shape, y)
    piece = activation_piece(layer.activation, name, layer.epilogue)
    return Lazy(walk.type(y).shape, y, (replace(piece, channelwise=channelwise),))
