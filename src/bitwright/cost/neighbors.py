"""What a word's neighbors change about its area: logic that flip-flops or other LUTs do, and inverses that are shared.

A quantized ReLU that only registers read costs no LUT: its sign bit becomes their synchronous reset. Where a
carry cell cannot invert (iCE40) a subtracted word is inverted once, however many read it; and there the LUTs of a
sum have an input to spare, which takes in an inversion or saturation behind them, if nothing else reads the sum; the
LUTs of bits that nothing reads are left out. Where a chain adds three operands with six-input LUTs, a sum of two
takes in a table of up to five address bits that nothing else reads: what joins a bit of each has five inputs left.
"""

from __future__ import annotations

from dataclasses import replace

from bitwright.cost.area import Area, area
from bitwright.cost.chain import chain_of
from bitwright.ir.netlist import Netlist, Word
from bitwright.ir.netlist.ops import Add, AtLeast, Bits, Clip, Mux, Register, Shift, Subtract, Sum, Table, WordOp
from bitwright.platforms import Fabric

__all__ = ["area_of", "tables_taken_in"]


def area_of(program: Netlist, fabric: Fabric) -> list[Area]:
    """The area of every word where it stands."""
    resets = _resets(program)
    found = [
        Area() if reset else area(node.op, node.type, [program.nodes[a].type for a in node.args], fabric)
        for node, reset in zip(program.nodes, resets, strict=True)
    ]
    for position in tables_taken_in(program, fabric):
        found[position] = replace(found[position], luts=0.0)
    return _absorbed(program, fabric, found) if fabric.inverter_luts else found


def tables_taken_in(program: Netlist, fabric: Fabric) -> dict[int, int]:
    """Sums whose LUTs do the work of a table as well, and the tables: the last arguments of these sums."""
    if fabric.adder_operands < 3 or fabric.carry_luts:
        return {}
    readers = program.consumers()
    for output in program.outputs:
        readers[output].append(-1)
    found: dict[int, int] = {}
    for position, node in enumerate(program.nodes):
        last = node.args[-1] if node.args else position
        table = program.nodes[last]
        if isinstance(table.op, Table) and len(readers[last]) == 1 and isinstance(node.op, Sum):
            narrow = program.nodes[table.args[0]].type.width < fabric.lut_inputs
            if narrow and _leaves_inputs(node.op, node.type, [program.nodes[a].type for a in node.args]):
                found[position] = last
    return found


def _leaves_inputs(op: Sum, out: Word, args: list[Word]) -> bool:
    """Whether a LUT joins at most a bit of the first of two words and one of the second, as they are."""
    if len(args) != 2:
        return False
    chain = chain_of(op, out, args)
    if chain.saved or chain.free or chain.rest or chain.constant & chain.operands[1].present:
        return False
    return not any(o.inverted or o.extended for o in chain.operands)


def _absorbed(program: Netlist, fabric: Fabric, found: list[Area]) -> list[Area]:
    """`found` without inverses that exist already, what the LUTs of sums take in, and those of bits that none reads."""
    roots, readers, lowest = _reading(program)
    inverted: set[int] = set()
    result: list[Area] = []
    for position, node in enumerate(program.nodes):
        root = roots[node.args[-1]] if node.args else position
        above = program.nodes[root].op
        alone = readers[root] == 1 and isinstance(above, Add | Subtract)
        saved = _unread(node.op, lowest[position], node.type)
        if isinstance(node.op, Clip) and alone:
            saved += node.type.width
        elif _needs_no_inverter(node.op, above, alone or root in inverted):
            saved += fabric.inverter_luts * program.nodes[node.args[1]].type.width
        if isinstance(node.op, Subtract):
            inverted.add(root)
        result.append(replace(found[position], luts=max(found[position].luts - saved, 0)))
    return result


def _unread(op: WordOp, lowest: int, type: Word) -> int:
    """Low bits of a sum's chain that nothing reads."""
    if not isinstance(op, Add | Subtract):
        return 0
    begin = max(op.left, op.right) if isinstance(op, Add) else op.right
    return max(min(lowest, type.width) - begin, 0)


def _needs_no_inverter(op: WordOp, above: WordOp, there: bool) -> bool:
    """Whether the inverse of the last argument (made by `above`) is `there`, or its LUTs can give it instead."""
    return (isinstance(op, Subtract) and there) or (isinstance(op, AtLeast) and isinstance(above, Clip | Mux | Table))


def _reading(program: Netlist) -> tuple[list[int], list[int], list[int]]:
    """Per word: the word whose bits it only moves (or itself), how many read its bits, and the lowest bit read."""
    roots: list[int] = []
    places: list[int] = []
    readers, lowest = [0] * len(program.nodes), [_FAR] * len(program.nodes)

    def read(word: int) -> None:
        readers[roots[word]] += 1
        lowest[roots[word]] = min(lowest[roots[word]], places[word])

    for position, node in enumerate(program.nodes):
        moved = -node.op.left if isinstance(node.op, Shift) else node.op.lowest if isinstance(node.op, Bits) else None
        if moved is not None:
            roots.append(roots[node.args[0]])
            places.append(max(places[node.args[0]] + moved, 0))
            continue
        roots.append(position)
        places.append(0)
        for argument in node.args:
            read(argument)
    for position in program.outputs:
        read(position)
    return roots, readers, lowest


_FAR = 1 << 30


def _resets(program: Netlist) -> list[bool]:
    """Words that are 0 where another one is negative, and that only registers read."""
    plain = [_only_registers_may_reset(program, position) for position in range(len(program.nodes))]
    for node in program.nodes:
        if not isinstance(node.op, Register):
            for argument in node.args:
                plain[argument] = False
    for position in program.outputs:
        plain[position] = False
    return plain


def _only_registers_may_reset(program: Netlist, position: int) -> bool:
    node = program.nodes[position]
    if not isinstance(node.op, Clip):
        return False
    source = program.nodes[node.args[0]].type
    return node.op.low == 0 and source.low < 0 and source.high <= node.op.high
