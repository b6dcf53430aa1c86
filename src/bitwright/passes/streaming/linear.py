"""Linear layers as actors: folded matrix-vector units, unrolled adder graphs, depthwise windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.ir.dataflow import Stream
from bitwright.ir.dataflow.ops import Apply, Loop, MatVec, Memory, Rearrange
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.kernels import plain_conv
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense, Map, Writable
from bitwright.ir.netlist import Netlist, NetlistBuilder, Word
from bitwright.numeric import IntArray, Ints
from bitwright.passes.streaming.dots import dot, is_binary, xnor
from bitwright.passes.streaming.folding import Folding, Kernel, Products
from bitwright.passes.streaming.maps import by_phase
from bitwright.passes.streaming.packed import joint
from bitwright.passes.streaming.pixels import conv_of_pixels
from bitwright.passes.streaming.placer import GraphNode, Placer, place, with_zero
from bitwright.passes.streaming.rewritable import Ending, bias_range, ending
from bitwright.passes.streaming.search import search_of
from bitwright.passes.streaming.serial import serial_layer
from bitwright.passes.streaming.tails import Mapped
from bitwright.passes.streaming.view import View, view_of
from bitwright.passes.words import times
from bitwright.platforms import Fabric

__all__ = ["Product", "one_ending", "product_of", "refuse_writable"]


@place.on(Dense)
def _(op: Dense, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    weights = op.weights.array[None]
    folding = placer.folding(node)
    if folding.kernel is Kernel.UNROLLED:
        refuse_writable(op, node)
        whole = placer.argument(node, 0, weights.shape[1])
        make = serial_layer if folding.digits > 1 else _unrolled
        return make(placer, whole, weights[0], op.bias.array, node, last, then)
    return _folded(placer, placer.argument(node, 0, folding.lanes), weights, op.bias.array, node, last, then)


@place.on(Conv)
def _(op: Conv, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    view = view_of(op, placer.program.nodes[node.args[0]].type.shape, node)
    return _convolved(placer, placer.at[node.args[0]], view, op, node, last, then)


@place.on(ConvTranspose)
def _(op: ConvTranspose, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    """A convolution of the tensor with zeros between its elements, as `ir.graph.kernels.spread` says."""
    shape = placer.program.nodes[node.args[0]].type.shape
    plain = plain_conv(op)
    apart = tuple(n * s for n, s in zip(shape[:-1], op.strides, strict=True))
    reach = [(k - 1) * d for k, d in zip(op.weights.shape, op.dilation, strict=False)]
    # The zeros behind the last element count as padding.
    pads = [
        (r - before, r - after - (s - 1)) for r, s, (before, after) in zip(reach, op.strides, op.crops, strict=True)
    ]
    plain = replace(plain, pads=tuple(pads))
    view = view_of(plain, (*apart, shape[-1]), node)
    source = _spread(placer, view, tuple(op.strides), node)
    return _convolved(placer, source, view, plain, node, last, then)


def _spread(placer: Placer, view: View, strides: tuple[int, ...], node: GraphNode) -> int:
    """Every element followed by zeros: a second index that leaves the grid."""
    source = placer.argument(node, 0, placer.folding(node).lanes)
    across, down = strides[-1], strides[0] if len(strides) == 2 else 1
    grid = (view.grid[0] // down, view.grid[1] // across, view.grid[2] // placer.stream(source).lanes)
    loops = [Loop(grid[0], row=1), Loop(down, row=grid[0]), Loop(grid[1], column=1), Loop(across, column=grid[1])]
    kept = tuple(loop for i, loop in enumerate([*loops, Loop(grid[2], word=1)]) if loop.extent > 1 or i == 0)
    op = Rearrange(grid, kept, release=1, memory=placer.folding(node).lines)
    return placer.put(op, [source], node, name=f"{node.name}_spread")


def _convolved(
    placer: Placer, given: int, view: View, op: Conv, node: GraphNode, last: GraphNode, then: Map | None
) -> int:
    channels, filters = view.grid[2], op.weights.shape[-1]
    folding = placer.folding(node)
    cropped = any(n < 0 for pads in view.pads for n in pads)
    if op.groups == channels == filters and channels > 1 and not cropped:
        refuse_writable(op, node)
        return _depthwise(placer, given, view, op, node, last, then)
    if folding.kernel is Kernel.UNROLLED:
        refuse_writable(op, node)
    if folding.kernel is Kernel.UNROLLED and op.groups == 1 and not cropped and folding.lanes > channels:
        return conv_of_pixels(placer, given, view, op, node, last, then)
    if folding.kernel is Kernel.UNROLLED and op.groups == 1 and not cropped:
        return _convolved_at_once(placer, given, view, op, node, last, then)
    inner = channels // op.groups
    taps = prod(view.kernel)
    groups = np.stack(np.split(op.weights.array.reshape(taps * inner, filters), op.groups, axis=1))
    source = placer.by_lanes(given, folding.lanes)
    if taps > 1 or view.strides != (1, 1) or any(n for p in view.pads for n in p):
        source = _sliding(placer, source, view, op.groups, folding, node)
    return _folded(placer, source, groups, op.bias.array, node, last, then)


def refuse_writable(op: Dense | Conv, node: GraphNode) -> None:
    """Raise where weights that are to be written are no words of a memory."""
    if op.writable is not None:
        raise Unsupported(
            "weights dissolved in logic cannot be written", where=f"layer '{node.origin.layer or node.name}'",
            why="it is unrolled, or depthwise", remedy="fold it (kernel: folded), or leave it out of `writable`",
        )  # fmt: skip


def _sliding(placer: Placer, source: int, view: View, groups: int, folding: Folding, node: GraphNode) -> int:
    """All elements of each window word by word: row, column, [group,] kernel row, kernel column, channel."""
    lanes = placer.stream(source).lanes
    words = view.grid[2] // lanes
    per_group = words // groups
    if view.grid[2] % lanes or words % groups:
        raise Unsupported(
            f"{view.grid[2]} channels in {groups} groups by {lanes} lanes", where=f"layer '{node.name}'",
            remedy="fold by a divisor of the channels of a group",
        )  # fmt: skip
    loops = [
        Loop(view.out[0], row=view.strides[0]),
        Loop(view.out[1], column=view.strides[1]),
        Loop(groups, word=per_group),
        Loop(view.kernel[0], row=view.dilation[0]),
        Loop(view.kernel[1], column=view.dilation[1]),
        Loop(per_group, word=1),
    ]
    kept = tuple(loop for i, loop in enumerate(loops) if loop.extent > 1 or i < 2)
    origin = (-view.pads[0][0], -view.pads[1][0], 0)
    op = Rearrange((view.grid[0], view.grid[1], words), kept, origin, release=2, memory=folding.lines)
    return placer.put(op, [source], node, name=f"{node.name}_window")


def _folded(
    placer: Placer, source: int, weights: IntArray, bias: IntArray, node: GraphNode, last: GraphNode, then: Map | None
) -> int:
    """A matrix-vector unit; weights (groups, inputs, outputs), bias (groups * outputs,)."""
    given, folding = placer.stream(source), placer.folding(node)
    _, inputs, outputs = weights.shape
    if inputs % given.lanes or outputs % folding.units:
        raise Unsupported(
            f"{inputs} inputs by {given.lanes} lanes, {outputs} outputs by {folding.units} units",
            where=f"layer '{node.name}'", remedy="fold by divisors of both",
        )  # fmt: skip
    writable = getattr(node.op, "writable", None)
    if folding.weights is Memory.ULTRA and writable is None:
        raise Unsupported(
            "weights in UltraRAM that nobody writes", where=f"layer '{node.origin.layer or node.name}'",
            why="it holds nothing when the power comes on", remedy="use block memory, or name the layer in `writable`",
        )  # fmt: skip
    product = product_of(given, weights, placer, writable)
    low, high = product.ends(placer.program.nodes[node.args[0]].type)
    added = bias - (product.gain * product.excess.reshape(-1))
    told = placer.mapped(last, then, folding.units, product.gain, added)
    kernel = placer.tails.pipelined(product.kernel)
    op = MatVec(Ints(product.stored), folding.units, kernel, low, high, None, folding.weights, folding.spilled)
    several = product.joint(given.lane_words(), folding, placer.tails.fabric)
    if several is not None:
        op = replace(op, joint=placer.tails.pipelined(several))
    if writable is not None:
        return placer.put(_rewritable(op, placer, product, told, writable, last), [source], node, last.type)
    totals = [Word(low, high)] * folding.units
    search = search_of(placer.tails, totals, told)
    if search is not None:
        sums = placer.put(op, [source], node)
        return placer.put(search, [sums], node, last.type, name=f"{node.name}_search")
    return placer.put(replace(op, tail=placer.tails.mapped(totals, told)), [source], node, last.type)


def _rewritable(
    op: MatVec, placer: Placer, product: Product, told: Mapped, writable: Writable, last: GraphNode
) -> MatVec:
    """`op` with its weights and what stands behind its sums in memories that can be written."""
    words = op.weights.shape[0] * op.weights.shape[2] // op.units
    made = _ending(placer, product, told, writable, last, Word(op.low, op.high), words)
    return replace(op, tail=made.tail, spilled=0, stored=product.span, constants=Ints(made.constants))


def _ending(
    placer: Placer, product: Product, told: Mapped, writable: Writable, last: GraphNode, total: Word, words: int
) -> Ending:
    bias = bias_range(writable, product.gain, product.stored.shape[1] if product.bits else 0)
    image = Word(int(last.type.low.array.min()), int(last.type.high.array.max()))
    return ending(placer.tails, total, told, words, bias, image, f"layer '{last.origin.layer or last.name}'")


def one_ending(
    placer: Placer, node: GraphNode, last: GraphNode, then: Map | None, product: Product, total: Word
) -> Ending:
    """What stands behind the sums of a writable layer, of one unit: a word of constants for each channel."""
    op = node.op
    assert isinstance(op, Dense | Conv)
    assert op.writable is not None
    bias = op.bias.array - product.gain * product.excess.reshape(-1)
    told = placer.mapped(last, then, 1, product.gain, bias)
    return _ending(placer, product, told, op.writable, last, total, op.bias.shape[0])


@dataclass(frozen=True)
class Product:
    """weights * x summed = gain * (kernel summed over stored - excess)."""

    kernel: Netlist
    stored: IntArray
    gain: int
    excess: IntArray
    bits: bool
    span: tuple[int, int] | None = None
    """What may be stored one day, where the weights can be written."""

    @property
    def word(self) -> Word:
        """What is stored, or may be one day."""
        return Word(*(self.span or (int(self.stored.min()), int(self.stored.max()))))

    def joint(self, types: Sequence[Word], folding: Folding, fabric: Fabric) -> Netlist | None:
        """The kernel of several units at once, where that takes less or is told."""
        if self.bits:
            return None
        return joint(tuple(types), self.word, folding.units, fabric, folding.products is Products.BLOCKS)

    def ends(self, given: TensorType) -> tuple[int, int]:
        """The range of the kernel's sum."""
        if self.bits:
            return 0, self.stored.shape[1]
        low, high = (int(a) for a in (given.low.array.min(), given.high.array.max()))
        low, high = min(low, 0), max(high, 0)  # padding
        if self.span is not None:
            corners = [end * weight * self.stored.shape[1] for end in (low, high) for weight in self.span]
            return min(corners), max(corners)
        up, down = (np.maximum(s * self.stored, 0).sum(axis=1) for s in (1, -1))
        return int((up * low - down * high).min()), int((up * high - down * low).max())


