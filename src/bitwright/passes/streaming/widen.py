"""`widen`: dense layers with more outputs than they need, so that they fold into other numbers of cycles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.ir.graph import Graph, GraphBuilder
from bitwright.ir.graph.ops import Dense, Map
from bitwright.numeric import Ints
from bitwright.passes.rewrite import GraphNode, keep, rebuild

__all__ = ["Widen"]


@dataclass(frozen=True)
class Widen:
    """Dense layers get as many outputs as `outputs` says by their node names; the layer behind reads zeros times them.

    1024 outputs fold into 49 blocks of 21 once they are 1029, where their own divisors give 32 or 64. Behind the layer
    there must be one map and then one dense layer, or that layer at once. Weights of two values keep to them: then
    the new outputs are held at zero by their bias, which the map must allow.
    """

    outputs: Mapping[str, int]

    def __call__(self, program: Graph) -> Graph:
        """The same function."""
        wider: dict[int, int] = {}
        for position, node in enumerate(program.nodes):
            if node.name in self.outputs and isinstance(node.op, Dense):
                for follower in _chain(program, position):
                    wider[id(program.nodes[follower])] = self.outputs[node.name]
        ends = {id(n): wider.get(id(program.nodes[n.args[0]])) for n in program.nodes if n.args}

        def rewrite(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
            op, count, given = node.op, wider.get(id(node)), ends.get(id(node))
            if isinstance(op, Dense) and (count or given):
                rows = (given or op.weights.shape[0]) - op.weights.shape[0]
                return keep(builder, node, args, _wider(op, rows, (count or 0) - op.weights.shape[1]), "widen")
            if isinstance(op, Map) and count and op.rows.array.size > 1:
                rows = np.broadcast_to(op.rows.array, node.type.shape)
                more = np.pad(rows, (0, count - rows.shape[-1]), mode="edge")
                return keep(builder, node, args, replace(op, rows=Ints(more)), "widen")
            return keep(builder, node, args)

        made = rebuild(program, rewrite)
        _check_zeros(made, self.outputs, program)
        return made


def _check_zeros(program: Graph, outputs: Mapping[str, int], before: Graph) -> None:
    """What the new outputs hand on is zero."""
    old = {n.name: n.op.weights.shape[1] for n in before.nodes if isinstance(n.op, Dense)}
    for position, node in enumerate(program.nodes):
        if node.name not in outputs:
            continue
        last = program.nodes[_chain(program, position)[-1]]
        low, high = last.type.bounds()
        if low[old[node.name] :].any() or high[old[node.name] :].any():
            raise Unsupported(
                "more outputs than it needs", where=f"layer '{node.name}'", why="its map has no zero below all codes",
                remedy="widen layers behind which codes begin at zero",
            )  # fmt: skip


def _wider(op: Dense, rows: int, columns: int) -> Dense:
    """`op` with more inputs, which are zero, and more outputs: zero too, or (weights of two values) far below it."""
    columns = max(columns, 0)
    weights, fill, bias = op.weights.array, 0, 0
    if (weights != 0).all():
        fill = int(np.abs(weights).min())
        bias = -(1 << _FAR)
    return Dense(
        Ints(np.pad(weights, ((0, rows), (0, columns)), constant_values=fill)),
        Ints(np.pad(op.bias.array, (0, columns), constant_values=bias)),
    )


_FAR = 40
"""A bias of so many bits is below every threshold."""


def _chain(program: Graph, position: int) -> list[int]:
    """The layer and its map; raises where what follows is no dense layer."""
    readers, found = program.consumers(), [position]
    while len(readers[found[-1]]) == 1 and found[-1] not in program.outputs:
        reader = readers[found[-1]][0]
        if isinstance(program.nodes[reader].op, Dense):
            return found
        if not isinstance(program.nodes[reader].op, Map) or len(program.nodes[reader].type.shape) != 1:
            break
        found.append(reader)
    raise Unsupported(
        "more outputs than it needs", where=f"layer '{program.nodes[position].name}'",
        why="what reads them is no dense layer alone", remedy="widen only layers between dense ones",
    )  # fmt: skip
