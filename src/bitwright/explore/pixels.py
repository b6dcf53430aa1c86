"""Words of several pixels as candidates: how many, and what a step then yields."""

from __future__ import annotations

from math import prod

from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import Conv, MaxPool, SumPool
from bitwright.passes.streaming.pixels import Neighbors, neighbors_of
from bitwright.passes.streaming.placer import GraphNode
from bitwright.passes.streaming.view import view_of

__all__ = ["conv_neighbors", "pool_lanes", "several_pixels"]

_PIXELS = (2, 4, 8)


def several_pixels(type: TensorType) -> list[int]:
    """Elements of a word of more than one pixel, where rows are whole words."""
    if len(type.shape) < 3:
        return []
    return [n * type.shape[-1] for n in _PIXELS if type.shape[-2] % n == 0]


def pool_lanes(node: GraphNode, given: TensorType) -> list[int]:
    """The same for a pool, where its windows allow them."""
    op = node.op
    assert isinstance(op, MaxPool | SumPool)
    if len(op.pool) != 2 or len(given.shape) != 3 or prod(node.type.shape[:-1]) == 1:
        return []
    view = view_of(op, given.shape, node)
    return [n for n in several_pixels(given) if neighbors_of(view, n // given.shape[-1]) is not None]


def conv_neighbors(node: GraphNode, given: TensorType) -> list[tuple[int, Neighbors]]:
    """(pixels of a word, what a step shows) of a convolution."""
    op = node.op
    assert isinstance(op, Conv)
    if len(op.strides) != 2 or len(given.shape) != 3:
        return []
    view = view_of(op, given.shape, node)
    if min(n for pads in view.pads for n in pads) < 0:
        return []
    counts = [n // given.shape[-1] for n in several_pixels(given)]
    found = [(n, neighbors_of(view, n)) for n in counts]
    return [(n, near) for n, near in found if near is not None]
