"""What each actor is in C++: the rules from actor to the description that its library function takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import numpy as np

from bitwright.backends.cpp.streaming.kernels import hull
from bitwright.backends.cpp.streaming.parts import (
    Described,
    Ends,
    Weights,
    described,
    dot_of,
    function,
    numbers_of,
    products_types,
    types_of,
)
from bitwright.backends.cpp.tree import Function, Line
from bitwright.backends.cpp.words import Unit
from bitwright.ir.dataflow import Stream, order, released
from bitwright.ir.dataflow.infer import out_grid, stored_range
from bitwright.ir.dataflow.ops import (
    Apply,
    Convert,
    Interleave,
    Loop,
    MatVec,
    Rearrange,
    Reduce,
    Reduction,
    Window,
)

__all__ = ["described"]


@described.on(Apply)
def _(op: Apply, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends = Ends(op, result, args, unit)
    names = ("x",) if len(args) == 1 else ("a", "b")
    types = {f"{name}_t": ends.lanes(a.lane_words()) for name, a in zip(names, args, strict=True)}
    given = {name: (f"{name}_t", a.lane_words()) for name, a in zip(names, args, strict=True)}
    members = [*types_of(**types), *numbers_of({"WORDS": result.words}), *ends.tail(given)]
    return Described(members, [("map" if len(args) == 1 else "join", tuple(range(len(args))))], result.words)


@described.on(Convert)
def _(op: Convert, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends, steps = Ends(op, result, args, unit), _gears(args[0], result)
    given = args[0].lane_words()
    types = types_of(
        x_t=ends.lanes(given), y_t=ends.lanes(result.lane_words()),
        element_t=ends.kind([*given, *result.lane_words()]),
    )  # fmt: skip
    numbers = numbers_of({"IN": args[0].lanes, "OUT": result.lanes, "WORDS": args[0].words, "STEPS": steps})
    return Described([*types, *numbers], [("convert", (0,))], steps, about=f"{args[0].lanes} lanes to {result.lanes}")


def _gears(given: Stream, result: Stream) -> int:
    """Steps of a frame: each reads where too little is held, and writes where there is enough."""
    held, left, steps = 0, given.words, 0
    while left or held:
        if held < result.lanes and left:
            held, left = held + given.lanes, left - 1
        held -= result.lanes if held >= result.lanes else 0
        steps += 1
    return steps


@described.on(Window)
def _(op: Window, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends, (rows, columns) = Ends(op, result, args, unit), out_grid(op)
    lanes, words = args[0].lanes, ends.words
    walked, numbers = list[int](), dict[str, int]()
    for axis, (name, outs) in enumerate((("ROW", rows), ("COLUMN", columns))):
        before, reach = op.pads[axis][0], (op.kernel[axis] - 1) * op.dilation[axis]
        last = reach + (outs - 1) * op.strides[axis]
        walked.append(max(before + op.grid[axis], last + 1))
        numbers |= {f"{name}S": op.grid[axis], f"WALK_{name}S": walked[-1], f"LAST_{name}": last}
        numbers |= {f"KERNEL_{name}S": op.kernel[axis], f"STRIDE_{name}S": op.strides[axis]}
        numbers |= {f"DILATION_{name}S": op.dilation[axis]}
    groups = op.grid[2] // lanes
    numbers |= {"TOP": op.pads[0][0], "LEFT": op.pads[1][0], "GROUPS": groups, "LANES": lanes}
    one = hull(words)
    fill = function(f"{ends.kind([one])} fill()", [Line(f"return {op.fill};")], unit.dialect)
    types = types_of(x_t=ends.lanes([one] * lanes), taps_t=ends.lanes(words))
    members = [*types, *numbers_of(numbers), fill, *ends.tail({"x": ("taps_t", words)})]
    told = f"{op.kernel[0]} x {op.kernel[1]} over {op.grid[0]} x {op.grid[1]} x {op.grid[2]}"
    return Described(members, [("window", (0,))], walked[0] * walked[1] * groups, about=told)


@described.on(Rearrange)
def _(op: Rearrange, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends, words = Ends(op, result, args, unit), prod(op.grid)
    depth = 1 << (op.depth - 1).bit_length() if op.depth else words
    whole = depth >= words
    steps = _walked(op, 0 if whole else depth)
    names = zip(("START_ROW", "START_COLUMN", "START_WORD"), op.start, strict=True)
    loops = op.loops or (Loop(1),)
    grid = dict(zip(("ROWS", "COLUMNS", "DEEP"), op.grid, strict=True))
    sizes = {"LOOPS": len(loops), "RELEASE": op.release, "DEPTH": words if whole else depth}
    members = [
        *types_of(x_t=ends.lanes(ends.words)),
        *numbers_of({**grid, "WORDS": words, **dict(names)}, "int"),
        *numbers_of({**sizes, "RESULTS": order(op).size, "STEPS": steps}),
        *numbers_of({"WHOLE": int(whole)}, "bool"),
        *(_listed(f"{name}_step", [getattr(loop, name) for loop in loops]) for name in ("row", "column", "word")),
        _listed("extent", [loop.extent for loop in loops], "std::size_t"),
        function(f"{ends.kind(ends.words)} fill()", [Line(f"return {op.fill};")], unit.dialect),
        *ends.tail({"x": ("x_t", ends.words)}),
    ]
    told = " ".join(f"{loop.extent}x({loop.row},{loop.column},{loop.word})" for loop in op.loops)
    return Described(members, [("rearrange", (0,))], steps, about=f"loops {told}")


def _listed(name: str, values: Sequence[int], kind: str = "int") -> Function:
    """A list of constants as a function of the position."""
    body = [Line(f"static const {kind} values[] = {{{', '.join(map(str, values))}}};"), Line("return values[n];")]
    return Function(f"static {kind} {name}(std::size_t n)", tuple(body))


@lru_cache(maxsize=64)
def _walked(op: Rearrange, depth: int) -> int:
    """Turns of the loop of `bw_stream::rearrange` for a frame; depth 0: all words find room."""
    needed, freed, words = order(op).tolist(), released(op).tolist(), prod(op.grid)
    read = written = steps = 0
    while read < words or written < len(needed):
        there = written < len(needed) and needed[written] < read
        free = freed[written] if written < len(needed) else words
        read += read < words and (not depth or read < free + depth)
        written += there
        steps += 1
    return steps


@described.on(MatVec)
def _(op: MatVec, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends, lanes = Ends(op, result, args, unit), args[0].lanes
    groups, inputs, outputs = op.weights.shape
    folds, blocks, vectors = inputs // lanes, outputs // op.units, args[0].size // inputs
    codes = op.weights.array.reshape(groups, folds, lanes, blocks, op.units).transpose(0, 3, 1, 4, 2)
    rows, weight = codes.reshape(groups * blocks * folds, -1), ends.kind([stored_range(op)])
    memories = [Weights(np.ascontiguousarray(rows), weight, written=op.stored is not None)]
    numbers = {"VECTORS": vectors, "BLOCKS": blocks, "FOLDS": folds, "UNITS": op.units, "ROWS": len(rows)}
    members, given = [*types_of(**products_types(ends, args[0].lane_words(), weight, rows.shape[1]))], {}
    if op.constants is not None and op.tail is not None:
        met = [op.tail.nodes[w].type for port in op.tail.inputs if port.name == "c" for w in port.words]
        memories.append(Weights(op.constants.array, ends.kind(met), "thresholds", True))
        members += types_of(c_t=ends.lanes(met))
        given = {"c": ("c_t", met)}
    members += [
        *numbers_of({**numbers, "CONSTANTS": 1 if op.constants is None else len(op.constants.array)}),
        dot_of(op.dot, ends, "x_t", args[0].lane_words(), weight, lanes),
        *ends.tail({"x": ("total_t", ends.words), **given}),
    ]
    told = f"{inputs} x {outputs} as {folds} x {blocks} folds of {lanes} x {op.units} products"
    call = "matrix_constants" if given else "matrix_vector"
    return Described(members, [(call, (0,))], vectors * blocks * folds, memories=tuple(memories), about=told)


@described.on(Reduce)
def _(op: Reduce, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends = Ends(op, result, args, unit)
    rest, lanes = args[0].words // op.count, args[0].lanes
    each = "a.lane[{i}] + b.lane[{i}]"
    if op.reduction is Reduction.MAX:
        each = "a.lane[{i}] > b.lane[{i}] ? a.lane[{i}] : b.lane[{i}]"
    body = [Line("x_t y;"), *(Line(f"y.lane[{i}] = {each.format(i=i)};") for i in range(lanes)), Line("return y;")]
    members = [
        *types_of(x_t=ends.lanes(ends.words)),
        *numbers_of({"COUNT": op.count, "REST": rest}),
        function("x_t combine(const x_t& a, const x_t& b)", body, unit.dialect),
        *ends.tail({"x": ("x_t", ends.words)}),
    ]
    told = f"the {op.reduction.value} of {op.count} blocks"
    return Described(members, [("reduce", (0,))], args[0].words, about=told)


@described.on(Interleave)
def _(op: Interleave, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends, rounds = Ends(op, result, args, unit), args[0].words // op.counts[0]
    members = [*types_of(x_t=ends.lanes(ends.words)), *ends.tail({"x": ("x_t", ends.words)})]
    calls = [(f"turn, {count}", (port,)) for port, count in enumerate(op.counts)]
    told = f"in turns of {', '.join(map(str, op.counts))} words"
    return Described(members, calls, sum(a.words for a in args), rounds, turns=True, about=told)
