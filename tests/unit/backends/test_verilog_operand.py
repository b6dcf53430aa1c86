"""Bit windows of words: exhaustively equal to integer arithmetic."""

from __future__ import annotations

import pytest

from bitwright.backends.verilog.operand import Operand
from bitwright.backends.verilog.tree import Concat, Expression, Literal, Part, Ref, Repeat, Signed
from bitwright.ir.netlist import Word

WORDS = [Word(0, 1), Word(-1, 0), Word(0, 5), Word(-3, 2), Word(-8, 7), Word(4, 9), Word(-6, -2)]


def _bits(tree: Expression, code: int, width: int) -> tuple[int, int]:
    """(unsigned value, width) of an expression in which every net is `code`, `width` bits wide."""
    match tree:
        case Ref():
            return code & ((1 << width) - 1), width
        case Part(_, high, low):
            assert 0 <= low <= high < width
            return (code >> low) & ((1 << (high - low + 1)) - 1), high - low + 1
        case Literal(value, bits):
            return value & ((1 << bits) - 1), bits
        case Concat(parts):
            value = total = 0
            for part in parts:
                found, bits = _bits(part, code, width)
                value, total = value << bits | found, total + bits
            return value, total
        case Repeat(count, part):
            return _bits(Concat((part,) * count), code, width)
        case Signed(a):
            return _bits(a, code, width)
        case _:
            raise AssertionError(tree)


@pytest.mark.parametrize("word", [*WORDS, Word(-5, -5), Word(6, 6)], ids=str)
def test_a_window_is_the_shifted_code_modulo_its_width(word: Word) -> None:
    for left in range(-6, 7):
        for width in range(1, 12):
            tree = Operand("a", word).window(left, width)
            for code in range(word.low, word.high + 1):
                expected = (code << left if left >= 0 else code >> -left) & ((1 << width) - 1)
                assert _bits(tree, code, word.width) == (expected, width)


def test_bits_that_no_window_reads_are_named_from_the_top() -> None:
    word = Operand("a", Word(-128, 127))
    word.window(-2, 2)
    assert word.unused == [Part("a", 7, 4), Part("a", 1, 0)]
    word.window(-2, 8)
    assert word.unused == [Part("a", 1, 0)]
    word.whole()
    assert word.unused == []
    assert Operand("b", Word(0, 3)).unused == [Ref("b")]
