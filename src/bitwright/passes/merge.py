"""`merge`: sums of sums as one carry chain, where the fabric adds three operands at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bitwright.cost.area import area
from bitwright.ir.netlist import Netlist, Word
from bitwright.ir.netlist.ops import Add, Constant, Subtract, Sum, WordOp, is_join
from bitwright.ir.program import Node
from bitwright.platforms import Fabric

__all__ = ["Merge"]

_MOST_TERMS = 3

_Term = tuple[int, int, int]
"""(word, shift, sign)"""


@dataclass(frozen=True)
class Merge:
    """Puts a sum that one other sum alone reads into its place, and constants into the chain.

    Two chains become one only where that takes no more LUTs on `fabric`. On a fabric whose chains add two
    operands nothing changes.
    """

    fabric: Fabric

    def __call__(self, program: Netlist) -> Netlist:
        """The same function in fewer words."""
        if self.fabric.adder_operands < _MOST_TERMS:
            return program
        return _Merging(program, self.fabric).build()


class _Merging:
    def __init__(self, program: Netlist, fabric: Fabric) -> None:
        self.program = program
        self.fabric = fabric
        self.nodes = list(program.nodes)
        self.readers = [0] * len(self.nodes)
        for node in self.nodes:
            for argument in node.args:
                self.readers[argument] += 1
        for output in program.outputs:
            self.readers[output] += 1
        self.found: dict[int, tuple[list[_Term], int] | None] = {}
        self.prices: dict[int, float] = {}

    def build(self) -> Netlist:
        for position in range(len(self.nodes)):
            while self.absorbed(position):
                pass
        return replace(self.program, nodes=tuple(self.nodes)).pruned()

    def absorbed(self, position: int) -> bool:
        """Put one argument of the sum at `position` into it; whether there was one to put."""
        found = self.terms(position)
        if found is None:
            return False
        terms, constant = found
        for place, (word, left, flip) in enumerate(terms):
            inner = self.terms(word)
            if inner is None or self.readers[word] > 1 or len(terms) - 1 + len(inner[0]) > _MOST_TERMS:
                continue
            moved = [(w, s + left, g * flip) for w, s, g in inner[0]]
            merged = terms[:place] + moved + terms[place + 1 :]
            if self.replaced(position, word, merged, constant + flip * (inner[1] << left)):
                return True
        return False

    def terms(self, position: int) -> tuple[list[_Term], int] | None:
        """What a sum adds up: variable terms and a constant; None for a word that is no sum."""
        if position not in self.found:
            self.found[position] = self._terms(position)
        return self.found[position]

    def _terms(self, position: int) -> tuple[list[_Term], int] | None:
        node = self.nodes[position]
        op = node.op
        constant = 0
        if isinstance(op, Sum):
            given = list(zip(node.args, op.shifts, op.signs, strict=True))
            constant = op.constant
        elif isinstance(op, Subtract) or (isinstance(op, Add) and not is_join(op, self.nodes[node.args[1]].type)):
            a, b = node.args
            given = [(a, op.left, 1), (b, op.right, 1 if isinstance(op, Add) else -1)]
        else:
            return None
        kept: list[_Term] = []
        for word, shift, sign in given:
            value = self.nodes[word].op
            if isinstance(value, Constant):
                constant += sign * (value.value << shift)
            else:
                kept.append((word, shift, sign))
        return (kept, constant) if kept else None

    def replaced(self, position: int, word: int, terms: list[_Term], constant: int) -> bool:
        node, inner = self.nodes[position], self.nodes[word]
        op = Sum(tuple([s for _, s, _ in terms]), tuple([g for _, _, g in terms]), constant)
        args = tuple([w for w, _, _ in terms])
        price = self.luts(op, args, node.type)
        if price > self.price(position) + self.price(word):
            return False
        for argument in (*node.args, *inner.args):
            self.readers[argument] -= 1
        for argument in args:
            self.readers[argument] += 1
        self.nodes[position] = Node(op, args, node.type, node.name, node.origin)
        self.prices[position] = price
        del self.found[position]
        return True

    def price(self, position: int) -> float:
        """The LUTs of a word as it is now."""
        if position not in self.prices:
            node = self.nodes[position]
            self.prices[position] = self.luts(node.op, node.args, node.type)
        return self.prices[position]

    def luts(self, op: WordOp, args: tuple[int, ...], out: Word) -> float:
        return area(op, out, [self.nodes[a].type for a in args], self.fabric).luts
