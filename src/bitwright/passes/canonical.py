"""`canonical`: the same graph without what computes nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bitwright.core.rules import Rules
from bitwright.ir.graph import Graph, GraphBuilder
from bitwright.ir.graph.ops import Conv, GraphOp, Input, Map, Pad, Reshape, Transpose
from bitwright.numeric import Rounding, ShiftRoundSaturate, Steps
from bitwright.passes.rewrite import GraphNode, keep, rebuild

__all__ = ["Canonical"]


@dataclass(frozen=True)
class Canonical:
    """Drops dead nodes, repeated ones, identity maps and moves; joins reshapes and transposes.

    Padding moves into convolutions. Ranges are inferred anew, so they narrow where an earlier pass made
    something tighter.
    """

    def __call__(self, program: Graph) -> Graph:
        """The canonical form of `program`; `run` gives the same codes."""
        known: dict[tuple[GraphOp, tuple[int, ...], Steps], int] = {}

        def rewrite(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
            made = _simplify(node.op, builder, node, args)
            new = builder.nodes[made]
            return made if isinstance(new.op, Input) else known.setdefault((new.op, new.args, new.type.step), made)

        return rebuild(rebuild(program, rewrite), keep)  # without what was joined or moved into its reader


_simplify: Rules[[GraphBuilder, GraphNode, list[int]], int] = Rules("canonical form")


@_simplify.on(GraphOp)
def _(op: GraphOp, builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
    return keep(builder, node, args)


@_simplify.on(Map)
def _(op: Map, builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
    source = builder.type(args[0])
    if source.step == node.type.step and _is_identity(op, source.low.array, source.high.array):
        return args[0]
    return keep(builder, node, args)


def _is_identity(op: Map, low: np.ndarray, high: np.ndarray) -> bool:
    form = op.form
    if not isinstance(form, ShiftRoundSaturate) or form.rounding is not Rounding.FLOOR:
        return False
    plain = (form.mul.array == 1).all() and not form.add.array.any() and not form.shift.array.any()
    return bool(plain and (form.low.array.max() <= low).all() and (form.high.array.min() >= high).all())


@_simplify.on(Reshape)
def _(op: Reshape, builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
    before = builder.nodes[args[0]]
    source = list(before.args) if isinstance(before.op, Reshape) else args
    return source[0] if builder.type(source[0]).shape == op.shape else keep(builder, node, source)


@_simplify.on(Transpose)
def _(op: Transpose, builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
    before = builder.nodes[args[0]]
    if isinstance(before.op, Transpose):
        op, args = Transpose(tuple(before.op.order[axis] for axis in op.order)), list(before.args)
    return args[0] if op.order == tuple(range(len(op.order))) else keep(builder, node, args, op)


@_simplify.on(Conv)
def _(op: Conv, builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
    before = builder.nodes[args[0]]
    if not isinstance(before.op, Pad) or before.op.pads[-1] != (0, 0):
        return keep(builder, node, args)
    pads = tuple((a + c, b + d) for (a, b), (c, d) in zip(op.pads, before.op.pads[:-1], strict=True))
    merged = replace(op, pads=pads)
    return keep(builder, node, list(before.args), merged, "canonical")
