"""The maximum or the sum of every row of a tensor, so many elements at a time."""

from __future__ import annotations

from functools import partial
from math import gcd

from bitwright.ir.dataflow.ops import Apply, Recur
from bitwright.ir.graph.ops import Map, MaxPool, SumPool
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.numeric import Ints, Steps
from bitwright.passes.streaming.placer import GraphNode, Placer
from bitwright.passes.words import larger, tree

__all__ = ["reduced_rows"]


def reduced_rows(op: MaxPool | SumPool, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    """Words of a row go into what its words before have come to; the row's last word makes a word of the result."""
    size = placer.program.nodes[node.args[0]].type.shape[-2]
    lanes = placer.told_lanes(node) or gcd(placer.stream(placer.at[node.args[0]]).lanes, size)
    source = placer.argument(node, 0, lanes)
    types, words = placer.stream(source).lane_words(), size // lanes
    told = placer.mapped(last, then, 1)
    most = isinstance(op, MaxPool)

    def all_of(builder: NetlistBuilder, given: list[int]) -> int:
        return tree(given, partial(larger, builder)) if most else placer.tails.added(builder, given)

    if words == 1:
        tail = placer.tails.combined({"x": types}, told, lambda b, given, phase: [all_of(b, given["x"])])
        return placer.put(Apply(tail), [source], node, last.type)
    low, high = min(w.low for w in types), max(w.high for w in types)
    state = Word(low, high) if most else Word(min(low * size, 0), max(high * size, 0))

    def step() -> Netlist:
        builder = NetlistBuilder()
        x = builder.input_port("x", (lanes,), types, Steps.of(1))
        known = builder.input_port("state", (1,), [state], Steps.of(1))
        both = all_of(builder, list(x.words))
        found = larger(builder, known.words[0], both) if most else builder.add(known.words[0], both)
        # The sum of a round's words stays within what so many elements can come to.
        found = builder.narrow(found, state.low, state.high)
        ports = [Port(name, (1,), (found,), Steps.of(1)) for name in ("y", "next")]
        return builder.finish("step", [x, known], ports)

    made = Recur(
        words, Ints([low if most else 0]), placer.tails.looped(step()), True, placer.tails.mapped([state], told)
    )
    return placer.put(made, [source], node, last.type)
