"""Actors with a total or a state that goes from word to word, and digits for them: their rules."""

from __future__ import annotations

import numpy as np

from bitwright.backends.cpp.streaming.kernels import Given, computed, hull, unread
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
from bitwright.backends.cpp.tree import Function, Line, Statement
from bitwright.backends.cpp.words import Unit
from bitwright.ir.dataflow import Stream
from bitwright.ir.dataflow.cell import CellSizes, cell_sizes, operand_words, weight_words
from bitwright.ir.dataflow.ops import Accumulate, Cell, Digits, Inner, Recur
from bitwright.ir.netlist import Word

__all__ = ["described"]


@described.on(Digits)
def _(op: Digits, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends, given = Ends(op, result, args, unit), args[0].lane_words()
    bits = unit.dialect.wide(op.count * op.bits, False)
    types = types_of(x_t=ends.lanes(given), y_t=ends.lanes(result.lane_words()), bits_t=bits)
    numbers = {"WORDS": args[0].words, "COUNT": op.count, "BITS": op.bits, "LANES": args[0].lanes}
    body: list[Statement] = [Line(f"return {'x' if not op.added else f'x + {op.added}'};")]
    moved = function(f"bits_t natural(const {ends.kind(given)}& x)", body, unit.dialect)
    told = f"{op.count} digits of {op.bits} bits, the highest first"
    return Described([*types, *numbers_of(numbers), moved], [("digits", (0,))], result.words, about=told)


@described.on(Accumulate)
def _(op: Accumulate, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends, made = Ends(op, result, args, unit), len(op.kernel.outputs)
    totals = ends.words
    wide = unit.dialect.wide(hull(totals).width + op.shift, hull(totals).signed)
    x = {"x": Given(lambda i: f"x.lane[{i}]", ends.kind(args[0].lane_words()))}
    term = ends.kind([op.kernel.nodes[o].type for o in op.kernel.outputs])
    starts = np.broadcast_to(op.start.array, (made,)).tolist()
    body: list[Statement] = [
        Line("total_t y;"),
        *(Line(f"{term} term{i};") for i in range(made)),
        *computed(op.kernel, x, [f"term{i}" for i in range(made)], unit),
    ]
    for i, start in enumerate(starts):
        shifted = f"({wide}(before.lane[{i}]) << {op.shift})"
        body.append(Line(f"y.lane[{i}] = (first ? {wide}({start}) : {shifted}) + term{i};"))
    body = [*unread(("x",), body), *body, Line("return y;")]
    members = [
        *types_of(x_t=ends.lanes(args[0].lane_words()), total_t=ends.lanes(totals)),
        *numbers_of({"WORDS": result.words, "COUNT": op.count}),
        function("total_t advance(const total_t& before, const x_t& x, bool first)", body, unit.dialect),
        *ends.tail({"x": ("total_t", totals)}),
    ]
    return Described(members, [("accumulate", (0,))], args[0].words, about=f"{op.count} words to a total")


@described.on(Recur)
def _(op: Recur, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends = Ends(op, result, args, unit)
    given = args[0].lane_words()
    state = [op.step.nodes[w].type for port in op.step.inputs if port.name == "state" for w in port.words]
    lanes = len(op.step.outputs) - len(state)
    ports = {
        "x": Given(lambda i: f"x.lane[{i}]", ends.kind(given)),
        "state": Given(lambda i: f"state.lane[{i}]", ends.kind(state)),
    }
    results = [*(f"y.lane[{i}]" for i in range(lanes)), *(f"after.lane[{i}]" for i in range(len(state)))]
    body = computed(op.step, ports, results, unit)
    body = [*unread(("x",), body), Line("state_t after;"), *body, Line("state = after;")]
    begin = [Line(f"state.lane[{i}] = {code};") for i, code in enumerate(op.initial.array.ravel().tolist())]
    members = [
        *types_of(x_t=ends.lanes(given), state_t=ends.lanes(state), made_t=ends.lanes(ends.words)),
        *numbers_of({"ROUNDS": args[0].words // op.count, "COUNT": op.count}),
        *numbers_of({"LAST": int(op.last)}, "bool"),
        function("void begin(state_t& state)", begin, unit.dialect),
        function("void step(const x_t& x, state_t& state, made_t& y)", body, unit.dialect),
        *ends.tail({"x": ("made_t", ends.words)}),
    ]
    told = f"rounds of {op.count} words{', the last of each' if op.last else ''}"
    return Described(members, [("recur", (0,))], args[0].words, about=told)


@described.on(Cell)
def _(op: Cell, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends, sizes, operand = Ends(op, result, args, unit), cell_sizes(op, args), operand_words(op, args)
    codes, given = weight_words(op, sizes), args[0].lane_words()
    weight = ends.kind([Word(int(codes.min()), int(codes.max()))])
    types = products_types(ends, given, weight, codes.shape[1])
    rounds = args[0].words // (sizes.own * op.rows)
    step, kept = _cell_step(op, ends, sizes)
    members = [
        *types_of(**types, operand_t=ends.lanes(operand), back_t=ends.lanes(operand[: op.back])),
        *types_of(state_t=ends.lanes(kept), made_t=ends.lanes(ends.words)),
        *numbers_of({"ROUNDS": rounds, "COUNT": op.rows, "OWN": sizes.own, "BLOCKS": sizes.blocks, "UNITS": op.units}),
        *numbers_of({"LAST": int(op.last)}, "bool"),
        _laid("row", "x_t", args[0].lanes, sizes.lanes, unit),
        _laid("back", "back_t", op.back, sizes.lanes, unit),
        _cell_begin(op, sizes, unit),
        dot_of(op.dot, ends, "operand_t", operand, weight, sizes.lanes),
        step,
        *ends.tail({"x": ("made_t", ends.words)}),
    ]
    told = f"{op.rows} rows a round, {sizes.own} words each and {sizes.blocks} from before, {op.units} sums at a time"
    steps = rounds * op.rows * sizes.blocks * sizes.folds
    return Described(members, [("cell", (0,))], steps, memories=(Weights(codes, weight),), about=told)


def _laid(source: str, kind: str, count: int, lanes: int, unit: Unit) -> Function:
    """A word in the lanes of the operand, zeros above."""
    body = [Line(f"y.lane[{i}] = {f'x.lane[{i}]' if i < count else 0};") for i in range(lanes)]
    head = f"operand_t from_{source}(const {kind}& x)"
    return function(head, [Line("operand_t y;"), *body, Line("return y;")], unit.dialect)


def _cell_begin(op: Cell, sizes: CellSizes, unit: Unit) -> Function:
    """What the first row of a round finds behind a block."""
    codes = op.initial.array.tolist()
    body = [Line(f"back.lane[{i}] = {code};") for i, code in enumerate(codes[: op.back])]
    body += [Line(f"state.lane[{i}] = {code};") for i, code in enumerate(codes[op.back :] or [0])]
    return function("void begin(back_t& back, state_t& state)", body, unit.dialect)


def _cell_step(op: Cell, ends: Ends, sizes: CellSizes) -> tuple[Function, list[Word]]:
    """From a block's totals and its state to the result, what goes back, and the next state; the state's words."""
    state = [op.step.nodes[w].type for port in op.step.inputs if port.name == "state" for w in port.words]
    kept = state or [Word(0, 0)]
    ports = {
        "x": Given(lambda i: f"x.lane[{i}]", ends.kind(ends.totals)),
        "state": Given(lambda i: f"state.lane[{i}]", ends.kind(kept)),
        "phase": Given(lambda _: "static_cast<unsigned>(phase)", "unsigned"),
    }
    results = [*(f"y.lane[{i}]" for i in range(sizes.given)), *(f"back.lane[{i}]" for i in range(op.back))]
    results += [f"after.lane[{i}]" for i in range(len(state))]
    body = computed(op.step, ports, results, ends.unit)
    moved = [Line("state = after;")] if state else []
    body = [*unread(("x", "phase", "state"), [*body, *moved]), *([Line("state_t after;")] if state else []), *body]
    head = "void step(const total_t& x, std::size_t phase, state_t& state, back_t& back, made_t& y)"
    return function(head, [*body, *moved], ends.unit.dialect), kept


@described.on(Inner)
def _(op: Inner, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends, lanes = Ends(op, result, args, unit), args[0].lanes
    (made,) = op.dot.outputs
    left, right = (a.lane_words() for a in args)
    term = unit.dialect.integer(op.dot.nodes[made].type)
    x = Given(lambda i: f"x.lane[{i}]", ends.kind(left))
    w = Given(lambda i: f"w.lane[{i} * {op.units} + unit]", ends.kind(right))
    body: list[Statement] = [Line(f"{term} found;"), *computed(op.dot, {"x": x, "w": w}, ["found"], unit)]
    body = [*unread(("x", "w", "unit"), body), *body, Line("return found;")]
    members = [
        *types_of(x_t=ends.lanes(left), w_t=ends.lanes(right)),
        *types_of(sum_t=ends.kind(ends.words), total_t=ends.lanes(ends.words)),
        *numbers_of({"WORDS": result.words, "COUNT": op.count, "UNITS": op.units}),
        function(f"{term} dot(const x_t& x, const w_t& w, std::size_t unit)", body, unit.dialect),
        *ends.tail({"x": ("total_t", ends.words)}),
    ]
    told = f"products of {op.count} words of {lanes}, {op.units} at a time"
    return Described(members, [("inner", (0, 1))], args[0].words, about=told)
