"""Pools and reductions."""

from __future__ import annotations

from math import prod

import numpy as np

from bitwright.core.errors import InvalidModel
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute.linear import full, padded, slid
from bitwright.frontends.qonnx.execute.table import Frame, Values, compute, room, whole
from bitwright.frontends.qonnx.model import Array

__all__ = ["pool_pads"]


def pool_pads(op: o.Pool, sizes: tuple[int, ...]) -> tuple[o.Pads, o.Pads]:
    """(before, after) per spatial axis: as told, and with what `ceil_mode` adds behind."""
    rank = len(op.kernel)
    if len(sizes) != rank:
        raise InvalidModel(f"a pool of {rank} axes on {len(sizes)} spatial axes")
    strides, dilations = full(op.strides, rank, "strides"), full(op.dilations, rank, "dilations")
    spans = tuple((k - 1) * d + 1 for k, d in zip(op.kernel, dilations, strict=True))
    pads = op.auto_pad.pads(op.pads, sizes, spans, strides)
    if len(pads) != rank:
        raise InvalidModel(f"{len(pads)} pads for {rank} spatial axes")
    if not op.ceil_mode:
        return pads, pads
    wider: list[tuple[int, int]] = []
    for size, span, stride, (before, after) in zip(sizes, spans, strides, pads, strict=True):
        steps = -(-(size + before + after - span) // stride)
        if steps * stride >= size + before:  # a window that begins in the padding behind does not count
            steps -= 1
        wider.append((before, max(after, steps * stride + span - size - before)))
    return pads, tuple(wider)


def _pooled(op: o.Pool, x: Array, pads: o.Pads, value: float) -> Array:
    """Windows (N, C, *out, kernel elements)."""
    rank = len(op.kernel)
    view = slid(padded(x, pads, value), op.kernel, full(op.strides, rank, "strides"), full(op.dilations, rank, "d"))
    room(view.shape)
    return view.reshape(*view.shape[: rank + 2], -1)


def _first(args: Values, channels_last: bool) -> Array:
    x = args[0]
    if x is None or x.ndim < 3:
        raise InvalidModel("a pool of a tensor without spatial axes")
    return np.moveaxis(x, -1, 1) if channels_last else x


@compute.on(o.MaxPool)
def _(op: o.MaxPool, args: Values, frame: Frame) -> Array:
    x = _first(args, op.channels_last)
    _, pads = pool_pads(op, x.shape[2:])
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    out = _pooled(op, x, pads, lowest).max(axis=-1)
    return np.moveaxis(out, 1, -1) if op.channels_last else out


@compute.on(o.AveragePool)
def _(op: o.AveragePool, args: Values, frame: Frame) -> Array:
    x = _first(args, False)
    told, wide = pool_pads(op, x.shape[2:])
    total = _pooled(op, x, wide, 0).sum(axis=-1, dtype=x.dtype)
    if not any(any(p) for p in wide):
        return total / np.asarray(prod(op.kernel), x.dtype)
    ones = np.ones((1, 1, *x.shape[2:]), x.dtype)
    if op.count_include_pad:  # the places that ceil_mode adds beyond the told padding never count
        ones = padded(ones, told, 1)
        wide = tuple((0, b - d) for (_, b), (_, d) in zip(wide, told, strict=True))
    return total / _pooled(op, ones, wide, 0).sum(axis=-1, dtype=x.dtype)


@compute.on(o.GlobalPool)
def _(op: o.GlobalPool, args: Values, frame: Frame) -> Array:
    x = _first(args, False)
    return op.function(x, tuple(range(2, x.ndim)), True)


@compute.on(o.QuantAveragePool)
def _(op: o.QuantAveragePool, args: Values, frame: Frame) -> Array:
    x = _first(args, op.channels_last)
    window = o.AveragePool(
        (op.kernel, op.kernel), (op.stride, op.stride), (), (), o.AutoPad.NOTSET, ceil_mode=False
    )
    total = np.rint(_pooled(window, x, ((0, 0), (0, 0)), 0).sum(axis=-1, dtype=np.float64)).astype(np.int64)
    out = (total >> op.shift).astype(np.float32)
    return np.moveaxis(out, 1, -1) if op.channels_last else out


@compute.on(o.Reduce)
def _(op: o.Reduce, args: Values, frame: Frame) -> Array:
    x = args[0]
    assert x is not None
    axes = whole(args[1]) if len(args) > 1 else ()
    if not axes and op.empty_is_none:
        return x
    return op.function(x, axes or None, op.keepdims)


@compute.on(o.Extreme)
def _(op: o.Extreme, args: Values, frame: Frame) -> Array:
    x = args[0]
    assert x is not None
    find = np.argmax if op.largest else np.argmin
    if op.last:
        found = x.shape[op.axis] - 1 - find(np.flip(x, op.axis), axis=op.axis, keepdims=op.keepdims)
    else:
        found = find(x, axis=op.axis, keepdims=op.keepdims)
    return np.asarray(found, np.int64)


@compute.on(o.TopK)
def _(op: o.TopK, args: Values, frame: Frame) -> tuple[Array, Array]:
    x = args[0]
    assert x is not None
    (k,) = whole(args[1])
    if not 0 <= k <= x.shape[op.axis]:
        raise InvalidModel(f"the first {k} of {x.shape[op.axis]}")
    # A stable order keeps the first of equals first; the largest come first when their negatives are sorted.
    order = np.argsort(-x if op.largest else x, axis=op.axis, kind="stable")
    places = np.take(order, np.arange(k), axis=op.axis)
    return np.take_along_axis(x, places, axis=op.axis), places.astype(np.int64)


@compute.on(o.Im2Col)
def _(op: o.Im2Col, args: Values, frame: Frame) -> Array:
    x = _first(args, True)
    view = slid(padded(x, op.pads), op.kernel, op.strides, op.dilations)
    room(view.shape)
    return view.transpose(0, 2, 3, 4, 5, 1).reshape(len(x), *view.shape[2:4], -1)
