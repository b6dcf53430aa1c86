"""What stands at the front of each actor: the library module that takes words and fires steps."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.backends.verilog.stream.layout import bits_of, fields, joined, packed
from bitwright.backends.verilog.tree import Literal
from bitwright.core.errors import InvalidProgram
from bitwright.core.rules import Rules
from bitwright.ir.dataflow import Stream
from bitwright.ir.dataflow.infer import bare
from bitwright.ir.dataflow.ops import (
    Accumulate,
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
    Search,
    Window,
)
from bitwright.ir.netlist import Word

__all__ = ["BLOCK", "Front", "front"]

BLOCK = {Memory.LUT: 0, Memory.BLOCK: 1, Memory.ULTRA: 2}
"""The library's parameter BLOCK: what a memory is made of."""


@dataclass(frozen=True, slots=True)
class Front:
    """A library module: its parameters, the lanes that it wants of each argument, and those of its word `x`.

    `about` says in a line what the actor does.
    """

    module: str
    parameters: tuple[tuple[str, int | str | Literal], ...]
    given: tuple[list[Word], ...]
    words: list[Word]
    about: str


front: Rules[[Stream, list[Stream]], Front] = Rules("Verilog of an actor")
"""(result, arguments) -> the front of an actor's module."""


@front.on(Apply)
def _(op: Apply, result: Stream, args: list[Stream]) -> Front:
    given = tuple(a.lane_words() for a in args)
    words = [word for lanes in given for word in lanes]
    return Front("bw_words", (("WIDTH", bits_of(words)),), given, words, f"{result.words} words through its kernel")


@front.on(Search)
def _(op: Search, result: Stream, args: list[Stream]) -> Front:
    words = args[0].lane_words()
    sets, _, count = op.thresholds.shape
    about = f"{result.words} words among {count} thresholds a lane, {sets} sets in turn"
    return Front("bw_words", (("WIDTH", bits_of(words)),), (words,), words, about)


@front.on(Convert)
def _(op: Convert, result: Stream, args: list[Stream]) -> Front:
    each = joined(args[0].lane_words())
    sizes = (("IN", args[0].lanes), ("OUT", result.lanes))
    about = f"words of {args[0].lanes} elements to words of {result.lanes}"
    given, words = ([each] * lanes for lanes in (args[0].lanes, result.lanes))
    return Front("bw_convert", (("WIDTH", each.width), *sizes), (given,), words, about)


@front.on(Digits)
def _(op: Digits, result: Stream, args: list[Stream]) -> Front:
    each, lanes = joined(args[0].lane_words()), args[0].lanes
    parameters = (
        ("LANES", lanes), ("WIDTH", each.width), ("SIGNED", int(each.signed)), ("BITS", op.bits), ("COUNT", op.count),
    )  # fmt: skip
    words = [Word(0, (1 << op.bits) - 1)] * lanes
    about = f"words of {each.width} bits an element as {op.count} of {op.bits}, the highest digits first"
    return Front("bw_digits", parameters, ([each] * lanes,), words, about)


@front.on(Accumulate)
def _(op: Accumulate, result: Stream, args: list[Stream]) -> Front:
    given = args[0].lane_words()
    parameters = (("WIDTH", bits_of(given)), ("FOLDS", op.count), ("BLOCKS", 1), ("GROUPS", 1))
    about = f"totals over {op.count} words, each moved up by {op.shift} bits before the next is added"
    return Front("bw_vector", parameters, (given,), given, about)


