"""Maps, pools, sums of streams and concatenation as actors."""

from __future__ import annotations

from functools import partial
from math import gcd, prod

import numpy as np

from bitwright.ir.dataflow.ops import Apply, Interleave, Reduce, Reduction
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    GraphOp,
    Map,
    Maximum,
    MaxPool,
    Minimum,
    Multiply,
    Reshape,
    Subtract,
    SumPool,
)
from bitwright.ir.netlist import NetlistBuilder, Word
from bitwright.numeric import IntArray
from bitwright.passes.streaming.broadcast import broadcast, common_lanes
from bitwright.passes.streaming.maps import by_phase
from bitwright.passes.streaming.pixels import pool_of_pixels
from bitwright.passes.streaming.placer import GraphNode, Placer, place, repeats
from bitwright.passes.streaming.rows import reduced_rows
from bitwright.passes.streaming.search import search_of
from bitwright.passes.streaming.view import is_of_rows, view_of
from bitwright.passes.words import larger, tree

__all__: list[str] = []


@place.on(Map)
def _(op: Map, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    source = placer.argument(node, 0, placer.told_lanes(node))
    given = placer.stream(source)
    told = placer.mapped(node, op, given.lanes)
    search = search_of(placer.tails, given.lane_words(), told)
    if search is not None:
        return placer.put(search, [source], node, node.type)
    tail = placer.tails.mapped(given.lane_words(), told)
    return source if tail is None else placer.put(Apply(tail), [source], node, node.type)


@place.on(Reshape)
def _(op: Reshape, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    return placer.argument(node)


@place.on(MaxPool, SumPool)
def _(op: MaxPool | SumPool, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    given = placer.program.nodes[node.args[0]].type
    if is_of_rows(op, given.shape):
        return reduced_rows(op, placer, node, last, then)
    view, folding = view_of(op, given.shape, node), placer.folding(node)
    fill = int(given.low.array.min()) if isinstance(op, MaxPool) else 0

    def reduce(builder: NetlistBuilder, taps: list[int]) -> int:
        return placer.tails.added(builder, taps) if isinstance(op, SumPool) else tree(taps, partial(larger, builder))

    if folding.lanes > view.grid[2]:
        return pool_of_pixels(placer, placer.at[node.args[0]], view, op, node, last, then, fill, reduce)
    stream = placer.stream(placer.at[node.args[0]])
    wanted = placer.told_lanes(node) or gcd(stream.lanes, view.grid[2])
    source = placer.argument(node, 0, wanted)
    lanes = placer.stream(source).lanes
    told = placer.mapped(last, then, lanes)
    if view.out == (1, 1) and view.kernel == view.grid[:2]:
        how = Reduction.MAX if isinstance(op, MaxPool) else Reduction.SUM
        count = view.grid[0] * view.grid[1]
        types = [_summed_range(w, count, how) for w in placer.stream(source).lane_words()]
        return placer.put(Reduce(count, how, placer.tails.mapped(types, told)), [source], node, last.type)
    padded = any(n for p in view.pads for n in p)
    plain = placer.stream(source).lane_words()
    types = [Word(min(w.low, fill), max(w.high, fill)) if padded else w for w in plain] * prod(view.kernel)

    def combine(builder: NetlistBuilder, words: dict[str, list[int]], phase: int) -> list[int]:
        return [reduce(builder, words["x"][i::lanes]) for i in range(lanes)]

    tail = placer.tails.combined({"x": types}, told, combine)
    return placer.put(view.window(fill, tail, folding), [source], node, last.type)


def _summed_range(word: Word, count: int, how: Reduction) -> Word:
    return word if how is Reduction.MAX else Word(min(word.low * count, word.low), max(word.high * count, word.high))


@place.on(Add, Subtract, Multiply, Maximum, Minimum)
def _(op: GraphOp, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    live = [p for p, a in enumerate(node.args) if not isinstance(placer.program.nodes[a].op, Constant)]
    streams = [placer.stream(placer.at[node.args[p]]) for p in live]
    lanes = placer.told_lanes(node) or streams[0].lanes
    lanes = common_lanes(lanes, node.type.shape, [placer.program.nodes[node.args[p]].type.shape for p in live])
    sources = [broadcast(placer, node, p, lanes) for p in live]
    told = placer.mapped(last, then, lanes)
    names = ("a", "b") if len(live) == 2 else ("x",)
    types = {name: placer.stream(s).lane_words() for name, s in zip(names, sources, strict=True)}
    fixed = _constant_operand(placer, node, lanes)

    def combine(builder: NetlistBuilder, words: dict[str, list[int]], phase: int) -> list[int]:
        sides = [words[name] * (lanes // len(words[name])) for name in names]
        out: list[int] = []
        for lane in range(lanes):
            given = [side[lane] for side in sides]
            if fixed is not None:
                given.insert(fixed[0], by_phase(builder, phase, fixed[1][:, lane].tolist()))
            out.append(_of_two(op, builder, *given))
        return out

    tail = placer.tails.combined(types, told, combine, 1 if fixed is None else len(fixed[1]))
    return placer.put(Apply(tail), sources, node, last.type)


def _constant_operand(placer: Placer, node: GraphNode, lanes: int) -> tuple[int, IntArray] | None:
    """Which operand is a constant, and its values by word and lane."""
    for port, a in enumerate(node.args):
        op = placer.program.nodes[a].op
        if isinstance(op, Constant):
            values = np.broadcast_to(op.values.array, node.type.shape).reshape(-1, lanes)
            period = next(p for p in range(1, len(values) + 1) if len(values) % p == 0 and repeats(values, p))
            return port, values[:period]
    return None


def _of_two(op: GraphOp, builder: NetlistBuilder, a: int, b: int) -> int:
    if isinstance(op, Add):
        return builder.add(a, b)
    if isinstance(op, Subtract):
        return builder.subtract(a, b)
    if isinstance(op, Multiply):
        return builder.multiply(a, b)
    return larger(builder, a, b) if isinstance(op, Maximum) else builder.mux(builder.at_least(a, b), b, a)


@place.on(Concat)
def _(op: Concat, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    shapes = [placer.program.nodes[a].type.shape for a in node.args]
    chunks = [prod(shape[op.axis :]) for shape in shapes]
    most = gcd(*chunks)
    asked = placer.told_lanes(node) or most
    lanes = gcd(most, asked)
    sources = [placer.argument(node, p, lanes) for p in range(len(node.args))]
    told = placer.mapped(last, then, lanes)
    types = [placer.stream(s).lane_words() for s in sources]
    joined = [Word(min(w.low for w in lane), max(w.high for w in lane)) for lane in zip(*types, strict=True)]
    counts = tuple(c // lanes for c in chunks)
    return placer.put(Interleave(counts, placer.tails.mapped(joined, told)), sources, node, last.type)
