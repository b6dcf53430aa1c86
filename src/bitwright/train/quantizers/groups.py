"""Scales of groups of elements as QKeras programs compute them by hand, and the shapes that they go through.

Source: google/qkeras, quantizers.py, `_get_scale`, `_get_unrolled_shape` and `_get_rolled_back_shape`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train.door import ops
from bitwright.train.quantizers.scales import Groups, least_squares, to_power
from bitwright.train.quantizers.straight import EPSILON

__all__ = ["get_rolled_back_shape", "get_scale", "get_unrolled_shape"]


def get_scale(
    alpha: Any,
    x: Any,
    q: Any,
    scale_axis: int | Sequence[int] | None = None,
    per_channel_scale: bool = True,
    elements_per_scale: int | Sequence[int] | None = None,
    min_po2_exponent: int | None = None,
    max_po2_exponent: int | None = None,
) -> Any:
    """The scale that fits `x` best as scale * q, shaped to broadcast against them.

    alpha: "auto", "auto_po2" (rounded to a power of two, its exponent limited), None (1) or the scale itself.
    per_channel_scale: one scale per channel, or per group along scale_axis; else one for all elements.
    """
    if not isinstance(alpha, str):
        return 1.0 if alpha is None else alpha
    x, q = ops.convert_to_tensor(x, dtype="float32"), ops.convert_to_tensor(q, dtype="float32")
    if per_channel_scale:
        scale = least_squares(x, q, Groups(scale_axis, elements_per_scale))
    else:
        every = list(range(len(x.shape)))
        scale = ops.sum(x * q, axis=every, keepdims=True) / (ops.sum(q * q, axis=every, keepdims=True) + EPSILON)
    return to_power(scale, min_po2_exponent, max_po2_exponent) if alpha == "auto_po2" else scale


def get_unrolled_shape(
    input_shape: Sequence[int], unroll_factor: int | Sequence[int], unroll_axis: int | Sequence[int]
) -> tuple[list[int], int | list[int]]:
    """The shape in which each axis named is cut into groups of its factor, and where the group counts stand.

    >>> get_unrolled_shape([4, 8], unroll_factor=2, unroll_axis=1)
    ([4, 4, 2], 1)
    """
    scalar = isinstance(unroll_axis, int)
    axes = [unroll_axis] if isinstance(unroll_axis, int) else list(unroll_axis)
    factors = [unroll_factor] if isinstance(unroll_factor, int) else list(unroll_factor)
    if len(axes) != len(factors):
        raise InvalidValue("one factor is needed for each axis", where="get_unrolled_shape")
    shape, moved = list[int](), list[int]()
    for axis, length in enumerate(input_shape):
        if axis not in axes:
            shape.append(length)
            continue
        factor = factors[axes.index(axis)]
        moved.append(len(shape))
        shape += [length // factor, factor]
    return shape, moved[0] if scalar else moved


def get_rolled_back_shape(input_shape: Sequence[int], roll_axis: int | Sequence[int]) -> list[int]:
    """The shape in which each axis named is joined with the one behind it.

    >>> get_rolled_back_shape([4, 4, 2], roll_axis=1)
    [4, 8]
    """
    axes = {roll_axis} if isinstance(roll_axis, int) else set(roll_axis)
    shape = list[int]()
    for axis, length in enumerate(input_shape):
        if axis - 1 in axes:
            shape[-1] *= length
        else:
            shape.append(length)
    return shape
