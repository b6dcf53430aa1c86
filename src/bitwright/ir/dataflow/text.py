"""The dataflow level's text: print and parse."""

from __future__ import annotations

from bitwright.ir.dataflow import ops
from bitwright.ir.dataflow.dataflow import Channel, Dataflow, Edge
from bitwright.ir.dataflow.execute import Execute
from bitwright.ir.dataflow.types import Stream
from bitwright.ir.engine.text import WORDS as ENGINE
from bitwright.ir.netlist.text import WORDS as NETLIST
from bitwright.ir.text import Vocabulary, parse_program, print_program

__all__ = ["WORDS", "parse", "show"]

WORDS = Vocabulary.of(
    "dataflow", Dataflow, *(getattr(ops, name) for name in ops.__all__ if name != "Actor"), Execute, Stream, Channel,
    Edge,
).holding(NETLIST, ENGINE)


def show(program: Dataflow) -> str:
    """`program` as text that `parse` reads back; netlists and engines stand in it as quoted text of their own."""
    return print_program(program, WORDS)


def parse(text: str) -> Dataflow:
    """The dataflow program that `text` describes; raises `ParseError` naming the line."""
    program = parse_program(text, WORDS)
    assert isinstance(program, Dataflow)
    return program
