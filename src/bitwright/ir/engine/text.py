"""The engine's text: print and parse."""

from __future__ import annotations

from bitwright.ir.engine.engine import Engine, Machine
from bitwright.ir.engine.ops import Bring, Fetch, Load, Loop, Matrix, Send, Store, Vector, Walk
from bitwright.ir.engine.types import External, Place, Region
from bitwright.ir.netlist import Word
from bitwright.ir.netlist.text import WORDS as NETLIST
from bitwright.ir.text import Vocabulary, parse_program, print_program

__all__ = ["WORDS", "parse", "show"]

WORDS = Vocabulary.of(
    "engine", Engine, Load, Fetch, Send, Bring, Loop, Matrix, Store, Vector, Walk, Place, Region, Machine, External,
    Word,
).holding(NETLIST)  # fmt: skip


def show(program: Engine) -> str:
    """`program` as text that `parse` reads back: instructions, machine, and the constants in full."""
    return print_program(program, WORDS)


def parse(text: str) -> Engine:
    """The engine program that `text` describes; raises `ParseError` naming the line."""
    program = parse_program(text, WORDS)
    assert isinstance(program, Engine)
    return program
