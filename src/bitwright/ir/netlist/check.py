"""What every netlist must satisfy."""

from __future__ import annotations

from bitwright.core.errors import InvalidProgram
from bitwright.ir.netlist.infer import infer
from bitwright.ir.netlist.netlist import Netlist, stages
from bitwright.ir.netlist.ops import Constant, Input

__all__ = ["check"]


def check(program: Netlist) -> Netlist:
    """`program` itself, or `InvalidProgram` naming the word.

    Names are unique, arguments come first, the stored range overlaps the inferred one and never
    exceeds it, all arguments of a word have the same age in clock cycles, and all outputs too.
    """
    seen: set[str] = set()
    age = stages(program)
    for position, node in enumerate(program.nodes):
        where = f"{program.name}.{node.name}"
        if node.name in seen or any(not 0 <= a < position for a in node.args):
            raise InvalidProgram("its name is taken or an argument comes later", where=where)
        seen.add(node.name)
        if isinstance(node.op, Input):
            continue
        type = infer(node.op, [program.nodes[a].type for a in node.args])
        if node.type.low > node.type.high or node.type.low < type.low or node.type.high > type.high:
            raise InvalidProgram(f"range {node.type} is not within {type}", where=where)
        if len({age[a] for a in node.args if age[a] >= 0}) > 1:
            raise InvalidProgram("its arguments differ in age", where=where, why="a register is missing")
    _check_ports(program, age)
    return program


def _check_ports(program: Netlist, age: list[int]) -> None:
    if tuple(w for port in program.results for w in port.words) != program.outputs:
        raise InvalidProgram("outputs and output ports disagree", where=program.name)
    ages = {age[o] for o in program.outputs if not isinstance(program.nodes[o].op, Constant) and age[o] >= 0}
    if len(ages) > 1:
        raise InvalidProgram(f"outputs come after {sorted(ages)} cycles", where=program.name)
