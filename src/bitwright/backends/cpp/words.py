"""What each netlist operator becomes in HLS C++: the rule table from op class to expression.

Arbitrary-precision integers grow with every operator, so an expression is exact; what it is assigned to has the
proven range's width. Only a left shift does not grow: its operand is widened first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bitwright.backends.cpp.dialects import Dialect
from bitwright.backends.cpp.tree import Function, Line, Statement
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

__all__ = ["Operand", "Unit", "hls"]


@dataclass(frozen=True, slots=True)
class Operand:
    """A word that is read: its expression and its range."""

    text: str
    word: Word


@dataclass(slots=True)
class Unit:
    """The vendor's words, and the tables met so far: equal ones are one function."""

    dialect: Dialect
    prefix: str = "table"
    known: dict[tuple[object, ...], Function] = field(default_factory=dict[tuple[object, ...], Function])

    def table(self, op: Table, code: Word, result: Word) -> str:
        """The name of the function that looks a code up."""
        key = (op.start, op.values, code, result)
        if key not in self.known:
            name = f"{self.prefix}_{len(self.known) + 1}"
            self.known[key] = self._function(name, op, code, result)
        return self.known[key].head.split("(")[0].split()[-1]

    def _function(self, name: str, op: Table, code: Word, result: Word) -> Function:
        kind, span = self.dialect.integer(result), Word(0, len(op.values.array) - 1)
        index = "code" if op.start == 0 else f"code - ({op.start})"
        body: list[Statement] = [
            *self.dialect.table(kind, "values", op.values.array.tolist()),
            Line(f"const {self.dialect.integer(span)} index = {index};"),
            Line("return values[index.to_uint()];"),
        ]
        head = f"static {kind} {name}(const {self.dialect.integer(code)} code)"
        return self.dialect.function(head, body, self.dialect.pragma("inline"))


hls: Rules[[Sequence[Operand], Word, Unit], str] = Rules("HLS C++ of a netlist operator")
"""The expression of an operator, whose value lies in the range of the word that it is assigned to."""


def _left(operand: Operand, shift: int, unit: Unit) -> str:
    if shift == 0:
        return operand.text
    word = operand.word
    return f"({unit.dialect.wide(word.width + shift, word.signed)}({operand.text}) << {shift})"


def _right(operand: Operand, shift: int, unit: Unit) -> str:
    """Bits from `shift` up; a word that has none is widened, so that its sign still is there."""
    word = operand.word
    if shift == 0:
        return operand.text
    if shift < word.width:
        return f"({operand.text} >> {shift})"
    return f"({unit.dialect.wide(shift + 1, word.signed)}({operand.text}) >> {shift})"


@hls.on(Constant)
def _(op: Constant, args: Sequence[Operand], result: Word, unit: Unit) -> str:
    return unit.dialect.number(op.value, result)


@hls.on(Add)
def _(op: Add, args: Sequence[Operand], result: Word, unit: Unit) -> str:
    return f"{_left(args[0], op.left, unit)} + {_left(args[1], op.right, unit)}"


@hls.on(Subtract)
def _(op: Subtract, args: Sequence[Operand], result: Word, unit: Unit) -> str:
    return f"{_left(args[0], op.left, unit)} - {_left(args[1], op.right, unit)}"


@hls.on(Sum)
def _(op: Sum, args: Sequence[Operand], result: Word, unit: Unit) -> str:
    constant = unit.dialect.number(op.constant, Word(min(op.constant, 0), max(op.constant, 0)))
    text = constant if op.constant else ""
    for operand, shift, sign in sorted(zip(args, op.shifts, op.signs, strict=True), key=lambda t: -t[2]):
        term = _left(operand, shift, unit)
        text = f"{text} {'+' if sign > 0 else '-'} {term}" if text else term if sign > 0 else f"-{term}"
    return text


@hls.on(Shift)
def _(op: Shift, args: Sequence[Operand], result: Word, unit: Unit) -> str:
    return _left(args[0], op.left, unit) if op.left >= 0 else _right(args[0], -op.left, unit)


@hls.on(Bits)
def _(op: Bits, args: Sequence[Operand], result: Word, unit: Unit) -> str:
    return f"{unit.dialect.wide(op.width, signed=False)}({_right(args[0], op.lowest, unit)})"


@hls.on(Clip)
def _(op: Clip, args: Sequence[Operand], result: Word, unit: Unit) -> str:
    low, high = (Word(end, end) for end in (op.low, op.high))
    a, kind = args[0], unit.dialect.integer(result)
    below, above = _compared(a, low, unit), _compared(a, high, unit)
    text = f"{kind}({a.text})"
    if a.word.high > op.high:
        text = f"{above[0]} > {above[1]} ? {unit.dialect.number(op.high, result)} : {text}"
    if a.word.low < op.low:
        text = f"{below[0]} < {below[1]} ? {unit.dialect.number(op.low, result)} : {text}"
    return text


def _compared(a: Operand, bound: Word, unit: Unit) -> tuple[str, str]:
    """Both sides of a comparison as signed numbers of one width."""
    width = max(a.word.width + (not a.word.signed), bound.width + (not bound.signed))
    kind = unit.dialect.wide(width)
    return f"{kind}({a.text})", unit.dialect.number(bound.low, Word(-1 << (width - 1), 0))


@hls.on(AtLeast)
def _(op: AtLeast, args: Sequence[Operand], result: Word, unit: Unit) -> str:
    kind = unit.dialect.wide(max(a.word.width + (not a.word.signed) for a in args))
    return f"{kind}({args[0].text}) >= {kind}({args[1].text}) ? 1 : 0"


@hls.on(Mux)
def _(op: Mux, args: Sequence[Operand], result: Word, unit: Unit) -> str:
    kind = unit.dialect.integer(result)
    return f"{args[0].text} == 1 ? {kind}({args[1].text}) : {kind}({args[2].text})"


@hls.on(Table)
def _(op: Table, args: Sequence[Operand], result: Word, unit: Unit) -> str:
    return f"{unit.table(op, args[0].word, result)}({args[0].text})"


@hls.on(Multiply)
def _(op: Multiply, args: Sequence[Operand], result: Word, unit: Unit) -> str:
    return f"{args[0].text} * {args[1].text}"


@hls.on(Register)
def _(op: Register, args: Sequence[Operand], result: Word, unit: Unit) -> str:
    return args[0].text
