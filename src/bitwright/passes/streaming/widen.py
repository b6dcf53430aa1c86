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

    1024 outputs fold into 94 blocks of 11 once they are 1034: a pace of 376 cycles where divisors of 1024 give 256 or
    512. Behind the layer there must be one map and then one dense layer, or that layer at once.
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
                columns = (count or op.weights.shape[1]) - op.weights.shape[1]
                weights = np.pad(op.weights.array, ((0, rows), (0, columns)))
                op = Dense(Ints(weights), Ints(np.pad(op.bias.array, (0, columns))))
                return keep(builder, node, args, op, "widen")
            if isinstance(op, Map) and count and op.rows.array.size > 1:
                rows = np.broadcast_to(op.rows.array, node.type.shape)
                more = np.pad(rows, (0, count - rows.shape[-1]), mode="edge")
                return keep(builder, node, args, replace(op, rows=Ints(more)), "widen")
            return keep(builder, node, args)

        return rebuild(program, rewrite)


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
