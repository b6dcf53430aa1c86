"""Operators that move elements, or compute shapes."""

from __future__ import annotations

from math import prod

import numpy as np

from bitwright.core.errors import InvalidModel
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute.table import MOST, Frame, Values, compute, room, whole
from bitwright.frontends.qonnx.model import Array

__all__ = ["cuts", "flattened", "pad_pairs", "part_sizes"]


def _tensor(args: Values) -> Array:
    x = args[0]
    if x is None:
        raise InvalidModel("its first input is missing")
    return x


@compute.on(o.Reshape)
def _(op: o.Reshape, args: Values, frame: Frame) -> Array:
    """A first dimension that repeats the file's batch stands for the batch that runs."""
    x, shape = _tensor(args), list(whole(args[1]))
    if not op.allow_zero:
        shape = [x.shape[i] if n == 0 and i < x.ndim else n for i, n in enumerate(shape)]
    if shape and frame.batch != frame.told and shape[0] == frame.told and x.shape[:1] == (frame.batch,):
        shape[0] = frame.batch
    return x.reshape(shape)


def flattened(shape: tuple[int, ...], axis: int) -> tuple[int, int]:
    """The two sizes that Flatten leaves."""
    cut = axis if axis >= 0 else axis + len(shape)
    return prod(shape[:cut]), prod(shape[cut:])


@compute.on(o.Flatten)
def _(op: o.Flatten, args: Values, frame: Frame) -> Array:
    x = _tensor(args)
    return x.reshape(flattened(x.shape, op.axis))


@compute.on(o.Transpose)
def _(op: o.Transpose, args: Values, frame: Frame) -> Array:
    return _tensor(args).transpose(op.perm)


@compute.on(o.Squeeze)
def _(op: o.Squeeze, args: Values, frame: Frame) -> Array:
    axes = whole(args[1]) if len(args) > 1 and args[1] is not None else None
    return np.squeeze(_tensor(args), axes)


@compute.on(o.Unsqueeze)
def _(op: o.Unsqueeze, args: Values, frame: Frame) -> Array:
    return np.expand_dims(_tensor(args), whole(args[1]))


@compute.on(o.Concat)
def _(op: o.Concat, args: Values, frame: Frame) -> Array:
    tensors = [a for a in args if a is not None]
    if sum(a.size for a in tensors) > MOST:
        raise InvalidModel("a concatenation that takes too much memory")
    return np.concatenate(tensors, axis=op.axis)


def part_sizes(total: int, told: tuple[int, ...], parts: int) -> tuple[int, ...]:
    """How long each part of a Split is."""
    if told:
        if sum(told) != total or min(told) < 0 or len(told) != parts:
            raise InvalidModel(f"parts of {told[:8]} for {total} elements")
        return told
    each = -(-total // parts)
    return tuple(max(min(each, total - i * each), 0) for i in range(parts))


@compute.on(o.Split)
def _(op: o.Split, args: Values, frame: Frame) -> tuple[Array, ...]:
    x = _tensor(args)
    told = whole(args[1]) if len(args) > 1 else ()
    ends = np.cumsum(part_sizes(x.shape[op.axis], told, frame.outputs))
    return tuple(np.split(x, ends[:-1], axis=op.axis))


def cuts(shape: tuple[int, ...], args: Values) -> tuple[slice, ...]:
    """The slices that Slice takes of a tensor of this shape."""
    starts, ends = whole(args[1]), whole(args[2])
    rank = len(shape)
    axes = whole(args[3]) if len(args) > 3 and args[3] is not None else tuple(range(len(starts)))
    steps = whole(args[4]) if len(args) > 4 and args[4] is not None else (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps) or any(not -rank <= a < rank for a in axes):
        raise InvalidModel("starts, ends, axes and steps that do not fit")
    found = [slice(None)] * rank
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = shape[axis]
        # Python would read an end of -1 behind a negative step as the last element: ONNX clamps it first.
        first, last = (v + size if v < 0 else v for v in (start, end))
        low, high = (0, size) if step > 0 else (0, size - 1)
        first = min(max(first, low), high)
        last = min(max(last, low if step > 0 else -1), size)
        found[axis] = slice(first, None if last < 0 else last, step)
    return tuple(found)


@compute.on(o.Slice)
def _(op: o.Slice, args: Values, frame: Frame) -> Array:
    x = _tensor(args)
    return x[cuts(x.shape, args)]


def pad_pairs(rank: int, args: Values) -> list[tuple[int, int]]:
    """(before, after) for each axis of the tensor."""
    pads = whole(args[1])
    axes = whole(args[3]) if len(args) > 3 and args[3] is not None else tuple(range(rank))
    if len(pads) != 2 * len(axes) or any(not -rank <= a < rank for a in axes):
        raise InvalidModel(f"{len(pads)} pads for {len(axes)} axes")
    found = [(0, 0)] * rank
    for i, axis in enumerate(axes):
        found[axis] = (pads[i], pads[i + len(axes)])
    return found


@compute.on(o.Pad)
def _(op: o.Pad, args: Values, frame: Frame) -> Array:
    x = _tensor(args)
    told = pad_pairs(x.ndim, args)
    room(n + a + b for n, (a, b) in zip(x.shape, told, strict=True))
    x = x[tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, told, strict=True))]
    around = [(max(a, 0), max(b, 0)) for a, b in told]
    if op.mode != "constant":
        return np.pad(x, around, mode="reflect" if op.mode == "reflect" else "edge")
    value = args[2] if len(args) > 2 and args[2] is not None else np.zeros(1, x.dtype)
    return np.pad(x, around, constant_values=value.ravel()[0])


