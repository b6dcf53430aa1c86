"""Maps with many steps as binary searches: their rule."""

from __future__ import annotations

from bitwright.backends.cpp.streaming.parts import Described, Ends, described, function, numbers_of, types_of
from bitwright.backends.cpp.tree import Line, Statement
from bitwright.backends.cpp.words import Unit
from bitwright.ir.dataflow import Stream
from bitwright.ir.dataflow.ops import Search
from bitwright.ir.netlist import Word

__all__ = ["described"]


@described.on(Search)
def _(op: Search, result: Stream, args: list[Stream], unit: Unit) -> Described:
    ends, bounds, given = Ends(op, result, args, unit), op.thresholds.array, args[0].lane_words()
    phases, lanes, count = bounds.shape
    low = min(int(bounds.min()), *(w.low for w in given), -1)
    high = max(int(bounds.max()), *(w.high for w in given))
    kind = ends.kind([Word(low, high)])
    body: list[Statement] = [
        *unit.dialect.table(kind, "values", bounds.ravel().tolist()),
        Line(f"return values[(phase * {lanes} + lane) * {count} + n];"),
    ]
    members = [
        *types_of(x_t=ends.lanes(given), found_t=ends.lanes(ends.words), bound_t=kind),
        *numbers_of({"WORDS": result.words, "LANES": lanes, "FIRST": (count + 1) // 2, "ROWS": phases}),
        function("bound_t bound(std::size_t phase, std::size_t lane, std::size_t n)", body, unit.dialect),
        *ends.tail({"x": ("found_t", ends.words)}),
    ]
    return Described(members, [("search", (0,))], result.words, about=f"{count} thresholds of each lane")
