"""`Scan`: a cell that is run once for each row of a sequence; it holds a graph, and so stands behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.core.errors import InvalidProgram
from bitwright.ir.graph.graph import Graph
from bitwright.ir.graph.infer import bounds, step
from bitwright.ir.graph.ops import GraphOp
from bitwright.ir.graph.run import evaluate, run
from bitwright.ir.graph.types import TensorType
from bitwright.numeric import IntArray, Ints, Steps

__all__ = ["Scan", "check_scan"]


@dataclass(frozen=True, slots=True)
class Scan(GraphOp):
    """A recurrent cell over the rows of a sequence (steps, ...), the first one first.

    `cell` takes a row, of shape (1, ...), and the state (words,); it yields a result (size,) and the next state. The
    first row meets the state `initial`. All results are one tensor (steps, size), with `last` that of the last row
    alone, (size,). Steps of the state may differ from word to word.
    """

    cell: Graph
    initial: Ints
    last: bool = False


def check_scan(op: Scan) -> None:
    """Raises `InvalidProgram` where the cell's ports do not fit, or a state leaves the range it is given in."""
    inputs, results = op.cell.inputs, op.cell.results
    if len(inputs) != 2 or len(results) != 2 or len(results[0].type.shape) != 1:
        raise InvalidProgram("a cell takes a row and a state, and yields a result and a state", where=op.cell.name)
    state, back = inputs[1].type, results[1].type
    if state.shape != back.shape or state.shape != op.initial.shape or len(state.shape) != 1:
        raise InvalidProgram(f"a state of shape {state.shape} becomes {back.shape}", where=op.cell.name)
    (low, high), (least, most), begins = state.bounds(), back.bounds(), op.initial.array
    if (np.minimum(least, begins) < low).any() or (np.maximum(most, begins) > high).any():
        raise InvalidProgram("a state leaves its range", where=op.cell.name, remedy="give the state a quantizer")


@bounds.on(Scan)
def _(op: Scan, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    check_scan(op)
    given, row, result = args[0], op.cell.inputs[0].type, op.cell.results[0].type
    if (1, *given.shape[1:]) != row.shape or not given.shape:
        raise InvalidProgram(f"rows of {given.shape} for a cell of {row.shape}", where="Scan")
    low, high = given.bounds()
    if (low < row.low.array).any() or (high > row.high.array).any():
        raise InvalidProgram("its rows leave the range of the cell's", where="Scan")
    shape = result.shape if op.last else (given.shape[0], *result.shape)
    least, most = (np.broadcast_to(end, shape) for end in result.bounds())
    return least, most


@step.on(Scan)
def _(op: Scan, args: list[TensorType]) -> Steps | None:
    return op.cell.results[0].type.step


@evaluate.on(Scan)
def _(op: Scan, args: list[IntArray]) -> IntArray:
    codes, found = args[0], list[IntArray]()
    state = np.tile(op.initial.array, (len(codes), 1))
    for row in range(codes.shape[1]):
        result, state = run(op.cell, [codes[:, row : row + 1], state])
        found.append(result)
    return found[-1] if op.last else np.stack(found, axis=1)
