"""Which features (places on the last axis) of a tensor are equal, and which ones somebody reads."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from bitwright.core.rules import Rules
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Conv,
    ConvTranspose,
    Dense,
    GraphOp,
    Map,
    Maximum,
    MaxPool,
    Minimum,
    Multiply,
    Pad,
    Reshape,
    Slice,
    Subtract,
    SumPool,
    Transpose,
    Upsample,
)
from bitwright.numeric import IntArray, ShiftRoundSaturate, Table

__all__ = ["Flags", "equal_features", "first_of", "is_writable", "read_features", "width"]

Flags = NDArray[np.bool_]

equal_features: Rules[[list[IntArray], list[TensorType], TensorType], IntArray] = Rules("equal features of a tensor")
"""(op, those of the arguments, their types, type) -> for each feature the first one that always equals it."""

read_features: Rules[[Flags, list[TensorType]], list[Flags]] = Rules("features that an operator reads")
"""(op, features of its result that are read, types of its arguments) -> those of each argument."""


def width(type: TensorType) -> int:
    """How many features a tensor has."""
    return type.shape[-1] if type.shape else 1


def first_of(keys: Iterable[Hashable]) -> IntArray:
    """For each key the place of the first one that equals it."""
    seen: dict[Hashable, int] = {}
    return np.array([seen.setdefault(key, place) for place, key in enumerate(keys)], dtype=np.int64)


def is_writable(op: GraphOp) -> bool:
    """Whether its numbers may change: then no two features stay equal, and each may be read."""
    return isinstance(op, Dense | Conv) and op.writable is not None


@equal_features.on(GraphOp)
def _(op: GraphOp, args: list[IntArray], types: list[TensorType], type: TensorType) -> IntArray:
    return np.arange(width(type))


@equal_features.on(Dense, Conv, ConvTranspose)
def _(op: Dense | Conv | ConvTranspose, args: list[IntArray], types: list[TensorType], type: TensorType) -> IntArray:
    count = op.weights.shape[-1]
    if is_writable(op):
        return np.arange(count)
    columns = op.weights.array.reshape(-1, count)
    per_group = count // (1 if isinstance(op, Dense) else op.groups)
    return first_of((c // per_group, columns[:, c].tobytes(), int(op.bias.array[c])) for c in range(count))


@equal_features.on(Map)
def _(op: Map, args: list[IntArray], types: list[TensorType], type: TensorType) -> IntArray:
    functions = first_of(_function(op, row) for row in range(op.form.count))
    rows = functions[np.broadcast_to(op.rows.array, type.shape)].reshape(-1, width(type))
    return first_of((int(source), rows[:, c].tobytes()) for c, source in enumerate(args[0].tolist()))


def _function(op: Map, row: int) -> Hashable:
    form = op.form
    if isinstance(form, ShiftRoundSaturate):
        return tuple(int(a.array[row]) for a in (form.mul, form.add, form.shift, form.low, form.high))
    first = form.start if isinstance(form, Table) else form.thresholds
    return first.array[row].tobytes(), form.values.array[row].tobytes()


@equal_features.on(SumPool, MaxPool)
def _(op: SumPool | MaxPool, args: list[IntArray], types: list[TensorType], type: TensorType) -> IntArray:
    return args[0]


@equal_features.on(Pad, Upsample, Transpose)
def _(op: Pad | Upsample | Transpose, args: list[IntArray], types: list[TensorType], type: TensorType) -> IntArray:
    return args[0] if _keeps_last_axis(op) else np.arange(width(type))


def _keeps_last_axis(op: Pad | Upsample | Transpose) -> bool:
    if isinstance(op, Pad):
        return op.pads[-1:] == ((0, 0),)
    if isinstance(op, Upsample):
        return op.factors[-1:] == (1,)
    return op.order[-1:] == (len(op.order) - 1,)


@equal_features.on(Reshape)
def _(op: Reshape, args: list[IntArray], types: list[TensorType], type: TensorType) -> IntArray:
    before, after = width(types[0]), width(type)
    if after % before:
        return np.arange(after)
    return (np.arange(0, after, before)[:, None] + args[0]).ravel()


@equal_features.on(Slice)
def _(op: Slice, args: list[IntArray], types: list[TensorType], type: TensorType) -> IntArray:
    return first_of(args[0][slice(op.starts[-1], op.stops[-1], op.strides[-1])].tolist())


@equal_features.on(Concat)
def _(op: Concat, args: list[IntArray], types: list[TensorType], type: TensorType) -> IntArray:
    if op.axis == len(type.shape) - 1:
        starts = np.cumsum([0, *map(len, args)])
        return np.concatenate([a + start for a, start in zip(args, starts, strict=False)])
    return first_of(zip(*(a.tolist() for a in args), strict=True))


@equal_features.on(Add, Subtract, Multiply, Maximum, Minimum)
def _(op: GraphOp, args: list[IntArray], types: list[TensorType], type: TensorType) -> IntArray:
    wide = [np.broadcast_to(a, (width(type),)) for a in args]
    return first_of(zip(*(a.tolist() for a in wide), strict=True))


def _all(types: Sequence[TensorType]) -> list[Flags]:
    return [np.ones(width(t), dtype=bool) for t in types]


@read_features.on(GraphOp)
def _(op: GraphOp, read: Flags, types: list[TensorType]) -> list[Flags]:
    return _all(types)


@read_features.on(Dense)
def _(op: Dense, read: Flags, types: list[TensorType]) -> list[Flags]:
    if is_writable(op):
        return _all(types)
    return [np.asarray(op.weights.array[:, read].any(axis=1))]


@read_features.on(Conv, ConvTranspose)
def _(op: Conv | ConvTranspose, read: Flags, types: list[TensorType]) -> list[Flags]:
    if is_writable(op):
        return _all(types)
    weights = op.weights.array * read
    inner, filters = weights.shape[-2], weights.shape[-1] // op.groups
    grouped = weights.reshape(-1, inner, op.groups, filters)
    return [np.asarray(grouped.any(axis=(0, 3))).T.reshape(-1)]


@read_features.on(Map, SumPool, MaxPool)
def _(op: GraphOp, read: Flags, types: list[TensorType]) -> list[Flags]:
    return [read]


@read_features.on(Pad, Upsample, Transpose)
def _(op: Pad | Upsample | Transpose, read: Flags, types: list[TensorType]) -> list[Flags]:
    return [read] if _keeps_last_axis(op) else _all(types)


@read_features.on(Reshape)
def _(op: Reshape, read: Flags, types: list[TensorType]) -> list[Flags]:
    before = width(types[0])
    return [np.asarray(read.reshape(-1, before).any(axis=0))] if len(read) % before == 0 else _all(types)


@read_features.on(Slice)
def _(op: Slice, read: Flags, types: list[TensorType]) -> list[Flags]:
    found = np.zeros(width(types[0]), dtype=bool)
    found[slice(op.starts[-1], op.stops[-1], op.strides[-1])] = read
    return [found]


@read_features.on(Concat)
def _(op: Concat, read: Flags, types: list[TensorType]) -> list[Flags]:
    if op.axis != len(types[0].shape) - 1:
        return [read for _ in types]
    return np.split(read, np.cumsum([width(t) for t in types])[:-1])


@read_features.on(Add, Subtract, Multiply, Maximum, Minimum)
def _(op: GraphOp, read: Flags, types: list[TensorType]) -> list[Flags]:
    return [read if width(t) == len(read) else np.ones(width(t), dtype=bool) for t in types]
