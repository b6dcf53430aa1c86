"""What stream an actor yields: how many words, how wide, with which ranges."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from bitwright.core.errors import InvalidProgram
from bitwright.core.rules import Rules
from bitwright.ir.dataflow.ops import (
    Accumulate,
    Actor,
    Apply,
    Convert,
    Digits,
    Interleave,
    MatVec,
    Rearrange,
    Reduce,
    Reduction,
    Window,
)
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.netlist import Netlist, Word
from bitwright.numeric import Ints, Steps

__all__ = ["bare", "infer", "kernel_of", "natural", "out_grid", "stored_range", "tail_of"]

bare: Rules[[list[Stream], int], tuple[int, list[Word]]] = Rules("words of an actor before its tail")
"""(arguments, told lanes) -> words of a frame and the range of each lane, before the tail."""


def tail_of(op: Actor) -> Netlist | None:
    """The netlist at the end of an actor, if it has one."""
    return getattr(op, "tail", None)


def kernel_of(op: MatVec) -> Netlist:
    """The netlist that hardware takes for the dot products: of one unit, or of several at once."""
    return op.joint or op.dot


def stored_range(op: MatVec) -> Word:
    """What a stored weight may be: as declared, or what is there where nothing is ever written."""
    ends = op.stored or (int(op.weights.array.min()), int(op.weights.array.max()))
    return Word(*ends)


def infer(
    op: Actor,
    args: Sequence[Stream],
    *,
    shape: tuple[int, ...] | None = None,
    lanes: int | None = None,
    step: Steps | None = None,
) -> Stream:
    """The stream that `op` yields; its shape defaults to (words, lanes), or the argument's where the size is that."""
    words, types = bare(op, list(args), lanes or 0)
    tail = tail_of(op)
    if tail is not None:
        types = [tail.nodes[o].type for o in tail.outputs]
    size = words * len(types)
    told = shape or (args[0].shape if args and args[0].size == size else (words, len(types)))
    if prod(told) != size:
        raise InvalidProgram(f"{words} words of {len(types)} are no {told}", where=type(op).__name__)
    return Stream(told, len(types), *_range(types), step or (args[0].step if args else Steps.of(1)))


def _range(types: list[Word]) -> tuple[Ints, Ints]:
    """The ranges of the lanes; one number where all are alike."""
    low, high = [t.low for t in types], [t.high for t in types]
    if len(set(low)) == 1 and len(set(high)) == 1:
        return Ints(low[0]), Ints(high[0])
    return Ints(low), Ints(high)


def _joined(types: Sequence[Word], fill: int | None = None) -> Word:
    """What any of several words may be."""
    low, high = [t.low for t in types], [t.high for t in types]
    more = [] if fill is None else [fill]
    return Word(min(low + more), max(high + more))


def out_grid(op: Window) -> tuple[int, int]:
    """Rows and columns of the places where the kernel lies wholly within the padded grid."""
    sizes = zip(op.grid[:2], op.kernel, op.strides, op.pads, op.dilation, strict=True)
    rows, columns = ((n + sum(pads) - (k - 1) * d - 1) // s + 1 for n, k, s, pads, d in sizes)
    return rows, columns


@bare.on(Apply)
def _(op: Apply, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    return args[0].words, args[0].lane_words()


@bare.on(Convert)
def _(op: Convert, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    size = args[0].size
    if lanes < 1 or size % lanes:
        raise InvalidProgram(f"{size} elements in words of {lanes}", where="Convert")
    old = args[0].lane_words()
    # Lane i of the new words meets every old lane that is i modulo the common divisor of both.
    common = _divisor(lanes, len(old))
    met = [_joined(old[i::common]) for i in range(common)]
    return size // lanes, [met[i % common] for i in range(lanes)]


def _divisor(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return a


def natural(words: Sequence[Word]) -> tuple[int, int]:
    """The width that holds all of `words`, and what makes them numbers from zero up of that width."""
    whole = _joined(words)
    return whole.width, 1 << (whole.width - 1) if whole.signed else 0


@bare.on(Digits)
def _(op: Digits, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    width, added = natural(args[0].lane_words())
    if op.count < 1 or op.bits < 1 or width > op.count * op.bits or op.added != added:
        raise InvalidProgram(
            f"{op.count} digits of {op.bits} bits, {op.added} added, for words of {width} bits", where="Digits"
        )
    most = (1 << op.bits) - 1
    return args[0].words * op.count, [Word(0, min(w.high + added, most)) for w in args[0].lane_words()]


@bare.on(Accumulate)
def _(op: Accumulate, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    made = len(op.kernel.outputs)
    if op.count < 1 or op.shift < 0 or args[0].words % op.count:
        raise InvalidProgram(f"{args[0].words} words, {op.count} to a total", where="Accumulate")
    if {op.start.shape, op.low.shape, op.high.shape} - {(), (1,), (made,)}:
        raise InvalidProgram(f"ranges of shape {op.low.shape} for {made} totals", where="Accumulate")
    low, high = (np.broadcast_to(a.array, (made,)).tolist() for a in (op.low, op.high))
    return args[0].words // op.count, [Word(a, b) for a, b in zip(low, high, strict=True)]


@bare.on(Window)
def _(op: Window, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    given, channels = args[0], op.grid[2]
    if channels % given.lanes:
        raise InvalidProgram(f"{channels} channels in words of {given.lanes}", where="Window")
    rows, columns = out_grid(op)
    padded = any(n for pads in op.pads for n in pads)
    each = [_joined([w], op.fill if padded else None) for w in given.lane_words()]
    return rows * columns * (channels // given.lanes), each * prod(op.kernel)


@bare.on(Rearrange)
def _(op: Rearrange, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    from bitwright.ir.dataflow.walk import order

    leaves = bool((order(op) < 0).any())
    each = [_joined([w], op.fill if leaves else None) for w in args[0].lane_words()]
    return prod(loop.extent for loop in op.loops), each


@bare.on(MatVec)
def _(op: MatVec, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    groups, inputs, outputs = op.weights.shape
    vectors = args[0].size // inputs
    if args[0].size % inputs or inputs % args[0].lanes or outputs % op.units or vectors % groups:
        raise InvalidProgram(
            f"words of {args[0].lanes}, {op.units} units: no folding of {groups} x {inputs} x {outputs}", where="MatVec"
        )
    return vectors * (outputs // op.units), [Word(op.low, op.high)] * op.units


@bare.on(Reduce)
def _(op: Reduce, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    words, types = args[0].words, args[0].lane_words()
    if words % op.count:
        raise InvalidProgram(f"{words} words in {op.count} blocks", where="Reduce")
    if op.reduction is Reduction.MAX:
        return words // op.count, types
    return words // op.count, [Word(min(t.low * op.count, t.low), max(t.high * op.count, t.high)) for t in types]


@bare.on(Interleave)
def _(op: Interleave, args: list[Stream], lanes: int) -> tuple[int, list[Word]]:
    rounds = {a.words // n if a.words % n == 0 else 0 for a, n in zip(args, op.counts, strict=True)}
    if len(rounds) != 1 or 0 in rounds or len({a.lanes for a in args}) != 1:
        raise InvalidProgram(f"{[a.words for a in args]} words in turns of {op.counts}", where="Interleave")
    each = [_joined(words) for words in zip(*(a.lane_words() for a in args), strict=True)]
    return sum(a.words for a in args), each
