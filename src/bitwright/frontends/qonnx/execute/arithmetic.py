"""Element-wise operators."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidModel
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute.table import Frame, Values, compute, room
from bitwright.frontends.qonnx.functions import Fold
from bitwright.frontends.qonnx.model import Array

__all__: list[str] = []


@compute.on(o.Unary)
def _(op: o.Unary, args: Values, frame: Frame) -> Array:
    return op.function(_present(args)[0])


def _present(args: Values) -> list[Array]:
    found = [a for a in args if a is not None]
    if len(found) != len(args):
        raise InvalidModel("an input is missing")
    return found


@compute.on(o.Binary)
def _(op: o.Binary, args: Values, frame: Frame) -> Array:
    a, b = _present(args)
    room(np.broadcast_shapes(a.shape, b.shape))
    return op.function(a, b)


@compute.on(o.Variadic)
def _(op: o.Variadic, args: Values, frame: Frame) -> Array:
    tensors = _present(args)
    room(np.broadcast_shapes(*(a.shape for a in tensors)))
    total = reduce(op.function, tensors)
    if op.function is Fold.MEAN:
        return (total / np.asarray(len(tensors), total.dtype)).astype(total.dtype)
    return total


@compute.on(o.Parametric)
def _(op: o.Parametric, args: Values, frame: Frame) -> Array:
    (x,) = _present(args)
    alpha, beta = (np.asarray(v, x.dtype) for v in (op.alpha, op.beta))
    one = np.asarray(1, x.dtype)
    match op.kind:
        case "LeakyRelu":
            return np.where(x < 0, x * alpha, x)
        case "Elu":
            return np.where(x < 0, alpha * np.expm1(np.minimum(x, 0)), x)
        case "Celu":
            return np.maximum(x, 0) + np.minimum(0, alpha * np.expm1(np.minimum(x, 0) / alpha)).astype(x.dtype)
        case "Selu":
            return beta * np.where(x <= 0, alpha * np.expm1(np.minimum(x, 0)), x)
        case "ThresholdedRelu":
            return np.where(x > alpha, x, np.zeros((), x.dtype))
        case _:
            return np.clip(alpha * x + beta, 0 * one, one)


@compute.on(o.Where)
def _(op: o.Where, args: Values, frame: Frame) -> Array:
    condition, a, b = _present(args)
    room(np.broadcast_shapes(condition.shape, a.shape, b.shape))
    return np.where(condition.astype(bool), a, b)


@compute.on(o.Clip)
def _(op: o.Clip, args: Values, frame: Frame) -> Array:
    x = args[0]
    assert x is not None
    limits = [a.astype(x.dtype) if a is not None else None for a in (*args[1:], None, None)[:2]]
    low, high = limits
    if low is not None:
        x = np.maximum(x, low)
    return x if high is None else np.minimum(x, high)


@compute.on(o.Cast)
def _(op: o.Cast, args: Values, frame: Frame) -> Array:
    return _present(args)[0].astype(op.dtype)


@compute.on(o.BatchNormalization)
def _(op: o.BatchNormalization, args: Values, frame: Frame) -> Array:
    """(x - mean) / sqrt(variance + epsilon) * scale + bias, with one factor per channel as onnxruntime has it."""
    x, scale, bias, mean, variance = _present(args)
    axis = x.ndim - 1 if op.channels_last or x.ndim == 1 else 1
    shape = tuple(-1 if a == axis else 1 for a in range(x.ndim))
    factor = scale / np.sqrt(variance + np.asarray(op.epsilon, variance.dtype))
    offset = bias - mean * factor
    return x * factor.reshape(shape).astype(x.dtype) + offset.reshape(shape).astype(x.dtype)


@compute.on(o.LayerNormalization)
def _(op: o.LayerNormalization, args: Values, frame: Frame) -> Array:
    x, scale = _present(args[:2])
    axes = tuple(range(op.axis % x.ndim, x.ndim))
    centered = x - x.mean(axis=axes, keepdims=True)
    variance = (centered * centered).mean(axis=axes, keepdims=True)
    out = centered / np.sqrt(variance + np.asarray(op.epsilon, x.dtype)) * scale
    bias = args[2] if len(args) > 2 else None
    return out if bias is None else out + bias


@compute.on(o.Softmax)
def _(op: o.Softmax, args: Values, frame: Frame) -> Array:
    (x,) = _present(args)
    axis: Any = op.axis % max(x.ndim, 1)
    if op.flattened:
        axis = tuple(range(axis, x.ndim))
    shifted = x - x.max(axis=axis, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=axis, keepdims=True)
    return shifted - np.log(total) if op.log else powers / total
