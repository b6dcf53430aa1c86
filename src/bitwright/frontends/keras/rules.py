"""One rule per Keras layer class: how it reads into the graph, or why it does not.

A rule gets (layer, walk, lazy inputs) and returns the lazy output. Attributes that are not
handled are refused by name in `refuse_attributes`; nothing is ignored silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
from keras import layers as kl
from keras import ops

from bitwright.core.errors import Unsupported
from bitwright.core.rules import Rules
from bitwright.frontends.grid.elementwise import Elementwise
from bitwright.frontends.grid.walk import Lazy, Walk
from bitwright.frontends.keras.activation import activation_piece, then
from bitwright.frontends.keras.linear import conv_like, dense_like, depthwise_like
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    GraphOp,
    Maximum,
    MaxPool,
    Minimum,
    Multiply,
    Pad,
    Reshape,
    Slice,
    Subtract,
    SumPool,
    Transpose,
    Upsample,
)
from bitwright.ir.interface import Head
from bitwright.train import layers as ql

__all__ = ["channels_last", "lower", "pool_pads"]

lower: Rules[[Walk, list[Lazy]], Lazy | list[Lazy]] = Rules("Keras layer")

def channels_last(layer: Any) -> None:
    """Refuse channels_first by name."""
    if getattr(layer, "data_format", None) == "channels_first":
        raise Unsupported(
            "data_format='channels_first'",
            where=f"layer '{layer.name}'",
            remedy="build the model with channels_last (keras.config.set_image_data_format)",
        )


# ---- inputs and things that do nothing ---------------------------------------------------------------


@lower.on(
    kl.Dropout, kl.SpatialDropout1D, kl.SpatialDropout2D, kl.GaussianNoise, kl.GaussianDropout, kl.AlphaDropout,
    kl.ActivityRegularization, kl.Identity,
)  # fmt: skip
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return inputs[0]


# ---- linear layers -----------------------------------------------------------------------------------


@lower.on(kl.Dense)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return dense_like(layer, walk, inputs[0])


@lower.on(kl.Conv1D, kl.Conv2D)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    channels_last(layer)
    return conv_like(layer, walk, inputs[0])


@lower.on(kl.DepthwiseConv1D, kl.DepthwiseConv2D)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    channels_last(layer)
    return depthwise_like(layer, walk, inputs[0])


# ---- element-wise ------------------------------------------------------------------------------------


@lower.on(ql.QActivation)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return then(inputs[0], activation_piece(layer.quantizer, layer.name, lambda x: layer(x)))


@lower.on(kl.Activation)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return then(inputs[0], activation_piece(layer.activation, layer.name, layer.activation))


@lower.on(kl.Softmax)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    if layer.axis not in (-1, len(inputs[0].shape)):
        raise Unsupported(f"softmax over axis {layer.axis}", where=f"layer '{layer.name}'", remedy="use the last axis")
    return inputs[0].then(Elementwise(layer.name, layer, head=Head.SOFTMAX))


@lower.on(kl.ReLU, kl.LeakyReLU)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return then(inputs[0], Elementwise(layer.name, layer))


@lower.on(kl.ELU)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return then(inputs[0], Elementwise(layer.name, layer, monotone=bool(layer.alpha >= 0)))


@lower.on(kl.Rescaling)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    axes = max(np.ndim(layer.scale), np.ndim(layer.offset))
    if axes > 1:
        raise Unsupported(
            f"scale or offset with {axes} axes",
            where=f"layer '{layer.name}'",
            remedy="give one number, or one a channel",
        )
    return then(inputs[0], Elementwise(layer.name, layer, channelwise=axes > 0))


@lower.on(kl.BatchNormalization)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    if list(axes) not in ([-1], [len(inputs[0].shape)]):
        raise Unsupported(f"axis={layer.axis}", where=f"layer '{layer.name}'", remedy="normalize the last axis")
    # Each channel is monotone by itself, whichever way; `grid` finds the direction per column.
    piece = Elementwise(layer.name, lambda x: layer(x, training=False), channelwise=True)
    return then(inputs[0], piece)


# ---- shapes ------------------------------------------------------------------------------------------


def _moved(layer: Any, walk: Walk, lazy: Lazy, op: GraphOp, shape: tuple[int, ...]) -> Lazy:
    """Apply a shape operator: on codes, or remembered while the input is still float."""
    if lazy.base is None and not lazy.chain:
        return Lazy(shape, None, (), lazy.source, (*lazy.moves, op))
    position = walk.emit(op, [walk.codes(lazy, layer.name)], layer.name)
    return Lazy(walk.type(position).shape, position)


@lower.on(kl.Flatten)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    channels_last(layer)
    size = (int(np.prod(inputs[0].shape, dtype=np.int64)),)
    return inputs[0] if inputs[0].shape == size else _moved(layer, walk, inputs[0], Reshape(size), size)


@lower.on(kl.Reshape)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    shape = tuple(int(d) for d in layer.compute_output_shape((None, *inputs[0].shape))[1:])
    return _moved(layer, walk, inputs[0], Reshape(shape), shape)


@lower.on(kl.Permute)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    order = tuple(int(d) - 1 for d in layer.dims)
    return _moved(layer, walk, inputs[0], Transpose(order), tuple(inputs[0].shape[a] for a in order))


@lower.on(kl.ZeroPadding1D, kl.ZeroPadding2D)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    channels_last(layer)
    pads = _pairs(layer.padding, len(inputs[0].shape) - 1)
    full = (*pads, (0, 0))
    shape = tuple(d + a + b for d, (a, b) in zip(inputs[0].shape, full, strict=True))
    return _moved(layer, walk, inputs[0], Pad(full), shape)


@lower.on(kl.Cropping1D, kl.Cropping2D)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    channels_last(layer)
    shape = inputs[0].shape
    cuts = (*_pairs(layer.cropping, len(shape) - 1), (0, 0))
    stops = tuple(d - b for d, (_, b) in zip(shape, cuts, strict=True))
    starts = tuple(a for a, _ in cuts)
    left = tuple(b - a for a, b in zip(starts, stops, strict=True))
    return _moved(layer, walk, inputs[0], Slice(starts, stops, (1,) * len(shape)), left)


@lower.on(kl.UpSampling1D, kl.UpSampling2D)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    channels_last(layer)
    if getattr(layer, "interpolation", "nearest") != "nearest":
        raise Unsupported(
            f"interpolation={layer.interpolation!r}", where=f"layer '{layer.name}'", remedy="use 'nearest'"
        )
    factors = (layer.size,) if isinstance(layer.size, int) else tuple(layer.size)
    full = (*factors, *(1,) * (len(inputs[0].shape) - len(factors)))
    shape = tuple(d * f for d, f in zip(inputs[0].shape, full, strict=True))
    return _moved(layer, walk, inputs[0], Upsample(full), shape)


def _pairs(told: Any, rank: int) -> tuple[tuple[int, int], ...]:
    if rank == 1 and not isinstance(told[0] if isinstance(told, tuple | list) else told, tuple | list):
        told = [told]
    pairs = [(p, p) if isinstance(p, int) else (int(p[0]), int(p[1])) for p in told]
    return tuple(pairs)


# ---- merging -----------------------------------------------------------------------------------------


def _merge(layer: Any, walk: Walk, inputs: Sequence[Lazy], op: GraphOp, align: bool = True) -> Lazy:
    positions = [walk.codes(lazy, layer.name) for lazy in inputs]
    if align:
        positions = walk.aligned(positions, layer.name)
    total = reduce(lambda a, b: walk.emit(op, [a, b], layer.name), positions)
    type = walk.type(total)
    walk.note(layer.name, *_float_sum(type, "element-wise on one common step"))
    return Lazy(type.shape, total)


def _float_sum(type: TensorType, how: str) -> tuple[bool, str]:
    if not type.step.dyadic:
        return False, how + "; float32 sums of steps that are no powers of two round"
    return type.largest < 1 << 24, how + f"; largest code {type.largest}"


@lower.on(kl.Add)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return _merge(layer, walk, inputs, Add())


@lower.on(kl.Subtract)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return _merge(layer, walk, inputs, Subtract())


@lower.on(kl.Multiply)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return _merge(layer, walk, inputs, Multiply(), align=False)


@lower.on(kl.Maximum)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return _merge(layer, walk, inputs, Maximum())


@lower.on(kl.Minimum)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return _merge(layer, walk, inputs, Minimum())


@lower.on(kl.Average)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    total = _merge(layer, walk, inputs, Add())
    return total.then(Elementwise(layer.name, lambda x: ops.divide(x, len(inputs))))


@lower.on(kl.Concatenate)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    axis = layer.axis if layer.axis < 0 else layer.axis - len(inputs[0].shape) - 1
    positions = [walk.codes(lazy, layer.name) for lazy in inputs]
    if axis != -1:  # over space, kernels want one step
        positions = walk.aligned(positions, layer.name)
    position = walk.emit(Concat(len(inputs[0].shape) + axis), positions, layer.name)
    return Lazy(walk.type(position).shape, position)


# ---- pooling -----------------------------------------------------------------------------------------


def pool_pads(
    shape: tuple[int, ...], pool: tuple[int, ...], strides: tuple[int, ...], padding: str
) -> tuple[tuple[int, int], ...]:
    """(before, after) per spatial axis, as Keras pads 'same' windows."""
    if padding == "valid":
        return tuple((0, 0) for _ in pool)
    pads: list[tuple[int, int]] = []
    for size, window, stride in zip(shape, pool, strides, strict=False):
        total = max((-(-size // stride) - 1) * stride + window - size, 0)
        pads.append((total // 2, total - total // 2))
    return tuple(pads)


def _window(layer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    pool = layer.pool_size if isinstance(layer.pool_size, tuple | list) else (layer.pool_size,)
    strides = layer.strides if isinstance(layer.strides, tuple | list) else (layer.strides,)
    return tuple(int(p) for p in pool), tuple(int(s) for s in strides)


@lower.on(kl.MaxPooling1D, kl.MaxPooling2D)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    channels_last(layer)
    pool, strides = _window(layer)
    pads = pool_pads(inputs[0].shape, pool, strides, layer.padding)
    position = walk.emit(MaxPool(pool, strides, pads), [walk.codes(inputs[0], layer.name)], layer.name)
    return Lazy(walk.type(position).shape, position)


@lower.on(kl.GlobalMaxPooling1D, kl.GlobalMaxPooling2D)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    channels_last(layer)
    space = inputs[0].shape[:-1]
    op = MaxPool(space, (1,) * len(space), ((0, 0),) * len(space))
    position = walk.emit(op, [walk.codes(inputs[0], layer.name)], layer.name)
    return _squeezed(layer, walk, position)


@lower.on(kl.AveragePooling1D, kl.AveragePooling2D)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    channels_last(layer)
    pool, strides = _window(layer)
    pads = pool_pads(inputs[0].shape, pool, strides, layer.padding)
    if any(p != (0, 0) for p in pads):
        raise Unsupported(
            "padding='same' averages over fewer elements at the border",
            where=f"layer '{layer.name}'",
            remedy="use padding='valid' or a size that the stride divides",
        )
    position = walk.emit(SumPool(pool, strides, pads), [walk.codes(inputs[0], layer.name)], layer.name)
    return _averaged(layer, walk, position, int(np.prod(pool)))


@lower.on(kl.GlobalAveragePooling1D, kl.GlobalAveragePooling2D)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    channels_last(layer)
    space = inputs[0].shape[:-1]
    op = SumPool(space, (1,) * len(space), ((0, 0),) * len(space))
    position = walk.emit(op, [walk.codes(inputs[0], layer.name)], layer.name)
    lazy = _averaged(layer, walk, position, int(np.prod(space)))
    if layer.keepdims:
        return lazy
    flat = (inputs[0].shape[-1],)
    base = walk.emit(Reshape(flat), [position], layer.name)
    return Lazy(flat, base, lazy.chain)


def _averaged(layer: Any, walk: Walk, position: int, area: int) -> Lazy:
    """The sum with the layer's own way to the average on it."""
    if hasattr(layer, "epilogue"):
        quantizer = getattr(layer, "activation", None)
        known = activation_piece(quantizer, layer.name, None).step if quantizer is not None else None
        piece = Elementwise(layer.name, layer.epilogue, step=known)
    else:
        piece = Elementwise(layer.name, lambda x: ops.divide(x, area))
    return Lazy(walk.type(position).shape, position, (piece,))


def _squeezed(layer: Any, walk: Walk, position: int) -> Lazy:
    if layer.keepdims:
        return Lazy(walk.type(position).shape, position)
    flat = (walk.type(position).shape[-1],)
    return Lazy(flat, walk.emit(Reshape(flat), [position], layer.name))


