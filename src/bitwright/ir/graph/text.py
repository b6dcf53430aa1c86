"""The graph level's text: print and parse."""

from __future__ import annotations

from dataclasses import replace

from bitwright.ir.graph import ops
from bitwright.ir.graph.graph import Graph
from bitwright.ir.graph.scan import Scan
from bitwright.ir.graph.types import TensorType
from bitwright.ir.text import Vocabulary, parse_program, print_program
from bitwright.numeric import Rounding, ShiftRoundSaturate, Table, Thresholds

__all__ = ["WORDS", "parse", "show"]

_CELL = Vocabulary.of(
    "graph",
    Graph,
    *(getattr(ops, name) for name in ops.__all__ if name != "GraphOp"),
    TensorType,
    ShiftRoundSaturate,
    Thresholds,
    Table,
    Rounding,
)
WORDS = replace(_CELL, classes={**_CELL.classes, "Scan": Scan}).holding(_CELL)
"""A scan's cell is a graph without scans."""


def show(program: Graph) -> str:
    """`program` as text that `parse` reads back."""
    return print_program(program, WORDS)


def parse(text: str) -> Graph:
    """The graph that `text` describes; raises `ParseError` naming the line."""
    program = parse_program(text, WORDS)
    assert isinstance(program, Graph)
    return program
