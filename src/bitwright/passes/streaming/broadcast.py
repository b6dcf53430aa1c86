"""Operands that broadcast: their words come again for every place that they are for."""

from __future__ import annotations

from math import gcd

from bitwright.core.errors import Unsupported
from bitwright.ir.dataflow.ops import Loop, Rearrange
from bitwright.passes.streaming.moves import most_released
from bitwright.passes.streaming.placer import GraphNode, Placer

__all__ = ["broadcast", "common_lanes"]


def common_lanes(lanes: int, shape: tuple[int, ...], shapes: list[tuple[int, ...]]) -> int:
    """`lanes`, or as many as stay within a row where an operand is repeated."""
    same = all(s == shape for s in shapes)
    return lanes if same or not shape else gcd(lanes, shape[-1])


def broadcast(placer: Placer, node: GraphNode, port: int, lanes: int) -> int:
    """An operand's stream with as many words as the result has in words of `lanes`.

    Its own words have as many lanes, or one where its last axis is repeated.
    """
    into, shape = node.type.shape, placer.program.nodes[node.args[port]].type.shape
    if shape == into:
        return placer.argument(node, port, lanes)
    full = (1,) * (len(into) - len(shape)) + shape
    one = full[-1] == 1 and into[-1] > 1
    axes = [(n, m == n) for n, m in zip(into[:-1], full[:-1], strict=True)] + [(into[-1] // lanes, not one)]
    merged: list[tuple[int, bool]] = []
    for count, moves in axes:
        if count == 1:
            continue
        if merged and merged[-1][1] == moves:
            merged[-1] = merged[-1][0] * count, moves
        else:
            merged.append((count, moves))
    source = placer.argument(node, port, 1 if one else lanes)
    if all(moves for _, moves in merged):
        return source
    return placer.put(_repeated(merged, placer, node), [source], node, name=f"{node.name}_{'ab'[port]}")


def _repeated(axes: list[tuple[int, bool]], placer: Placer, node: GraphNode) -> Rearrange:
    """A walk over `axes` (extent, whether it moves), of which up to three move."""
    moving = [count for count, moves in axes if moves]
    if len(moving) > 3:
        raise Unsupported(
            f"an operand repeated along {len(axes) - len(moving)} axes between others",
            where=f"layer '{node.origin.layer or node.name}'", why="streams have rows, columns and words",
            remedy='upsample it first, or use architecture="parallel"',
        )  # fmt: skip
    sizes = [1] * (3 - len(moving)) + moving
    names = iter(("row", "column", "word")[3 - len(moving) :])
    loops = tuple(Loop(count, **{next(names): 1}) if moves else Loop(count) for count, moves in axes)
    made = Rearrange((sizes[0], sizes[1], sizes[2]), loops, memory=placer.folding(node).lines)
    return Rearrange(made.grid, loops, release=most_released(made), memory=made.memory)
