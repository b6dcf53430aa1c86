"""Sums of products: through BLAS in float32; convolutions as matrix products over windows."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidModel
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute.table import Frame, Values, compute, room
from bitwright.frontends.qonnx.model import Array

__all__ = ["full", "padded", "slid", "spread", "transposed_pads"]

_TERMS = 128


def full(told: tuple[int, ...], rank: int, what: str) -> tuple[int, ...]:
    """One number per spatial axis, 1 where nothing is told."""
    if told and len(told) != rank:
        raise InvalidModel(f"{len(told)} {what} for {rank} spatial axes")
    return told or (1,) * rank


def padded(x: Array, pads: o.Pads, value: Any = 0) -> Array:
    """x (N, C, *space) with `value` around it; negative pads cut."""
    if len(pads) != x.ndim - 2:
        raise InvalidModel(f"{len(pads)} pads for {x.ndim - 2} spatial axes")
    if not any(any(p) for p in pads):
        return x
    room((*x.shape[:2], *(n + a + b for n, (a, b) in zip(x.shape[2:], pads, strict=True))))
    cuts = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape[2:], pads, strict=True))
    around = ((0, 0), (0, 0), *((max(a, 0), max(b, 0)) for a, b in pads))
    return np.pad(x[(slice(None), slice(None), *cuts)], around, constant_values=value)


def slid(x: Array, kernel: tuple[int, ...], strides: tuple[int, ...], dilations: tuple[int, ...]) -> Array:
    """A view (N, C, *out, *kernel) of the windows of x (N, C, *space)."""
    rank = len(kernel)
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    if x.ndim != rank + 2 or any(s > n for s, n in zip(spans, x.shape[2:], strict=True)):
        raise InvalidModel(f"windows of {spans} on a tensor of shape {x.shape}")
    view = np.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(2, rank + 2)))  # pyright: ignore[reportCallIssue, reportArgumentType]
    apart = (slice(None), slice(None), *(slice(None, None, s) for s in strides))
    return view[(*apart, *(slice(None, None, d) for d in dilations))]


def _convolved(
    x: Array, weights: Array, strides: tuple[int, ...], dilations: tuple[int, ...], groups: int
) -> Array:
    rank = x.ndim - 2
    view = slid(x, weights.shape[2:], strides, dilations)
    out = view.shape[2 : rank + 2]
    filters, inner = weights.shape[0] // groups, weights.shape[1]
    room((len(x), x.shape[1] * prod(weights.shape[2:]), *out))
    room((len(x), weights.shape[0], *out))
    parts: list[Array] = []
    for group in range(groups):
        part = view[:, group * inner : (group + 1) * inner]
        order = (0, 1, *range(rank + 2, 2 * rank + 2), *range(2, rank + 2))
        columns = part.transpose(order).reshape(len(x), -1, prod(out))
        rows = weights[group * filters : (group + 1) * filters].reshape(filters, -1)
        parts.append(_product(rows, columns))
    found = parts[0] if groups == 1 else np.concatenate(parts, axis=1)
    return found.reshape(len(x), weights.shape[0], *out)


def _product(rows: Array, columns: Array) -> Array:
    """rows @ columns, summed 128 terms at a time: the order of onnxruntime's kernels, whose ties QONNX files show."""
    total = np.matmul(rows[:, :_TERMS], columns[:, :_TERMS])
    for start in range(_TERMS, rows.shape[1], _TERMS):
        total += np.matmul(rows[:, start : start + _TERMS], columns[:, start : start + _TERMS])
    return total


def _biased(out: Array, args: Values) -> Array:
    bias = args[2] if len(args) > 2 else None
    return out if bias is None else out + bias.reshape(-1, *(1,) * (out.ndim - 2)).astype(out.dtype)


def _operands(args: Values) -> tuple[Array, Array]:
    x, weights = args[0], args[1]
    if x is None or weights is None or x.ndim < 3 or x.ndim != weights.ndim:
        raise InvalidModel("a convolution whose tensors do not fit")
    return x, weights.astype(x.dtype, copy=False)


@compute.on(o.Conv)
def _(op: o.Conv, args: Values, frame: Frame) -> Array:
    x, weights = _operands(args)
    if op.channels_last:
        x, weights = np.moveaxis(x, -1, 1), np.moveaxis(weights, -1, 1)
    rank = x.ndim - 2
    strides, dilations = full(op.strides, rank, "strides"), full(op.dilations, rank, "dilations")
    if op.group < 1 or x.shape[1] != weights.shape[1] * op.group or weights.shape[0] % op.group:
        raise InvalidModel(f"{x.shape[1]} channels in {op.group} groups for weights {weights.shape}")
    spans = tuple((k - 1) * d + 1 for k, d in zip(weights.shape[2:], dilations, strict=True))
    pads = op.auto_pad.pads(op.pads, x.shape[2:], spans, strides)
    out = _biased(_convolved(padded(x, pads), weights, strides, dilations, op.group), args)
    return np.moveaxis(out, 1, -1) if op.channels_last else out


