"""The netlist level's text: print and parse."""

from __future__ import annotations

from bitwright.ir.netlist import ops
from bitwright.ir.netlist.netlist import Netlist, Port
from bitwright.ir.text import Vocabulary, parse_program, print_program

__all__ = ["WORDS", "parse", "show"]

WORDS = Vocabulary.of(
    "netlist", Netlist, *(getattr(ops, name) for name in ops.__all__ if name not in ("WordOp", "is_join")), Port
)


def show(program: Netlist) -> str:
    """`program` as text that `parse` reads back."""
    return print_program(program, WORDS)


def parse(text: str) -> Netlist:
    """The netlist that `text` describes; raises `ParseError` naming the line."""
    program = parse_program(text, WORDS)
    assert isinstance(program, Netlist)
    return program
