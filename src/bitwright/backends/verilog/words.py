"""What each netlist operator becomes in Verilog: the rule table from op class to expression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import replace

import numpy as np

from bitwright.backends.verilog.operand import Operand
from bitwright.backends.verilog.tree import (
    Binary,
    Call,
    Case,
    Concat,
    Conditional,
    Expression,
    Function,
    Literal,
    Net,
    Ref,
    Repeat,
    Signed,
    Unary,
)
from bitwright.core.rules import Rules
from bitwright.cost.chain import ChainOperand, chain_of
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
    is_join,
)

__all__ = ["Functions", "unsigned_columns", "verilog"]

_OFTEN = 8
"""Calls from which a table is a function of the simulator too."""


class Functions:
    """The tables of one module: equal tables are one function; its name is none of `taken`."""

    def __init__(self, taken: Container[str] = ()) -> None:
        self._taken = taken
        self._argument = "code" if "code" not in taken else "table_code"
        self._known: dict[tuple[object, ...], Function] = {}
        self._calls: Counter[tuple[object, ...]] = Counter()
        self._count = 0

    def table(self, op: Table, code: Word, result: Word) -> str:
        """The name of the function that is `op` over the range of `code`, in the width of `result`."""
        key = (op, code, result.width, result.signed)
        if key not in self._known:
            self._known[key] = _function(self._fresh(), self._argument, op, code, result)
        self._calls[key] += 1
        return self._known[key].name

    def _fresh(self) -> str:
        self._count += 1
        name = f"table_{self._count}"
        return self._fresh() if name in self._taken else name

    def all(self) -> tuple[Function, ...]:
        """Every function, in the order of first use."""
        return tuple(replace(found, often=self._calls[key] >= _OFTEN) for key, found in self._known.items())


verilog: Rules[[Sequence[Operand], Word, Functions], Expression] = Rules("Verilog of a netlist operator")
"""The expression of exactly `result.width` bits that an operator of a module's operands is."""


@verilog.on(Constant)
def _(op: Constant, args: Sequence[Operand], result: Word, functions: Functions) -> Expression:
    return Literal(op.value, result.width, result.signed)


@verilog.on(Add)
def _(op: Add, args: Sequence[Operand], result: Word, functions: Functions) -> Expression:
    a, b = args
    width = result.width
    if is_join(op, b.word) and 0 < op.left < width and a.value is None and b.value is None:
        return Concat((*_parts(a.window(0, width - op.left)), *_parts(b.window(0, op.left))))
    if b.value is not None and b.value < 0:
        return Binary("-", a.window(op.left, width), Literal(-b.value << op.right, width))
    if a.value is not None and a.value < 0:
        return Binary("-", b.window(op.right, width), Literal(-a.value << op.left, width))
    return Binary("+", a.window(op.left, width), b.window(op.right, width))


def _parts(bits: Expression) -> tuple[Expression, ...]:
    return bits.parts if isinstance(bits, Concat) else (bits,)


@verilog.on(Subtract)
def _(op: Subtract, args: Sequence[Operand], result: Word, functions: Functions) -> Expression:
    a, b = args
    if a.value == 0:
        return Unary("-", b.window(op.right, result.width))
    if b.value is not None and b.value < 0:
        return Binary("+", a.window(op.left, result.width), Literal(-b.value << op.right, result.width))
    return Binary("-", a.window(op.left, result.width), b.window(op.right, result.width))


@verilog.on(Sum)
def _(op: Sum, args: Sequence[Operand], result: Word, functions: Functions) -> Expression:
    chain = chain_of(op, result, [a.word for a in args])
    total: Expression | None = None
    for operand, place in zip(args, chain.operands, strict=True):
        columns = unsigned_columns(operand, place, result.width)
        total = columns if total is None else Binary("+", total, columns)
    constant = chain.constant + (chain.free << chain.first) + chain.rest & ((1 << result.width) - 1)
    assert total is not None
    return Binary("+", total, Literal(constant, result.width)) if constant else total


def unsigned_columns(operand: Operand, place: ChainOperand, width: int) -> Expression:
    """`width` columns of an argument of a sum: its code shifted, the bits inverted that the chain wants so."""
    taken = min(operand.width, width - place.shift)
    if taken <= 0:
        return Literal(0, width)
    flips = place.inverted >> place.shift
    parts: list[Expression] = []
    above = width - place.shift - taken
    if above:
        flipped = bool(flips >> (taken - 1) & 1)
        extension = operand.extension(above) if place.extended else Literal(0, above)
        parts.append(Unary("~", _parenthesized(extension)) if flipped and place.extended else extension)
    high = taken - 1
    while high >= 0:
        low, flipped = high, flips >> high & 1
        while low > 0 and flips >> (low - 1) & 1 == flipped:
            low -= 1
        bits = operand.bits(high, low)
        parts.append(Unary("~", bits) if flipped else bits)
        high = low - 1
    if place.shift:
        parts.append(Literal(0, place.shift))
    return parts[0] if len(parts) == 1 and not isinstance(parts[0], Repeat) else Concat(tuple(parts))


def _parenthesized(extension: Expression) -> Expression:
    return Concat((extension,)) if isinstance(extension, Repeat) else extension


