"""The area of each actor: what its module of the library holds, and its kernels."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from bitwright.core.rules import Rules
from bitwright.cost.actors.logic import STEP_LUTS, adder, counter, kernel_area, register
from bitwright.cost.actors.memories import bits_for, ram_area, rom_area
from bitwright.cost.actors.writable import constants_area, weights_area
from bitwright.cost.area import Area, product_luts
from bitwright.ir.dataflow import Stream, kernel_of, phases_of, tail_of
from bitwright.ir.dataflow.infer import bare, natural
from bitwright.ir.dataflow.ops import (
    Accumulate,
    Actor,
    Apply,
    Convert,
    Digits,
    Interleave,
    Loop,
    MatVec,
    Memory,
    Rearrange,
    Reduce,
    Reduction,
    Source,
    Window,
)
from bitwright.ir.netlist import Word, latency_cycles
from bitwright.numeric import IntArray
from bitwright.platforms import Fabric

__all__ = [
    "SLIDING",
    "actor_area",
    "convert_area",
    "matvec_area",
    "placed_words",
    "sliding_area",
    "sliding_sizes",
    "tail_area",
    "weight_bits",
    "window_area",
]

actor_area: Rules[[Stream, list[Stream], Fabric], Area] = Rules("area of an actor")
"""(result, arguments, fabric) -> what the actor takes, without the channels behind it."""


def bits_of(words: list[Word]) -> int:
    """Bits of a word of these lanes."""
    return sum(word.width for word in words)


def tail_area(op: Actor, fabric: Fabric) -> Area:
    """The netlist at the end, the flag beside it and the number of its phase."""
    tail = tail_of(op)
    if tail is None:
        return Area()
    return kernel_area(tail, fabric) + register(latency_cycles(tail)) + counter(phases_of(tail))


@actor_area.on(Source)
def _(op: Source, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    return Area()


@actor_area.on(Apply)
def _(op: Apply, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    return register(sum(a.bits for a in args) + 1) + Area(STEP_LUTS - 1) + tail_area(op, fabric)


@actor_area.on(Convert)
def _(op: Convert, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    each = max(w.width for w in (*args[0].lane_words(), *result.lane_words()))
    return convert_area(each, args[0].lanes, result.lanes)


def convert_area(width: int, given: int, taken: int) -> Area:
    """`bw_convert`: words of `given` lanes of `width` bits become words of `taken`."""
    piece = int(np.gcd(given, taken))
    front, back = given // piece, taken // piece
    control = Area(STEP_LUTS, 1)
    if back == 1:
        return control + Area(width * (given - taken), width * given) + counter(front)
    if front == 1:
        return control + register(width * taken) + counter(back)
    fill, pieces = bits_for(front + back), front + back - 1
    luts = width * piece * _gearbox_luts(front, back)
    return control + Area(luts + 3 * fill + 1, width * piece * pieces + fill + 1)


_CROWDED = 2.7
"""LUTs of a bit of a gearbox that one LUT is too small for."""


@lru_cache(maxsize=4096)
def _gearbox_luts(front: int, back: int) -> float:
    """LUTs of a bit in all places of a gearbox.

    A place keeps its piece or takes that of `back` places above (three inputs where there is one, else two), or takes a
    piece of the new word, at as many fills as that reaches it (two inputs each).
    """
    place = np.arange(front + back - 1)
    fills = np.minimum.reduce([place + 1, place[::-1] + 1, np.full_like(place, min(front, back))])
    inputs = 2 + (place < front - 1) + 2 * fills
    return float(np.where(inputs <= 6, 1.0, _CROWDED).sum())


@actor_area.on(Window)
def _(op: Window, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    given = bare(op, args, result.lanes)[1][: args[0].lanes]
    return window_area(op, bits_of(given), op.grid[2] // args[0].lanes) + tail_area(op, fabric)


def window_area(op: Window, width: int, groups: int) -> Area:
    """`bw_window`: lines in a memory, columns in registers (or a memory of theirs), two scans."""
    rows, columns = op.kernel
    found = Area(STEP_LUTS + 1, width + 1) + counter(groups)
    for size, pads in zip(op.grid[:2], op.pads, strict=True):
        found += counter(size + pads[0] + max(pads[1], 0)) + Area(4)
    if rows > 1:
        reach, places = (rows - 1) * op.dilation[0], op.grid[1] * groups
        found += counter(places) + _taps(width * reach, places, op.memory)
    if columns > 1:
        places, older = groups * op.dilation[1], (columns - 1) * rows * width
        found += register(older) if places == 1 else counter(places) + _taps(older, places, Memory.LUT)
    return found


def _taps(width: int, places: int, kind: Memory) -> Area:
    if places == 1:
        return Area(width, 2 * width + 1)
    store = ram_area(width, places, kind)
    return store + register((width if kind is Memory.LUT else 0) + bits_for(places) + 1)


SLIDING = (4.7, 0.0, 0.3, 1.5, 3.0)
"""LUTs of `bw_rearrange` beside its memory: at least; a bit of a place along an axis that windows leave; of the
distance of reader and writer; of the place behind which words are forgotten; LUTs of its counters. Fitted to yosys.
"""


@actor_area.on(Rearrange)
def _(op: Rearrange, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    width = bits_of(bare(op, args, result.lanes)[1])
    return sliding_area(op, width) + tail_area(op, fabric)


def sliding_area(op: Rearrange, width: int) -> Area:
    """`bw_rearrange`: a memory, loops, and what follows their places."""
    sizes = sliding_sizes(op)
    found = Area(
        sum(a * b for a, b in zip(SLIDING, sizes, strict=True)), carries=0.35 * (sizes[1] + 2 * sizes[2] + sizes[3])
    )
    loops = op.loops or (Loop(1),)
    places = placed_words(op.depth, op.memory)
    counters = sum((counter(loop.extent) for loop in loops), counter(places))
    _, gone, ahead, release, _ = sizes
    found += register(counters.ffs + bits_for(places) + gone + 2 * ahead + release + 1)
    return found + ram_area(width, places, op.memory) + register(width if op.memory is Memory.LUT else 0)


def placed_words(depth: int, kind: Memory) -> int:
    """Words of a memory: a power of two where that takes no more cells (of 64 words, blocks of 512)."""
    power = 1 << bits_for(max(depth, 2))
    return power if power - depth < (64 if kind is Memory.LUT else 512) else depth


def sliding_sizes(op: Rearrange) -> tuple[float, ...]:
    """What `bw_rearrange` counts with: 1, bits of places along axes that are left, of the reader's lead, of what is
    forgotten, LUTs of counters.
    """
    rows, columns, words = op.grid
    loops = op.loops or (Loop(1),)
    grid, scale = np.array(op.grid), np.array([columns * words, words, 1])
    steps = np.array([(loop.row, loop.column, loop.word) for loop in loops])
    walked = steps * (np.array([loop.extent for loop in loops])[:, None] - 1)
    low, high = np.minimum(walked, 0).sum(axis=0), np.maximum(walked, 0).sum(axis=0)
    start = np.array(op.start)
    reach = ((high - low + np.abs(start)) * scale).sum()
    bits = bits_for(int(rows * columns * words + op.depth + reach + 2)) + 1
    least, most = start + low, start + high
    spans = [bits_for(int(max(-a, 0) + max(b, n) + 1)) + 1 for a, b, n in zip(least, most, grid, strict=True)]
    gone = sum(span for span, a, b, n in zip(spans, least, most, grid, strict=True) if a < 0 or b >= n)
    free = 0
    moved = loops[: op.release]
    if any(loop.row or loop.column for loop in moved):
        column = bits_for(int(columns * words + max(-start[1] * words, 0) + 1)) + 1
        clipped = int(least[1] < 0) + int(most[1] > columns)
        across = column * (1 + clipped) * any(loop.column for loop in moved)
        free = bits - _zeros(int(scale[0])) + across + bits * int(least[0] < 0)
    counters = sum((counter(loop.extent) for loop in loops), counter(placed_words(op.depth, op.memory)))
    return 1.0, float(gone), float(bits), float(free), counters.luts


def _zeros(number: int) -> int:
    """Zeros at the end of a number."""
    return (number & -number).bit_length() - 1


@actor_area.on(MatVec)
def _(op: MatVec, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    lanes = args[0].lanes
    if op.stored is not None:
        store = weights_area(op, lanes) + constants_area(op)
        return matvec_area(op, args[0].bits, lanes, store, fabric) + tail_area(op, fabric)
    rows = weight_bits(op, lanes)
    kept = rows.shape[1] - op.spilled
    store = rom_area(rows[:, :kept], op.memory)
    store += rom_area(rows[:, kept:], Memory.LUT) if op.spilled else Area()
    return matvec_area(op, args[0].bits, lanes, store, fabric) + tail_area(op, fabric)


def weight_bits(op: MatVec, lanes: int) -> IntArray:
    """The memory of weights as bits (words, width)."""
    parts = _by_lanes(op, lanes)
    rows = np.ascontiguousarray(parts.transpose(0, 3, 1, 4, 2)).reshape(-1, op.units * lanes)
    return _bits_of(rows, op).reshape(len(rows), -1)


def _by_lanes(op: MatVec, lanes: int) -> IntArray:
    """The weights (groups, folds, lanes, blocks, units)."""
    groups, inputs, outputs = op.weights.shape
    return op.weights.array.reshape(groups, inputs // lanes, lanes, outputs // op.units, op.units)


def _bits_of(weights: IntArray, op: MatVec) -> IntArray:
    """Some of the weights of `op`, each with its bits behind it."""
    every = op.weights.array
    return (weights[..., None] >> np.arange(Word(int(every.min()), int(every.max())).width)) & 1


def matvec_area(op: MatVec, width: int, lanes: int, store: Area, fabric: Fabric, one: Area | None = None) -> Area:
    """`bw_vector`, the memory of weights `store`, a dot product (`one`) and an accumulator a unit; no tail."""
    groups, inputs, outputs = op.weights.shape
    folds, blocks = inputs // lanes, outputs // op.units
    found = Area(STEP_LUTS, width + 1 + 2 * (folds > 1)) + counter(folds * blocks * groups) + store
    if folds & (folds - 1):
        found += counter(folds)
    if blocks > 1:
        found += counter(blocks) if groups > 1 else Area(bits_for(folds * blocks) / 3)
    if blocks > 1 and folds > 1:
        found += ram_area(width, folds, Memory.LUT) + Area(width)
    one = kernel_area(kernel_of(op), fabric) if one is None else one
    return found + _units(op, one, folds, folds * blocks * groups, fabric)


_BITS_LEFT = {1: 0.77, 2: 0.9}
"""What is left of the LUTs of a dot product with weights of one bit that meets so few words of them: all bits of
one word are numbers, those of two words numbers or the index.
"""
_FEW = 4
"""Words of weights, at most, whose bits repeat each other so often that products of wider weights become smaller."""
_LOOKED_AT, _STRIDE = 1 << 14, 10_007
"""Products of a dot product, at most, whose weights are looked at, and how far apart (a prime, to be in step with no
folding): the mean of so many tells that of all.
"""
_NUMBER, _ONE_BIT, _TOGETHER = 0.47, 0.55, 1.05
"""LUTs of a product over those of two live words: with a number, and with a word of few differing bits at least and at
most.
"""


def _units(op: MatVec, one: Area, folds: int, words: int, fabric: Fabric) -> Area:
    dot, total = kernel_of(op), Word(op.low, op.high)
    cycles = latency_cycles(dot)
    if op.stored is None and words <= _FEW:
        one = replace(one, luts=one.luts * _left(op, one, folds, words, fabric))
    found = one.times(op.units / len(dot.outputs)) + register((1 + 2 * (folds > 1)) * cycles + 1)
    sums = Area(ffs=total.width) if folds == 1 else Area(total.width, total.width, -(-total.width // 4))
    return found + sums.times(op.units)


def _left(op: MatVec, one: Area, folds: int, words: int, fabric: Fabric) -> float:
    """What is left of the LUTs of a dot product, `one`, that meets `words` words of weights.

    Equal bits of a weight are one register: a product is a function of what is multiplied and of the bits that differ,
    if that takes less.
    """
    dot = kernel_of(op)
    ports = {port.name: port for port in dot.inputs}
    wide = max(dot.nodes[word].type.width for word in ports["w"].words)
    if wide == 1:
        return _BITS_LEFT.get(words, 1.0)
    if words == 1:
        return _NUMBER
    other = max(dot.nodes[word].type.width for word in ports["x"].words)
    lanes = op.weights.shape[1] // folds
    products = op.units * lanes
    looked = np.arange(products) if products <= _LOOKED_AT else np.arange(_LOOKED_AT) * _STRIDE % products
    unit, lane = divmod(looked, lanes)
    weights = _by_lanes(op, lanes)[:, :, lane, :, unit]  # (products, groups, folds, blocks)
    bits = _bits_of(weights.transpose(1, 3, 2, 0).reshape(words, -1), op)
    codes = np.sort(((bits ^ bits[:1]) << np.arange(words)[:, None, None]).sum(axis=0), axis=1)
    differing = (np.diff(codes, axis=1, prepend=0) != 0).sum(axis=1)
    if one.dsps:  # the products are elsewhere; LUTs put weights and results right, bit by bit
        return float(differing.mean()) / wide
    spent = (other + wide) * 2.0 ** np.maximum(other + differing - fabric.lut_inputs, 0)
    spent /= product_luts(other, wide, fabric)
    return float(np.where(differing == 0, _NUMBER, np.clip(spent, _ONE_BIT, _TOGETHER)).mean())


@actor_area.on(Digits)
def _(op: Digits, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    lanes, width = args[0].lanes, natural(args[0].lane_words())[0]
    # Each bit but those of the lowest digit is loaded or shifted; above the word's own width nothing is loaded.
    moved = min(max(width - op.bits, 0), op.bits * (op.count - 1))
    held = min(width, op.bits * op.count)
    return Area(STEP_LUTS + lanes * moved, lanes * held + 1) + counter(op.count)


@actor_area.on(Accumulate)
def _(op: Accumulate, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    found = register(args[0].bits + 3) + Area(STEP_LUTS) + counter(op.count)
    found += kernel_area(op.kernel, fabric) + register(3 * latency_cycles(op.kernel) + 1)
    for word in bare(op, args, result.lanes)[1]:
        found += Area(word.width, word.width, -(-word.width // 4))
    return found + tail_area(op, fabric)


@actor_area.on(Reduce)
def _(op: Reduce, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    types, lanes, words = args[0].lane_words(), args[0].lanes, args[0].words // op.count
    each = Word(min(t.low for t in types), max(t.high for t in types))
    most = op.reduction is Reduction.MAX
    whole = each if most else Word(min(each.low * op.count, each.low), max(each.high * op.count, each.high))
    found = Area(STEP_LUTS, each.width * lanes + 4) + counter(words) + counter(op.count)
    found += register(whole.width * lanes)
    found += (Area(1.5 * each.width) if most else adder(whole.width)).times(lanes)
    if words > 1:
        found += ram_area(whole.width * lanes, words, Memory.LUT) + register(bits_for(words) + whole.width * lanes)
    return found + tail_area(op, fabric)


@actor_area.on(Interleave)
def _(op: Interleave, result: Stream, args: list[Stream], fabric: Fabric) -> Area:
    width, ports = bits_of(bare(op, args, result.lanes)[1]), len(args)
    passed = counter(max(op.counts))
    # A LUT joins two words; the turn is one bit a port.
    found = Area(width * -(-ports // 2) if ports > 1 else 0.0, width + 1 + ports) + passed
    return found + Area(STEP_LUTS + 2 * ports) + tail_area(op, fabric)
