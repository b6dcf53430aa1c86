"""Netlists inside actors as C++ functions: a statement a word, without registers (the HLS compiler places its own)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bitwright.backends.cpp.dialects import Dialect
from bitwright.backends.cpp.tree import Line, Statement
from bitwright.backends.cpp.words import Operand, Unit, hls
from bitwright.backends.verilog.layers import word_names
from bitwright.ir.netlist import Netlist, Word
from bitwright.ir.netlist.ops import Input, Register

__all__ = ["Given", "computed", "hull", "lanes_type", "unread"]

_TAKEN = (
    "x",
    "y",
    "state",
    "after",
    "before",
    "first",
    "w",
    "a",
    "b",
    "unit",
    "phase",
    "found",
    "std",
    "bw_hls",
    "bw_stream",
    "bw_engine",
)


@dataclass(frozen=True, slots=True)
class Given:
    """What an input port is read from: the expression of element i, and the type it has there."""

    text: Callable[[int], str]
    kind: str


def hull(words: Sequence[Word]) -> Word:
    """What any of several words may be."""
    return Word(min(w.low for w in words), max(w.high for w in words))


def computed(netlist: Netlist, given: Mapping[str, Given], results: Sequence[str], unit: Unit) -> list[Statement]:
    """The statements that assign the netlist's outputs to `results`, in order.

    `given` has every input port. Numbers are written where they are read, and a register is what goes into it.
    """
    writer = _Words(netlist, given, unit)
    body: list[Statement] = []
    for position, node in enumerate(netlist.nodes):
        if isinstance(node.op, Input | Register) or node.type.low == node.type.high:
            continue
        text = hls(node.op, [writer.operand(a) for a in node.args], node.type, unit)
        body.append(Line(f"const {unit.dialect.integer(node.type)} {writer.names[position]} = {text};"))
    ends = zip(results, netlist.outputs, strict=True)
    return [*body, *(Line(f"{result} = {writer.operand(word).text};") for result, word in ends)]


def unread(names: Sequence[str], body: Sequence[Statement]) -> list[Statement]:
    """What tells the compiler that parameters are not read on purpose."""
    text = "\n".join(s.text for s in body if isinstance(s, Line))
    return [Line(f"(void){name};") for name in names if not re.search(rf"\b{name}\b", text)]


class _Words:
    """How the words of a netlist are read."""

    def __init__(self, netlist: Netlist, given: Mapping[str, Given], unit: Unit) -> None:
        self.nodes, self.given, self.dialect = netlist.nodes, given, unit.dialect
        self.names = word_names(netlist, _TAKEN)
        self.place = {w: (port.name, i) for port in netlist.inputs for i, w in enumerate(port.words)}

    def operand(self, word: int) -> Operand:
        """The expression of a word, in exactly its type."""
        node, dialect = self.nodes[word], self.dialect
        if node.type.low == node.type.high:
            return Operand(dialect.number(node.type.low, node.type), node.type)
        if isinstance(node.op, Register):
            return self.operand(node.args[0])
        if isinstance(node.op, Input):
            port, element = self.place[word]
            source, kind = self.given[port], dialect.integer(node.type)
            text = source.text(element)
            return Operand(text if kind == source.kind else f"{kind}({text})", node.type)
        return Operand(self.names[word], node.type)


def lanes_type(dialect: Dialect, words: Sequence[Word]) -> str:
    """The type of a word of a stream: as many elements of one type, which holds all of them."""
    return f"bw_stream::Vector<{dialect.integer(hull(words))}, {len(words)}>"
