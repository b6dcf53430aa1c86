"""Actors with a total or a state that goes from word to word, and digits for them: their rules."""

from __future__ import annotations

import numpy as np

from bitwright.backends.cpp.streaming.kernels import Given, computed, hull, unread
from bitwright.backends.cpp.streaming.parts import Described, Ends, described, function, numbers_of, types_of
from bitwright.backends.cpp.tree import Line, Statement
from bitwright.backends.cpp.words import Unit
from bitwright.ir.dataflow import Stream
from bitwright.ir.dataflow.ops import Accumulate, Digits, Inner, Recur

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
