"""Sums and products of live tensors that Keras's float32 computes without rounding, or a refusal."""

from __future__ import annotations

from math import prod

import numpy as np

from bitwright.core.errors import Inexact
from bitwright.frontends.grid.walk import Walk
from bitwright.ir.graph.ops import Add, Dense, GraphOp, MatMul, MaxPool, Multiply, Reshape, Subtract
from bitwright.numeric import Ints, Steps

__all__ = ["aligned_difference", "aligned_sum", "largest", "one_step", "product", "total"]

_MANTISSA = 24


def product(walk: Walk, op: Multiply | MatMul, a: int, b: int, layer: str, remedy: str) -> int:
    """op(a, b), with every product and partial sum below 2**24 steps."""
    left, right = walk.type(a), walk.type(b)
    terms = left.shape[-1] if isinstance(op, MatMul) else 1
    _refuse(left.largest * right.largest * terms, left.step.dyadic and right.step.dyadic, layer, remedy)
    return walk.emit(op, [a, b], layer)


def aligned_sum(walk: Walk, a: int, b: int, layer: str, remedy: str) -> int:
    """a + b on their common step, below 2**24 steps."""
    return _aligned(walk, Add(), a, b, layer, remedy)


def aligned_difference(walk: Walk, a: int, b: int, layer: str, remedy: str) -> int:
    """a - b on their common step, below 2**24 steps."""
    return _aligned(walk, Subtract(), a, b, layer, remedy)


def _aligned(walk: Walk, op: GraphOp, a: int, b: int, layer: str, remedy: str) -> int:
    position = walk.emit(op, walk.aligned([a, b], layer), layer)
    type = walk.type(position)
    _refuse(type.largest, type.step.dyadic, layer, remedy)
    return position


def one_step(walk: Walk, position: int, layer: str) -> int:
    """The tensor on one step, a power of two."""
    _refuse(0, walk.type(position).step.dyadic, layer, "")
    return walk.rescaled(position, walk.type(position).step.finest, layer)


def total(walk: Walk, position: int, layer: str, remedy: str) -> int:
    """The sum over the last axis, which stays with length 1; below 2**24 steps."""
    type = walk.type(position)
    count, step = type.shape[-1], type.step.uniform
    assert step is not None
    _refuse(type.largest * count, type.step.dyadic, layer, remedy)
    ones, zero = np.ones((count, 1), dtype=np.int64), np.zeros(1, dtype=np.int64)
    return walk.emit(Dense(Ints(ones), Ints(zero)), [position], layer, Steps.of(step))


def largest(walk: Walk, position: int, layer: str) -> int:
    """The maximum over the last axis, which stays with length 1; the tensor has one step."""
    shape = walk.type(position).shape
    rows = prod(shape[:-1])
    image = walk.emit(Reshape((rows, shape[-1], 1)), [position], layer)
    top = walk.emit(MaxPool((1, shape[-1]), (1, 1), ((0, 0), (0, 0))), [image], layer)
    return walk.emit(Reshape((*shape[:-1], 1)), [top], layer)


def _refuse(reach: int, dyadic: bool, layer: str, remedy: str) -> None:
    if not dyadic:
        raise Inexact(
            "its values have steps that are no powers of two: Keras's float32 rounds them",
            where=f"layer '{layer}'",
            remedy="use quantizers with alpha=1 or a power of two",
        )
    if reach >= 1 << _MANTISSA:
        raise Inexact(
            f"a value reaches 2**{reach.bit_length()} steps, more than float32 holds",
            where=f"layer '{layer}'",
            remedy=remedy,
        )
