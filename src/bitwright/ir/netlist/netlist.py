"""`Netlist`: a program of words with named ports, and the builder that shares and folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bitwright.core.errors import InvalidValue
from bitwright.core.naming import Namer
from bitwright.core.origin import Origin
from bitwright.ir.netlist.infer import infer
from bitwright.ir.netlist.ops import (
    Add,
    AtLeast,
    Bits,
    Clip,
    Constant,
    Input,
    Multiply,
    Mux,
    Register,
    Shift,
    Subtract,
    Sum,
    Table,
    Word,
    WordOp,
)
from bitwright.ir.program import Node, Program
from bitwright.numeric import Ints, Steps

__all__ = ["WIDEST", "Netlist", "NetlistBuilder", "Port", "latency_cycles", "stages"]

WIDEST = 62
"""Bits that a word may have: sums of two still fit int64."""


@dataclass(frozen=True, slots=True)
class Port:
    """A tensor at the netlist's edge: `words` are node positions in C order of `shape`."""

    name: str
    shape: tuple[int, ...]
    words: tuple[int, ...]
    step: Steps

    def at(self, place: Mapping[int, int]) -> Port:
        """The same port of a netlist in which word w stands at `place[w]`."""
        return Port(self.name, self.shape, tuple(place[w] for w in self.words), self.step)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Netlist(Program[WordOp, Word]):
    """A circuit over single words; `outputs` are the words of the output ports in order."""

    inputs: tuple[Port, ...] = ()
    results: tuple[Port, ...] = ()

    def over(self, nodes: Sequence[Node[WordOp, Word]], place: Mapping[int, int]) -> Netlist:
        """The same ports over other words: what was word w stands at `place[w]` of `nodes`."""
        inputs, results = (tuple(port.at(place) for port in side) for side in (self.inputs, self.results))
        return Netlist(self.name, tuple(nodes), tuple(place[o] for o in self.outputs), inputs, results)

    def pruned(self) -> Netlist:
        """Only the words that an output needs, and the inputs, renumbered."""
        return _renumbered(self, set())


def stages(program: Netlist) -> list[int]:
    """For each word how many registers lie between the inputs and it; -1 for constants."""
    stage: list[int] = []
    for node in program.nodes:
        known = [stage[a] for a in node.args]
        if isinstance(node.op, Input):
            stage.append(0)
        else:
            stage.append(max(known, default=-1) + (isinstance(node.op, Register) and max(known) >= 0))
    return stage


def latency_cycles(program: Netlist) -> int:
    """Clock cycles from an input to the outputs that it determines."""
    if not any(isinstance(node.op, Register) for node in program.nodes):
        return 0
    stage = stages(program)
    return max((stage[o] for o in program.outputs if stage[o] >= 0), default=0)