def product_of(given: Stream, weights: IntArray, placer: Placer, told: Writable | None = None) -> Product:
    """The products of words of `given` with weights (groups, inputs, outputs), in the form that takes the least.

    `told`: what the weights may become, where they can be written.
    """
    fabric = placer.tails.fabric
    values = np.unique(weights) if told is None else np.arange(told.low, told.high + 1, told.grid)
    gain = int(np.gcd.reduce(np.abs(values))) or 1
    plain, values = weights // gain, values // gain
    types = given.lane_words()
    none = np.zeros((weights.shape[0], weights.shape[2]), dtype=np.int64)
    if is_binary(types) and set(values.tolist()) <= {-1, 1}:
        # w * x = [x equals bit of w] - 1 + bit for x in {0, 1}: only pairs that agree are counted.
        stored = (plain > 0).astype(np.int64)
        excess = weights.shape[1] - stored.sum(axis=1)
        return Product(xnor(given.lanes, fabric), stored, gain, excess, True, None if told is None else (0, 1))
    word = Word(int(values.min()), int(values.max()))
    span = None if told is None else (word.low, word.high)
    return Product(dot(tuple(types), word, fabric), plain, gain, none, False, span)


def _unrolled(
    placer: Placer, source: int, weights: IntArray, bias: IntArray, node: GraphNode, last: GraphNode, then: Map | None
) -> int:
    """A whole vector a word: adder graphs."""
    told = placer.mapped(last, then, weights.shape[1])
    if told.phases > 1:
        raise Unsupported("a map that differs from place to place", where=f"layer '{node.name}'", remedy="fold it")
    tail = placer.tails.layer(placer.stream(source).lane_words(), weights, bias, told)
    return placer.put(Apply(tail), [source], node, last.type)


