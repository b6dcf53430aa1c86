"""`tabulate`: choose the cheapest exact form of every map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.ir.graph import Graph, GraphBuilder
from bitwright.ir.graph.ops import GraphOp, Map
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Table, Thresholds, nonzero_digits
from bitwright.passes.affine import Affine, fit, staircase
from bitwright.passes.rewrite import GraphNode, keep, rebuild

__all__ = ["Tabulate"]

_MOST = 1 << 60


@dataclass(frozen=True)
class Tabulate:
    """Turns thresholds and tables into shift-round-saturate where that is exact and not dearer.

    Exactness is not assumed: the conditions of `passes.affine` hold for every code of the range.
    `most_levels`: maps with at most so many steps stay comparisons when a multiplication by more
    than one digit would replace them.
    """

    most_levels: int = 3

    def __call__(self, program: Graph) -> Graph:
        """The same function with cheaper maps."""

        def rewrite(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
            op: GraphOp = node.op
            if isinstance(op, Map) and not isinstance(op.form, ShiftRoundSaturate):
                low, high = builder.type(args[0]).bounds()
                op = self.choose(op, low, high)
                return keep(builder, node, args, op, "tabulate")
            return keep(builder, node, args)

        return rebuild(program, rewrite)

    def choose(self, op: Map, low: IntArray, high: IntArray) -> Map:
        """`op` in the form to build, for codes in [low, high] (of the tensor's shape)."""
        form = op.form if isinstance(op.form, Thresholds) else _as_thresholds(op.form)
        if form is None:
            return op
        rows = np.broadcast_to(op.rows.array, low.shape)
        fitted: list[Affine] = []
        dear: list[bool] = []
        for row in range(form.count):
            mine = rows == row
            if not mine.any():
                fitted.append(Affine(0, 0, 0, Rounding.FLOOR, 0, 0))
                continue
            ends = int(low[mine].min()), int(high[mine].max())
            stairs = staircase(form.thresholds.array[row], form.values.array[row], *ends)
            found = None if stairs is None else fit(stairs)
            if found is None or _overflows(found, *ends):
                return op
            fitted.append(found)
            if found.mul:
                dear.append(self._dear(found, len(stairs.steps) if stairs else 0))
        # A constant costs nothing in any form; among the others one form is built for all rows.
        return op if dear and all(dear) else _combined(fitted, op)

    def _dear(self, found: Affine, levels: int) -> bool:
        digits = int(nonzero_digits(np.array([found.mul]))[0])
        return levels <= self.most_levels and (digits > 1 or found.add != 0)


def _overflows(found: Affine, low: int, high: int) -> bool:
    """The steps may be few and steep while the range behind them is wide."""
    return abs(found.mul) * max(abs(low), abs(high)) + abs(found.add) + (1 << found.shift) >= _MOST


def _combined(fitted: list[Affine], op: Map) -> Map:
    modes = {f.rounding for f in fitted if f.mul}
    if len(modes) > 1:
        return op
    column = [Ints([getattr(f, name) for f in fitted]) for name in ("mul", "add", "shift", "low", "high")]
    rounding = modes.pop() if modes else Rounding.FLOOR
    return Map(ShiftRoundSaturate(column[0], column[1], column[2], rounding, column[3], column[4]), op.rows)


def _as_thresholds(form: ShiftRoundSaturate | Thresholds | Table) -> Thresholds | None:
    """A table as thresholds at every code: only worth it for wide monotone ones (e.g. identities)."""
    if not isinstance(form, Table):
        return None
    count = form.values.shape[1]
    thresholds = form.start.array[:, None] + 1 + np.arange(count - 1)
    return Thresholds(Ints(thresholds), form.values)
