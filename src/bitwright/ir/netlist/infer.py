"""The exact range of a netlist operator's result from its arguments' ranges."""

from __future__ import annotations

from bitwright.core.errors import InvalidProgram
from bitwright.core.rules import Rules
from bitwright.ir.netlist.ops import (
    Add,
    AtLeast,
    Bits,
    Clip,
    Constant,
    Multiply,
    Mux,
    Register,
    Shift,
    Subtract,
    Sum,
    Table,
    Word,
)

__all__ = ["infer"]

infer: Rules[[list[Word]], Word] = Rules("range of a netlist operator")


@infer.on(Constant)
def _(op: Constant, args: list[Word]) -> Word:
    return Word(op.value, op.value)


@infer.on(Add)
def _(op: Add, args: list[Word]) -> Word:
    a, b = args
    return Word((a.low << op.left) + (b.low << op.right), (a.high << op.left) + (b.high << op.right))


@infer.on(Subtract)
def _(op: Subtract, args: list[Word]) -> Word:
    a, b = args
    return Word((a.low << op.left) - (b.high << op.right), (a.high << op.left) - (b.low << op.right))


@infer.on(Sum)
def _(op: Sum, args: list[Word]) -> Word:
    low = high = op.constant
    for word, shift, sign in zip(args, op.shifts, op.signs, strict=True):
        ends = (word.low << shift, word.high << shift)
        low, high = (low + ends[0], high + ends[1]) if sign > 0 else (low - ends[1], high - ends[0])
    return Word(low, high)


@infer.on(Shift)
def _(op: Shift, args: list[Word]) -> Word:
    span = args[0].interval.shifted(op.left)
    return Word(span.low, span.high)


@infer.on(Bits)
def _(op: Bits, args: list[Word]) -> Word:
    low, high = args[0].low >> op.lowest, args[0].high >> op.lowest
    top = (1 << op.width) - 1
    if low >> op.width == high >> op.width:
        return Word(low & top, high & top)
    return Word(0, top)


@infer.on(Clip)
def _(op: Clip, args: list[Word]) -> Word:
    span = args[0].interval.clipped(op.low, op.high)
    return Word(span.low, span.high)


@infer.on(AtLeast)
def _(op: AtLeast, args: list[Word]) -> Word:
    a, b = args
    return Word(int(a.low >= b.high), int(a.high >= b.low))


@infer.on(Mux)
def _(op: Mux, args: list[Word]) -> Word:
    selector, a, b = args
    if selector.low == selector.high:
        return a if selector.low else b
    return Word(min(a.low, b.low), max(a.high, b.high))


@infer.on(Table)
def _(op: Table, args: list[Word]) -> Word:
    first, last = args[0].low - op.start, args[0].high - op.start
    if first < 0 or last >= op.values.shape[0]:
        raise InvalidProgram(f"the table of {op.values.shape[0]} entries does not cover {args[0]}", where="Table")
    reached = op.values.array[first : last + 1]
    return Word(int(reached.min()), int(reached.max()))


@infer.on(Multiply)
def _(op: Multiply, args: list[Word]) -> Word:
    span = args[0].interval * args[1].interval
    return Word(span.low, span.high)


@infer.on(Register)
def _(op: Register, args: list[Word]) -> Word:
    return args[0]
