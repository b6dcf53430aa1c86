"""When the bits of words arrive: carries are waited for once, not at every adder of a chain of them.

The bit i of a sum comes `i` carries after its lowest one, and the next adder up the chain needs it no earlier: it
follows one adder's LUT behind. What is not a carry chain waits for all bits of what it reads. Shifts and bit
fields are wires; times are integers (femtoseconds), so that sums of them have one value everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from bitwright.cost.delay import delay_ns
from bitwright.ir.netlist import Netlist, Word
from bitwright.ir.netlist.ops import Add, Bits, Constant, Input, Register, Shift, Subtract, Sum, WordOp
from bitwright.ir.program import Node
from bitwright.numeric import IntArray
from bitwright.platforms import Fabric

__all__ = ["Arrivals", "Timing", "View", "femtoseconds", "timing_of"]


@dataclass(frozen=True, slots=True)
class View:
    """A word as wires of another one: bits [low, high) of `root`, bit `offset` of it at place 0.

    `high` is None where the root's top bit, sign or not, goes on for ever.
    """

    root: int
    offset: int = 0
    low: int = 0
    high: int | None = None


def _through(node: Node[WordOp, Word], of: View, nodes: Sequence[Node[WordOp, Word]]) -> View | None:
    """`node` as wires of the root of `of`; None for bits beyond a sign."""
    source = nodes[node.args[0]].type
    top = nodes[of.root].type.width
    if isinstance(node.op, Shift):
        offset = of.offset - node.op.left
        low, high = max(of.low, offset), of.high
    else:
        assert isinstance(node.op, Bits)
        offset = of.offset + node.op.lowest
        if source.signed and node.op.lowest + node.op.width > source.width:
            return None
        end = offset + node.op.width
        low = max(of.low, offset)
        whole = not source.signed and end >= (of.high or top)
        high = of.high if whole else min(end, of.high or end)
    if low >= (top if high is None else high):
        return None
    return View(of.root, offset, low, high)


def femtoseconds(ns: float) -> int:
    """Rounded up."""
    return ceil(ns * 1e6 - 1e-6)


@dataclass(frozen=True)
class Timing:
    """Times between computed words, as `bitwright.core.native.earliest_stages` takes them.

    arcs: rows (u, v, fresh, through) over node positions, u the root of a word that v reads; v begins `fresh` after
    a register that u waits in, or `through` after u begins. tails: from a word's begin to its last bit. views:
    every word as wires of the word that is really computed. still: whether no input reaches a word.
    """

    arcs: IntArray
    tails: IntArray
    views: list[View]
    still: list[bool]

    def worst(self) -> int:
        """The latest arrival at any word, from registers and inputs."""
        begins = [0] * len(self.tails)
        for u, v, _, through in self.arcs.tolist():
            begins[v] = max(begins[v], begins[u] + through)
        return max((b + t for b, t in zip(begins, self.tails.tolist(), strict=True)), default=0)


def timing_of(program: Netlist, fabric: Fabric) -> Timing:
    """The timing of every word of `program` on `fabric`; registers cut it."""
    clock = Arrivals(fabric)
    for node in program.nodes:
        clock.add(node, program.nodes)
    arcs = np.array(clock.arcs, dtype=np.int64).reshape(-1, 4)
    return Timing(arcs, np.array(clock.tails, dtype=np.int64), clock.views, clock.still)


class Arrivals:
    """When words begin and end, word by word as a netlist grows; `add` takes them in order.

    begins: of each word, as `Timing` counts; a wire begins when its lowest bit comes.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self.carry = femtoseconds(fabric.carry_ns)
        self.arcs: list[tuple[int, int, int, int]] = []
        self.tails: list[int] = []
        self.begins: list[int] = []
        self.views: list[View] = []
        self.still: list[bool] = []

    def add(self, node: Node[WordOp, Word], nodes: Sequence[Node[WordOp, Word]]) -> None:
        """The next word; `nodes` hold its arguments."""
        place = len(self.begins)
        seen = _through(node, self.views[node.args[0]], nodes) if isinstance(node.op, Shift | Bits) else None
        self.views.append(seen or View(place))
        self.still.append(isinstance(node.op, Constant) or (bool(node.args) and all(self.still[a] for a in node.args)))
        self.tails.append(0)
        self.begins.append(0)
        if seen is not None:
            self.begins[place] = self.begins[seen.root] + (self.carry * seen.offset if self.tails[seen.root] else 0)
        elif not isinstance(node.op, Input | Register) and not self.still[place]:
            self._computed(place, node, nodes)

    def _computed(self, place: int, node: Node[WordOp, Word], nodes: Sequence[Node[WordOp, Word]]) -> None:
        spent = femtoseconds(delay_ns(node.op, node.type, [nodes[a].type for a in node.args], self.fabric))
        entries = _entries(node.op, node.type, spent, self.carry)
        if entries is not None:
            self.tails[place] = self.carry * (node.type.width - 1)
        for index, argument in enumerate(node.args):
            if self.still[argument]:
                continue
            view = self.views[argument]
            ripples = self.tails[view.root] > 0
            if entries is None:
                fresh = spent
                top = (nodes[view.root].type.width if view.high is None else view.high) - 1
                through = spent + (self.carry * top if ripples else 0)
            else:
                begin, shifts, chain = entries
                fresh = max(chain - self.carry * begin, 0)
                through = max(fresh, chain + self.carry * (view.offset - shifts[index])) if ripples else fresh
            self.arcs.append((view.root, place, fresh, through))
            self.begins[place] = max(self.begins[place], self.begins[view.root] + through)


def _entries(op: WordOp, out: Word, spent: int, carry: int) -> tuple[int, tuple[int, ...], int] | None:
    """For a carry chain: its lowest bit, the arguments' shifts, the time on and off it; None for other words."""
    match op:
        case Add(left, right):
            shifts, begin = (left, right), max(left, right)
        case Subtract(left, right):
            shifts, begin = (left, right), right
        case Sum():
            shifts, begin = op.shifts, min(op.shifts, default=0)
        case _:
            return None
    once = spent - carry * max(out.width - 1 - begin, 0)
    return (begin, shifts, once) if once > 0 and spent > 0 else None