def transposed_pads(op: o.ConvTranspose, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> o.Pads:
    """(before, after) per spatial axis that the result of a transposed convolution loses."""
    rank = len(sizes)
    strides, dilations = full(op.strides, rank, "strides"), full(op.dilations, rank, "dilations")
    more = op.output_padding or (0,) * rank
    reach = [(n - 1) * s + (k - 1) * d + 1 + m
             for n, s, k, d, m in zip(sizes, strides, kernel, dilations, more, strict=True)]  # fmt: skip
    if op.output_shape:
        wanted = op.output_shape[-rank:]
    elif op.auto_pad in (o.AutoPad.SAME_UPPER, o.AutoPad.SAME_LOWER):
        wanted = tuple(n * s for n, s in zip(sizes, strides, strict=True))
    else:
        pads = op.pads or ((0, 0),) * rank
        return tuple((a, b - m) for (a, b), m in zip(pads, more, strict=True))
    found: list[tuple[int, int]] = []
    for size, goal, extra in zip(reach, wanted, more, strict=True):
        total = size - goal
        # As written for the operator: the odd one goes behind for SAME_UPPER, in front otherwise.
        before = total // 2 if op.auto_pad is o.AutoPad.SAME_UPPER else total - total // 2
        found.append((before, total - before - extra))
    return tuple(found)


def spread(x: Array, strides: tuple[int, ...]) -> Array:
    """x (N, C, *space) with zeros between its elements."""
    apart = tuple((n - 1) * s + 1 for n, s in zip(x.shape[2:], strides, strict=True))
    room((*x.shape[:2], *apart))
    out = np.zeros((*x.shape[:2], *apart), x.dtype)
    out[(slice(None), slice(None), *(slice(None, None, s) for s in strides))] = x
    return out


@compute.on(o.ConvTranspose)
def _(op: o.ConvTranspose, args: Values, frame: Frame) -> Array:
    x, weights = _operands(args)
    rank, kernel = x.ndim - 2, weights.shape[2:]
    strides, dilations = full(op.strides, rank, "strides"), full(op.dilations, rank, "dilations")
    if op.group < 1 or x.shape[1] != len(weights) or len(weights) % op.group:
        raise InvalidModel(f"{x.shape[1]} channels in {op.group} groups for weights {weights.shape}")
    crops = transposed_pads(op, x.shape[2:], kernel)
    around = tuple(((k - 1) * d - a, (k - 1) * d - b)
                   for k, d, (a, b) in zip(kernel, dilations, crops, strict=True))  # fmt: skip
    # As a plain convolution with turned kernels: (channels, filters / group) to (filters, channels / group).
    inner, filters = len(weights) // op.group, weights.shape[1]
    turned = np.flip(weights, tuple(range(2, rank + 2))).reshape(op.group, inner, filters, *kernel)
    plain = np.ascontiguousarray(np.moveaxis(turned, 2, 1)).reshape(op.group * filters, inner, *kernel)
    return _biased(_convolved(padded(spread(x, strides), around), plain, (1,) * rank, dilations, op.group), args)


@compute.on(o.Gemm)
def _(op: o.Gemm, args: Values, frame: Frame) -> Array:
    a, b = args[0], args[1]
    if a is None or b is None or a.ndim != 2 or b.ndim != 2:
        raise InvalidModel("Gemm of tensors that are no matrices")
    left, right = a.T if op.trans_a else a, b.T if op.trans_b else b
    room((len(left), right.shape[1]))
    out = np.matmul(left, right)
    if op.alpha != 1:
        out = out * np.asarray(op.alpha, out.dtype)
    c = args[2] if len(args) > 2 else None
    if c is None:
        return out
    return out + (c if op.beta == 1 else c * np.asarray(op.beta, c.dtype))


@compute.on(o.MatMul)
def _(op: o.MatMul, args: Values, frame: Frame) -> Array:
    a, b = args
    assert a is not None
    assert b is not None
    if a.ndim and b.ndim:
        lead = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        room((*lead, a.shape[-2] if a.ndim > 1 else 1, b.shape[-1] if b.ndim > 1 else 1))
    return np.matmul(a, b)


@compute.on(o.XnorPopcountMatMul)
def _(op: o.XnorPopcountMatMul, args: Values, frame: Frame) -> Array:
    a, b = (np.asarray(v, np.float32) for v in args)
    room((*a.shape[:-1], b.shape[-1]))
    signs = np.matmul(2 * a - 1, 2 * b - 1)
    return (signs + np.float32(a.shape[-1])) * np.float32(0.5)