@verilog.on(Shift)
def _(op: Shift, args: Sequence[Operand], result: Word, functions: Functions) -> Expression:
    return args[0].window(op.left, result.width)


@verilog.on(Bits)
def _(op: Bits, args: Sequence[Operand], result: Word, functions: Functions) -> Expression:
    return args[0].window(-op.lowest, result.width)


@verilog.on(Clip)
def _(op: Clip, args: Sequence[Operand], result: Word, functions: Functions) -> Expression:
    (a,) = args
    clipped = a.window(0, result.width)
    if a.word.high > op.high:
        clipped = Conditional(_above(a, op), Literal(op.high, result.width), clipped)
    if a.word.low < op.low:
        clipped = Conditional(_below(a, op.low), Literal(op.low, result.width), clipped)
    return clipped


def _above(a: Operand, op: Clip) -> Expression:
    """a > op.high, where a is known not to be below op.low; bit tests where op.high + 1 is a power of two."""
    beyond = op.high + 1
    if beyond <= 0 or beyond & (beyond - 1):
        return Binary(">", a.compared(a.width, a.signed), Literal(op.high, a.width, a.signed))
    top = a.width - 1 - a.signed
    high_bits = _reduced("|", a, top, beyond.bit_length() - 1)
    if not a.signed or (op.low >= 0 and a.word.low < op.low):
        return high_bits
    return Binary("&", Unary("~", a.sign()), high_bits)


def _below(a: Operand, low: int) -> Expression:
    """a < low; bit tests where -low is 0 or a power of two."""
    if low == 0:
        return a.sign()
    if low > 0 or -low & (-low - 1):
        return Binary("<", a.compared(a.width, a.signed), Literal(low, a.width, a.signed))
    return Binary("&", a.sign(), _reduced("~&", a, a.width - 2, (-low).bit_length() - 1))


def _reduced(operator: str, a: Operand, high: int, low: int) -> Expression:
    """The reduction of a run of bits; of a single bit the bit itself or its inverse."""
    bits = a.bits(high, low)
    if high > low:
        return Unary(operator, bits)
    return Unary("~", bits) if operator[0] == "~" else bits


@verilog.on(AtLeast)
def _(op: AtLeast, args: Sequence[Operand], result: Word, functions: Functions) -> Expression:
    a, b = args
    if b.value == 0 and a.signed:
        return Unary("~", a.sign())
    signed = a.signed or b.signed
    width = max(word.width + (signed and not word.signed) for word in args)
    first, second = a.compared(width, signed), b.compared(width, signed)
    if a.value is not None:
        return Binary("==" if a.value == b.word.low else "<=", second, first)
    return Binary("==" if b.value == a.word.high else ">=", first, second)


@verilog.on(Mux)
def _(op: Mux, args: Sequence[Operand], result: Word, functions: Functions) -> Expression:
    selector, a, b = args
    if (selector.word.low, selector.word.high) == (0, 1):
        test = selector.whole()
    else:
        test = Binary("==", selector.window(0, selector.width + 1), Literal(1, selector.width + 1))
    return Conditional(test, a.window(0, result.width), b.window(0, result.width))


@verilog.on(Multiply)
def _(op: Multiply, args: Sequence[Operand], result: Word, functions: Functions) -> Expression:
    a, b = args
    signed = a.signed or b.signed
    if result.width == a.width + b.width and a.signed == b.signed:
        return Binary("*", a.whole(), b.whole())
    return Binary("*", *(_factor(x, result.width, signed) for x in args))


def _factor(x: Operand, width: int, signed: bool) -> Expression:
    """A factor in the product's own width: synthesis drops the copies of the sign again."""
    if x.value is not None:
        return Literal(x.value, width, signed)
    if x.width == width and x.signed == signed:
        return x.whole()
    return Signed(x.window(0, width)) if signed else x.window(0, width)


@verilog.on(Table)
def _(op: Table, args: Sequence[Operand], result: Word, functions: Functions) -> Expression:
    (code,) = args
    return Call(functions.table(op, code.word, result), (code.whole(),))


def _function(name: str, argument: str, op: Table, code: Word, result: Word) -> Function:
    """Codes of equal value share an arm; the commonest value is the default and needs none."""
    values = op.values.array[code.low - op.start : code.high - op.start + 1]
    wanted = values & ((1 << result.width) - 1)
    common = Counter(wanted.tolist()).most_common(1)[0][0]
    arms: dict[int, list[Literal]] = {}
    for place in np.flatnonzero(wanted != common).tolist():
        label = Literal(code.low + place, code.width, code.signed)
        arms.setdefault(int(values[place]), []).append(label)
    default = int(values[int(np.flatnonzero(wanted == common)[0])])
    number = [(tuple(labels), Literal(value, result.width, result.signed)) for value, labels in arms.items()]
    body = Case(Ref(argument), name, tuple(number), Literal(default, result.width, result.signed))
    remark = f"{len(values)} entries, codes {code.low} to {code.high}"
    input_net = Net("wire", argument, code.width, code.signed)
    return Function(name, result.width, result.signed, input_net, body, remark)


@verilog.on(Register)
def _(op: Register, args: Sequence[Operand], result: Word, functions: Functions) -> Expression:
    return args[0].window(0, result.width)
