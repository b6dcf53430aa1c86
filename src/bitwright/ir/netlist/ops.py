"""The netlist's operators: one word in, one word out; words are integers with an exact range."""

from __future__ import annotations

from dataclasses import dataclass

from bitwright.ir.program import Op, Type
from bitwright.numeric import Interval, Ints

__all__ = [
    "Add",
    "AtLeast",
    "Bits",
    "Clip",
    "Constant",
    "Input",
    "Multiply",
    "Mux",
    "Register",
    "Shift",
    "Subtract",
    "Sum",
    "Table",
    "Word",
    "WordOp",
    "is_join",
]


@dataclass(frozen=True, slots=True)
class Word(Type):
    """An integer in [low, high]; its bits are the narrowest two's complement or unsigned code."""

    low: int
    high: int

    @property
    def interval(self) -> Interval:
        """The range as an interval."""
        return Interval(self.low, self.high)

    @property
    def signed(self) -> bool:
        """Whether the code carries a sign bit."""
        return self.low < 0

    @property
    def width(self) -> int:
        """Bits of the code."""
        low, high = self.low, self.high  # asked for millions of times: no calls but those of the bits
        upper = high.bit_length() if high > 0 else 0
        if low >= 0:
            return upper or 1
        lower = (~low).bit_length()
        return (lower if lower > upper else upper) + 1


class WordOp(Op):
    """Base of the netlist's operators."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Input(WordOp):
    """One element of an input port."""


@dataclass(frozen=True, slots=True)
class Constant(WordOp):
    """A number."""

    value: int


@dataclass(frozen=True, slots=True)
class Add(WordOp):
    """(a << left) + (b << right)."""

    left: int = 0
    right: int = 0


@dataclass(frozen=True, slots=True)
class Subtract(WordOp):
    """(a << left) - (b << right)."""

    left: int = 0
    right: int = 0


@dataclass(frozen=True, slots=True)
class Sum(WordOp):
    """sum(sign * (argument << shift)) + constant over up to three arguments: one carry chain.

    `shifts` and `signs` (+1 or -1) have an entry per argument. Where a fabric adds three operands at once
    this costs what the sum of two does, and the constant is free wherever fewer than three bits meet.
    """

    shifts: tuple[int, ...]
    signs: tuple[int, ...]
    constant: int = 0


@dataclass(frozen=True, slots=True)
class Shift(WordOp):
    """a << left; a negative `left` drops bits (floor). Only wires."""

    left: int


@dataclass(frozen=True, slots=True)
class Bits(WordOp):
    """The `width` bits of a from bit `lowest` up, as an unsigned number. Only wires."""

    lowest: int
    width: int


@dataclass(frozen=True, slots=True)
class Clip(WordOp):
    """a saturated to [low, high]."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class AtLeast(WordOp):
    """1 where a >= b, else 0."""


@dataclass(frozen=True, slots=True)
class Mux(WordOp):
    """a where the selector (0 or 1) is 1, else b; arguments (selector, a, b)."""


@dataclass(frozen=True, slots=True)
class Table(WordOp):
    """values[a - start]: a read-only memory over the whole range of a."""

    start: int
    values: Ints


@dataclass(frozen=True, slots=True)
class Multiply(WordOp):
    """a * b, both live."""


@dataclass(frozen=True, slots=True)
class Register(WordOp):
    """a, one clock cycle later."""


def is_join(op: Add, low: Word) -> bool:
    """Whether (a << left) + b only puts bits side by side: b fits below a's lowest bit."""
    return op.right == 0 and low.low >= 0 and low.high < 1 << op.left
