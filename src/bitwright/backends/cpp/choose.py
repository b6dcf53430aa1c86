"""The largest along the last axis in C++: a list of the best so far, into which every element is sorted."""

from __future__ import annotations

from math import prod

from bitwright.backends.cpp.folding import Folded, fold
from bitwright.backends.cpp.layers import Scope, Written, emulate
from bitwright.backends.cpp.tree import Block, Line, Statement
from bitwright.ir.graph.ops import TopK

__all__: list[str] = []


@emulate.on(TopK)
def _(op: TopK, scope: Scope) -> Written:
    shape = scope.sources[0].shape
    told = f"L, {prod(shape[:-1])}, {shape[-1]}, {op.count}, {'true' if op.values else 'false'}"
    return Written([Line(f"detail::top<{told}>(x, y);")])


@fold.on(TopK)
def _(op: TopK, scope: Folded) -> list[Statement]:
    """An element a turn goes along the list: from where it belongs on each moves the next one down."""
    source, d = scope.sources[0], scope.dialect
    size, kind = source.shape[-1], scope.kind(source)
    place = scope.kinds.holding(0, size - 1).text
    moved = [f"const {kind} v = best[k];", f"const {place} p = where[k];", "best[k] = value;", "where[k] = at;",
             "value = v;", "at = p;", "moved = true;"]  # fmt: skip
    passed = Block("if (moved || k >= c || value > best[k])", tuple(map(Line, moved)))
    element: list[Statement] = [
        Line(f"{kind} value = x[row * {size} + c];"),
        Line(f"{place} at = c;"),
        Line("bool moved = false;"),
        *scope.unrolled("k", op.count, [passed]),
    ]
    kept = "best[k]" if op.values else "where[k]"
    body: list[Statement] = [
        Line(f"{kind} best[{op.count}] = {{}};"),
        Line(f"{place} where[{op.count}] = {{}};"),
        *d.pragma("partition", variable="best"),
        *d.pragma("partition", variable="where"),
        *d.loop("c", size, element, d.pragma("loop_pipeline", ii=1)),
        *d.loop("k", op.count, [Line(f"y[row * {op.count} + k] = {kept};")], d.pragma("loop_pipeline", ii=1)),
    ]
    return d.loop("row", prod(source.shape[:-1]), body)
