"""`LayerShape`: a layer without its weights, and the instruction it would be: for what is too large to lower."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np

from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.core.origin import Origin
from bitwright.ir.engine.ops import Walk
from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import Add, Conv, Dense, Input, Map, Maximum, MaxPool, Reshape, Subtract, SumPool
from bitwright.ir.netlist import Word
from bitwright.numeric import IntArray
from bitwright.passes.engine.draft import Draft, lanes_of
from bitwright.passes.engine.walks import linear_walk, pair_walk, window_walk
from bitwright.passes.rewrite import GraphNode
from bitwright.passes.streaming.view import View, view_of

__all__ = ["Kind", "LayerShape", "drafts_from_shapes", "point", "shapes_of"]

Grid = tuple[int, int, int]


class Kind(Enum):
    """What a layer is to the engine."""

    INPUT = "input"
    LINEAR = "linear"
    POOL = "pool"
    PAIR = "pair"


@dataclass(frozen=True, slots=True)
class LayerShape:
    """A layer with the map behind it.

    args: positions of what it reads. view: its window over the grid (rows, columns, channels) of its first argument;
    of an input over itself. channels and bits (with a sign): of an element of its result. groups and weight_bits:
    of a linear layer.
    """

    name: str
    kind: Kind
    args: tuple[int, ...]
    view: View
    channels: int
    bits: int
    weight_bits: int = 0
    groups: int = 1

    @property
    def weights(self) -> int:
        """How many weights it has."""
        if self.kind is not Kind.LINEAR:
            return 0
        return self.view.kernel[0] * self.view.kernel[1] * self.view.grid[2] * self.channels // self.groups


def point(grid: Grid, kernel: tuple[int, int] = (1, 1)) -> View:
    """A window without strides and padding."""
    return View(grid, kernel, (1, 1), ((0, 0), (0, 0)), (1, 1))


def drafts_from_shapes(layers: Sequence[LayerShape], lanes: int) -> list[Draft]:
    """The instructions of an engine of `lanes`, with walks and regions but no weights; the last one is stored.

    Steps and regions are those of `ScheduleEngine` where weights leave no word of a filter's own group out.
    """
    drafts: list[Draft] = []
    for position, layer in enumerate(layers):
        stored = position == len(layers) - 1
        args = tuple(drafts[a] for a in layer.args)
        if args and args[0].shape != layer.view.grid:
            raise InvalidValue(
                f"it reads {layer.view.grid} and is given {args[0].shape}", where=f"layer '{layer.name}'",
                remedy="give the grid of its first argument",
            )  # fmt: skip
        width, walk = _gathered(layer, args, lanes, stored)
        drafts.append(
            Draft(
                layer.name, Origin(layer=layer.name), layer.args, (*layer.view.out, layer.channels), width,
                Word(0, (1 << layer.bits) - 1), walk, stored=stored,
            )
        )  # fmt: skip
    return drafts


def _gathered(layer: LayerShape, args: tuple[Draft, ...], lanes: int, stored: bool) -> tuple[int, Walk | None]:
    """Lanes of a word of the result, and the walk."""
    if layer.kind is Kind.INPUT:
        return lanes_of(layer.channels, lanes, streamed=True), None
    arg = args[0]
    if layer.kind is Kind.LINEAR:
        out = lanes_of(layer.channels, lanes, streamed=stored)
        return out, linear_walk(layer.view, arg.depth, _used(layer, arg, out))
    walk = window_walk(layer.view, arg.depth) if layer.kind is Kind.POOL else pair_walk(arg, len(args))
    return arg.lanes, walk


def _used(layer: LayerShape, arg: Draft, out: int) -> IntArray:
    """1 where a block of outputs (rows) has a group in a word of inputs (columns)."""
    channels, filters = layer.view.grid[2], layer.channels
    group = np.arange(filters) * layer.groups // filters
    used = np.zeros((-(-filters // out), arg.depth), np.int64)
    for block in range(len(used)):
        for g in np.unique(group[block * out : (block + 1) * out]):
            first, last = g * channels // layer.groups, (g + 1) * channels // layer.groups - 1
            used[block, first // arg.lanes : last // arg.lanes + 1] = 1
    return used


def shapes_of(graph: Graph) -> tuple[LayerShape, ...]:
    """The layers of a graph of one input and one output, maps taken in; raises `Unsupported` as the engine does."""
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise Unsupported(
            f"{len(graph.inputs)} inputs and {len(graph.outputs)} outputs", where=graph.name,
            why="the engine has one stream in and one out", remedy='use architecture="dataflow"',
        )  # fmt: skip
    readers, alive = graph.consumers(), graph.live()
    made: list[LayerShape] = []
    held: dict[int, int] = {}
    for position, node in enumerate(graph.nodes):
        if position in held or not (alive[position] or isinstance(node.op, Input)):
            continue
        if isinstance(node.op, Reshape):
            held[position] = held[node.args[0]]
            continue
        end, own = position, [r for r in readers[position] if alive[r] and position not in graph.outputs]
        if len(own) == 1 and isinstance(graph.nodes[own[0]].op, Map) and not isinstance(node.op, Map | Input):
            end = own[0]
        args = tuple(held[a] for a in node.args)
        held[position] = held[end] = len(made)
        made.append(_shape_of(graph, node, graph.nodes[end], args, made))
    result = made[last := held[graph.outputs[0]]]
    if last != len(made) - 1:
        grid = (*result.view.out, result.channels)
        made.append(replace(result, name=f"{result.name}_copy", kind=Kind.PAIR, args=(last,), view=point(grid)))
    return tuple(made)


def _shape_of(
    graph: Graph, node: GraphNode, last: GraphNode, args: tuple[int, ...], made: Sequence[LayerShape]
) -> LayerShape:
    shape, op = last.type.shape, node.op
    bits = Word(int(last.type.low.array.min()), int(last.type.high.array.max())).width
    if isinstance(op, Input):
        rows, columns, channels = (1,) * (3 - len(shape)) + shape
        return LayerShape(last.name, Kind.INPUT, (), point((rows, columns, channels)), channels, bits)
    source = made[args[0]]
    grid = (*source.view.out, source.channels)
    if isinstance(op, Conv | Dense):
        given = graph.nodes[node.args[0]].type.shape
        flat = isinstance(op, Dense) and len(given) == 1 and given[0] != grid[2]
        view = view_of(op, given, node) if isinstance(op, Conv) else point(grid, grid[:2] if flat else (1, 1))
        groups = op.groups if isinstance(op, Conv) else 1
        return LayerShape(last.name, Kind.LINEAR, args, view, shape[-1], bits, _weight_bits(op.weights.array), groups)
    if isinstance(op, MaxPool | SumPool):
        view = view_of(op, graph.nodes[node.args[0]].type.shape, node)
        return LayerShape(last.name, Kind.POOL, args, view, shape[-1], bits)
    if isinstance(op, Add | Subtract | Maximum | Map):
        return LayerShape(last.name, Kind.PAIR, args, point(grid), grid[2], bits)
    raise Unsupported(
        f"{type(op).__name__} on the engine", where=f"layer '{node.origin.layer or node.name}'",
        why="it has no instruction for that", remedy='use architecture="dataflow"',
    )  # fmt: skip


def _weight_bits(weights: IntArray) -> int:
    """Bits that a weight is stored in: -1 and 1, or multiples of them, take one."""
    largest = int(np.abs(weights).max())
    return 1 if largest and (np.abs(weights) == largest).all() else Word(int(weights.min()), int(weights.max())).width
