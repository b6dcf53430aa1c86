"""`compose`: a map behind a map as one map, where that is one cheap form."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Map
from bitwright.numeric import IntArray, Ints, ShiftRoundSaturate, Thresholds
from bitwright.passes.rewrite import GraphNode, keep, rebuild
from bitwright.passes.tabulate import Tabulate

__all__ = ["Compose"]

_NEVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Compose:
    """Joins two maps when nothing else reads the first and the pair is one shift-round-saturate, or has few codes.

    Exact because it is found on all codes of the range. `most_codes`: wider ranges stay two maps;
    `few_codes`: up to so many are one table whatever the functions are (64: one LUT6 a bit).
    """

    most_codes: int = 1 << 16
    few_codes: int = 64
    tabulate: Tabulate = field(default_factory=Tabulate)

    def __call__(self, program: Graph) -> Graph:
        """The same function with fewer maps."""
        readers = program.consumers()
        alone = {
            id(node)
            for position, node in enumerate(program.nodes)
            if isinstance(node.op, Map) and len(readers[position]) == 1 and position not in program.outputs
        }

        def rewrite(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
            if isinstance(node.op, Map) and id(program.nodes[node.args[0]]) in alone:
                before = builder.nodes[args[0]]
                if isinstance(before.op, Map):
                    found = self.join(before.op, node.op, builder.type(before.args[0]))
                    if found is not None:
                        return keep(builder, node, list(before.args), found)
            return keep(builder, node, args)

        return rebuild(rebuild(program, rewrite), keep)

    def join(self, first: Map, second: Map, type: TensorType) -> Map | None:
        """`second` of `first` for codes of `type`, or None where two maps are better."""
        low, high = type.bounds()
        if int(high.max()) - int(low.min()) >= self.most_codes:
            return None
        both = np.broadcast_to(first.rows.array, type.shape), np.broadcast_to(second.rows.array, type.shape)
        pairs, rows = np.unique(np.stack([b.ravel() for b in both]), axis=1, return_inverse=True)
        rows = rows.reshape(type.shape)
        steps = [_staircase(first, second, pair, low[rows == i], high[rows == i]) for i, pair in enumerate(pairs.T)]
        count = max(len(thresholds) for thresholds, _ in steps)
        form = Thresholds(
            Ints([[*t.tolist(), *[_NEVER] * (count - len(t))] for t, _ in steps]),
            Ints([[*v.tolist(), *[int(v[-1])] * (count + 1 - len(v))] for _, v in steps]),
        )
        chosen = self.tabulate.choose(Map(form, Ints(rows).collapsed()), low, high)
        few = int(high.max()) - int(low.min()) < self.few_codes
        return chosen if few or isinstance(chosen.form, ShiftRoundSaturate) else None


def _staircase(first: Map, second: Map, pair: IntArray, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
    """Thresholds and values of one pair of rows over the codes that meet it."""
    x = np.arange(int(low.min()), int(high.max()) + 1)
    y = second.form(first.form(x, pair[0]), pair[1])
    changes = np.flatnonzero(np.diff(y)) + 1
    return x[changes], np.concatenate((y[:1], y[changes]))
