"""What a word's neighbors change about its area: logic that flip-flops or other LUTs do, and inverses that are shared.

A quantized ReLU that only registers read costs no LUT: its sign bit becomes their synchronous reset. Where a
carry cell cannot invert (iCE40) a subtracted word is inverted once, however many read it; and there the LUTs of a
sum have an input to spare, which takes in an inversion or saturation behind them, if nothing else reads the sum.
"""

from __future__ import annotations

from dataclasses import replace

from bitwright.cost.area import Area, area
from bitwright.ir.netlist import Netlist
from bitwright.ir.netlist.ops import Add, Bits, Clip, Register, Shift, Subtract
from bitwright.platforms import Fabric

__all__ = ["area_of"]


def area_of(program: Netlist, fabric: Fabric) -> list[Area]:
    """The area of every word where it stands."""
    resets = _resets(program)
    found = [
        Area() if reset else area(node.op, node.type, [program.nodes[a].type for a in node.args], fabric)
        for node, reset in zip(program.nodes, resets, strict=True)
    ]
    return _absorbed(program, fabric, found) if fabric.inverter_luts else found


def _absorbed(program: Netlist, fabric: Fabric, found: list[Area]) -> list[Area]:
    """`found` without inverses that exist already, and without what the LUTs of sums take in."""
    roots: list[int] = []
    readers = [0] * len(program.nodes)
    for position, node in enumerate(program.nodes):
        roots.append(roots[node.args[0]] if isinstance(node.op, Shift | Bits) else position)
        for argument in () if isinstance(node.op, Shift | Bits) else node.args:
            readers[roots[argument]] += 1
    for position in program.outputs:
        readers[roots[position]] += 1
    inverted: set[int] = set()
    result = list(found)
    for position, node in enumerate(program.nodes):
        if not isinstance(node.op, Subtract | Clip):
            continue
        root, argument = roots[node.args[-1]], program.nodes[node.args[-1]].type
        takes_in = readers[root] == 1 and isinstance(program.nodes[root].op, Add | Subtract)
        if isinstance(node.op, Subtract) and (takes_in or root in inverted):
            saved = fabric.inverter_luts * argument.width
            result[position] = replace(found[position], luts=found[position].luts - saved)
        elif isinstance(node.op, Clip) and takes_in:
            result[position] = replace(found[position], luts=max(found[position].luts - node.type.width, 0))
        if isinstance(node.op, Subtract):
            inverted.add(root)
    return result


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
