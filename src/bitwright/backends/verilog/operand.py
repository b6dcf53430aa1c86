"""Words as operands: their bits in any window, and which of them were read."""

from __future__ import annotations

from bitwright.backends.verilog.tree import Concat, Expression, Literal, Part, Ref, Repeat, Signed
from bitwright.ir.netlist.ops import Word

__all__ = ["Operand"]


class Operand:
    """A word as one module sees it: a net, or a number where its range is a single code.

    `used` collects the bits that expressions read, so that the module can name the others.
    """

    __slots__ = ("name", "signed", "used", "value", "width", "word")

    def __init__(self, name: str, word: Word) -> None:
        self.name = name
        self.word = word
        self.width = word.width
        self.signed = word.low < 0
        self.value = word.low if word.low == word.high else None
        self.used = 0

    @property
    def unused(self) -> list[Expression]:
        """The bits that nothing has read, in runs from the top."""
        free = ~self.used & ((1 << self.width) - 1)
        if free == (1 << self.width) - 1:
            return [Ref(self.name)]
        runs: list[Expression] = []
        while free:
            high = free.bit_length() - 1
            low = (~free & ((1 << high) - 1)).bit_length()
            runs.append(Part(self.name, high, low))
            free &= (1 << low) - 1
        return runs

    def whole(self) -> Expression:
        """The code itself, with the word's own width and sign."""
        if self.value is not None:
            return Literal(self.value, self.width, self.signed)
        self.used = -1
        return Ref(self.name)

    def bits(self, high: int, low: int) -> Expression:
        """Bits `high` to `low` of the code (within its width)."""
        if self.value is not None:
            return Literal((self.value >> low) & ((1 << (high - low + 1)) - 1), high - low + 1)
        if low == 0 and high == self.width - 1:
            self.used = -1
            return Ref(self.name)
        self.used |= (1 << (high + 1)) - (1 << low)
        return Part(self.name, high, low)

    def sign(self) -> Expression:
        """The top bit of a signed word; 0 of an unsigned one."""
        return self.bits(self.width - 1, self.width - 1) if self.signed else Literal(0, 1)

    def window(self, left: int, width: int) -> Expression:
        """The lowest `width` bits of code << left (floor for a negative `left`), sign-extended."""
        if self.value is not None:
            moved = self.value << left if left >= 0 else self.value >> -left
            return Literal(moved, width)
        if left == 0 and width <= self.width:
            return self.bits(width - 1, 0)
        zeros = min(max(left, 0), width)
        lowest = max(-left, 0)
        taken = max(min(self.width - lowest, width - zeros), 0)
        parts: list[Expression] = []
        extension = width - zeros - taken
        if extension:
            parts.append(self.extension(extension))
        if taken:
            parts.append(self.bits(lowest + taken - 1, lowest))
        if zeros:
            parts.append(Literal(0, zeros))
        if len(parts) == 1 and not isinstance(parts[0], Repeat):
            return parts[0]
        return Concat(tuple(parts))

    def extension(self, count: int) -> Expression:
        """`count` bits beyond the code: copies of the sign, or zeros."""
        if not self.signed:
            return Literal(0, count)
        return self.sign() if count == 1 else Repeat(count, self.sign())

    def compared(self, width: int, signed: bool) -> Expression:
        """The code in `width` bits (enough for it), as a signed or unsigned number."""
        if self.value is not None:
            return Literal(self.value, width, signed)
        if self.signed == signed and self.width == width:
            return self.whole()
        return Signed(self.window(0, width)) if signed else self.window(0, width)
