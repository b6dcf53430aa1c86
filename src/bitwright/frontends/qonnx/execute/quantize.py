"""QONNX's quantizers, which clip first and then round, and ONNX's own; all in float32, as the references have it."""

from __future__ import annotations

import numpy as np

from bitwright.core.errors import InvalidModel
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute.table import Frame, Values, compute, room
from bitwright.frontends.qonnx.model import Array

__all__ = ["along", "code_range", "dequantized", "integers", "quantized"]


def code_range(bits: Array, signed: bool, narrow: bool) -> tuple[Array, Array]:
    """The least and the greatest code of `bits` bits; a bit each where `bits` is 1 and signed: -1 and 1."""
    if np.any(bits < 1) or np.any(bits > 64) or np.any(np.isnan(bits)):
        raise InvalidModel(f"a quantizer of {bits.ravel()[:4].tolist()} bits", remedy="use 1 to 64 bits")
    one = np.ones((), np.float32)
    if not signed:
        return np.zeros_like(bits), np.exp2(bits) - (2 * one if narrow else one)
    half = np.exp2(bits - 1)
    low, high = -half + (one if narrow else 0 * one), half - 1
    return np.where(bits == 1, -one, low), np.where(bits == 1, one, high)


def _floats(args: Values) -> list[Array]:
    found = [np.asarray(a, np.float32) for a in args if a is not None]
    if len(found) != len(args):
        raise InvalidModel("an input is missing")
    return found


def quantized(op: o.Quant, x: Array, scale: Array, zero: Array, bits: Array) -> Array:
    """The integers round(clip(x / scale + zero)) as floats."""
    low, high = code_range(bits, op.signed, op.narrow)
    y = x / scale if scale.size > 1 or scale != 1 else x.copy()
    if zero.any():
        y = y + zero
    if op.signed and np.any(bits == 1):
        signs = np.where(y >= 0, np.float32(1), np.float32(-1))
        return np.where(bits == 1, signs, op.rounding(np.clip(y, low, high)))
    return op.rounding(np.clip(y, low, high))


@compute.on(o.Quant)
def _(op: o.Quant, args: Values, frame: Frame) -> Array:
    x, scale, zero, bits = _floats(args)
    room(np.broadcast_shapes(x.shape, scale.shape, zero.shape, bits.shape))
    y = quantized(op, x, scale, zero, bits)
    if zero.any():
        y = y - zero
    return y * scale if scale.size > 1 or scale != 1 else y


@compute.on(o.BipolarQuant)
def _(op: o.BipolarQuant, args: Values, frame: Frame) -> Array:
    x, scale = _floats(args)
    room(np.broadcast_shapes(x.shape, scale.shape))
    return np.where(x >= 0, scale, -scale)


@compute.on(o.Trunc)
def _(op: o.Trunc, args: Values, frame: Frame) -> Array:
    x, scale, zero, before, after = _floats(args)
    room(np.broadcast_shapes(x.shape, scale.shape, zero.shape, before.shape, after.shape))
    y = np.rint(x / scale + zero)
    return (op.rounding(y / np.exp2(before - after)) - zero) * scale


@compute.on(o.TruncTo)
def _(op: o.TruncTo, args: Values, frame: Frame) -> Array:
    x, scale, zero, before, larger, after = _floats(args)
    room(np.broadcast_shapes(x.shape, scale.shape, zero.shape, before.shape, larger.shape, after.shape))
    low, high = code_range(after, op.signed, op.narrow)
    step = np.exp2(np.rint(np.log2(larger / scale)))
    y = op.rounding(np.clip(np.rint(x / scale + zero) / step, low, high))
    return (y - zero / step) * larger


@compute.on(o.FloatQuant)
def _(op: o.FloatQuant, args: Values, frame: Frame) -> Array:
    x, scale, exponent, mantissa, bias = _floats(args[:5])
    room(np.broadcast_shapes(x.shape, scale.shape, exponent.shape, mantissa.shape, bias.shape))
    y = x / scale
    least = 1 - bias - mantissa
    tiny = np.finfo(np.float32).tiny
    inner = np.exp2(np.maximum(np.floor(np.log2(np.abs(y) + tiny)) - mantissa, least)).astype(np.float32)
    most = (2 - np.exp2(-mantissa)) * np.exp2(np.exp2(exponent) - 1 - bias)
    if len(args) > 5 and args[5] is not None:
        most = np.minimum(most, np.asarray(args[5], np.float32))
    rounded = inner * op.rounding(y / inner)
    return np.clip(rounded, -most if op.signed else 0 * most, most).astype(np.float32) * scale


@compute.on(o.MultiThreshold)
def _(op: o.MultiThreshold, args: Values, frame: Frame) -> Array:
    x, thresholds = (a for a in args if a is not None)
    if thresholds.ndim != 2:
        raise InvalidModel(f"thresholds of shape {thresholds.shape}", remedy="give (channels, n)")
    axis = op.axis(x.ndim)
    if len(thresholds) not in (1, x.shape[axis]):
        raise InvalidModel(f"{len(thresholds)} rows of thresholds for {x.shape[axis]} channels")
    moved = np.moveaxis(x, axis, -1)
    counted = np.zeros(moved.shape, np.float32)
    for column in thresholds.T:  # a loop over the levels takes no memory of their number
        counted += moved >= column
    found = np.moveaxis(counted, -1, axis)
    if op.scale != 1:
        found = found * np.float32(op.scale)
    return found + np.float32(op.bias) if op.bias else found


def along(parameter: Array, axis: int, rank: int) -> Array:
    """A scale or zero point so that it broadcasts: several numbers lie along `axis` of `rank` axes."""
    if parameter.size == 1:
        return parameter.reshape(())
    if parameter.ndim != 1 or not -rank <= axis < rank:
        raise InvalidModel(f"scales of shape {parameter.shape} along axis {axis} of {rank}")
    return parameter.reshape(tuple(-1 if a == axis % rank else 1 for a in range(rank)))


def integers(op: o.QuantizeLinear, x: Array, scale: Array, zero: Array) -> Array:
    """The integers as floats; parameters broadcast."""
    return np.clip(np.rint(x / scale), op.low - zero, op.high - zero) + zero


def dequantized(x: Array, scale: Array, zero: Array) -> Array:
    """The values of integers; parameters broadcast."""
    return (x.astype(np.float64) - zero).astype(np.float32) * scale


def _linear(args: Values, axis: int) -> tuple[Array, Array, Array]:
    x, scale = args[0], args[1]
    if x is None or scale is None:
        raise InvalidModel("an input is missing")
    zero = args[2] if len(args) > 2 else None
    zero = np.zeros(1, np.float32) if zero is None else np.asarray(zero, np.float32)
    told = [along(p, axis, x.ndim) for p in (np.asarray(scale, np.float32), zero)]
    if np.broadcast_shapes(x.shape, *(p.shape for p in told)) != x.shape:
        raise InvalidModel(f"{scale.size} scales for a tensor of shape {x.shape}")
    return x, told[0], told[1]


@compute.on(o.QuantizeLinear)
def _(op: o.QuantizeLinear, args: Values, frame: Frame) -> Array:
    x, scale, zero = _linear(args, op.axis)
    return integers(op, x.astype(np.float32, copy=False), scale, zero).astype(op.dtype)


@compute.on(o.DequantizeLinear)
def _(op: o.DequantizeLinear, args: Values, frame: Frame) -> Array:
    return dequantized(*_linear(args, op.axis))
