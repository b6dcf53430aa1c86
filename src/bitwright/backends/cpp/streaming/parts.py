"""What describes an actor in C++: the rule table, and what all descriptions are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bitwright.backends.cpp.dialects import Dialect
from bitwright.backends.cpp.streaming.kernels import Given, computed, hull, lanes_type, unread
from bitwright.backends.cpp.tree import Function, Item, Line, Statement
from bitwright.backends.cpp.words import Unit
from bitwright.core.rules import Rules
from bitwright.ir.dataflow import Stream, phases_of, tail_of
from bitwright.ir.dataflow.infer import bare
from bitwright.ir.dataflow.ops import Actor, Cell
from bitwright.ir.netlist import Netlist, Word
from bitwright.numeric import IntArray

__all__ = ["Described", "Ends", "Weights", "described", "dot_of", "function", "numbers_of", "products_types",
           "types_of"]  # fmt: skip


@dataclass(frozen=True)
class Weights:
    """A memory of an actor: (words, lanes) codes in a lane type.

    label: what it holds, in the plural. written: it can be written while the hardware runs, so it is an argument of
    the top function in any case.
    """

    codes: IntArray
    kind: str
    label: str = "weights"
    written: bool = False


@dataclass(frozen=True)
class Described:
    """An actor in C++.

    members: of the struct that describes it. calls: the library functions called in turn, with the ports each reads.
    rounds: how often all calls. steps: turns of the loops for a frame. memories: the first arguments of the call.
    """

    members: list[Item]
    calls: list[tuple[str, tuple[int, ...]]]
    steps: int
    rounds: int = 1
    turns: bool = False
    memories: tuple[Weights, ...] = ()
    about: str = ""


described: Rules[[Stream, list[Stream], Unit], Described] = Rules("HLS C++ of an actor")
"""(op, result, arguments, the vendor's words) -> its description."""


def numbers_of(fields: Mapping[str, int], kind: str = "std::size_t") -> list[Item]:
    """Constants of a struct."""
    return [Line(f"static const {kind} {name} = {value};") for name, value in fields.items()]


def types_of(**fields: str) -> list[Item]:
    """Types of a struct."""
    return [Line(f"typedef {text} {name};") for name, text in fields.items()]


def function(head: str, body: Sequence[Statement], dialect: Dialect) -> Function:
    """A static function of a struct."""
    return dialect.function(f"static {head}", body, dialect.pragma("inline"))


def products_types(ends: Ends, operand: Sequence[Word], weight: str, count: int) -> dict[str, str]:
    """The types of a unit that adds products: a word of inputs, `count` weights, a total and all of them."""
    words = {"x_t": ends.lanes(operand), "w_t": f"bw_stream::Vector<{weight}, {count}>"}
    return words | {"sum_t": ends.kind(ends.totals), "total_t": ends.lanes(ends.totals)}


def dot_of(dot: Netlist, ends: Ends, kind: str, operand: Sequence[Word], weight: str, lanes: int) -> Function:
    """The sum of products of a word of type `kind` with the weights of output `unit`, lane by lane."""
    (made,) = dot.outputs
    term = ends.unit.dialect.integer(dot.nodes[made].type)
    x = Given(lambda i: f"x.lane[{i}]", ends.kind(operand))
    w = Given(lambda i: f"w.lane[unit * {lanes} + {i}]", weight)
    body: list[Statement] = [Line(f"{term} found;"), *computed(dot, {"x": x, "w": w}, ["found"], ends.unit)]
    body = [*unread(("x", "w", "unit"), body), *body, Line("return found;")]
    return function(f"{term} dot(const {kind}& x, const w_t& w, std::size_t unit)", body, ends.unit.dialect)


@dataclass(frozen=True)
class Ends:
    """Result and arguments of an actor, in the vendor's types."""

    op: Actor
    result: Stream
    args: list[Stream]
    unit: Unit

    @property
    def words(self) -> list[Word]:
        """The lanes before the tail."""
        return bare(self.op, self.args, self.result.lanes)[1]

    @property
    def totals(self) -> list[Word]:
        """The sums of a unit that adds products."""
        if isinstance(self.op, Cell):
            return [Word(self.op.low, self.op.high)] * self.op.units
        return self.words

    def kind(self, words: Sequence[Word]) -> str:
        """The type of their elements."""
        return self.unit.dialect.integer(hull(words))

    def lanes(self, words: Sequence[Word]) -> str:
        """The type of a word of them."""
        return lanes_type(self.unit.dialect, words)

    def tail(self, given: Mapping[str, tuple[str, Sequence[Word]]]) -> list[Item]:
        """PHASES and the tail: `given` are its ports with their variables' types and lanes."""
        tail = tail_of(self.op)
        phases = 1 if tail is None else phases_of(tail)
        head = ", ".join([*(f"const {kind}& {name}" for name, (kind, _) in given.items()), "std::size_t phase"])
        lanes = [f"y.lane[{i}]" for i in range(self.result.lanes)]
        body: list[Statement] = [Line("y_t y;")]
        if tail is None:
            (name,) = given
            body += [Line(f"{lane} = {name}.lane[{i}];") for i, lane in enumerate(lanes)]
        else:
            body += computed(tail, {**self._ports(given), "phase": self._phase(tail)}, lanes, self.unit)
        body = [*unread(("phase", *given), body), *body, Line("return y;")]
        made = function(f"y_t tail({head})", body, self.unit.dialect)
        return [*types_of(y_t=self.lanes(self.result.lane_words())), *numbers_of({"PHASES": phases}), made]

    def _ports(self, given: Mapping[str, tuple[str, Sequence[Word]]]) -> dict[str, Given]:
        return {name: Given(lambda i, n=name: f"{n}.lane[{i}]", self.kind(words)) for name, (_, words) in given.items()}

    def _phase(self, tail: Netlist) -> Given:
        return Given(lambda _: "static_cast<unsigned>(phase)", "unsigned")
