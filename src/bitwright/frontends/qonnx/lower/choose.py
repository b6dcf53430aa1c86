"""ArgMax, ArgMin and TopK with k = 1: a maximum, and the least place that reaches it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.elementwise import Elementwise, Evaluation
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute.table import whole
from bitwright.frontends.qonnx.lower.reader import Reader, evaluate, fixed, lower
from bitwright.frontends.qonnx.lower.values import Live, Value
from bitwright.frontends.qonnx.model import Node
from bitwright.ir.graph.ops import Map, MaxPool, Reshape, Subtract
from bitwright.numeric import Ints, Steps, Thresholds

__all__ = ["rising"]

_ENUMERATED = 1 << 16
_MOST_RANKS = 1 << 18


def rising(reader: Reader, live: Live) -> bool:
    """Whether the functions on `live` are one function for all elements that rises from code to code."""
    base, chain = live.lazy.base, live.lazy.chain
    if base is None or any(p.channelwise or p.elementwise or p.head for p in chain):
        return False
    type = reader.walk.type(base)
    low, high = int(type.low.array.min()), int(type.high.array.max())
    if type.step.uniform is None or high - low >= _ENUMERATED:
        return False
    codes = np.arange(low, high + 1) * float(type.step.uniform)
    return bool((np.diff(evaluate(chain, Evaluation.COMPILED)(codes[:, None])[:, 0]) > 0).all())


@lower.on(o.TopK)
def _(op: o.TopK, node: Node, reader: Reader, args: list[Any]) -> list[Value]:
    k = whole(fixed(args[1], node, "k"))
    live = args[0]
    if k != (1,) or not op.largest or op.axis % (len(live.shape) + 1) != len(live.shape):
        raise Unsupported(
            f"the first {k} along axis {op.axis}", where=f"node '{node.name}'", remedy="use k = 1 on the last axis"
        )
    told = reader.counts.get(node.outputs[0], 0) > 0
    place, value = _place(node, reader, live, value_read=told)
    return [value, reader.emitted(place)]


@lower.on(o.Extreme)
def _(op: o.Extreme, node: Node, reader: Reader, args: list[Any]) -> Value:
    live = args[0]
    if not op.largest or op.last or op.axis % (len(live.shape) + 1) != len(live.shape):
        raise Unsupported(
            f"{node.kind} along axis {op.axis}", where=f"node '{node.name}'",
            remedy="use ArgMax on the last axis, the first of equals",
        )  # fmt: skip
    place, _ = _place(node, reader, live, value_read=False)
    found = reader.emitted(place)
    return found if op.keepdims else reader.reshaped(found, live.shape[:-1], node.name)


def _ranked(node: Node, reader: Reader, live: Live) -> Live:
    """The rank of each value among all that can occur: as good as the value where only the order counts."""
    chain, base = live.lazy.chain, live.lazy.base
    if base is None or not chain or chain[-1].step is not None or any(p.head for p in chain):
        return live
    grid = reader.walk.grid(live.lazy, base)
    size = int((grid.high - grid.low).max()) + 1
    if size * len(grid.low) > _MOST_RANKS:
        return live
    codes = np.minimum(grid.low + np.arange(size)[:, None], grid.high)
    levels = np.unique(evaluate(chain, Evaluation.COMPILED)(grid.values(codes).reshape(size, *grid.shape)))
    rank = Elementwise(node.name, lambda x: np.searchsorted(levels, x).astype(np.float32), step=Fraction(1))
    return replace(live, lazy=live.lazy.then(rank))


def _place(node: Node, reader: Reader, live: Live, value_read: bool) -> tuple[int, Live]:
    """The position of the place of the first maximum, and the maximum; the last axis has length 1."""
    walk, name = reader.walk, node.name
    live = reader.settled(live, name)
    kept = ()
    if live.lazy.chain and live.lazy.chain[-1].step is None and rising(reader, live):
        kept = live.lazy.chain  # the order of the codes is that of the values
        live = replace(live, lazy=replace(live.lazy, chain=()))
    elif not value_read:
        live = _ranked(node, reader, live)
    position = reader.codes(live, name)
    position = walk.rescaled(position, walk.type(position).step.finest, name)
    shape, step = walk.type(position).shape, walk.type(position).step
    count, rows = shape[-1], int(np.prod(shape[:-1], dtype=np.int64))

    def largest(at: int) -> int:
        image = walk.emit(Reshape((rows, count, 1)), [at], name)
        top = walk.emit(MaxPool((1, count), (1, 1), ((0, 0), (0, 0))), [image], name)
        return walk.emit(Reshape((*shape[:-1], 1)), [top], name)

    best = largest(position)
    below = walk.emit(Subtract(), [position, best], name)
    # Minus the place where an element is the maximum, else minus count: the greatest of these is the first place.
    places = np.arange(count)
    form = Thresholds(Ints(np.zeros((count, 1), dtype=np.int64)), Ints(np.stack([np.full(count, -count), -places], 1)))
    marked = walk.emit(Map(form, Ints(places)), [below], name, Steps.of(1))
    ends = np.arange(-count, 1)
    back = Thresholds(Ints(ends[None, 1:]), Ints(-ends[None]))
    place = walk.emit(Map(back, Ints(0)), [largest(marked)], name, Steps.of(1))
    walk.note(name, True, f"the first of the largest of {count}, on one common step of {step.uniform}")
    value = reader.emitted(best)
    return place, replace(value, lazy=replace(value.lazy, chain=kept))
