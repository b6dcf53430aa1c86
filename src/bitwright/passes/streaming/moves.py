"""What only moves elements: slices, padding, upsampling, transposition."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, prod

from bitwright.core.errors import InvalidProgram, Unsupported
from bitwright.ir.dataflow import released
from bitwright.ir.dataflow.ops import Loop, Rearrange
from bitwright.ir.graph.ops import GraphOp, Map, Pad, Slice, Transpose, Upsample
from bitwright.passes.streaming.placer import GraphNode, Placer, place, with_zero

__all__ = ["most_released"]


@place.on(Slice, Pad, Upsample, Transpose)
def _(op: GraphOp, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    shape = placer.program.nodes[node.args[0]].type.shape
    if len(shape) > 3 and isinstance(op, Transpose):
        return _turned(op, shape, placer, node, last, then)
    if len(shape) > 3:
        raise Unsupported(
            f"a part of a tensor of {len(shape)} axes", where=f"layer '{node.origin.layer or node.name}'",
            why="streams have rows, columns and channels", remedy='use architecture="parallel"',
        )  # fmt: skip
    axes = [_Axis(1)] * (3 - len(shape)) + _axes(op, shape)
    full = (1,) * (3 - len(shape)) + shape
    lanes = _common_lanes(op, axes[-1], full[-1])
    lanes = gcd(lanes, placer.told_lanes(node) or lanes)
    source = placer.argument(node, 0, lanes)
    grid = (full[0], full[1], full[2] // lanes)
    order = [0, 1, 2] if not isinstance(op, Transpose) else _full_order(op.order)
    loops: list[Loop] = []
    for axis in order:
        loops += _loops(axes[axis], axis, lanes if axis == 2 else 1)
    origin = tuple(a.start // (lanes if i == 2 else 1) for i, a in enumerate(axes))
    kept = tuple(loop for loop in loops if loop.extent > 1) or (Loop(1),)
    made = Rearrange(grid, kept, (origin[0], origin[1], origin[2]), memory=placer.folding(node).lines)
    types = placer.stream(source).lane_words()
    told = placer.mapped(last, then, lanes)
    if isinstance(op, Pad):
        types = [with_zero(w, True) for w in types]
    tail = placer.tails.mapped(types, told)
    made = Rearrange(grid, kept, made.start, most_released(made), memory=made.memory, tail=tail)
    return placer.put(made, [source], node, last.type)


def _turned(
    op: Transpose, shape: tuple[int, ...], placer: Placer, node: GraphNode, last: GraphNode, then: Map | None
) -> int:
    """More than three axes in another order: those behind the second are words of a pixel, each with its own loop."""
    lanes = shape[-1] if op.order[-1] == len(shape) - 1 else 1
    lanes = gcd(lanes, placer.told_lanes(node) or lanes)
    source = placer.argument(node, 0, lanes)
    loops: list[Loop] = []
    for axis in op.order:
        extent = shape[axis] // lanes if axis == len(shape) - 1 else shape[axis]
        word = max(prod(shape[axis + 1 :]) // lanes, 1) if axis > 1 else 0
        loops.append(Loop(extent, int(axis == 0), int(axis == 1), word))
    grid = shape[0], shape[1], prod(shape[2:]) // lanes
    kept = tuple(loop for loop in loops if loop.extent > 1) or (Loop(1),)
    made = Rearrange(grid, kept, memory=placer.folding(node).lines)
    tail = placer.tails.mapped(placer.stream(source).lane_words(), placer.mapped(last, then, lanes))
    made = Rearrange(grid, kept, release=most_released(made), memory=made.memory, tail=tail)
    return placer.put(made, [source], node, last.type)


@dataclass(frozen=True)
class _Axis:
    """How an axis is walked: `count` places from `start` by `step`, each `times` times."""

    count: int
    start: int = 0
    step: int = 1
    times: int = 1


def _axes(op: GraphOp, shape: tuple[int, ...]) -> list[_Axis]:
    if isinstance(op, Slice):
        told = zip(op.starts, op.stops, op.strides, shape, strict=True)
        walks = [range(*slice(start, stop, step).indices(n)) for start, stop, step, n in told]
        return [_Axis(len(walk), walk.start, walk.step) for walk in walks]
    if isinstance(op, Pad):
        return [_Axis(n + before + after, -before) for n, (before, after) in zip(shape, op.pads, strict=True)]
    if isinstance(op, Upsample):
        return [_Axis(n, times=f) for n, f in zip(shape, op.factors, strict=True)]
    return [_Axis(n) for n in shape]


def _common_lanes(op: GraphOp, axis: _Axis, channels: int) -> int:
    """The widest words that stay whole along the channels."""
    if isinstance(op, Transpose):
        return channels if op.order[-1] == len(op.order) - 1 else 1
    if axis.step != 1 or axis.times != 1:
        return 1
    return gcd(channels, abs(axis.start), axis.count)


def _full_order(order: tuple[int, ...]) -> list[int]:
    missing = 3 - len(order)
    return [*range(missing), *(a + missing for a in order)]


def _loops(axis: _Axis, which: int, lanes: int) -> list[Loop]:
    names = ("row", "column", "word")
    loops = [Loop(axis.count // lanes, **{names[which]: axis.step})]
    return [*loops, Loop(axis.times)] if axis.times > 1 else loops


def most_released(op: Rearrange) -> int:
    """The most outer loops that release words that nothing reads later."""
    for count in range(len(op.loops), 0, -1):
        try:
            released(Rearrange(op.grid, op.loops, op.start, count))
        except InvalidProgram:
            continue
        return count
    return 0
