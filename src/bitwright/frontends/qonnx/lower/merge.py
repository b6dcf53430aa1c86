"""Operators on two and more live tensors: on one common step, or as a table over both codes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, reduce
from typing import Any

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.sums import mantissa
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute import Frame, apply_node
from bitwright.frontends.qonnx.functions import Fold, Two
from bitwright.frontends.qonnx.lower.reader import Reader, exact_in_float, lower
from bitwright.frontends.qonnx.lower.values import Fixed, Live, Value
from bitwright.frontends.qonnx.model import Node
from bitwright.ir.graph.ops import Add, Concat, Dense, GraphOp, Maximum, Minimum, Multiply, Subtract
from bitwright.ir.graph.ops import Reshape as Reshaped
from bitwright.numeric import Ints, Steps

__all__ = ["merged"]

_OPS: dict[Two | Fold, GraphOp] = {
    Two.ADD: Add(), Two.SUB: Subtract(), Two.MUL: Multiply(),
    Fold.SUM: Add(), Fold.MIN: Minimum(), Fold.MAX: Maximum(),
}  # fmt: skip
_TABLE = 1 << 12
_FACTOR_BITS = 12


def merged(op: o.Binary, node: Node, reader: Reader, left: Live, right: Live) -> Live:
    """left op right, both live."""
    if op.function not in _OPS:
        raise Unsupported(
            f"{node.kind} of two live tensors", where=f"node '{node.name}'", remedy="use Add, Sub or Mul"
        )
    right = _alike(left, right, reader, node)
    positions = [reader.codes(v, node.name) for v in (left, right)]
    if op.function is not Two.MUL and _unlike(reader, positions):
        table = _tabled(node, reader, left, positions)
        if table is not None:
            # Where no quantizer reads it, another sum perhaps, the codes are those on the common step after all.
            exact = cache(lambda: _emitted(_OPS[op.function], node, reader, left, positions))
            reader.stand_in(table, exact)
            return table
    return _emitted(_OPS[op.function], node, reader, left, positions)


def _alike(left: Live, right: Live, reader: Reader, node: Node) -> Live:
    """`right` in the layout of `left`; missing axes come in front."""
    if left.flat or right.flat:
        if (left.flat, left.order, left.inner) == (right.flat, right.order, right.inner):
            return right
        raise Unsupported(
            "it joins a flattened tensor with one of another layout", where=f"node '{node.name}'",
            remedy="join them before Flatten",
        )  # fmt: skip
    if len(left.shape) != len(right.shape):
        raise Unsupported(
            f"tensors of {left.shape} and {right.shape}", where=f"node '{node.name}'", remedy="give them as many axes"
        )
    return reader.arranged(right, left.order, node.name)


def _emitted(op: GraphOp, node: Node, reader: Reader, like: Live, positions: Sequence[int]) -> Live:
    walk = reader.walk
    aligned = list(positions) if isinstance(op, Multiply) else walk.aligned(positions, node.name)
    total = reduce(lambda a, b: walk.emit(op, [a, b], node.name), aligned)
    type = walk.type(total)
    exact = exact_in_float(type) and all(exact_in_float(walk.type(p)) for p in positions)
    how = f"element-wise on one common step; largest code {type.largest}"
    walk.note(node.name, exact, how if exact else how + "; float32 rounds such values, the integers do not")
    return reader.emitted(total, like)


def _unlike(reader: Reader, positions: Sequence[int]) -> bool:
    """Whether a common step would multiply codes by large numbers."""
    steps = [reader.walk.type(p).step for p in positions]
    if steps[0] == steps[1]:
        return False
    everything = [v for s in steps for v in s.array.ravel()]
    common = Steps(everything, (len(everything),)).finest
    return max(mantissa(v / common).bit_length() for v in everything) > _FACTOR_BITS


def _tabled(node: Node, reader: Reader, like: Live, positions: Sequence[int]) -> Live | None:
    """Both codes side by side as one number, and the executor's own result for each pair; None where too many."""
    walk = reader.walk
    left, right = (walk.type(p) for p in positions)
    steps = left.step.uniform, right.step.uniform
    ends = [(int(t.low.array.min()), int(t.high.array.max())) for t in (left, right)]
    sizes = [high - low + 1 for low, high in ends]
    if None in steps or sizes[0] * sizes[1] > _TABLE or left.shape != right.shape:
        return None
    pairs = np.arange(sizes[0] * sizes[1])
    values = [
        ((pairs // sizes[1] + ends[0][0]) * float(steps[0] or 0)).astype(np.float32),
        ((pairs % sizes[1] + ends[1][0]) * float(steps[1] or 0)).astype(np.float32),
    ]
    results = apply_node(node, values, Frame())[0]
    index = _joined(reader, positions, sizes[1], [e[0] for e in ends], node)
    found = reader.emitted(index, like)
    walk.note(node.name, True, f"steps without a common grid: the float sum of all {len(pairs)} pairs of codes")
    return reader.piece(node, found, lambda x: results[np.rint(x).astype(np.int64)], monotone=False)


def _joined(reader: Reader, positions: Sequence[int], factor: int, lows: Sequence[int], node: Node) -> int:
    """(a - low) * factor + (b - low), on a last axis of its own that is taken away again."""
    walk = reader.walk
    shape = walk.type(positions[0]).shape
    axis = len(shape)
    apart = [walk.emit(Reshaped((*shape, 1)), [reader.renamed(p, node.name)], node.name) for p in positions]
    both = walk.emit(Concat(axis), apart, node.name)
    weights = np.array([[factor], [1]], dtype=np.int64)
    bias = np.array([-lows[0] * factor - lows[1]], dtype=np.int64)
    total = walk.emit(Dense(Ints(weights), Ints(bias)), [both], node.name, Steps.of(1))
    return walk.emit(Reshaped(shape), [total], node.name)


@lower.on(o.Variadic)
def _(op: o.Variadic, node: Node, reader: Reader, args: list[Any]) -> Value:
    lives = [a for a in args if isinstance(a, Live)]
    fixed = [a for a in args if isinstance(a, Fixed)]
    if len(lives) == 1:
        told = [f.values for f in fixed]
        live = reader.facing(lives[0], told, node)
        numbers = [reader.parameter(live, v, node) for v in told]
        return reader.piece(node, live, lambda x: apply_node(node, [x, *numbers], Frame())[0], numbers)
    if fixed or op.function not in _OPS:
        raise Unsupported(
            f"{node.kind} of live tensors and constants", where=f"node '{node.name}'", remedy="use Add, Min or Max"
        )
    first = lives[0]
    rest = [_alike(first, v, reader, node) for v in lives[1:]]
    return _emitted(_OPS[op.function], node, reader, first, [reader.codes(v, node.name) for v in (first, *rest)])


@lower.on(o.Concat)
def _(op: o.Concat, node: Node, reader: Reader, args: list[Any]) -> Value:
    lives = [_living(a, node, reader) for a in args]
    if any(v.flat for v in lives):
        lives = [reader.settled(v, node.name) for v in lives]
    first = lives[0]
    lives = [first, *(reader.arranged(v, first.order, node.name) for v in lives[1:])]
    axis = first.axis(op.axis)
    positions = [reader.codes(v, node.name) for v in lives]
    if axis != len(first.order) - 1 or not all(reader.walk.type(p).step.uniform for p in positions):
        positions = reader.walk.aligned(positions, node.name)
    return reader.emitted(reader.walk.emit(Concat(axis), positions, node.name), first)


def _living(value: Value, node: Node, reader: Reader) -> Live:
    if isinstance(value, Live):
        return value
    raise Unsupported("a constant beside live tensors", where=f"node '{node.name}'", remedy="pad instead")