@front.on(Window)
def _(op: Window, result: Stream, args: list[Stream]) -> Front:
    words = bare(op, args, result.lanes)[1]
    given = words[: args[0].lanes]
    (top, bottom), (left, right) = op.pads
    parameters = (
        ("WIDTH", bits_of(given)),
        ("GROUPS", op.grid[2] // args[0].lanes),
        *zip(("ROWS", "COLUMNS"), op.grid, strict=False),
        *zip(("KERNEL_ROWS", "KERNEL_COLUMNS"), op.kernel, strict=True),
        *zip(("STRIDE_ROWS", "STRIDE_COLUMNS"), op.strides, strict=True),
        *zip(("PAD_TOP", "PAD_BOTTOM", "PAD_LEFT", "PAD_RIGHT"), (top, bottom, left, right), strict=True),
        *zip(("DILATION_ROWS", "DILATION_COLUMNS"), op.dilation, strict=True),
        ("FILL", packed([op.fill] * len(given), given)),
        ("BLOCK", BLOCK[op.memory]),
    )
    rows, columns = op.kernel
    about = f"windows of {rows} x {columns} over {op.grid[0]} x {op.grid[1]} pixels of {op.grid[2]} channels"
    return Front("bw_window", parameters, (given,), words, about)


@front.on(Rearrange)
def _(op: Rearrange, result: Stream, args: list[Stream]) -> Front:
    if op.depth < 1:
        remedy = "run passes.Buffer, which finds the depth"
        raise InvalidProgram("a memory without a depth", where="Rearrange", remedy=remedy)
    words = bare(op, args, result.lanes)[1]
    loops = op.loops or (Loop(1),)
    parameters = (
        ("WIDTH", bits_of(words)),
        ("DEPTH", op.depth),
        *zip(("ROWS", "COLUMNS", "WORDS"), op.grid, strict=True),
        ("LOOPS", len(loops)),
        ("EXTENT", fields([loop.extent for loop in loops])),
        ("ROW", fields([loop.row for loop in loops])),
        ("COLUMN", fields([loop.column for loop in loops])),
        ("WORD", fields([loop.word for loop in loops])),
        *zip(("ORIGIN_ROW", "ORIGIN_COLUMN", "ORIGIN_WORD"), op.start, strict=True),
        ("RELEASE", op.release),
        ("FILL", packed([op.fill] * len(words), words)),
        ("BLOCK", BLOCK[op.memory]),
    )
    extents = " x ".join(str(loop.extent) for loop in loops)
    return Front("bw_rearrange", parameters, (words,), words, f"{args[0].words} words in the order of loops {extents}")


@front.on(MatVec)
def _(op: MatVec, result: Stream, args: list[Stream]) -> Front:
    groups, inputs, outputs = op.weights.shape
    given = args[0].lane_words()
    folds, blocks = inputs // args[0].lanes, outputs // op.units
    parameters = (("WIDTH", bits_of(given)), ("FOLDS", folds), ("BLOCKS", blocks), ("GROUPS", groups))
    about = f"{inputs} inputs, {args[0].lanes} at a time, {outputs} outputs, {op.units} at a time"
    about += f", {groups} matrices in turn" if groups > 1 else ""
    return Front("bw_vector", parameters, (given,), given, about)


@front.on(Reduce)
def _(op: Reduce, result: Stream, args: list[Stream]) -> Front:
    each, lanes = joined(args[0].lane_words()), args[0].lanes
    most = op.reduction is Reduction.MAX
    whole = each if most else Word(min(each.low * op.count, each.low), max(each.high * op.count, each.high))
    parameters = (
        ("LANES", lanes),
        ("IN", each.width),
        ("OUT", whole.width),
        ("SIGNED", int(each.signed)),
        ("COUNT", op.count),
        ("WORDS", args[0].words // op.count),
        ("MAX", int(most)),
    )
    about = f"the {op.reduction.value} of {op.count} blocks of {args[0].words // op.count} words"
    return Front("bw_reduce", parameters, ([each] * lanes,), [whole] * lanes, about)


@front.on(Interleave)
def _(op: Interleave, result: Stream, args: list[Stream]) -> Front:
    words = bare(op, args, result.lanes)[1]
    parameters = (("WIDTH", bits_of(words)), ("PORTS", len(args)), ("COUNTS", fields(op.counts)))
    about = f"{', '.join(str(n) for n in op.counts)} words of each argument in turn"
    return Front("bw_interleave", parameters, (words,) * len(args), words, about)
