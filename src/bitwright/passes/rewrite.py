"""Rebuilding a graph node by node: what every graph-to-graph pass does."""

from __future__ import annotations

from collections.abc import Callable

from bitwright.ir.graph import Graph, GraphBuilder
from bitwright.ir.graph.ops import GraphOp, Input
from bitwright.ir.graph.types import TensorType
from bitwright.ir.program import Node

__all__ = ["GraphNode", "Rewrite", "keep", "rebuild"]

GraphNode = Node[GraphOp, TensorType]
Rewrite = Callable[[GraphBuilder, GraphNode, list[int]], int]
"""(builder, old node, new positions of its arguments) -> position of what replaces it."""


def rebuild(program: Graph, rewrite: Rewrite) -> Graph:
    """The graph in which every live node went through `rewrite`; inputs stay, in order."""
    builder = GraphBuilder()
    place: dict[int, int] = {}
    alive = program.live()
    for position, node in enumerate(program.nodes):
        if isinstance(node.op, Input):
            place[position] = builder.add(node.op, (), node.type, node.name, node.origin)
        elif alive[position]:
            place[position] = rewrite(builder, node, [place[a] for a in node.args])
    return builder.graph(program.name, [place[o] for o in program.outputs])


def keep(builder: GraphBuilder, node: GraphNode, args: list[int], op: GraphOp | None = None, by: str = "") -> int:
    """The node as it was (or with another op), its range inferred anew from its arguments."""
    origin = node.origin.through(by) if by else node.origin
    return builder.apply(op or node.op, args, step=node.type.step, name=node.name, origin=origin)