def _convolved_at_once(
    placer: Placer, given: int, view: View, op: Conv, node: GraphNode, last: GraphNode, then: Map | None
) -> int:
    """A whole window a word: lines of shift registers and adder graphs."""
    channels, filters = view.grid[2], op.weights.shape[-1]
    source = placer.by_lanes(given, channels)
    if placer.folding(node).digits > 1:
        return _convolved_in_turns(placer, source, view, op, node, last, then)
    told = placer.mapped(last, then, filters)
    if told.phases > 1:
        raise Unsupported("a map that differs from place to place", where=f"layer '{node.name}'", remedy="fold it")
    padded = any(n for p in view.pads for n in p)
    types = [with_zero(w, padded) for w in placer.stream(source).lane_words()] * prod(view.kernel)
    tail = placer.tails.layer(types, op.weights.array.reshape(-1, filters), op.bias.array, told)
    return placer.put(view.window(0, tail, placer.folding(node)), [source], node, last.type)


def _convolved_in_turns(
    placer: Placer, source: int, view: View, op: Conv, node: GraphNode, last: GraphNode, then: Map | None
) -> int:
    """The same, some bits of each input at a time."""
    if any(n for p in view.pads for n in p) and any(w.signed for w in placer.stream(source).lane_words()):
        raise Unsupported(
            "digits of signed inputs with padding", where=f"layer '{node.name}'",
            why="the zeros of padding are no zeros in every digit", remedy="take digits: 1, or a folded kernel",
        )  # fmt: skip
    weights = op.weights.array.reshape(-1, op.weights.shape[-1])
    return serial_layer(placer, source, weights, op.bias.array, node, last, then, view)


