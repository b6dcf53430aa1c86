"""Pools and reductions: sums and maxima of codes; a mean is a sum with a function behind it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.elementwise import Elementwise, Evaluation
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute.linear import full
from bitwright.frontends.qonnx.execute.pool import pool_pads
from bitwright.frontends.qonnx.execute.table import whole
from bitwright.frontends.qonnx.functions import Shrink
from bitwright.frontends.qonnx.lower.reader import Reader, evaluate, exact_in_float, fixed, lower
from bitwright.frontends.qonnx.lower.values import Live, Value
from bitwright.frontends.qonnx.model import Node
from bitwright.ir.graph.ops import Map, MaxPool, Reshape, SumPool
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate

__all__ = ["reduced"]

_FAR = 1 << 60


def _window(op: Any, node: Node, reader: Reader, live: Live) -> tuple[Live, o.Pads]:
    """The tensor with its channels last, and the pads of the pool."""
    rank = len(op.kernel)
    if len(live.shape) != rank + 1:
        raise Unsupported(f"a pool of {rank} axes on a tensor of {live.shape}", where=f"node '{node.name}'")
    space = tuple(range(rank)) if op.channels_last else tuple(range(1, rank + 1))
    live = reader.arranged(live, (*space, rank if op.channels_last else 0), node.name)
    if any(d != 1 for d in op.dilations):
        raise Unsupported(
            f"a pool with dilations {op.dilations}", where=f"node '{node.name}'", remedy="use a pool without dilations"
        )
    _, pads = pool_pads(op, live.lazy.shape[:rank])
    if any(min(p) < 0 for p in pads):
        raise Unsupported(f"a pool with pads {pads}", where=f"node '{node.name}'", remedy="slice before it")
    return live, pads


@lower.on(o.MaxPool)
def _(op: o.MaxPool, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, pads = _window(op, node, reader, args[0])
    pool = MaxPool(op.kernel, full(op.strides, len(op.kernel), "strides"), pads)
    chain = live.lazy.chain
    # What differs from pixel to pixel may not be put behind the maximum of several.
    rises = all(p.monotone and not p.elementwise for p in chain)
    lazy = live.lazy.base is not None and chain and chain[-1].step is None and rises
    if not lazy or live.lazy.base is None or _differs(reader, live.lazy.base, len(op.kernel)):
        position = _on_one_step(reader, reader.codes(live, node.name), len(op.kernel), node.name)
        return reader.emitted(reader.walk.emit(pool, [position], node.name), live)
    return _before(pool, node, reader, live, live.lazy.base)


def _differs(reader: Reader, position: int, rank: int) -> bool:
    """Whether the step changes along one of the first `rank` axes."""
    type = reader.walk.type(position)
    shape = (1,) * (len(type.shape) - len(type.step.shape)) + type.step.shape
    return any(n > 1 for n in shape[:rank])


def _on_one_step(reader: Reader, position: int, rank: int, name: str) -> int:
    """Codes whose step is the same wherever a window over the first `rank` axes lies."""
    if not _differs(reader, position, rank):
        return position
    return reader.walk.rescaled(position, reader.walk.type(position).step.finest, name)


def _before(pool: MaxPool, node: Node, reader: Reader, live: Live, base: int) -> Live:
    """A maximum moves in front of functions that rise; where one falls, it sees the negated codes."""
    walk, chain = reader.walk, live.lazy.chain
    low, high = walk.type(base).bounds()
    over = tuple(range(low.ndim - 1))
    ends = np.stack([low.min(axis=over), high.max(axis=over)])
    steps = np.broadcast_to(walk.type(base).step.floats(), low.shape)[(0,) * len(over)]
    first, last = evaluate(chain, Evaluation.COMPILED)((ends * steps).reshape(2, *(1,) * len(over), -1)).reshape(2, -1)
    signs = np.where(last >= first, 1, -1).astype(np.int64)
    if (signs < 0).any():
        zeros, far = Ints(np.zeros(len(signs), dtype=np.int64)), np.full(len(signs), _FAR)
        form = ShiftRoundSaturate(Ints(signs), zeros, zeros, Rounding.FLOOR, Ints(-far), Ints(far))
        base = walk.emit(Map(form, Ints(np.arange(len(signs)))), [base], node.name, walk.type(base).step)
        turn = signs.astype(np.float32)
        chain = (Elementwise(node.name, lambda x: x * turn, channelwise=True), *chain)
    position = walk.emit(pool, [base], node.name)
    lazy = replace(live.lazy, shape=walk.type(position).shape, base=position, chain=chain)
    return Live(lazy, live.order)


@lower.on(o.AveragePool)
def _(op: o.AveragePool, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, pads = _window(op, node, reader, args[0])
    if any(any(p) for p in pads) and not (op.count_include_pad and not op.ceil_mode):
        raise Unsupported(
            "an average over fewer elements at the border", where=f"node '{node.name}'",
            remedy="use count_include_pad=1, or no pads",
        )  # fmt: skip
    pool = SumPool(op.kernel, full(op.strides, len(op.kernel), "strides"), pads)
    codes = _on_one_step(reader, reader.codes(live, node.name), len(op.kernel), node.name)
    return _divided(node, reader, reader.emitted(reader.walk.emit(pool, [codes], node.name), live), prod(op.kernel))


def _divided(node: Node, reader: Reader, live: Live, count: int) -> Live:
    """The mean from the sum."""
    position = live.lazy.base
    assert position is not None
    exact = exact_in_float(reader.walk.type(position))
    reader.walk.note(node.name, exact, f"a sum of {count}" + ("" if exact else "; float32 rounds such sums"))
    divisor = np.float32(count)
    return reader.piece(node, live, lambda x: x / divisor)


@lower.on(o.QuantAveragePool)
def _(op: o.QuantAveragePool, node: Node, reader: Reader, args: list[Any]) -> Value:
    window = o.AveragePool((op.kernel,) * 2, (op.stride,) * 2, (), (), o.AutoPad.NOTSET, False, op.channels_last)
    live, pads = _window(window, node, reader, args[0])
    pool = SumPool(window.kernel, window.strides, pads)
    position = reader.walk.emit(pool, [reader.codes(live, node.name)], node.name)
    shift = 2.0**op.shift
    return reader.piece(
        node, reader.emitted(position, live), lambda x: np.floor(np.rint(x) / np.float32(shift)), step=Fraction(1)
    )




@lower.on(o.GlobalPool)
def _(op: o.GlobalPool, node: Node, reader: Reader, args: list[Any]) -> Value:
    live = args[0]
    return reduced(op.function, node, reader, live, tuple(range(1, len(live.shape))), True)


@lower.on(o.Reduce)
def _(op: o.Reduce, node: Node, reader: Reader, args: list[Any]) -> Value:
    live = args[0]
    told = whole(fixed(args[1], node, "axes")) if len(args) > 1 and args[1] is not None else ()
    if not told and op.empty_is_none:
        return live
    rank = len(live.shape) + 1
    axes = tuple(a % rank for a in told) or tuple(range(rank))
    if 0 in axes:
        raise Unsupported("a reduction over the batch", where=f"node '{node.name}'", remedy="reduce other axes")
    return reduced(op.function, node, reader, live, tuple(a - 1 for a in axes), op.keepdims)


def reduced(
    function: Shrink, node: Node, reader: Reader, live: Live, axes: tuple[int, ...], keepdims: bool
) -> Live:
    """A reduction over `axes` (of ONNX, without the batch) as one pool over all of them."""
    if function not in (Shrink.MEAN, Shrink.SUM, Shrink.MAX):
        raise Unsupported(
            f"{node.kind} of a live tensor", where=f"node '{node.name}'", remedy="use a mean, a sum or a maximum"
        )
    kept = tuple(a for a in range(len(live.shape)) if a not in axes)
    shape = tuple(1 if a in axes else n for a, n in enumerate(live.shape) if keepdims or a not in axes)
    live = reader.arranged(live, (*sorted(axes), *kept), node.name)
    count = prod(live.lazy.shape[: len(axes)])
    position = _on_one_step(reader, reader.codes(live, node.name), len(axes), node.name)
    inner = live.lazy.shape[len(axes) :]
    flat = reader.walk.emit(Reshape((count, prod(inner))), [position], node.name)
    pool = (MaxPool if function is Shrink.MAX else SumPool)((count,), (1,), ((0, 0),))
    found = reader.walk.emit(Reshape(shape), [reader.walk.emit(pool, [flat], node.name)], node.name)
    result = reader.emitted(found)
    return _divided(node, reader, result, count) if function is Shrink.MEAN else result
