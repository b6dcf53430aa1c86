"""ArgMax and TopK: the largest along the last axis, of equals the first."""

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
from bitwright.ir.graph.ops import TopK

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
    if not op.largest or op.axis % (len(live.shape) + 1) != len(live.shape):
        kind = "largest" if op.largest else "smallest"
        raise Unsupported(
            f"the first {k} {kind} along axis {op.axis}", where=f"node '{node.name}'",
            remedy="take the largest on the last axis",
        )  # fmt: skip
    told = reader.counts.get(node.outputs[0], 0) > 0
    place, value = _places(node, reader, live, k[0], value_read=told)
    return [value, reader.emitted(place)]


@lower.on(o.Extreme)
def _(op: o.Extreme, node: Node, reader: Reader, args: list[Any]) -> Value:
    live = args[0]
    if not op.largest or op.last or op.axis % (len(live.shape) + 1) != len(live.shape):
        raise Unsupported(
            f"{node.kind} along axis {op.axis}", where=f"node '{node.name}'",
            remedy="use ArgMax on the last axis, the first of equals",
        )  # fmt: skip
    place, _ = _places(node, reader, live, 1, value_read=False)
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


def _places(node: Node, reader: Reader, live: Live, count: int, value_read: bool) -> tuple[int, Live]:
    """The position of the places of the `count` largest, and these themselves."""
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
    size, step = walk.type(position).shape[-1], walk.type(position).step
    if not 1 <= count <= size:
        raise Unsupported(f"the {count} largest of {size}", where=f"node '{name}'", remedy=f"take 1 to {size}")
    place = walk.emit(TopK(count), [position], name)
    # Where nobody reads the values, the places stand for them.
    value = reader.emitted(walk.emit(TopK(count, True), [position], name) if value_read else place)
    told = "the first of the largest" if count == 1 else f"the first {count} by falling size"
    walk.note(name, True, f"{told} of {size}, on one common step of {step.uniform}")
    return place, replace(value, lazy=replace(value.lazy, chain=kept))
