"""`accumulate`: sums of tables in a row, where the LUTs of a carry chain take in the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bitwright.cost.neighbors import area_of
from bitwright.ir.netlist import Netlist, Word, infer
from bitwright.ir.netlist.ops import Add, Constant, Shift, Subtract, Sum, Table, WordOp, is_join
from bitwright.ir.program import Node
from bitwright.numeric import Ints
from bitwright.platforms import Fabric

__all__ = ["Accumulate"]

_OPERANDS = 3

_Term = tuple[int, int, int]
"""(word, shift, sign)"""


@dataclass(frozen=True)
class Accumulate:
    """Adds tables of up to five address bits one by one instead of three at once.

    A LUT of a chain that adds two operands has five inputs to spare: the table of the second one, so that table and
    sum take one LUT a bit together (a chain of three operands leaves no input, `cost.neighbors`). At most `most`
    tables are added in a row; then chains of three operands add the rows. The constant moves into the first table.
    Done where it takes fewer LUTs on `fabric`.
    """

    fabric: Fabric
    most: int = 4

    def __call__(self, program: Netlist) -> Netlist:
        """The same function in no more LUTs by the area model."""
        if self.fabric.adder_operands < _OPERANDS or self.fabric.carry_luts:
            return program
        if not any(isinstance(node.op, Table) for node in program.nodes):
            return program
        found = _Accumulating(program, self.fabric, self.most).build()
        costs = [sum(a.luts for a in area_of(p, self.fabric)) for p in (found, program)]
        return found if costs[0] < costs[1] else program


@dataclass
class _Tree:
    """The leaves of a sum: tables that a chain takes in, other words, and a constant."""

    tables: list[_Term]
    others: list[_Term]
    constant: int


class _Accumulating:
    def __init__(self, program: Netlist, fabric: Fabric, most: int) -> None:
        self.program, self.fabric, self.most = program, fabric, most
        self.readers = program.consumers()
        for output in program.outputs:
            self.readers[output] += [-1, -1]
        self.made: list[Node[WordOp, Word]] = []
        self.place: dict[int, int] = {}
        self.source: dict[int, int] = {}
        self.names = {node.name for node in program.nodes}

    def build(self) -> Netlist:
        for position, node in enumerate(self.program.nodes):
            tree = self.tree(position) if self.is_sum(position) and not self.is_inner(position) else None
            if tree is not None and tree.tables and len(tree.tables) + len(tree.others) > 1:
                self.place[position] = self.accumulated(node, tree)
                continue
            self.place[position], self.source[len(self.made)] = len(self.made), position
            self.made.append(replace(node, args=tuple(self.place[a] for a in node.args)))
        return self.program.over(self.made, self.place).pruned()

    def is_sum(self, position: int) -> bool:
        node = self.program.nodes[position]
        if isinstance(node.op, Add):
            return not is_join(node.op, self.program.nodes[node.args[1]].type)
        return isinstance(node.op, Sum | Subtract)

    def is_inner(self, position: int) -> bool:
        """Whether one other sum alone reads the word, perhaps shifted up."""
        if len(self.readers[position]) != 1:
            return False
        reader = self.readers[position][0]
        op = self.program.nodes[reader].op
        if isinstance(op, Shift) and op.left >= 0:
            return self.is_inner(reader)
        return self.is_sum(reader)

    def tree(self, root: int) -> _Tree:
        found = _Tree([], [], 0)
        line: list[_Term] = [(root, 0, 1)]
        while line:
            position, shift, sign = line.pop()
            node = self.program.nodes[position]
            below = self.is_sum(position) or (isinstance(node.op, Shift) and node.op.left >= 0)
            if position == root or (below and self.is_inner(position)):
                terms, constant = _terms(node)
                found.constant += sign * constant << shift
                line += [(word, shift + left, sign * flip) for word, left, flip in terms]
            elif isinstance(node.op, Constant):
                found.constant += sign * node.op.value << shift
            else:
                (found.tables if sign > 0 and self.is_taken(position) else found.others).append((position, shift, sign))
        return found

    def is_taken(self, position: int) -> bool:
        """Whether a chain's LUTs can hold the word, and nothing else needs it."""
        node = self.program.nodes[position]
        if not isinstance(node.op, Table) or len(self.readers[position]) != 1 or node.type.low < 0:
            return False
        return self.program.nodes[node.args[0]].type.width < self.fabric.lut_inputs

    def accumulated(self, node: Node[WordOp, Word], tree: _Tree) -> int:
        """The sum `node` with its tables in rows."""
        tables = sorted(((self.place[w], s, g) for w, s, g in tree.tables), key=lambda t: (t[1], t[0]))
        others = [(self.place[w], s, g) for w, s, g in tree.others]
        firsts = [t for t in others if t[2] > 0 and self.made[t[0]].type.low >= 0]
        rows, left = self.rows(tables, firsts)
        rest = [t for t in others if t not in firsts] + left
        constant = tree.constant - self.folded(rows, tree.constant)
        ends = [self.row(node, row, None if rest or len(rows) > 1 else constant) for row in rows]
        if not rest and len(rows) == 1:
            return ends[0][0]
        return self.merged(node, ends + rest, constant)

    def rows(self, tables: list[_Term], firsts: list[_Term]) -> tuple[list[list[_Term]], list[_Term]]:
        """Rows of a first word and up to `most` tables, and the words that begin none."""
        rows: list[list[_Term]] = []
        firsts, tables = list(firsts), list(tables)
        while tables:
            first = firsts.pop(0) if firsts else tables.pop(0)
            rows.append([first, *tables[: self.most]])
            tables = tables[self.most :]
        return rows, firsts

    def folded(self, rows: list[list[_Term]], constant: int) -> int:
        """Move what it can of `constant` into the first table that begins a row; what it moved."""
        row = next((r for r in rows if isinstance(self.made[r[0][0]].op, Table) and self.is_own(r[0][0])), None)
        if row is None or constant == 0:
            return 0
        word, shift, _ = row[0]
        top = sum(self.made[w].type.high << s for r in rows for w, s, _ in r).bit_length()
        moved = constant % (1 << top) >> shift
        node = self.made[word]
        assert isinstance(node.op, Table)
        op = Table(node.op.start, Ints(node.op.values.array + moved))
        row[0] = self.append(op, node.args, Word(node.type.low + moved, node.type.high + moved), node), shift, 1
        return moved << shift

    def is_own(self, word: int) -> bool:
        """Whether nothing but the sum reads the word."""
        return len(self.readers[self.source[word]]) == 1

    def row(self, node: Node[WordOp, Word], row: list[_Term], constant: int | None) -> _Term:
        """The words of a row one by one; `constant` is that of the whole sum, where this row is all of it."""
        word, shift, _ = row[0]
        for place, (table, left, _) in enumerate(row[1:], 1):
            if constant is not None and place == len(row) - 1:
                op = Sum((shift, left), (1, 1), constant)
                return self.append(op, (word, table), node.type, node, node.name), 0, 1
            common = min(shift, left)
            op = Sum((shift - common, left - common), (1, 1), 0)
            word, shift = self.append(op, (word, table), self.range_of(op, (word, table)), node), common
        return word, shift, 1

    def merged(self, node: Node[WordOp, Word], terms: list[_Term], constant: int) -> int:
        """`terms` three by three, those that end lowest first."""
        terms = list(terms)
        while len(terms) > _OPERANDS:
            terms.sort(key=lambda t: (self.made[t[0]].type.width + t[1], t))
            count = _OPERANDS if len(terms) % 2 or len(terms) > _OPERANDS + 1 else 2
            some, terms = terms[:count], terms[count:]
            common = min(s for _, s, _ in some)
            free = sum(_unsigned(self.made[w].type, s - common, g) for w, s, g in some)
            op = Sum(tuple(s - common for _, s, _ in some), tuple(g for *_, g in some), free)
            args = tuple(w for w, _, _ in some)
            terms.append((self.append(op, args, self.range_of(op, args), node), common, 1))
            constant -= free << common
        op = Sum(tuple(s for _, s, _ in terms), tuple(g for *_, g in terms), constant)
        return self.append(op, tuple(w for w, _, _ in terms), node.type, node, node.name)

    def range_of(self, op: Sum, args: Sequence[int]) -> Word:
        return infer(op, [self.made[a].type for a in args])

    def append(self, op: WordOp, args: tuple[int, ...], type: Word, node: Node[WordOp, Word], name: str = "") -> int:
        self.made.append(Node(op, args, type, name or self.fresh(node.name), node.origin))
        return len(self.made) - 1

    def fresh(self, name: str) -> str:
        count, found = 0, f"{name}_a"
        while found in self.names:
            count += 1
            found = f"{name}_a{count}"
        self.names.add(found)
        return found


def _terms(node: Node[WordOp, Word]) -> tuple[list[_Term], int]:
    """What a sum, or a word shifted up, adds up: words and a constant."""
    op = node.op
    if isinstance(op, Sum):
        return list(zip(node.args, op.shifts, op.signs, strict=True)), op.constant
    if isinstance(op, Shift):
        return [(node.args[0], op.left, 1)], 0
    assert isinstance(op, Add | Subtract)
    return [(node.args[0], op.left, 1), (node.args[1], op.right, 1 if isinstance(op, Add) else -1)], 0


def _unsigned(type: Word, shift: int, sign: int) -> int:
    """What makes an addend a code without a sign, on which nothing but bits is added (as in `passes.share`)."""
    half = 1 << (type.width - 1) if type.signed else 0
    return (half if sign > 0 else (1 << type.width) - 1 - half) << shift