@compute.on(o.Gather)
def _(op: o.Gather, args: Values, frame: Frame) -> Array:
    x, places = _tensor(args), args[1]
    assert places is not None
    axis = op.axis % max(x.ndim, 1)
    room((*x.shape[:axis], *places.shape, *x.shape[axis + 1 :]))
    return np.take(x, places.astype(np.int64), axis=axis)


@compute.on(o.Expand)
def _(op: o.Expand, args: Values, frame: Frame) -> Array:
    x, shape = _tensor(args), whole(args[1])
    room(shape)
    found = np.broadcast_shapes(x.shape, shape)
    room(found)
    return np.broadcast_to(x, found).copy()


@compute.on(o.Tile)
def _(op: o.Tile, args: Values, frame: Frame) -> Array:
    x, times = _tensor(args), whole(args[1])
    if len(times) != x.ndim:
        raise InvalidModel(f"{len(times)} repeats for {x.ndim} axes")
    room(n * t for n, t in zip(x.shape, times, strict=True))
    return np.tile(x, times)


@compute.on(o.Shape)
def _(op: o.Shape, args: Values, frame: Frame) -> Array:
    return np.array(_tensor(args).shape[op.start : op.end], np.int64)


@compute.on(o.Size)
def _(op: o.Size, args: Values, frame: Frame) -> Array:
    return np.array(_tensor(args).size, np.int64)


@compute.on(o.ConstantOfShape)
def _(op: o.ConstantOfShape, args: Values, frame: Frame) -> Array:
    shape = whole(args[0])
    room(shape)
    return np.full(shape, op.value.ravel()[0])


@compute.on(o.Range)
def _(op: o.Range, args: Values, frame: Frame) -> Array:
    start, limit, step = (a for a in args if a is not None)
    count = np.ceil((np.float64(limit.item()) - np.float64(start.item())) / np.float64(step.item()))
    if not count < MOST:
        raise InvalidModel(f"a range of {count} elements")
    return (start.ravel()[0] + np.arange(max(int(count), 0)) * step.ravel()[0]).astype(start.dtype)


@compute.on(o.DepthToSpace)
def _(op: o.DepthToSpace, args: Values, frame: Frame) -> Array:
    x, b = _tensor(args), op.block
    n, c, height, width = x.shape
    if op.columns_first:
        apart = x.reshape(n, c // b**2, b, b, height, width).transpose(0, 1, 4, 2, 5, 3)
    else:
        apart = x.reshape(n, b, b, c // b**2, height, width).transpose(0, 3, 4, 1, 5, 2)
    return apart.reshape(n, c // b**2, height * b, width * b)


@compute.on(o.SpaceToDepth)
def _(op: o.SpaceToDepth, args: Values, frame: Frame) -> Array:
    x, b = _tensor(args), op.block
    n, c, height, width = x.shape
    apart = x.reshape(n, c, height // b, b, width // b, b).transpose(0, 3, 5, 1, 2, 4)
    return apart.reshape(n, c * b**2, height // b, width // b)
