"""What every graph must satisfy; a pass that breaks one of these is a bug."""

from __future__ import annotations

import numpy as np

from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.core.rules import Rules
from bitwright.ir.graph.graph import Graph
from bitwright.ir.graph.infer import bounds, step
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    GraphOp,
    Input,
    MatMul,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)
from bitwright.ir.graph.types import TensorType
from bitwright.ir.program import Node

__all__ = ["check"]

_takes: Rules[[int], bool] = Rules("number of arguments of a graph operator")


def check(program: Graph) -> Graph:
    """`program` itself, or `InvalidProgram` naming the node.

    Names are unique, arguments come first and are as many as the operator takes, shapes and steps
    fit, and the stored range holds the inferred one (it may be wider only where a pass has not
    narrowed it yet).
    """
    seen: set[str] = set()
    for position, node in enumerate(program.nodes):
        where = f"{program.name}.{node.name}"
        if node.name in seen or any(not 0 <= a < position for a in node.args):
            raise InvalidProgram("its name is taken or an argument comes later", where=where)
        seen.add(node.name)
        if not _takes(node.op, len(node.args)):
            raise InvalidProgram(f"{len(node.args)} arguments", where=where)
        if not isinstance(node.op, Input):
            _check_type(node, [program.nodes[a].type for a in node.args], where)
    if any(not 0 <= o < len(program.nodes) for o in program.outputs):
        raise InvalidProgram("an output names no node", where=program.name)
    return program


def _check_type(node: Node[GraphOp, TensorType], args: list[TensorType], where: str) -> None:
    try:
        low, high = bounds(node.op, args)
        known = step(node.op, args)
        shape = np.broadcast_shapes(low.shape, high.shape)
    except (ValueError, TypeError, LookupError, ArithmeticError, MemoryError, InvalidValue) as error:
        raise InvalidProgram("its arguments do not fit", where=where, why=str(error)) from error
    except InvalidProgram as error:
        raise InvalidProgram(error.what, where=where, why=error.why, remedy=error.remedy) from error
    if shape != node.type.shape:
        raise InvalidProgram(f"shape {node.type.shape} is not {shape}", where=where)
    if (low < node.type.low.array).any() or (high > node.type.high.array).any():
        raise InvalidProgram("its values leave the stored range", where=where)
    if known is not None and known != node.type.step:
        raise InvalidProgram(f"step {node.type.step} is not {known}", where=where)


@_takes.on(GraphOp)
def _(op: GraphOp, count: int) -> bool:
    return count == 1


@_takes.on(Input, Constant)
def _(op: Input | Constant, count: int) -> bool:
    return count == 0


@_takes.on(MatMul, Add, Subtract, Multiply, Maximum, Minimum)
def _(op: GraphOp, count: int) -> bool:
    return count == 2


@_takes.on(Concat)
def _(op: Concat, count: int) -> bool:
    return count >= 1