class NetlistBuilder:
    """Builds netlists: equal words are built once, constants are folded, no-ops vanish.

    Every method returns the position of a word. `at(origin)` sets the layer for what follows.
    """

    def __init__(self) -> None:
        self.nodes: list[Node[WordOp, Word]] = []
        self._known: dict[tuple[WordOp, tuple[int, ...]], int] = {}
        self._fresh = Namer()
        self._prefixes: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._labels: set[str] = set()
        self._narrowed: set[int] = set()
        self._origin = Origin()
        self._prefix = "w"

    def at(self, origin: Origin) -> None:
        """Words built from now on belong to `origin`."""
        self._origin = origin
        if origin.layer not in self._prefixes:
            self._prefixes[origin.layer] = self._fresh(origin.layer or "w")
        self._prefix = self._prefixes[origin.layer]

    def type(self, word: int) -> Word:
        """The range of `word`."""
        return self.nodes[word].type

    def input_port(self, name: str, shape: tuple[int, ...], types: Sequence[Word], step: Steps) -> Port:
        """A new port with one Input word per element."""
        self.at(Origin(name))
        words = tuple(self._append(Input(), (), t, f"{self._prefix}_{i}") for i, t in enumerate(types))
        self._labels.update(self.nodes[w].name for w in words)
        return Port(self._prefix, shape, words, step)

    def _append(self, op: WordOp, args: tuple[int, ...], type: Word, name: str) -> int:
        if type.width > WIDEST:
            raise InvalidValue(
                f"a word of {type.width} bits",
                where=str(self._origin) or "netlist",
                why=f"words have at most {WIDEST} bits",
                remedy="quantize before this layer",
            )
        self.nodes.append(Node(op, args, type, name, self._origin))
        return len(self.nodes) - 1

    def word(self, op: WordOp, *args: int) -> int:
        """`op` of `args`: an equal word that exists, a constant when the range is one number, or a new one."""
        found = self._known.get((op, args))
        if found is not None:
            return found
        type = infer(op, [self.nodes[a].type for a in args])
        if type.low == type.high and not isinstance(op, Constant):
            position = self.constant(type.low)
        else:
            count = self._counts[self._prefix] = self._counts.get(self._prefix, -1) + 1
            position = self._append(op, args, type, f"{self._prefix}_w{count}")
        self._known[(op, args)] = position
        return position

    def narrow(self, word: int, low: int, high: int) -> int:
        """Record that `word` is known to lie in [low, high]; returns the word (or a constant)."""
        node = self.nodes[word]
        tight = Word(max(low, node.type.low), min(high, node.type.high))
        if tight.low == tight.high:
            return self.constant(tight.low)
        if tight != node.type and not isinstance(node.op, Input | Constant | Register):
            self._narrowed.add(word)
            self.nodes[word] = Node(node.op, node.args, tight, node.name, node.origin)
        return word

    def label(self, word: int, index: int) -> None:
        """Call `word` element `index` of the present layer: fc1_3 instead of fc1_w260, once per index."""
        node, name = self.nodes[word], f"{self._prefix}_{index}"
        numbered = node.name.rpartition("_w")[2].isdigit() and not isinstance(node.op, Constant)
        if numbered and node.origin == self._origin and name not in self._labels:
            self._labels.add(name)
            self.nodes[word] = Node(node.op, node.args, node.type, name, node.origin)

    def constant(self, value: int) -> int:
        """The number `value`."""
        return self.word(Constant(value))

    def value_of(self, word: int) -> int | None:
        """The number of a constant word, else None."""
        op = self.nodes[word].op
        return op.value if isinstance(op, Constant) else None

    def shift(self, a: int, left: int) -> int:
        """a << left (floor for a negative left); shifts of shifts merge where that is exact."""
        op = self.nodes[a].op
        if left == 0:
            return a
        if isinstance(op, Shift) and (left < 0) == (op.left < 0):
            return self.word(Shift(op.left + left), self.nodes[a].args[0])
        return self.word(Shift(left), a)

    def add(self, a: int, b: int, left: int = 0, right: int = 0) -> int:
        """(a << left) + (b << right)."""
        if self.value_of(a) == 0:
            return self.shift(b, right)
        if self.value_of(b) == 0:
            return self.shift(a, left)
        common = min(left, right)
        left, right = left - common, right - common
        if left < right or (left == right and a > b):
            a, b, left, right = b, a, right, left
        return self.shift(self.word(Add(left, right), a, b), common)

    def subtract(self, a: int, b: int, left: int = 0, right: int = 0) -> int:
        """(a << left) - (b << right)."""
        if self.value_of(b) == 0:
            return self.shift(a, left)
        common = min(left, right)
        return self.shift(self.word(Subtract(left - common, right - common), a, b), common)

    def sum(self, terms: Sequence[tuple[int, int, int]], constant: int = 0) -> int:
        """sum(sign * (word << shift)) + constant for up to three `terms` (word, shift, sign)."""
        live: list[tuple[int, int, int]] = []
        for word, shift, sign in terms:
            value = self.value_of(word)
            if value is None:
                live.append((shift, word, -sign))
            else:
                constant += sign * (value << shift)
        live.sort()
        if not live:
            return self.constant(constant)
        least = live[0][0] if constant == 0 else min(live[0][0], (constant & -constant).bit_length() - 1)
        if len(live) == 1 and constant == 0 and live[0][2] < 0:
            return self.shift(live[0][1], least)
        op = Sum(tuple([s - least for s, _, _ in live]), tuple([-g for _, _, g in live]), constant >> least)
        return self.shift(self.word(op, *[w for _, w, _ in live]), least)

    def negate(self, a: int) -> int:
        """-a."""
        return self.subtract(self.constant(0), a)

    def bits(self, a: int, lowest: int, width: int) -> int:
        """Bits [lowest, lowest + width) of a, unsigned."""
        if lowest == 0 and self.type(a).low >= 0 and self.type(a).high < 1 << width:
            return a
        return self.word(Bits(lowest, width), a)

    def clip(self, a: int, low: int, high: int) -> int:
        """a saturated to [low, high]; nothing where it already lies inside."""
        type = self.type(a)
        if type.low >= low and type.high <= high:
            return a
        return self.word(Clip(max(low, min(type.low, high)), min(high, max(type.high, low))), a)

    def at_least(self, a: int, b: int) -> int:
        """1 where a >= b."""
        return self.word(AtLeast(), a, b)

    def mux(self, selector: int, a: int, b: int) -> int:
        """a where selector is 1, else b."""
        chosen = self.value_of(selector)
        if chosen is not None:
            return a if chosen else b
        return a if a == b else self.word(Mux(), selector, a, b)

    def multiply(self, a: int, b: int) -> int:
        """a * b."""
        for constant, other in ((a, b), (b, a)):
            value = self.value_of(constant)
            if value is not None and value > 0 and value & (value - 1) == 0:
                return self.shift(other, value.bit_length() - 1)
        return self.word(Multiply(), *sorted((a, b)))

    def table(self, a: int, start: int, values: Sequence[int]) -> int:
        """values[a - start], cut to the range of a."""
        type = self.type(a)
        reached = list(values[type.low - start : type.high - start + 1])
        if reached == list(range(type.low, type.high + 1)):
            return a
        return self.word(Table(type.low, Ints(reached)), a)

    def finish(self, name: str, inputs: Sequence[Port], results: Sequence[Port]) -> Netlist:
        """The netlist of all words that an output needs (inputs stay), renumbered."""
        outputs = tuple(w for port in results for w in port.words)
        draft = Netlist(name, tuple(self.nodes), outputs, tuple(inputs), tuple(results))
        return _renumbered(draft, set(self._narrowed))


def _renumbered(draft: Netlist, narrowed: set[int]) -> Netlist:
    """The inputs and the words that an output needs; what reads `narrowed` ones may become narrower itself."""
    keep = draft.live()
    for port in draft.inputs:
        for word in port.words:
            keep[word] = True
    place: dict[int, int] = {}
    nodes: list[Node[WordOp, Word]] = []
    for position, node in enumerate(draft.nodes):
        if keep[position]:
            place[position] = len(nodes)
            args, type = tuple([place[a] for a in node.args]), node.type
            if not narrowed.isdisjoint(node.args):
                type = _tightened(node, [nodes[a].type for a in args])
                if type != node.type:
                    narrowed.add(position)
            nodes.append(Node(node.op, args, type, node.name, node.origin))
    return draft.over(nodes, place)


def _tightened(node: Node[WordOp, Word], args: list[Word]) -> Word:
    """The stored range cut to what the arguments allow now (they may have been narrowed since)."""
    if isinstance(node.op, Input):
        return node.type
    type = infer(node.op, args)
    return Word(max(type.low, node.type.low), min(type.high, node.type.high))
