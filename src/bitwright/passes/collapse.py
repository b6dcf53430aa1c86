"""`collapse`: small pieces of a netlist as one table, where that takes fewer lookup tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import product
from math import prod

import numpy as np

from bitwright.cost.area import area, table_luts
from bitwright.ir.netlist import Netlist, Word, evaluate, infer
from bitwright.ir.netlist.ops import Add, Bits, Constant, Input, Register, Shift, Table, WordOp
from bitwright.ir.program import Node
from bitwright.numeric import IntArray, Ints
from bitwright.platforms import Fabric

__all__ = ["Collapse"]

_Cut = tuple[int, ...]
"""Words, ascending, that determine another word."""

_Piece = tuple[tuple[Word, ...], tuple[tuple[WordOp, tuple[int, ...], Word], ...]]
"""The types of a cut, and the words behind it: operator, arguments (numbers within the piece), type."""

_WIRES = (Constant, Input, Shift, Bits, Register)
_MOST_CUTS = 6
_MOST_MERGED = 64


@dataclass(frozen=True)
class Collapse:
    """Replaces a word and all that only it needs by a table of the words before, of `most_bits` together.

    A neuron of a few narrow inputs, its activation included, becomes a LUT for each output bit; comparisons,
    multiplexers and clips behind narrow words likewise. Codes that the proven ranges exclude are don't-cares.
    Exact by construction: the table is the piece, run on all its codes.
    """

    fabric: Fabric
    most_bits: int = 8

    def __call__(self, program: Netlist) -> Netlist:
        """The same function, in no more LUTs by the area model."""
        return _Collapsing(program, self.fabric, self.most_bits).build()


@dataclass
class _Collapsing:
    program: Netlist
    fabric: Fabric
    most_bits: int
    cuts: list[list[_Cut]] = field(default_factory=list[list[_Cut]])
    chosen: dict[int, tuple[_Cut, Table, Word]] = field(default_factory=dict[int, tuple[_Cut, Table, Word]])
    known: dict[int, float] = field(default_factory=dict[int, float])

    def __post_init__(self) -> None:
        self.widths = [node.type.width for node in self.program.nodes]

    def build(self) -> Netlist:
        nodes = self.program.nodes
        for position in range(len(nodes)):
            self.cuts.append(self.cuts_of(position))
        readers: list[list[int]] = [[] for _ in nodes]
        for position, node in enumerate(nodes):
            for argument in set(node.args):
                readers[argument].append(position)
        alive = [False] * len(nodes)
        for output in self.program.outputs:
            alive[output] = True
        kept = list(alive)  # outputs stay words of their own
        for position in range(len(nodes) - 1, -1, -1):
            if not alive[position]:
                continue
            self.consider(position, readers, alive, kept)
            needed = self.chosen[position][0] if position in self.chosen else nodes[position].args
            for word in needed:
                alive[word] = True
        return self.rebuilt(alive) if self.chosen else self.program

    def bits(self, cut: Iterable[int]) -> int:
        return sum([self.widths[word] for word in cut])

    def cuts_of(self, position: int) -> list[_Cut]:
        """Sets of words of few bits that determine the word, the narrowest first; the word itself among them."""
        node = self.program.nodes[position]
        if isinstance(node.op, Constant):
            return [()]
        own: list[_Cut] = [(position,)] if self.widths[position] <= self.most_bits else []
        if isinstance(node.op, Input | Register):
            return own
        choices = [self.cuts[argument] for argument in node.args]
        if not all(choices) or prod(map(len, choices)) > _MOST_MERGED * 4:
            return own
        merged = {tuple(sorted(set().union(*parts))) for parts in product(*choices)}
        fitting = sorted((bits, cut) for cut in merged if (bits := self.bits(cut)) <= self.most_bits)
        return own + [cut for _, cut in fitting[:_MOST_CUTS] if cut != (position,)]

    def consider(self, position: int, readers: list[list[int]], alive: list[bool], kept: list[bool]) -> None:
        """Choose the cut whose table saves most LUTs, if one does."""
        node = self.program.nodes[position]
        if isinstance(node.op, _WIRES):
            return
        best = 0.0
        for cut in self.cuts[position]:
            if cut in ((position,), ()) or (isinstance(node.op, Table) and cut == node.args):
                continue
            cone = self.cone(position, cut)
            saved = sum([self.luts(word) for word in self.exclusive(position, cone, readers, alive, kept)])
            if saved <= best:
                continue
            table, index, spent = _tabulated(*self.piece(cut, cone), self.fabric)
            gain = saved - spent
            if gain > best:
                best = gain
                self.chosen[position] = (cut, table, index)

    def luts(self, word: int) -> float:
        if word not in self.known:
            node = self.program.nodes[word]
            types = [self.program.nodes[a].type for a in node.args]
            self.known[word] = area(node.op, node.type, types, self.fabric).luts
        return self.known[word]

    def cone(self, position: int, cut: _Cut) -> list[int]:
        """The words between the cut and the word, itself last."""
        found: set[int] = set()
        waiting = [position]
        while waiting:
            word = waiting.pop()
            if word not in found and word not in cut:
                found.add(word)
                waiting.extend(self.program.nodes[word].args)
        return sorted(found)

    def exclusive(
        self, position: int, cone: list[int], readers: list[list[int]], alive: list[bool], kept: list[bool]
    ) -> list[int]:
        """Words of the cone that nothing else needs. Words that later ones read are alive already."""
        inside = {position}
        for word in reversed(cone[:-1]):
            free = not (alive[word] or kept[word])
            if free and all(reader in inside for reader in readers[word] if reader <= position):
                inside.add(word)
        return sorted(inside)

    def piece(self, cut: _Cut, cone: list[int]) -> _Piece:
        """The words between the cut and the last of the cone, whatever their names and origins."""
        nodes = self.program.nodes
        place = {word: number for number, word in enumerate((*cut, *cone))}
        return (
            tuple([nodes[word].type for word in cut]),
            tuple([(n.op, tuple([place[a] for a in n.args]), n.type) for n in (nodes[word] for word in cone)]),
        )

    # ---- the new netlist ---------------------------------------------------------------------------

    def rebuilt(self, alive: list[bool]) -> Netlist:
        program = self.program
        place: dict[int, int] = {}
        made: list[Node[WordOp, Word]] = []
        names = {node.name for node in program.nodes}
        for position, node in enumerate(program.nodes):
            if position in self.chosen:
                args, op = (self.index(position, place, made, names),), self.chosen[position][1]
            elif alive[position] or isinstance(node.op, Input):
                args, op = tuple(place[a] for a in node.args), node.op
            else:
                continue
            place[position] = len(made)
            type = node.type
            if not isinstance(op, Input):  # ranges may have become narrower before
                found = infer(op, [made[a].type for a in args])
                type = Word(max(type.low, found.low), min(type.high, found.high))
            made.append(Node(op, args, type, node.name, node.origin))
        return program.over(made, place)

    def index(
        self, position: int, place: dict[int, int], made: list[Node[WordOp, Word]], names: set[str]
    ) -> int:
        """The words of the cut side by side as one number."""
        node, (cut, _, _) = self.program.nodes[position], self.chosen[position]

        def append(op: WordOp, args: tuple[int, ...]) -> int:
            name = _fresh(f"{node.name}_code", names)
            made.append(Node(op, args, infer(op, [made[a].type for a in args]), name, node.origin))
            return len(made) - 1

        parts: list[tuple[int, int]] = []
        begin = 0
        for word in cut:
            type = self.program.nodes[word].type
            parts.append((append(Bits(0, type.width), (place[word],)) if type.signed else place[word], begin))
            begin += type.width
        whole, _ = parts[0]
        for part, left in parts[1:]:
            whole = append(Add(left, 0), (part, whole))
        return whole


@lru_cache(maxsize=1 << 13)  # layers hold many equal pieces
def _tabulated(
    given: tuple[Word, ...], words: tuple[tuple[WordOp, tuple[int, ...], Word], ...], fabric: Fabric
) -> tuple[Table, Word, float]:
    """The last of `words` as a table of the codes of `given` side by side, the first lowest; its index; its LUTs."""
    widths = [type.width for type in given]
    codes = _codes(sum(widths))
    values: list[IntArray] = []
    begin = last = 0
    for type, width in zip(given, widths, strict=True):
        values.append(_field(codes.size, begin, type))
        last += ((1 << width) - 1 if type.signed else type.high) << begin  # signed words may have every pattern
        begin += width
    for op, args, type in words:
        # Beyond a proven range no code occurs: whatever the piece would make of it, the table need not.
        values.append(_within(evaluate(op, [values[a] for a in args]), type))
    reached = values[-1]
    if reached.shape != codes.shape:
        reached = np.broadcast_to(reached, codes.shape)
    table, index = Table(0, Ints(reached[: last + 1])), Word(0, last)
    return table, index, table_luts(table.values.array, 0, index.width, words[-1][2], fabric)


@cache
def _codes(width: int) -> IntArray:
    """All codes of so many bits."""
    return np.arange(1 << width, dtype=np.int64)


@lru_cache(maxsize=1 << 12)
def _field(count: int, begin: int, type: Word) -> IntArray:
    """The values of a word that lies at bit `begin` of the codes below `count`."""
    code = np.arange(count, dtype=np.int64) >> begin & ((1 << type.width) - 1)
    if type.signed:
        code = code - ((code >> (type.width - 1)) << type.width)
    return _within(code, type)


def _within(values: IntArray, type: Word) -> IntArray:
    return np.minimum(np.maximum(values, type.low), type.high)


def _fresh(name: str, names: set[str]) -> str:
    count, found = 0, name
    while found in names:
        count += 1
        found = f"{name}{count}"
    names.add(found)
    return found
