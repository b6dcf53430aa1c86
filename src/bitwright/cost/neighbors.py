"""What a word's neighbors change about its area: logic that flip-flops do, and inverses that are shared.

A quantized ReLU that only registers read costs no LUT: its sign bit becomes their synchronous reset. Where a
carry cell cannot invert (iCE40), a subtracted word is inverted once, however many read it.
"""

from __future__ import annotations

from bitwright.cost.area import Area, area
from bitwright.ir.netlist import Netlist
from bitwright.ir.netlist.ops import Bits, Clip, Register, Shift, Subtract
from bitwright.platforms import Fabric

__all__ = ["area_of"]


def area_of(program: Netlist, fabric: Fabric) -> list[Area]:
    """The area of every word where it stands."""
    resets = _resets(program)
    inverted: set[int] = set()
    roots: list[int] = []
    found: list[Area] = []
    for position, node in enumerate(program.nodes):
        roots.append(roots[node.args[0]] if isinstance(node.op, Shift | Bits) else position)
        args = [program.nodes[a].type for a in node.args]
        mine = Area() if resets[position] else area(node.op, node.type, args, fabric)
        if fabric.inverter_luts and isinstance(node.op, Subtract):
            root = roots[node.args[1]]
            if root in inverted:
                mine = Area(mine.luts - fabric.inverter_luts * args[1].width, mine.ffs, mine.carries)
            inverted.add(root)
        found.append(mine)
    return found


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
