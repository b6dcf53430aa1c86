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

__all__ = ["Timing", "View", "constants", "femtoseconds", "timing_of", "views"]


@dataclass(frozen=True, slots=True)
class View:
    """A word as wires of another one: bits [low, high) of `root`, bit `offset` of it at place 0.

    `high` is None where the root's top bit, sign or not, goes on for ever.
    """

    root: int
    offset: int = 0
    low: int = 0
    high: int | None = None


def views(program: Netlist) -> list[View]:
    """Every word as wires of the word that is really computed (itself, where it is no shift or bit field)."""
    found: list[View] = []
    for position, node in enumerate(program.nodes):
        seen = _through(node, found[node.args[0]], program.nodes) if isinstance(node.op, Shift | Bits) else None
        found.append(seen or View(position))
    return found


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


def constants(program: Netlist) -> list[bool]:
    """For each word whether no input reaches it."""
    still: list[bool] = []
    for node in program.nodes:
        still.append(isinstance(node.op, Constant) or (bool(node.args) and all(still[a] for a in node.args)))
    return still


def femtoseconds(ns: float) -> int:
    """Rounded up."""
    return ceil(ns * 1e6 - 1e-6)


@dataclass(frozen=True)
class Timing:
    """Times between computed words, as `bitwright.core.native.earliest_stages` takes them.

    arcs: rows (u, v, fresh, through) over node positions, u the root of a word that v reads; v begins `fresh` after
    a register that u waits in, or `through` after u begins. tails: from a word's begin to its last bit.
    """

    arcs: IntArray
    tails: IntArray
    views: list[View]

    def worst(self) -> int:
        """The latest arrival at any word, from registers and inputs."""
        begins = [0] * len(self.tails)
        for u, v, _, through in self.arcs.tolist():
            begins[v] = max(begins[v], begins[u] + through)
        return max((b + t for b, t in zip(begins, self.tails.tolist(), strict=True)), default=0)


def timing_of(program: Netlist, fabric: Fabric) -> Timing:
    """The timing of every word of `program` on `fabric`; registers cut it."""
    seen, still = views(program), constants(program)
    tails = np.zeros(len(program.nodes), dtype=np.int64)
    arcs: list[tuple[int, int, int, int]] = []
    carry = femtoseconds(fabric.carry_ns)
    for place, node in enumerate(program.nodes):
        if isinstance(node.op, Input | Register) or still[place] or seen[place].root != place:
            continue
        spent = femtoseconds(delay_ns(node.op, node.type, [program.nodes[a].type for a in node.args], fabric))
        entries = _entries(node.op, node.type, spent, carry)
        if entries is not None:
            tails[place] = carry * (node.type.width - 1)
        for index, argument in enumerate(node.args):
            if not still[argument]:
                view = seen[argument]
                root = program.nodes[view.root].type
                ripples = int(tails[view.root]) > 0
                if entries is None:
                    top = carry * ((root.width if view.high is None else view.high) - 1) if ripples else 0
                    arcs.append((view.root, place, spent, spent + top))
                else:
                    begin, shift, chain = entries[0], entries[1][index], entries[2]
                    fresh = max(chain - carry * begin, 0)
                    late = max(fresh, chain + carry * (view.offset - shift)) if ripples else fresh
                    arcs.append((view.root, place, fresh, late))
    return Timing(np.array(arcs, dtype=np.int64).reshape(-1, 4), tails, seen)


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
