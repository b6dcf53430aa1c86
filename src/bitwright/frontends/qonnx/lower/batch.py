"""Tensors whose batch axis is not the first: what recurrent layers read and yield when time comes first.

A `Live` has no batch axis of its own; `batch` says where ONNX counts it. Here axes are told anew as if the batch came
first, the operator's own rule does the work, and the batch goes back to its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute.table import whole
from bitwright.frontends.qonnx.lower.reader import Reader, fixed, lower
from bitwright.frontends.qonnx.lower.values import Fixed, Live, Value
from bitwright.frontends.qonnx.model import Node

__all__ = ["behind_batch", "moves_batch", "transposed"]

_ALIKE = (
    o.Unary, o.Parametric, o.Clip, o.Cast, o.Binary, o.Variadic, o.Quant, o.BipolarQuant, o.Trunc, o.TruncTo,
    o.FloatQuant, o.QuantizeLinear, o.DequantizeLinear, o.MatMul,
)  # fmt: skip
"""Operators that do the same wherever the batch is, with constants that differ along the last axis at most."""


def transposed(live: Live, perm: tuple[int, ...] | None, node: Node) -> Live:
    """The tensor with its axes (the batch among them) in the order `perm`."""
    rank, b = len(live.shape) + 1, live.batch
    told = perm or tuple(range(rank))[::-1]
    if sorted(told) != list(range(rank)):
        raise _refused(node)
    if live.flat:
        if told != tuple(range(rank)):
            raise _refused(node)
        return live
    inner = [a - (a > b) for a in told if a != b]
    return replace(live, order=tuple(inner.index(a) for a in live.order), batch=told.index(b))


def moves_batch(node: Node, args: list[Any]) -> bool:
    """Whether the batch is not in front, or an axis comes before it."""
    if isinstance(node.op, o.Unsqueeze) and isinstance(args[0], Live) and isinstance(args[1], Fixed):
        rank = len(args[0].shape) + 1 + args[1].values.size
        if 0 in {a % rank for a in whole(args[1].values)}:
            return True
    return any(isinstance(a, Live) and a.batch for a in args)


def behind_batch(node: Node, reader: Reader, args: list[Any]) -> list[Value]:
    """The outputs of a node of which an input's batch axis is not the first."""
    if isinstance(node.op, o.Transpose | o.Recurrent | o.QuantLSTM):
        found = lower(node.op, node, reader, args)
        return found if isinstance(found, list) else [found]
    live = [a for a in args if isinstance(a, Live)]
    if len({(a.batch, len(a.shape)) for a in live}) > 1:
        raise _refused(node)
    first = [replace(a, batch=0) if isinstance(a, Live) else a for a in args]
    told = _alike if isinstance(node.op, _ALIKE) else _RULES.get(type(node.op))
    if told is None:
        raise _refused(node)
    op, inputs, batch = told(node, live[0], first)
    found = lower(op, replace(node, op=op), reader, inputs)
    each = found if isinstance(found, list) else [found]
    return [replace(v, batch=batch) if isinstance(v, Live) else v for v in each]


def _refused(node: Node) -> Unsupported:
    return Unsupported(
        "it mixes the batch with other axes", where=f"node '{node.name}' ({node.kind})",
        remedy="keep the batch in front: batch_first=True in PyTorch",
    )  # fmt: skip


_Told = tuple[Any, list[Any], int]
_Rule = Callable[[Node, Live, list[Any]], _Told]
"""(node, a live input, inputs with the batch in front) to (operator, inputs, the batch axis of the outputs)."""


def _alike(node: Node, live: Live, args: list[Any]) -> _Told:
    constants = [a.values for a in args if isinstance(a, Fixed)]
    most = 2 if isinstance(node.op, o.MatMul) else 1
    if live.batch == len(live.shape) or any(c.size > 1 and c.ndim > most for c in constants):
        raise _refused(node)
    return node.op, args, live.batch


def _moved(axis: int, live: Live, node: Node) -> int:
    """ONNX's axis counted with the batch in front; the batch itself is refused."""
    found = axis % (len(live.shape) + 1)
    if found == live.batch:
        raise _refused(node)
    return found + 1 if found < live.batch else found


def _gather(node: Node, live: Live, args: list[Any]) -> _Told:
    axis = node.op.axis % (len(live.shape) + 1)  # pyright: ignore[reportAttributeAccessIssue]
    gone = np.ndim(fixed(args[1], node, "indices")) == 0 and axis < live.batch
    return replace(node.op, axis=_moved(axis, live, node)), args, live.batch - gone  # pyright: ignore


def _by_axis(node: Node, live: Live, args: list[Any]) -> _Told:
    axis = _moved(node.op.axis, live, node)  # pyright: ignore[reportAttributeAccessIssue]
    return replace(node.op, axis=axis), args, live.batch  # pyright: ignore


def _slice(node: Node, live: Live, args: list[Any]) -> _Told:
    count = fixed(args[1], node, "starts").size
    told = range(count) if len(args) < 4 or args[3] is None else whole(fixed(args[3], node, "axes"))
    axes = Fixed(np.array([_moved(a, live, node) for a in told], np.int64))
    return node.op, [*args[:3], axes, *args[4:]], live.batch


def _squeeze(node: Node, live: Live, args: list[Any]) -> _Told:
    if len(args) < 2 or args[1] is None:
        raise _refused(node)
    told = [a % (len(live.shape) + 1) for a in whole(fixed(args[1], node, "axes"))]
    axes = Fixed(np.array([_moved(a, live, node) for a in told], np.int64))
    return node.op, [args[0], axes], live.batch - sum(a < live.batch for a in told)


def _unsqueeze(node: Node, live: Live, args: list[Any]) -> _Told:
    told = whole(fixed(args[1], node, "axes"))
    rank = len(live.shape) + 1 + len(told)
    new = sorted(a % rank for a in told)
    kept = [a for a in range(rank) if a not in new]
    batch = kept[live.batch]
    axes = Fixed(np.array([a + 1 if a < batch else a for a in new], np.int64))
    return node.op, [args[0], axes], batch


def _reshape(node: Node, live: Live, args: list[Any]) -> _Told:
    """A shape that keeps as many elements before the batch, and behind it."""
    told, b = list(whole(fixed(args[1], node, "shape"))), live.batch
    old = [*live.shape[:b], 1, *live.shape[b:]]
    shape = [old[i] if n == 0 and i < len(old) else n for i, n in enumerate(told)]
    known = prod(n for n in shape if n != -1)
    full = [prod(old) // max(known, 1) if n == -1 else n for n in shape]
    places = [i for i, n in enumerate(full) if n == 1 and prod(full[:i]) == prod(old[:b])]
    if not places or prod(full) != prod(old):
        raise _refused(node)
    place = b if b in places else places[0]
    return o.Reshape(True), [args[0], Fixed(np.array([1, *full[:place], *full[place + 1 :]], np.int64))], place


_RULES: dict[type, _Rule] = {
    o.Gather: _gather, o.Split: _by_axis, o.Concat: _by_axis, o.Slice: _slice, o.Squeeze: _squeeze,
    o.Unsqueeze: _unsqueeze, o.Reshape: _reshape,
}  # fmt: skip
