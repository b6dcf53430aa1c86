"""The area of a linear layer in any folding, from what all its foldings share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from math import gcd, prod

import numpy as np

from bitwright.cost.actors import channel_area
from bitwright.cost.actors.logic import counter, kernel_area, register
from bitwright.cost.actors.memories import rom_estimate
from bitwright.cost.actors.rules import matvec_area, sliding_area
from bitwright.cost.actors.search import search_area
from bitwright.cost.actors.writable import store_area
from bitwright.cost.area import Area
from bitwright.ir.dataflow.ops import Loop, MatVec, Memory, Rearrange
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.graph.ops import Conv, Dense, Map
from bitwright.ir.netlist import Netlist, Word, latency_cycles
from bitwright.numeric import IntArray, Ints, Steps
from bitwright.passes.streaming import Folding, Products
from bitwright.passes.streaming.dots import dot, xnor
from bitwright.passes.streaming.linear import Product, one_ending, product_of
from bitwright.passes.streaming.packed import joint
from bitwright.passes.streaming.placer import GraphNode, Placer
from bitwright.passes.streaming.search import search_of
from bitwright.passes.streaming.tails import Mapped
from bitwright.passes.streaming.view import View, view_of
from bitwright.platforms import Device, Fabric

__all__ = ["Folded", "folded_areas"]

_LANES = 64
"""A dot product of more lanes is so many of these and their sum."""
_SHARING = 12
"""A multiplier block serves a number of units that divides it."""
_WORTH_A_MULTIPLIER = 16.0
"""LUTs that a multiplier block must save at least to be looked at."""
_BORDER = 0.7
"""Rows of the next frame that wait behind a window without padding, as a share of those that a window reaches over."""


@dataclass
class Folded:
    """A dense layer or convolution: its products, ends and map, and what has been built of it."""

    placer: Placer
    node: GraphNode
    last: GraphNode
    then: Map | None
    weights: IntArray
    product: Product
    total: Word
    word: Word
    view: View | None
    tails: dict[int, Area] = field(default_factory=dict[int, Area])
    constant_bits: int = 0

    @classmethod
    def of(cls, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> Folded:
        """The layer at `node`, whose map `then` makes the value of `last`."""
        op, given = node.op, placer.program.nodes[node.args[0]].type
        assert isinstance(op, Dense | Conv)
        view = view_of(op, given.shape, node) if isinstance(op, Conv) else None
        groups = op.groups if isinstance(op, Conv) else 1
        flat = op.weights.array.reshape(-1, op.weights.shape[-1])
        weights = np.stack(np.split(flat, groups, axis=1))
        word = Word(int(given.low.array.min()), int(given.high.array.max()))
        stream = Stream((weights.shape[1],), 1, Ints(word.low), Ints(word.high), Steps.of(1))
        product = product_of(stream, weights, placer, op.writable)
        low, high = product.ends(given)
        return cls(placer, node, last, then, weights, product, Word(low, high), word, view)

    @cached_property
    def stored(self) -> Word:
        """The range of a stored weight."""
        if self.product.span is not None:
            return Word(*self.product.span)
        return Word(int(self.product.stored.min()), int(self.product.stored.max()))

    @cached_property
    def weights_stored(self) -> Ints:
        """The weights as the memory holds them."""
        return Ints(self.product.stored)

    def kernel_of(self, folding: Folding) -> tuple[Netlist, Area, float]:
        """A dot product of at most `_LANES` lanes that divide the folding's, its area, and how often it is there."""
        built = max(d for d in range(1, min(folding.lanes, _LANES) + 1) if folding.lanes % d == 0)
        stored, blocks = (None if self.product.bits else self.stored), folding.products is Products.BLOCKS
        found = _priced(self.word, stored, built, gcd(folding.units, _SHARING), blocks, self.placer.tails.fabric)
        return *found, folding.lanes / built

    def products_of(self, folding: Folding, device: Device) -> list[Products]:
        """What may multiply: whatever takes least, and multiplier blocks where these save LUTs."""
        if self.product.bits or not device.dsps or folding.products is Products.BLOCKS:
            return [folding.products]
        plain, blocks = (self.kernel_of(replace(folding, products=kind)) for kind in Products)
        (one, area, _), (several, other, _) = plain, blocks
        saved = area.luts / len(one.outputs) - other.luts / len(several.outputs)
        saves = saved > _WORTH_A_MULTIPLIER * max(other.dsps / len(several.outputs) - area.dsps / len(one.outputs), 0)
        return [Products.AUTO, Products.BLOCKS] if saves else [Products.AUTO]

    def tail(self, units: int) -> Area:
        """The map of `units` lanes that each meet every so many channels."""
        outputs = self.weights.shape[2] * self.weights.shape[0]
        phases = max(outputs // units, 1)
        if self.writable:
            return self._written_tail(units, phases)
        if phases not in self.tails:
            assert isinstance(self.node.op, Dense | Conv)
            bias = self.node.op.bias.array - self.product.gain * self.product.excess.reshape(-1)
            told = self.placer.mapped(self.last, self.then, units, self.product.gain, bias)
            one = Mapped(told.form, told.rows[:, :1], told.gain, told.bias[:, :1])
            self.tails[phases] = self._tail_of(one)
        return self.tails[phases].times(units) + counter(phases)

    def _tail_of(self, one: Mapped) -> Area:
        """The map of a lane: in logic, or thresholds in memories behind a word of its own."""
        tails = self.placer.tails
        search = search_of(tails, [self.total], one)
        if search is None:
            return kernel_area(tails.mapped([self.total], one), tails.fabric)
        behind = register(self.total.width) + channel_area(self.total.width, 1)
        return search_area(search, [self.total], tails.fabric) + kernel_area(search.tail, tails.fabric) + behind

    @property
    def writable(self) -> bool:
        """Whether its numbers can be written."""
        return self.product.span is not None

    def _written_tail(self, units: int, phases: int) -> Area:
        """The same with its numbers in a memory: of one lane, as often as there are units."""
        if 0 not in self.tails:
            made = one_ending(self.placer, self.node, self.last, self.then, self.product, self.total).tail
            self.constant_bits = sum(made.nodes[w].type.width for w in made.inputs[1].words)
            self.tails[0] = kernel_area(made, self.placer.tails.fabric)
        return self.tails[0].times(units) + store_area(units * self.constant_bits, phases, Memory.LUT) + counter(phases)


@lru_cache(maxsize=4096)
def _priced(
    given: Word, stored: Word | None, lanes: int, units: int, blocks: bool, fabric: Fabric
) -> tuple[Netlist, Area]:
    """A dot product with weights of range `stored` (None: pairs that agree), of several of `units` units where these
    share multiplier blocks, and its area.
    """
    if stored is None:
        made = xnor(lanes, fabric)
    else:
        types = (given,) * lanes
        made = joint(types, stored, units, fabric, blocks) or dot(types, stored, fabric)
    return made, kernel_area(made, fabric)


def folded_areas(layer: Folded, folding: Folding, device: Device) -> list[tuple[Folding, Area]]:
    """The area of the layer with `folding`, once for each memory that its weights and its lines may wait in, and for
    multiplier blocks beside what takes least where they save LUTs.
    """
    found: list[tuple[Folding, Area]] = []
    tail = layer.tail(folding.units)
    kinds = layer.products_of(folding, device)
    kernels = [(kind, _logic(layer, replace(folding, products=kind), device)) for kind in kinds]
    last = layer.last.type
    bits = Word(int(last.low.array.min()), int(last.high.array.max())).width
    made = channel_area(bits * folding.units, 1)
    stores = _stores(layer, folding, device)
    for lines, window in _windows(layer, folding.lanes, device):
        others = [(products, logic + tail + window + made) for products, logic in kernels]
        for kind, spilled, store in stores:
            for products, other in others:
                told = Folding(folding.lanes, folding.units, folding.kernel, kind, lines, spilled, products=products)
                found.append((told, other + store))
    return found


_Store = tuple[Memory, int, Area]
"""A memory for weights: its kind, the bits of each word that spill into LUTs, and what it takes."""


def _words(layer: Folded, folding: Folding) -> int:
    return prod(layer.weights.shape) // (folding.lanes * folding.units)


def _stores(layer: Folded, folding: Folding, device: Device) -> Sequence[_Store]:
    """Memories for the weights of a folding."""
    words, width = _words(layer, folding), folding.lanes * folding.units * layer.stored.width
    return _written(width, words, device) if layer.writable else _constant(width, words)


@lru_cache(maxsize=4096)  # foldings of as many products, and layers of one size
def _constant(width: int, words: int) -> tuple[_Store, ...]:
    """Memories for weights that stay as they are."""
    logic = rom_estimate(width, words, Memory.LUT)
    block = rom_estimate(width, words, Memory.BLOCK)
    if words == 1 or logic.luts < _WORTH_A_BLOCK * block.bram18s:
        return ((Memory.LUT, 0, logic),)
    whole = (Memory.BLOCK, 0, block)
    if words > _DEEPEST:
        return (whole,)
    return (Memory.LUT, 0, logic), whole, *(_split(width, words) if words <= _BLOCK_WORDS else ())


def _written(width: int, words: int, device: Device) -> list[_Store]:
    """Memories that can be written are whole: in LUTs, or in blocks or UltraRAMs where these save some.

    An UltraRAM holds nothing when the power comes on, so that no other weights can be in one.
    """
    logic, block, ultra = (store_area(width, words, kind) for kind in (Memory.LUT, Memory.BLOCK, Memory.ULTRA))
    if words == 1 or logic.luts < _WORTH_A_BLOCK * block.bram18s:
        return [(Memory.LUT, 0, logic)]
    found = [(Memory.BLOCK, 0, block)]
    if device.urams and words >= _WORTH_AN_ULTRA:
        found.append((Memory.ULTRA, 0, ultra))
    return found + ([(Memory.LUT, 0, logic)] if words <= _DEEPEST else [])


def _split(width: int, words: int) -> list[_Store]:
    """Some of the bits in whole blocks, the rest in LUTs: shallow words leave most of a block's depth unused."""
    found: list[_Store] = []
    shares = {width * parts // 16 // _BLOCK_BITS * _BLOCK_BITS for parts in range(1, 17)}
    for kept in sorted(shares - {0, width}, reverse=True):
        store = rom_estimate(kept, words, Memory.BLOCK) + rom_estimate(width - kept, words, Memory.LUT)
        found.append((Memory.BLOCK, width - kept, store))
    return found


_BLOCK_WORDS, _BLOCK_BITS = 512, 36
"""The widest shape of a block memory."""


_WORTH_A_BLOCK = 4.0
"""LUTs that a block memory must save at least to be looked at."""
_WORTH_AN_ULTRA = 512
"""Words of a memory from which on one of 4096 is looked at."""
_DEEPEST = 1 << 14
"""Words of a memory of weights in LUTs."""


def _logic(layer: Folded, folding: Folding, device: Device) -> Area:
    """Sequencer, dot products and accumulators."""
    kernel, one, copies = layer.kernel_of(folding)
    op = MatVec(layer.weights_stored, folding.units, kernel, layer.total.low, layer.total.high, joint=kernel)
    width = folding.lanes * layer.word.width
    found = matvec_area(op, width, folding.lanes, Area(), device.fabric, one)
    if copies > 1:
        wide = kernel.nodes[kernel.outputs[0]].type.width + int(copies).bit_length()
        more = folding.units * (copies - 1)
        found += one.times(more / len(kernel.outputs)) + Area(wide, 0, wide / 4).times(more)
    return found + register(latency_cycles(kernel))


def _windows(layer: Folded, lanes: int, device: Device) -> list[tuple[Memory, Area]]:
    """What shows the windows of a convolution, in each memory that makes sense."""
    view = layer.view
    if view is None or (view.kernel == (1, 1) and view.strides == (1, 1) and not any(sum(p) for p in view.pads)):
        return [(Memory.LUT, Area())]
    op = _sliding(view, lanes, layer.weights.shape[0])
    width = lanes * layer.word.width
    found: list[tuple[Memory, Area]] = []
    ultra = (Memory.ULTRA,) if device.urams and op.depth >= _WORTH_AN_ULTRA else ()
    for kind in (Memory.LUT, Memory.BLOCK, *ultra):
        made = Rearrange(op.grid, op.loops, op.start, op.release, 0, op.depth, None, kind)
        found.append((kind, sliding_area(made, width)))
    gain = found[0][1].luts - found[1][1].luts
    return found if gain >= _WORTH_A_BLOCK * found[1][1].bram18s else found[:1]


def _sliding(view: View, lanes: int, groups: int) -> Rearrange:
    """The actor that `Place` puts in front of a convolution, as deep as its windows reach."""
    words = view.grid[2] // lanes
    reach = [(k - 1) * d for k, d in zip(view.kernel, view.dilation, strict=True)]
    border = 0.0 if any(sum(p) for p in view.pads) else _BORDER
    depth = (reach[0] * view.grid[1] * (1 + border) + reach[1] + 1) * words
    loops = (
        Loop(view.out[0], row=view.strides[0]), Loop(view.out[1], column=view.strides[1]), Loop(groups, word=1),
        Loop(view.kernel[0], row=view.dilation[0]), Loop(view.kernel[1], column=view.dilation[1]),
        Loop(max(words // groups, 1), word=1),
    )  # fmt: skip
    start = (-view.pads[0][0], -view.pads[1][0], 0)
    return Rearrange((view.grid[0], view.grid[1], words), loops, start, 2, 0, max(int(depth), 2))
