"""Dense and convolution layers: exact integer sums, then the layer's own epilogue as a lazy chain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.elementwise import Elementwise
from bitwright.frontends.grid.sums import input_steps, integer_bias, prove
from bitwright.frontends.grid.walk import Lazy, Walk
from bitwright.frontends.keras.activation import activation_piece
from bitwright.frontends.keras.weights import Linear, integer_kernel, read_linear
from bitwright.ir.graph.ops import Conv, Dense, GraphOp
from bitwright.ir.interface import Head
from bitwright.numeric import IntArray, Ints, Steps

__all__ = ["conv_like", "conv_op", "dense_like", "dense_of", "depthwise_like", "linear_of"]


def dense_like(layer: Any, walk: Walk, lazy: Lazy) -> Lazy:
    """keras.layers.Dense and its quantized twin."""
    return dense_of(layer.name, walk, lazy, read_linear(layer))


def dense_of(name: str, walk: Walk, lazy: Lazy, parts: Linear) -> Lazy:
    """The sum over the last axis and its rest; `name` is that of the layer it belongs to."""

    def op(weights: IntArray, bias: IntArray) -> GraphOp:
        return Dense(Ints(weights), Ints(bias))

    return linear_of(name, walk, lazy, parts, parts.kernel, op)


def conv_like(layer: Any, walk: Walk, lazy: Lazy) -> Lazy:
    """keras.layers.Conv1D, Conv2D (padding, strides, dilation, groups) and their twins."""
    parts = read_linear(layer)
    op = conv_op(layer, lazy, parts.kernel.shape[:-2], int(layer.groups))
    return linear_of(layer.name, walk, lazy, parts, parts.kernel, op)


def depthwise_like(layer: Any, walk: Walk, lazy: Lazy) -> Lazy:
    """keras.layers.DepthwiseConv1D, 2D: one group per channel, filters in the order channel, multiplier."""
    parts = read_linear(layer)
    kernel = parts.kernel
    flat = kernel.reshape(*kernel.shape[:-2], 1, kernel.shape[-2] * kernel.shape[-1])
    op = conv_op(layer, lazy, kernel.shape[:-2], kernel.shape[-2])
    return linear_of(layer.name, walk, lazy, parts, flat, op)


def conv_op(layer: Any, lazy: Lazy, kernel: tuple[int, ...], groups: int) -> Callable[[IntArray, IntArray], GraphOp]:
    """Weights and bias to a convolution with the layer's strides, padding and dilation (None: none of these)."""
    rank = len(kernel)
    if layer is None:
        ones, none = (1,) * rank, ((0, 0),) * rank
        return lambda weights, bias: Conv(Ints(weights), Ints(bias), ones, none, ones, groups)
    strides = tuple(int(s) for s in layer.strides)
    dilation = tuple(int(d) for d in layer.dilation_rate)
    pads = conv_pads(lazy.shape[:rank], kernel, strides, dilation, layer.padding, layer.name)

    def op(weights: IntArray, bias: IntArray) -> GraphOp:
        return Conv(Ints(weights), Ints(bias), strides, pads, dilation, groups)

    return op


def conv_pads(
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: str,
    layer: str,
) -> tuple[tuple[int, int], ...]:
    """(before, after) per spatial axis for Keras's 'valid', 'same' and 'causal'."""
    if padding not in ("valid", "same", "causal"):
        raise Unsupported(f"padding={padding!r}", where=f"layer '{layer}'", remedy="use 'valid' or 'same'")
    pads: list[tuple[int, int]] = []
    for size, k, stride, d in zip(shape, kernel, strides, dilation, strict=True):
        span = (k - 1) * d + 1
        total = max((-(-size // stride) - 1) * stride + span - size, 0)
        choices = {"valid": (0, 0), "same": (total // 2, total - total // 2), "causal": (span - 1, 0)}
        pads.append(choices[padding])
    return tuple(pads)


def linear_of(name: str, walk: Walk, lazy: Lazy, parts: Linear, kernel: Any, op: Any) -> Lazy:
    """Emit the integer sum; return it with what the layer does afterwards."""
    source = walk.codes(lazy, name)
    codes, steps = integer_kernel(kernel, name)
    spatial = walk.type(source).step.shape[:-1]
    if kernel.shape[-2] != lazy.shape[-1] or any(n > 1 for n in spatial):
        # Grouped channels share rows of the kernel, and so do all places: unequal steps cannot be folded into it.
        source = walk.rescaled(source, walk.type(source).step.finest, name)
    codes, common = input_steps(walk, source, codes, name)
    channel_steps = [s * common for s in steps]
    bias: IntArray | None = None
    if parts.activation is not None:
        bias, codes, channel_steps = integer_bias(parts.bias, codes, channel_steps)
    zero = np.zeros(codes.shape[-1], dtype=np.int64)
    shape = (len(channel_steps),)
    position = walk.emit(op(codes, zero if bias is None else bias), [source], name, Steps(channel_steps, shape))
    prove(walk, position, name)
    type = walk.type(position)
    rest = _rest(parts, name, bias is not None)
    return Lazy(type.shape, position, rest)


def _rest(parts: Linear, name: str, bias_inside: bool) -> tuple[Elementwise, ...]:
    piece = activation_piece(parts.quantizer, name, parts.activation if bias_inside else parts.epilogue)
    if bias_inside and (parts.quantizer is None or getattr(parts.quantizer, "__name__", "") == "linear"):
        return ()
    if piece.head in (Head.SOFTMAX, Head.LOG_SOFTMAX) and not bias_inside:
        raise Unsupported(
            "softmax inside a layer whose scale or bias is no power of two",
            where=f"layer '{name}'",
            remedy="put the softmax into a keras.layers.Softmax of its own",
        )
    return (replace(piece, channelwise=piece.channelwise or not bias_inside),)
