"""The largest along the last axis, word by word: lists of each word, merged into one that goes around."""

from __future__ import annotations

from math import gcd

import numpy as np

from bitwright.ir.dataflow.ops import Apply, Recur
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import Map, TopK
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.numeric import Ints, Steps
from bitwright.passes.choosing import Item, merged, top
from bitwright.passes.streaming.fold import divisors, fold_steps, legal_foldings
from bitwright.passes.streaming.folding import Folding
from bitwright.passes.streaming.maps import by_phase
from bitwright.passes.streaming.placer import GraphNode, Placer, place
from bitwright.passes.streaming.tails import Mapped

__all__: list[str] = []


@place.on(TopK)
def _(op: TopK, placer: Placer, node: GraphNode, last: GraphNode, then: Map | None) -> int:
    size = placer.program.nodes[node.args[0]].type.shape[-1]
    lanes = placer.told_lanes(node) or gcd(placer.stream(placer.at[node.args[0]]).lanes, size)
    source = placer.argument(node, 0, lanes)
    types, words = placer.stream(source).lane_words(), size // lanes

    def listed(builder: NetlistBuilder, given: dict[str, list[int]], phase: int) -> list[int]:
        """The word's own list: values, then places."""
        places = [[p * lanes + i for p in range(words)] for i in range(lanes)]
        items: list[Item] = [
            (x,) if op.values else (x, by_phase(builder, phase, where))
            for x, where in zip(given["x"], places, strict=True)
        ]
        found = top(builder, items, op.count)
        return [item[part] for part in range(len(items[0])) for item in found]

    told = placer.mapped(last, then, op.count)
    if words == 1:
        tail = placer.tails.combined({"x": types}, told, lambda b, given, p: listed(b, given, p)[-op.count :])
        return placer.put(Apply(tail), [source], node, last.type)
    count = min(op.count, lanes)
    plain = np.zeros((1, count * (1 if op.values else 2)), dtype=np.int64)
    if lanes > 1 or not op.values:
        lists = placer.tails.combined({"x": types}, Mapped(None, plain, 1, plain), listed, 1 if op.values else words)
        source = placer.put(Apply(lists), [source], node, name=f"{node.name}_lists")
    low = min(w.low for w in types)
    # Where places are told, what no element has filled yet must come behind all that are equal.
    empty = low - 1 if op.count > 1 and not op.values else low
    span = [Word(empty, max(w.high for w in types))] + ([] if op.values else [Word(0, size - 1)])
    step = placer.tails.looped(_merge(placer.stream(source).lane_words(), span, op.count))
    initial = [empty] * op.count + [0] * (op.count * (len(span) - 1))
    tail = placer.tails.mapped([span[-1]] * op.count, told)
    return placer.put(Recur(words, Ints(initial), step, True, tail), [source], node, last.type)


def _merge(types: list[Word], span: list[Word], count: int) -> Netlist:
    """The step: what has been found so far and a word's list become what has been found."""
    builder = NetlistBuilder()
    x = builder.input_port("x", (len(types),), types, Steps.of(1))
    state = [word for word in span for _ in range(count)]
    known = builder.input_port("state", (len(state),), state, Steps.of(1))
    parts = len(span)
    old, new = (list(zip(*_parts(port, parts), strict=True)) for port in (known, x))
    found = merged(builder, old, new, count)
    flat = [item[part] for part in range(parts) for item in found]
    results = [_port("y", flat[-count:]), _port("next", flat)]
    return builder.finish("step", [x, known], results)


def _parts(port: Port, parts: int) -> list[tuple[int, ...]]:
    size = len(port.words) // parts
    return [port.words[i * size : (i + 1) * size] for i in range(parts)]


def _port(name: str, words: list[int]) -> Port:
    return Port(name, (len(words),), tuple(words), Steps.of(1))


@legal_foldings.on(TopK)
def _(op: TopK, node: GraphNode, args: list[TensorType]) -> list[Folding]:
    return [Folding(d) for d in divisors(args[0].shape[-1])]


@fold_steps.on(TopK)
def _(op: TopK, node: GraphNode, args: list[TensorType], folding: Folding) -> int:
    """At least: a fast clock has words wait for the lists that they meet."""
    return args[0].size // folding.lanes
