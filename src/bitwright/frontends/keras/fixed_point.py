"""`QFixedPoint`: an encoder on a float input; on codes a shift that rounds, a saturation, or the low bits alone."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import keras
import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.elementwise import Elementwise
from bitwright.frontends.grid.walk import Lazy, Walk, then
from bitwright.frontends.keras.rules import lower
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import Map, Reshape, Subtract
from bitwright.ir.interface import FixedEncoder
from bitwright.numeric import IntArray, Ints, Overflow, Rounding, ShiftRoundSaturate, Steps, Table, is_dyadic
from bitwright.train import layers as ql
from bitwright.train.layers.fixed_point import FixedPoint

__all__ = ["entered", "limited", "quantized"]

_ENUMERATED = 1 << 16
_FAR = 1 << 60
_DEEPEST = 60


@lower.on(ql.QFixedPoint)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    lazy, told = inputs[0], layer.formats()
    if lazy.base is None and not lazy.chain and walk.input_format is None:
        return Lazy(lazy.shape, _even(layer.name, walk, entered(layer.name, walk, lazy, told)))
    if len(lazy.chain) == 1 and lazy.base is not None and lazy.chain[0].apply is keras.activations.relu:
        lazy = Lazy(lazy.shape, _positive(walk, lazy.base, lazy.chain[0].layer))
    plain = all(piece.step is not None for piece in lazy.chain[-1:])
    if plain and _powers_of_two(walk.type(source := walk.codes(lazy, layer.name)).step):
        return Lazy(lazy.shape, quantized(layer.name, walk, source, told))
    position = _rounded_by_the_layer(layer, walk, lazy, told)
    return Lazy(lazy.shape, quantized(layer.name, walk, position, told))


def _positive(walk: Walk, source: int, name: str) -> int:
    """A ReLU on the codes themselves: wide sums need no search for what it does to them."""
    none, one = Ints([0]), Ints([1])
    form = ShiftRoundSaturate(one, none, none, Rounding.FLOOR, none, Ints([_FAR]))
    walk.note(name, True, "a ReLU on the codes themselves")
    return walk.emit(Map(form, Ints(0)), [source], name, walk.type(source).step)


def _powers_of_two(steps: Steps) -> bool:
    return all(is_dyadic(s) and s.numerator & (s.numerator - 1) == 0 for s in steps.array.ravel())


def _rounded_by_the_layer(layer: Any, walk: Walk, lazy: Lazy, told: FixedPoint) -> int:
    """What lies before it and its own rounding as one function, on the finest of its steps."""
    shape = told.fraction.shape
    spatial = any(n > 1 for n in shape[:-1])
    channels = bool(shape) and shape[-1] > 1
    piece = Elementwise(
        layer.name, layer.rounded, channelwise=channels, elementwise=spatial,
        step=Fraction(2) ** -int(told.fraction.max()), steps_differ=channels and not spatial,
        variables=tuple(layer.variables),
    )  # fmt: skip
    return walk.codes(then(lazy, piece), layer.name)


def entered(name: str, walk: Walk, lazy: Lazy, told: FixedPoint) -> int:
    """The codes of a float input in these formats."""
    shape = walk.input_shapes[lazy.source]
    if any(not isinstance(move, Reshape) for move in lazy.moves):
        raise Unsupported(
            "axes move between the input and its quantizer",
            where=f"layer '{name}'",
            remedy="quantize the input first, then change its shape",
        )
    arrays = (told.fraction, told.low, told.high)
    if lazy.moves:
        arrays = tuple(np.broadcast_to(a, lazy.shape).reshape(shape) for a in arrays)
    fraction, low, high = arrays
    encoder = FixedEncoder(
        lazy.source, Ints(fraction).collapsed(), Ints(low).collapsed(), Ints(high).collapsed(), told.rounding,
        told.overflow,
    )  # fmt: skip
    step = Steps([Fraction(2) ** -int(f) for f in fraction.ravel()], fraction.shape)
    position = walk.entered(encoder, TensorType(shape, encoder.low, encoder.high, step), name)
    walk.note(name, True, "input encoder computes the formats on every finite float32")
    for move in lazy.moves:
        position = walk.emit(move, [position], name)
    return position


def quantized(name: str, walk: Walk, source: int, told: FixedPoint) -> int:
    """The codes at `source` rounded and limited to formats that broadcast against its shape.

    The result has a step per channel: where formats differ over space, the finest of all.
    """
    return _even(name, walk, limited(name, walk, source, told))


def _even(name: str, walk: Walk, position: int) -> int:
    step = walk.type(position).step
    return position if all(n == 1 for n in step.shape[:-1]) else walk.rescaled(position, step.finest, name)


def limited(name: str, walk: Walk, source: int, told: FixedPoint) -> int:
    """The same with the steps of the formats themselves."""
    position = _rounded(name, walk, source, told)
    if told.overflow is Overflow.WRAP:
        position = _wrapped(name, walk, position, told)
    walk.note(name, True, f"{told.rounding.value}, {told.overflow.value} on the codes themselves")
    return position


def _rounded(name: str, walk: Walk, source: int, told: FixedPoint) -> int:
    """Shift, round and saturate; what wraps is only shifted and rounded."""
    before = walk.type(source).step.array
    shape = np.broadcast_shapes(before.shape, told.fraction.shape)
    fraction = np.broadcast_to(told.fraction, shape)
    has = np.array([_exponent(s) for s in np.broadcast_to(before, shape).ravel()], dtype=np.int64).reshape(shape)
    shift = has - fraction
    low, high = (np.broadcast_to(a, shape) for a in (told.low, told.high))
    dead = low == high
    if told.overflow is Overflow.WRAP:
        low, high = np.where(dead, 0, -_FAR), np.where(dead, 0, _FAR)
    shift = np.where(dead, 0, np.clip(shift, -_DEEPEST, _DEEPEST))
    columns = np.stack([np.where(dead, 0, 1 << np.maximum(-shift, 0)), np.maximum(shift, 0), low, high])
    found, rows = np.unique(columns.reshape(4, -1), axis=1, return_inverse=True)
    mul, right, least, most = (Ints(column) for column in found)
    form = ShiftRoundSaturate(mul, Ints(np.zeros(found.shape[1], np.int64)), right, told.rounding, least, most)
    step = Steps([Fraction(2) ** -int(f) for f in fraction.ravel()], shape)
    where = Ints(rows.reshape(shape)) if found.shape[1] > 1 else Ints(0)
    return walk.emit(Map(form, where), [source], name, step)


def _exponent(step: Fraction) -> int:
    """How many bits behind the point codes of a step that is a power of two have."""
    return step.denominator.bit_length() - step.numerator.bit_length()


def _wrapped(name: str, walk: Walk, position: int, told: FixedPoint) -> int:
    """The low bits, where the codes that arrive may leave the formats."""
    type = walk.type(position)
    low, high = type.bounds()
    least, most = (np.broadcast_to(a, type.shape) for a in (told.low, told.high))
    if ((low >= least) & (high <= most)).all():
        return position
    if (high - low).max() < _ENUMERATED:
        return _table(name, walk, position, (low, high, least, most))
    return _subtracted(name, walk, position, least, most)


def _table(name: str, walk: Walk, position: int, ends: tuple[IntArray, IntArray, IntArray, IntArray]) -> int:
    found, rows = np.unique(np.stack(ends).reshape(4, -1), axis=1, return_inverse=True)
    low, high, least, most = found[..., None]
    codes = low + np.arange(int((high - low).max()) + 1)  # beyond `high`, which no code is, it wraps all the same
    size = most - least + 1
    form = Table(Ints(found[0]), Ints((codes - least) % size + least))
    where = Ints(rows.reshape(ends[0].shape)) if len(form.values.array) > 1 else Ints(0)
    return walk.emit(Map(form, where), [position], name, walk.type(position).step)


def _subtracted(name: str, walk: Walk, position: int, least: IntArray, most: IntArray) -> int:
    """x - 2**w * floor((x - low) / 2**w), for ranges that no table holds."""
    step = walk.type(position).step
    found, rows = np.unique(np.stack([least, most]).reshape(2, -1), axis=1, return_inverse=True)
    where = Ints(rows.reshape(least.shape)) if found.shape[1] > 1 else Ints(0)
    size = found[1] - found[0] + 1
    width = np.array([int(n).bit_length() - 1 for n in size], dtype=np.int64)
    none, far = Ints(np.zeros_like(size)), Ints(np.full_like(size, _FAR))
    near = Ints(-far.array)
    one = Ints(np.ones_like(size))
    turns = Map(ShiftRoundSaturate(one, Ints(-found[0]), Ints(width), Rounding.FLOOR, near, far), where)
    back = Map(ShiftRoundSaturate(Ints(size), none, none, Rounding.FLOOR, near, far), where)
    far_steps = np.broadcast_to(step.array, least.shape) * (most - least + 1).astype(object)
    turned = walk.emit(turns, [position], name, Steps(far_steps.ravel(), least.shape))
    whole = walk.emit(back, [turned], name, step)
    left = walk.emit(Subtract(), [position, whole], name)
    # It changes nothing, and tells what is proven.
    limit = Map(ShiftRoundSaturate(one, none, none, Rounding.FLOOR, Ints(found[0]), Ints(found[1])), where)
    return walk.emit(limit, [left], name, step)
