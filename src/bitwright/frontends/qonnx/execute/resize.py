"""Resize: nearest and linear, one axis after the other."""

from __future__ import annotations

import numpy as np

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute.table import Frame, Values, compute, room, whole
from bitwright.frontends.qonnx.model import Array

__all__ = ["nearest_places", "resized_shape"]


def resized_shape(op: o.Resize, shape: tuple[int, ...], args: Values) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The result's shape, and the scale of each axis."""
    scales = args[2] if len(args) > 2 else None
    sizes = args[3] if len(args) > 3 else None
    axes = tuple(range(len(shape))) if op.axes is None else tuple(a % len(shape) for a in op.axes)
    factors, out = [1.0] * len(shape), list(shape)
    if sizes is not None and sizes.size:
        for axis, size in zip(axes, whole(sizes), strict=True):
            factors[axis], out[axis] = size / shape[axis], size
    elif scales is not None and scales.size:
        for axis, scale in zip(axes, scales.astype(np.float64).ravel().tolist(), strict=True):
            factors[axis], out[axis] = scale, int(np.floor(shape[axis] * scale))
    else:
        raise InvalidModel("Resize without scales and sizes")
    if any(not 0 < f < 1 << 20 for f in factors):
        raise InvalidModel(f"scales {factors}")
    room(out)
    return tuple(out), tuple(factors)


def _coordinates(op: o.Resize, size: int, out: int, scale: float) -> Array:
    """Where each place of the result lies in the source."""
    place = np.arange(out, dtype=np.float64)
    match op.coordinates:
        case "half_pixel":
            return (place + 0.5) / scale - 0.5
        case "pytorch_half_pixel":
            return (place + 0.5) / scale - 0.5 if out > 1 else 0 * place
        case "align_corners":
            return place * (size - 1) / (out - 1) if out > 1 else 0 * place
        case "asymmetric":
            return place / scale
        case _:
            raise Unsupported(f"coordinates {op.coordinates!r}", remedy="use half_pixel, asymmetric or align_corners")


def nearest_places(op: o.Resize, size: int, out: int, scale: float) -> Array:
    """The source's place of each place of the result, for mode nearest."""
    x = _coordinates(op, size, out, scale)
    match op.nearest:
        case "floor":
            found = np.floor(x)
        case "ceil":
            found = np.ceil(x)
        case "round_prefer_ceil":
            found = np.floor(x + 0.5)
        case "round_prefer_floor":
            found = np.ceil(x - 0.5)
        case _:
            raise Unsupported(f"nearest_mode {op.nearest!r}", remedy="use floor, ceil or round_prefer_floor")
    return np.clip(found, 0, size - 1).astype(np.int64)


def _linear(x: Array, axis: int, places: Array) -> Array:
    size = x.shape[axis]
    inside = np.clip(places, 0, size - 1)
    low = np.floor(inside).astype(np.int64)
    part = (inside - low).astype(x.dtype).reshape(-1, *(1,) * (x.ndim - 1 - axis))
    near, far = np.take(x, low, axis), np.take(x, np.minimum(low + 1, size - 1), axis)
    return near * (1 - part) + far * part


@compute.on(o.Resize)
def _(op: o.Resize, args: Values, frame: Frame) -> Array:
    x = args[0]
    assert x is not None
    # Sizes hold the file's batch, whatever batch runs.
    other = frame.told is not None and x.shape[:1] == (frame.batch,)
    shape, scales = resized_shape(op, (frame.told or 1, *x.shape[1:]) if other else x.shape, args)
    if other and shape[0] == frame.told:
        shape = (frame.batch, *shape[1:])
    for axis, (size, out, scale) in enumerate(zip(x.shape, shape, scales, strict=True)):
        if size == out and scale == 1:
            continue
        room((*shape[:axis], out, *x.shape[axis + 1 :]))
        if op.mode == "nearest":
            x = np.take(x, nearest_places(op, size, out, scale), axis)
        elif op.mode == "linear":
            x = _linear(x, axis, _coordinates(op, size, out, scale))
        else:
            raise Unsupported(f"Resize with mode={op.mode!r}", remedy="use nearest or linear")
    return x
