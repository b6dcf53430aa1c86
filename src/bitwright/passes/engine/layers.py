"""What each graph operator gathers: the walk of its instruction, its weights, the range of its totals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.core.rules import Rules
from bitwright.ir.engine.ops import Walk
from bitwright.ir.graph.ops import (
    Add,
    Conv,
    Dense,
    Map,
    Maximum,
    MaxPool,
    Minimum,
    Multiply,
    Subtract,
    SumPool,
)
from bitwright.ir.netlist import Word
from bitwright.numeric import IntArray
from bitwright.passes.engine.draft import Draft, Piece, Shape, lanes_of, united
from bitwright.passes.engine.walks import linear_walk, pair_walk, window_walk, words_needed
from bitwright.passes.rewrite import GraphNode
from bitwright.passes.streaming.view import View, view_of

__all__ = ["Gathered", "Site", "gather", "grid_of", "identity", "refused", "same_lanes"]


@dataclass(frozen=True)
class Site:
    """Where an operator stands: its node, the shape of its argument in the graph, its arguments' drafts, the lanes.

    `constant`: the argument that never changes; `swapped` where it is the first one.
    """

    node: GraphNode
    given: tuple[int, ...]
    args: tuple[Draft, ...]
    lanes: int
    streamed: bool
    constant: IntArray | None = None
    swapped: bool = False

    def out_lanes(self, channels: int) -> int:
        """Channels to a word of the result."""
        return lanes_of(channels, self.lanes, streamed=self.streamed)


@dataclass(frozen=True)
class Gathered:
    """See `Draft`; `gain` and `bias` (channels,) or (rows, columns, channels): what the last step makes of a total
    first, gain * total + bias. `order`: the channels of the result among those made, where they are not all.
    `least` and `most` bound the result. `signs`: weights of channels are all -1 or 1.
    """

    shape: Shape
    lanes: int
    walk: Walk
    weights: IntArray | None
    total: Word
    bias: IntArray
    apart: bool = False
    gain: IntArray | int = 1
    pieces: tuple[Piece, ...] = ()
    order: IntArray | None = None
    fixed: bool = False
    least: IntArray | None = None
    most: IntArray | None = None
    signs: bool = False


gather: Rules[[Site], Gathered] = Rules("instruction of an engine")

_SHARED = 0


def refused(node: GraphNode, why: str) -> Unsupported:
    """What the engine does not do."""
    return Unsupported(
        f"{type(node.op).__name__} on the engine", where=f"layer '{node.origin.layer or node.name}'", why=why,
        remedy='use architecture="dataflow" or "parallel"',
    )  # fmt: skip


def identity(lanes: int) -> IntArray:
    """Weights that copy: the machine has their word already."""
    return np.empty((_SHARED, lanes, lanes), np.int64)


def grid_of(site: Site) -> Shape:
    """Rows, columns and channels of the first argument, if it lies in memory as the graph sees it."""
    shape = site.args[0].shape
    if tuple(n for n in shape if n > 1) != tuple(n for n in site.given if n > 1) or shape[2] != site.given[-1]:
        raise refused(site.node, f"its argument of shape {site.given} lies in memory as {shape}")
    return shape


def _linear(site: Site, view: View, weights: IntArray, bias: IntArray) -> Gathered:
    """A convolution with dense weights (kernel rows, kernel columns, channels, filters), zeros skipped by words."""
    arg, lanes = site.args[0], site.lanes
    rows, columns, channels, filters = weights.shape
    gain = int(np.gcd.reduce(weights, axis=None)) or 1  # bits read as -1 and 1 double all weights
    weights = weights // gain
    out = site.out_lanes(filters)
    blocks = -(-filters // out)
    padded = np.zeros((rows, columns, arg.depth * arg.lanes, blocks * out), np.int64)
    padded[:, :, :channels, :filters] = weights
    tiles = padded.reshape(rows, columns, arg.depth, arg.lanes, blocks, out)
    full = np.zeros((blocks, rows, columns, arg.depth, lanes, lanes), np.int64)
    full[..., : arg.lanes, :out] = tiles.transpose(4, 0, 1, 2, 3, 5)
    used = np.abs(full).max(axis=(1, 2, 4, 5))
    first, count, step = words_needed(used)
    kept = np.stack([full[b, :, :, first + b * step : first + b * step + count] for b in range(blocks)])
    low, high = arg.kept.low, arg.kept.high
    by_filter = weights.reshape(-1, filters)
    products = np.minimum(by_filter * low, by_filter * high), np.maximum(by_filter * low, by_filter * high)
    total = Word(int(products[0].clip(max=0).sum(0).min()), int(products[1].clip(min=0).sum(0).max()))
    return Gathered(
        (*view.out, filters), out, linear_walk(view, arg.depth, used), kept.reshape(-1, lanes, lanes), total, bias,
        gain=gain, signs=bool((np.abs(weights) == 1).all()),
    )  # fmt: skip


@gather.on(Conv)
def _(op: Conv, site: Site) -> Gathered:
    grid = grid_of(site)
    view = view_of(op, site.given, site.node)
    channels, filters = grid[2], op.bias.shape[0]
    own = op.weights.array.reshape(*view.kernel, channels // op.groups, filters)
    weights = np.zeros((*view.kernel, channels, filters), np.int64)
    for group in range(op.groups):
        ins = slice(group * channels // op.groups, (group + 1) * channels // op.groups)
        outs = slice(group * filters // op.groups, (group + 1) * filters // op.groups)
        weights[:, :, ins, outs] = own[..., outs]
    return _linear(site, view, weights, op.bias.array)


@gather.on(Dense)
def _(op: Dense, site: Site) -> Gathered:
    arg = site.args[0]
    rows, columns, channels = arg.shape
    inputs, units = op.weights.shape
    if len(site.given) > 1 or inputs == channels:
        grid = grid_of(site)
        view = View(grid, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1))
    else:
        view = View(arg.shape, (rows, columns), (1, 1), ((0, 0), (0, 0)), (1, 1))
    channels = inputs // (view.kernel[0] * view.kernel[1])
    return _linear(site, view, op.weights.array.reshape(*view.kernel, channels, units), op.bias.array)


def same_lanes(site: Site) -> int:
    """The lanes of the arguments, which the result has too."""
    if len({(a.shape, a.lanes) for a in site.args}) > 1:
        raise refused(site.node, f"its arguments lie in memory as {[(a.shape, a.lanes) for a in site.args]}")
    return site.args[0].lanes


@gather.on(SumPool, MaxPool)
def _(op: SumPool | MaxPool, site: Site) -> Gathered:
    arg, lanes, grid = site.args[0], same_lanes(site), grid_of(site)
    view = view_of(op, site.given, site.node)
    sums = isinstance(op, SumPool)
    if not sums and any(pad >= kernel for pads, kernel in zip(view.pads, view.kernel, strict=True) for pad in pads):
        raise refused(site.node, "some windows hold nothing but padding")
    count = view.kernel[0] * view.kernel[1] if sums else 1
    total = Word(arg.kept.low * count, arg.kept.high * count)
    weights = identity(site.lanes) if sums else None
    zero = np.zeros(grid[2], np.int64)
    return Gathered((*view.out, grid[2]), lanes, window_walk(view, arg.depth), weights, total, zero)


@gather.on(Map)
def _(op: Map, site: Site) -> Gathered:
    arg = site.args[0]
    zero = np.zeros(arg.shape[2], np.int64)
    return Gathered(arg.shape, same_lanes(site), pair_walk(site.args[0], 1), identity(site.lanes), arg.kept, zero)


@gather.on(Subtract)
def _(op: Subtract, site: Site) -> Gathered:
    if site.constant is not None:
        return _with_constant(site, site.constant if site.swapped else -site.constant, -1 if site.swapped else 1)
    (one, two), arg = (a.kept for a in site.args), site.args[0]
    unit = np.eye(site.lanes, dtype=np.int64)
    weights = np.tile(np.stack([unit, -unit]), (arg.depth, 1, 1))
    zero = np.zeros(arg.shape[2], np.int64)
    total = Word(one.low - two.high, one.high - two.low)
    walk = pair_walk(site.args[0], 2)
    return Gathered(arg.shape, same_lanes(site), walk, weights, total, zero, apart=True, fixed=True)


@gather.on(Add, Maximum)
def _(op: Add | Maximum, site: Site) -> Gathered:
    if site.constant is not None:
        if isinstance(op, Add):
            return _with_constant(site, site.constant, 1)
        return _with_constant(site, np.zeros(1, np.int64), 1, least=site.constant)
    one, two = (a.kept for a in site.args)
    lanes, sums = same_lanes(site), isinstance(op, Add)
    total = Word(one.low + two.low, one.high + two.high) if sums else united(one, two)
    zero = np.zeros(site.args[0].shape[2], np.int64)
    weights = identity(site.lanes) if sums else None
    return Gathered(site.args[0].shape, lanes, pair_walk(site.args[0], 2), weights, total, zero, apart=True)


@gather.on(Multiply, Minimum)
def _(op: Multiply | Minimum, site: Site) -> Gathered:
    if site.constant is None:
        raise refused(site.node, "both of its arguments change")
    if isinstance(op, Minimum):
        return _with_constant(site, np.zeros(1, np.int64), 1, most=site.constant)
    return _with_constant(site, np.zeros(1, np.int64), site.constant)


def _with_constant(
    site: Site, bias: IntArray, gain: IntArray | int, least: IntArray | None = None, most: IntArray | None = None
) -> Gathered:
    """A copy with gain * x + bias behind it, between `least` and `most`."""
    arg = site.args[0]
    grid_of(site)
    shape = arg.shape
    if site.node.type.size != shape[0] * shape[1] * shape[2]:
        raise refused(site.node, f"its result of shape {site.node.type.shape} is larger than its argument")

    def spread(numbers: IntArray) -> IntArray:
        full = np.broadcast_to(numbers, site.node.type.shape).reshape(shape)
        return full[0, 0] if (full == full[:1, :1]).all() else full

    return Gathered(
        shape, same_lanes(site), pair_walk(arg, 1), identity(site.lanes), arg.kept, spread(bias),
        gain=spread(np.asarray(gain)), least=None if least is None else spread(least),
        most=None if most is None else spread(most),
    )  # fmt: skip
