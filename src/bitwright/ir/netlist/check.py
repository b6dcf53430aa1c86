"""What every netlist must satisfy."""

from __future__ import annotations

from math import prod

from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.ir.netlist.infer import infer
from bitwright.ir.netlist.netlist import WIDEST, Netlist, Port, stages
from bitwright.ir.netlist.ops import Bits, Constant, Input, Mux, Sum, Word, WordOp
from bitwright.ir.program import Node

__all__ = ["check"]


def check(program: Netlist) -> Netlist:
    """`program` itself, or `InvalidProgram` naming the word.

    Names are unique, arguments come first, the stored range lies within the inferred one and in 62
    bits, all arguments of a word have the same age in clock cycles, and all outputs too; the ports'
    words are the inputs and the outputs.
    """
    seen: set[str] = set()
    for position, node in enumerate(program.nodes):
        where = f"{program.name}.{node.name}"
        if node.name in seen or any(not 0 <= a < position for a in node.args):
            raise InvalidProgram("its name is taken or an argument comes later", where=where)
        seen.add(node.name)
        if node.type.low > node.type.high or node.type.width > WIDEST:
            raise InvalidProgram(f"range {node.type} is empty or beyond {WIDEST} bits", where=where)
        if not isinstance(node.op, Input):
            _check_range(node, [program.nodes[a].type for a in node.args], where)
        elif node.args:
            raise InvalidProgram("an input reads nothing", where=where)
    _check_ports(program)
    _check_ages(program)
    return program


def _check_range(node: Node[WordOp, Word], args: list[Word], where: str) -> None:
    if isinstance(node.op, Mux) and args and (args[0].low < 0 or args[0].high > 1):
        raise InvalidProgram(f"the selector takes {args[0]}", where=where)
    if isinstance(node.op, Bits) and (node.op.lowest < 0 or not 1 <= node.op.width <= WIDEST):
        raise InvalidProgram("it picks no bits", where=where)
    if isinstance(node.op, Sum) and not _is_sum(node.op, len(args)):
        raise InvalidProgram("a sum has one to three arguments, each with a shift and a sign", where=where)
    try:
        type = infer(node.op, args)
    except (ValueError, TypeError, LookupError, ArithmeticError, MemoryError, InvalidValue) as error:
        raise InvalidProgram("its arguments do not fit", where=where, why=str(error)) from error
    except InvalidProgram as error:
        raise InvalidProgram(error.what, where=where, why=error.why, remedy=error.remedy) from error
    if node.type.low < type.low or node.type.high > type.high:
        raise InvalidProgram(f"range {node.type} is not within {type}", where=where)


def _is_sum(op: Sum, count: int) -> bool:
    right = len(op.shifts) == len(op.signs) == count and 1 <= count <= 3
    return right and all(s >= 0 for s in op.shifts) and all(abs(g) == 1 for g in op.signs)


def _check_ports(program: Netlist) -> None:
    if tuple(w for port in program.results for w in port.words) != program.outputs:
        raise InvalidProgram("outputs and output ports disagree", where=program.name)
    if any(not 0 <= o < len(program.nodes) for o in program.outputs):
        raise InvalidProgram("an output names no word", where=program.name)
    entries = [i for i, node in enumerate(program.nodes) if isinstance(node.op, Input)]
    if sorted(w for port in program.inputs for w in port.words) != entries:
        raise InvalidProgram("inputs and input ports disagree", where=program.name)
    for port in (*program.inputs, *program.results):
        _check_port(port, program.name)


def _check_port(port: Port, where: str) -> None:
    wide = len(port.step.shape) > len(port.shape)
    if len(port.words) != prod(port.shape) or wide or any(size < 1 for size in port.shape):
        raise InvalidProgram(f"port '{port.name}': {len(port.words)} words for the shape {port.shape}", where=where)


def _check_ages(program: Netlist) -> None:
    age = stages(program)
    for node in program.nodes:
        if len({age[a] for a in node.args if age[a] >= 0}) > 1:
            raise InvalidProgram(
                "its arguments differ in age", where=f"{program.name}.{node.name}", why="a register is missing"
            )
    ages = {age[o] for o in program.outputs if not isinstance(program.nodes[o].op, Constant) and age[o] >= 0}
    if len(ages) > 1:
        raise InvalidProgram(f"outputs come after {sorted(ages)} cycles", where=program.name)
