"""Which bits wait how long, and the netlist in which they do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bitwright.cost.timing import Timing, View
from bitwright.ir.netlist import Netlist, Port, Word, infer
from bitwright.ir.netlist.ops import Bits, Input, Register, Shift, WordOp
from bitwright.ir.program import Node
from bitwright.numeric import IntArray

__all__ = ["Waits", "registered", "waits_of"]

END = -1
"""The reader that stands for the outputs."""

Range = tuple[int, int]
"""Bits [low, high) of a word."""


@dataclass(frozen=True)
class Waits:
    """Per computed word which of its bits are read by whom; `still` words are constants and never wait.

    reads: for each word (low, high, reader) with the reader's position, END for an output.
    """

    views: Sequence[View]
    still: Sequence[bool]
    reads: dict[int, list[tuple[int, int, int]]]

    def holds(self, program: Netlist) -> tuple[IntArray, IntArray]:
        """As `bitwright.core.native.least_registers` takes them: bits with the same readers together."""
        holds: list[tuple[int, int]] = []
        reads: list[tuple[int, int]] = []
        for word, ranges in self.reads.items():
            ends = sorted({end for low, high, _ in ranges for end in (low, high)})
            together: dict[tuple[int, ...], int] = defaultdict(int)
            for low, high in pairwise(ends):
                who = tuple(sorted({r for a, b, r in ranges if a <= low and high <= b}))
                together[who] += high - low if who else 0
            for who, bits in together.items():
                reads += [(len(holds), reader) for reader in who]
                holds.append((word, bits))
        return np.array(holds, np.int64).reshape(-1, 2), np.array(reads, np.int64).reshape(-1, 2)

    def bits(self, program: Netlist, stage: Sequence[int], last: int) -> int:
        """Flip-flops that the stages take; outputs come out of registers after stage `last`."""
        total = 0
        for word, ranges in self.reads.items():
            until = [(low, high, last + 1 if reader == END else stage[reader]) for low, high, reader in ranges]
            for cycle in range(stage[word] + 1, max(end for _, _, end in until) + 1):
                total += sum(high - low for low, high in _united(until, cycle))
        return total


def waits_of(program: Netlist, timing: Timing) -> Waits:
    """Who reads which bits of the words that an output needs."""
    views, still = timing.views, timing.still
    live = program.live()
    reads: dict[int, list[tuple[int, int, int]]] = {}
    readers = [(a, p) for p, node in enumerate(program.nodes) if live[p] and views[p].root == p for a in node.args]
    for argument, reader in [*readers, *((o, END) for o in program.outputs)]:
        if not still[argument]:
            view = views[argument]
            high = program.nodes[view.root].type.width if view.high is None else view.high
            reads.setdefault(view.root, []).append((view.low, high, reader))
    return Waits(views, still, {word: reads[word] for word in sorted(reads)})


def _united(until: list[tuple[int, int, int]], cycle: int) -> list[Range]:
    """The ranges that are read in `cycle` or later, joined where they touch."""
    found: list[Range] = []
    for low, high in sorted((low, high) for low, high, end in until if end >= cycle):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found


def registered(program: Netlist, waits: Waits, stage: Sequence[int], last: int) -> Netlist:
    """The netlist with every word in its stage and registers wherever bits are needed later."""
    return _Rebuilt(program, waits, stage, last).build()


class _Rebuilt:
    """Emits words, the registers behind each (only the bits that are still needed), and wires where they are read."""

    def __init__(self, program: Netlist, waits: Waits, stage: Sequence[int], last: int) -> None:
        self.program = program
        self.waits = waits
        self.stage = stage
        self.last = last
        self.nodes: list[Node[WordOp, Word]] = []
        self.fixed: dict[int, int] = {}
        self.pieces: dict[tuple[int, int], dict[Range, int]] = {}
        self.wires: dict[tuple[int, int], int] = {}

    def build(self) -> Netlist:
        program, live = self.program, self.program.live()
        for position, node in enumerate(program.nodes):
            if self.waits.still[position]:
                if live[position]:
                    self.fixed[position] = self.append(node.op, [self.fixed[a] for a in node.args], node)
            elif self.waits.views[position].root == position and (live[position] or isinstance(node.op, Input)):
                made = self.append(node.op, [self.at(a, self.stage[position]) for a in node.args], node)
                self.pieces[position, self.stage[position]] = {(0, node.type.width): made}
                self.delay(position, node)
        ports = [self.port(p, self.last + 1) for p in program.results]
        inputs = [self.port(p, 0) for p in program.inputs]
        outputs = tuple(w for p in ports for w in p.words)
        return Netlist(program.name, tuple(self.nodes), outputs, tuple(inputs), tuple(ports))

    def port(self, port: Port, stage: int) -> Port:
        return Port(port.name, port.shape, tuple(self.at(w, stage) for w in port.words), port.step)

    def append(self, op: WordOp, args: Sequence[int], like: Node[WordOp, Word], name: str = "") -> int:
        """A word of the origin of `like`, as `like` itself or, with a name of its own, with the range it has."""
        type = like.type
        if not isinstance(op, Input):
            found = infer(op, [self.nodes[a].type for a in args])
            type = found if name else _both(found, type)
        self.nodes.append(Node(op, tuple(args), type, name or like.name, like.origin))
        return len(self.nodes) - 1

    def delay(self, position: int, node: Node[WordOp, Word]) -> None:
        """The registers of a word, cycle by cycle, of the bits that are read then or later."""
        reads = self.waits.reads.get(position, [])
        begin = self.stage[position]
        until = [(low, high, self.last + 1 if who == END else self.stage[who]) for low, high, who in reads]
        before = self.pieces[position, begin]
        for cycle in range(begin + 1, max((end for _, _, end in until), default=0) + 1):
            kept: dict[Range, int] = {}
            for bits in _united(until, cycle):
                whole = bits == (0, node.type.width)
                label = f"{node.name}_r{cycle}" + ("" if whole else f"_b{bits[0]}")
                source = self.cut(position, before, bits, f"{label}_cut")
                kept[bits] = self.append(Register(), (source,), node, label)
            before = self.pieces[position, cycle] = kept

    def cut(self, position: int, pieces: dict[Range, int], bits: Range, name: str, field: bool = False) -> int:
        """Bits of a word from the piece of it that holds them; a sign at their end stays one, but not in a field."""
        held, place = next((h, p) for h, p in pieces.items() if h[0] <= bits[0] and bits[1] <= h[1])
        node = self.program.nodes[position]
        if bits[1] == node.type.width and not (field and node.type.signed):
            return place if held == bits else self.append(Shift(held[0] - bits[0]), (place,), node, name)
        if held == bits and bits[1] < node.type.width:
            return place
        return self.append(Bits(bits[0] - held[0], bits[1] - bits[0]), (place,), node, name)

    def at(self, position: int, cycle: int) -> int:
        """The place of a word as it is `cycle` cycles after the inputs."""
        if self.waits.still[position]:
            return self.fixed[position]
        view = self.waits.views[position]
        pieces = self.pieces[view.root, cycle]
        whole = (0, self.program.nodes[view.root].type.width)
        if view.root == position:
            return pieces[whole]
        key = (position, cycle)
        if key not in self.wires:
            again = whole in pieces
            self.wires[key] = self.wired(position, cycle) if again else self.rewired(position, cycle, view, pieces)
        return self.wires[key]

    def wired(self, position: int, cycle: int) -> int:
        """A shift or bit field as it was, in another cycle."""
        node = self.program.nodes[position]
        late = cycle > self.stage[self.waits.views[position].root]
        name = f"{node.name}_s{cycle}" if late else node.name
        made = self.append(node.op, (self.at(node.args[0], cycle),), node, name)
        return self.narrowed(made, node.type)

    def rewired(self, position: int, cycle: int, view: View, pieces: dict[Range, int]) -> int:
        """A shift or bit field from the bits that are left of what it reads."""
        node = self.program.nodes[position]
        width = self.program.nodes[view.root].type.width
        bits = (view.low, width if view.high is None else view.high)
        name = f"{node.name}_s{cycle}"
        left = view.low - view.offset
        place = self.cut(view.root, pieces, bits, f"{name}_cut", field=view.high is not None)
        if left or not _within(self.nodes[place].type, node.type):
            place = self.append(Shift(left), (place,), node, name)
        return self.narrowed(place, node.type)

    def narrowed(self, place: int, known: Word) -> int:
        """Wires with the range that they are known to have."""
        node = self.nodes[place]
        if isinstance(node.op, Shift | Bits):
            self.nodes[place] = Node(node.op, node.args, _both(node.type, known), node.name, node.origin)
        return place


def _both(a: Word, b: Word) -> Word:
    return Word(max(a.low, b.low), min(a.high, b.high))


def _within(inner: Word, outer: Word) -> bool:
    return outer.low <= inner.low and inner.high <= outer.high