def _depthwise(
    placer: Placer, given: int, view: View, op: Conv, node: GraphNode, last: GraphNode, then: Map | None
) -> int:
    """Windows of some channels at a time; each lane has its own weights, looked up by the phase."""
    folding, channels = placer.folding(node), view.grid[2]
    lanes, taps = folding.lanes, prod(view.kernel)
    source = placer.by_lanes(given, lanes)
    weights = op.weights.array.reshape(taps, channels // lanes, lanes)
    padded = any(n for p in view.pads for n in p)
    types = [with_zero(w, padded) for w in placer.stream(source).lane_words()] * taps
    told = placer.mapped(last, then, lanes, 1, op.bias.array)

    def combine(builder: NetlistBuilder, words: dict[str, list[int]], phase: int) -> list[int]:
        return [
            placer.tails.added(
                builder, [_scaled(builder, words["x"][t * lanes + i], phase, weights[t, :, i]) for t in range(taps)]
            )
            for i in range(lanes)
        ]

    tail = placer.tails.combined({"x": types}, told, combine, channels // lanes)
    return placer.put(view.window(0, tail, folding), [source], node, last.type)


def _scaled(builder: NetlistBuilder, x: int, phase: int, weights: IntArray) -> int:
    values = weights.tolist()
    if len(set(values)) == 1:
        return times(builder, x, values[0])
    return builder.multiply(x, by_phase(builder, phase, values))
