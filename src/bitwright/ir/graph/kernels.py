"""Exact integer kernels on numpy: products through BLAS where floats hold every sum."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.ir.graph.ops import Conv, ConvTranspose
from bitwright.numeric import IntArray, Ints

__all__ = ["conv", "exact_matmul", "live_matmul", "plain_conv", "pool_windows", "spread", "windows"]


_MOST_COLUMNS = 1 << 22
"""Elements that the groups of a convolution which are taken together unfold into."""


def exact_matmul(x: IntArray, weights: IntArray) -> IntArray:
    """x @ weights over the last axis, exactly; of stacks (groups, ...) each with its own.

    float32 while every partial sum stays below 2**24, float64 below 2**53, else 64-bit integers.
    """
    largest = int(np.abs(x).max(initial=0)) * int(np.abs(weights).sum(axis=-2).max(initial=0))
    if largest < 1 << 24:
        return (x.astype(np.float32) @ weights.astype(np.float32)).astype(np.int64)
    if largest < 1 << 53:
        return (x.astype(np.float64) @ weights.astype(np.float64)).astype(np.int64)
    return x @ weights


def live_matmul(a: IntArray, b: IntArray) -> IntArray:
    """a @ b over the last two axes, exactly; leading axes broadcast."""
    largest = int(np.abs(a).max(initial=0)) * int(np.abs(b).max(initial=0)) * a.shape[-1]
    for carrier, bits in ((np.float32, 24), (np.float64, 53)):
        if largest < 1 << bits:
            return np.matmul(a.astype(carrier), b.astype(carrier)).astype(np.int64)
    return np.matmul(a, b)


def windows(
    x: NDArray[Any],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    fill: int = 0,
) -> NDArray[Any]:
    """(batch, *out, channels, *kernel): every window of x (batch, *space, channels)."""
    padded = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    axes = tuple(range(1, len(kernel) + 1))
    view = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=axes)  # pyright: ignore[reportCallIssue, reportArgumentType]
    pick = (slice(None), *(slice(None, None, s) for s in strides), slice(None))
    return view[(*pick, *(slice(None, None, d) for d in dilation))]


def conv(op: Conv, x: IntArray, weights: IntArray) -> IntArray:
    """The convolution of `op` without its bias, through im2col; x (batch, *space, channels)."""
    rank = len(op.strides)
    kernel, per_group, filters = weights.shape[:rank], weights.shape[rank], weights.shape[-1]
    view = windows(x, kernel, op.strides, op.pads, op.dilation)
    out_shape = view.shape[: rank + 1]
    places, terms = prod(out_shape), prod(weights.shape[:-1])
    view = np.moveaxis(view.reshape(*out_shape, op.groups, per_group, *kernel), rank + 1, 0)
    view = np.moveaxis(view, rank + 2, -1)  # (groups, batch, *out, *kernel, channels of a group)
    chosen = np.moveaxis(weights.reshape(terms, op.groups, -1), 1, 0)
    together = max(_MOST_COLUMNS // max(places * terms, 1), 1)
    parts: list[IntArray] = []
    for start in range(0, op.groups, together):
        own = slice(start, start + together)
        rows = view[own]
        parts.append(exact_matmul(rows.reshape(len(rows), places, terms), chosen[own]))
    return np.moveaxis(np.concatenate(parts), 0, 1).reshape(*out_shape, filters)


def plain_conv(op: ConvTranspose) -> Conv:
    """The convolution without strides and pads that gives `op`'s result from `spread(op, x)`."""
    rank = len(op.strides)
    turned = np.flip(op.weights.array, tuple(range(rank)))
    return Conv(Ints(turned), op.bias, (1,) * rank, ((0, 0),) * rank, op.dilation, op.groups)


def spread(op: ConvTranspose, x: NDArray[Any], fill: int = 0) -> NDArray[Any]:
    """x (batch, *space, channels) with `fill` between its elements and around them, ready for `plain_conv`."""
    rank = len(op.strides)
    apart = tuple((n - 1) * s + 1 for n, s in zip(x.shape[1:-1], op.strides, strict=True))
    out = np.full((len(x), *apart, x.shape[-1]), fill, dtype=x.dtype)
    out[(slice(None), *(slice(None, None, s) for s in op.strides))] = x
    reach = [(k - 1) * d for k, d in zip(op.weights.shape[:rank], op.dilation, strict=True)]
    pads = [(r - before, r - after) for r, (before, after) in zip(reach, op.crops, strict=True)]
    cuts = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(apart, pads, strict=True))
    around = ((0, 0), *((max(a, 0), max(b, 0)) for a, b in pads), (0, 0))
    return np.pad(out[(slice(None), *cuts)], around, constant_values=fill)


def pool_windows(
    x: NDArray[Any],
    pool: tuple[int, ...],
    strides: tuple[int, ...],
    pads: tuple[tuple[int, int], ...],
    fill: int,
) -> NDArray[Any]:
    """Windows for pooling, (batch, *out, channels, *pool); padded places hold `fill`."""
    return windows(x, pool, strides, pads, (1,) * len(pool), fill)
