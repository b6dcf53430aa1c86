"""The geometry of transposed convolutions: plain ones over an input with zeros between its elements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bitwright.train.door import ops

__all__ = ["deconv_output_length", "spread", "spread_pads"]


def spread_pads(layer: Any) -> tuple[tuple[int, int], ...]:
    """(before, after) per spatial axis: zeros around the spread input of a transposed convolution.

    With the input's elements `strides` apart, zeros between and these around them, a plain
    convolution with the kernel turned around gives Keras's output. Negative: elements cut off.
    """
    filled = layer.output_padding or (None,) * len(layer.kernel_size)
    axes = zip(layer.kernel_size, layer.strides, layer.dilation_rate, filled, strict=True)
    return tuple(_pads((k - 1) * d + 1, s, layer.padding, more) for k, s, d, more in axes)


def _pads(span: int, stride: int, padding: str, more: int | None) -> tuple[int, int]:
    if padding == "valid":
        return span - 1, span - 1 + (max(span, stride) - span if more is None else more)
    total = stride + span - 2 if more is None else span + span % 2 - 2 + more
    before = min((total + 1) // 2, span - 1)
    return before, total - before


def deconv_output_length(
    input_length: int | None,
    filter_size: int,
    padding: str,
    output_padding: int | None = None,
    stride: int = 0,
    dilation: int = 1,
) -> int | None:
    """The length of a transposed convolution's output along one axis; None where the input's is."""
    if input_length is None:
        return None
    span = (filter_size - 1) * dilation + 1
    before, after = _pads(span, stride, padding.lower(), output_padding)
    return (input_length - 1) * stride + 1 + before + after - (span - 1)


def spread(x: Any, strides: Sequence[int], pads: Sequence[tuple[int, int]]) -> Any:
    """Channels-last `x` with its elements `strides` apart, zeros between them, and `pads` around."""
    for axis, (stride, around) in enumerate(zip(strides, pads, strict=True), 1):
        x = _around(_apart(x, axis, stride), axis, around)
    return x


def _apart(x: Any, axis: int, stride: int) -> Any:
    if stride == 1:
        return x
    shape, size = tuple(x.shape), x.shape[axis]
    split = ops.reshape(x, (-1, *shape[1 : axis + 1], 1, *shape[axis + 1 :]))
    widths = [(0, stride - 1) if a == axis + 1 else (0, 0) for a in range(len(shape) + 1)]
    joined = ops.reshape(ops.pad(split, widths), (-1, *shape[1:axis], size * stride, *shape[axis + 1 :]))
    return joined[(slice(None),) * axis + (slice(0, (size - 1) * stride + 1),)]


def _around(x: Any, axis: int, pads: tuple[int, int]) -> Any:
    widths = [(max(p, 0), max(q, 0)) if a == axis else (0, 0) for a, (p, q) in enumerate([pads] * len(x.shape))]
    x = ops.pad(x, widths) if any(map(any, widths)) else x
    before, after = (max(-p, 0) for p in pads)
    return x[(slice(None),) * axis + (slice(before, x.shape[axis] - after),)] if before or after else x
