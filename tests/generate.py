"""Random programs for property tests: every operator, odd ranges, registers, layers that read each other."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import numpy as np

from bitwright.core.origin import Origin
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word, trace
from bitwright.ir.netlist.ops import Register
from bitwright.numeric import IntArray, Steps

__all__ = ["corner_vectors", "every_vector", "narrowed", "random_netlist", "random_vectors"]

_RANGES = (
    (0, 1),
    (-1, 0),
    (0, 15),
    (-8, 7),
    (-9, 3),
    (2, 6),
    (-7, -3),
    (0, 200),
    (-128, 127),
    (-1, 8),
    (0, 0),
    (5, 5),
    (-1 << 30, (1 << 30) - 1),
    (0, (1 << 29) + 5),
)


def random_netlist(
    rng: random.Random,
    *,
    words: int = 40,
    stages: int = 2,
    inputs: int = 4,
    outputs: int = 12,
    widest_input: int = 8,
    widest: int = 16,
    name: str = "random",
) -> Netlist:
    """A netlist of about `words` words over all operators with `stages` register stages.

    Words wider than `widest` are clipped (products may be twice as wide before). Inputs come in one or
    two ports; layer names repeat across stages, so that layers read each other in turn.
    """
    builder = NetlistBuilder()
    ports = _ports(rng, builder, inputs, widest_input)
    pool = [word for port in ports for word in port.words]
    for stage in range(stages + 1):
        if stage:
            builder.at(Origin(rng.choice(("fc1", "relu")), ("place", "retime")))
            kept = (_unread(builder, pool) + rng.sample(pool, len(pool)))[: words // 2 + 3]
            pool = [_registered(builder, word) for word in dict.fromkeys(kept)]
        for _ in range(words // (stages + 1)):
            builder.at(Origin(rng.choice(("fc1", "relu", "conv/2d", f"dense_{stage}", "")), ("place",)))
            pool.append(_word(rng, builder, pool, widest))
    ends = _unread(builder, pool)
    chosen = [ends[i % len(ends)] for i in range(outputs - 1)]
    chosen.append(rng.choice((builder.constant(-5), pool[-1])))
    cut = rng.randint(1, len(chosen)) if outputs > 1 else 1
    steps = Steps.of(Fraction(1, 1 << rng.randint(0, 5)))
    results = [Port("y", (cut,), tuple(chosen[:cut]), steps)]
    if chosen[cut:]:
        results.append(Port("z", (1, len(chosen) - cut), tuple(chosen[cut:]), Steps.of(Fraction(1, 255))))
    return builder.finish(name, ports, results)


def _ports(rng: random.Random, builder: NetlistBuilder, count: int, widest: int) -> list[Port]:
    def types(n: int) -> list[Word]:
        fitting = [t for t in (Word(low, high) for low, high in _RANGES) if t.width <= widest]
        return rng.choices(fitting, [1 if t.width < 16 else 5 for t in fitting], k=n)

    first = rng.randint(1, count)
    ports = [builder.input_port("x", (first,), types(first), Steps.of(Fraction(1, 8)))]
    if count > first:
        ports.append(builder.input_port("x2", (1, count - first), types(count - first), Steps.of(2)))
    return ports


def _registered(builder: NetlistBuilder, word: int) -> int:
    return word if builder.value_of(word) is not None else builder.word(Register(), word)


def _unread(builder: NetlistBuilder, pool: list[int]) -> list[int]:
    """The words of the pool that nothing reads yet, the latest first (one at least)."""
    read = {a for node in builder.nodes for a in node.args}
    return [w for w in reversed(pool) if w not in read and builder.value_of(w) is None] or pool[-1:]


def _word(rng: random.Random, builder: NetlistBuilder, pool: list[int], widest: int) -> int:
    """A new word from words of the pool (late ones are likelier); narrow again where it grew wide."""
    a, b, c = (pool[min(len(pool) - 1, int(len(pool) * rng.random() ** 0.6))] for _ in range(3))
    makers = (_sum, _difference, _sum, _chain, _chain, _moved, _cut, _clip, _compare, _choose, _table, _product)
    word = rng.choice(makers)(rng, builder, a, b, c)
    if builder.type(word).width > widest:
        bound = 1 << rng.randint(2, widest - 9)
        word = builder.clip(word, rng.choice((-bound, -bound + 1, 0, 3)), bound - rng.randint(0, 1))
    return word


def _sum(rng: random.Random, builder: NetlistBuilder, a: int, b: int, c: int) -> int:
    b = builder.constant(rng.randint(-40, 40)) if rng.random() < 0.2 else b
    return builder.add(a, b, rng.choice((0, 0, 1, 3, 8)), rng.choice((0, 0, 2)))


def _difference(rng: random.Random, builder: NetlistBuilder, a: int, b: int, c: int) -> int:
    constant = builder.constant(rng.choice((0, 0, 7, -5)))
    a, b = rng.choice(((a, b), (a, b), (constant, b), (a, constant)))
    return builder.subtract(a, b, rng.choice((0, 1, 4)), rng.choice((0, 0, 2)))


def _chain(rng: random.Random, builder: NetlistBuilder, a: int, b: int, c: int) -> int:
    terms = [(w, rng.choice((0, 0, 1, 3, 6)), rng.choice((1, 1, -1))) for w in (a, b, c)[: rng.choice((1, 2, 3, 3))]]
    return builder.sum(terms, rng.choice((0, 0, 1, 2, -5, 37, 255, -256)))


def _moved(rng: random.Random, builder: NetlistBuilder, a: int, b: int, c: int) -> int:
    return builder.shift(a, rng.choice((-9, -3, -2, -1, 1, 2)))


def _cut(rng: random.Random, builder: NetlistBuilder, a: int, b: int, c: int) -> int:
    return builder.bits(a, rng.randint(0, 5), rng.randint(1, 5))


def _clip(rng: random.Random, builder: NetlistBuilder, a: int, b: int, c: int) -> int:
    low, high = sorted(rng.sample((-16, -15, -9, -8, -4, -2, -1, 0, 0, 1, 2, 3, 5, 7, 8, 15, 31, 63), 2))
    return builder.clip(a, low, high)


def _compare(rng: random.Random, builder: NetlistBuilder, a: int, b: int, c: int) -> int:
    constant = builder.constant(rng.choice((0, 0, 1, 3, -1, -4, 8)))
    a, b = rng.choice(((a, b), (a, constant), (constant, a)))
    return builder.at_least(a, b)


def _choose(rng: random.Random, builder: NetlistBuilder, a: int, b: int, c: int) -> int:
    selector = builder.at_least(c, builder.constant(rng.randint(-3, 5)))
    b = builder.constant(rng.randint(-9, 9)) if rng.random() < 0.3 else b
    return builder.mux(selector, a, b)


def _table(rng: random.Random, builder: NetlistBuilder, a: int, b: int, c: int) -> int:
    if builder.type(a).width > 7:
        a = builder.bits(a, 1, 6)
    low, high = builder.type(a).low, builder.type(a).high
    bound = rng.choice((1, 3, 100))
    if rng.random() < 0.5:
        return builder.table(a, low - 1, [rng.randint(-bound, bound) for _ in range(high - low + 3)])
    return builder.table(a, low, [v * v // 3 for v in range(low, high + 1)])


def _product(rng: random.Random, builder: NetlistBuilder, a: int, b: int, c: int) -> int:
    return builder.multiply(a, b)


def corner_vectors(netlist: Netlist) -> list[IntArray]:
    """All inputs at their minimum, all at their maximum, and each alone at its other end."""
    types = [netlist.nodes[w].type for port in netlist.inputs for w in port.words]
    low, high = (np.array([getattr(t, end) for t in types], dtype=np.int64) for end in ("low", "high"))
    picks = [np.zeros(len(types), bool), np.ones(len(types), bool)]
    for alone in np.eye(len(types), dtype=bool)[:64]:
        picks += [alone, ~alone]
    return _split(netlist, np.where(np.array(picks), high, low))


def random_vectors(netlist: Netlist, rng: random.Random, count: int) -> list[IntArray]:
    """The corner vectors and `count` vectors drawn evenly from the input ranges."""
    generator = np.random.default_rng(rng.getrandbits(32))
    columns = [
        generator.integers(netlist.nodes[w].type.low, netlist.nodes[w].type.high, count, endpoint=True)
        for port in netlist.inputs
        for w in port.words
    ]
    drawn = _split(netlist, np.stack(columns, axis=1))
    return [np.concatenate(pair) for pair in zip(corner_vectors(netlist), drawn, strict=True)]


def every_vector(netlist: Netlist) -> list[IntArray]:
    """All combinations of input codes (for netlists with few input bits)."""
    types = [netlist.nodes[w].type for port in netlist.inputs for w in port.words]
    axes = np.meshgrid(*(np.arange(t.low, t.high + 1) for t in types), indexing="ij")
    return _split(netlist, np.stack([axis.ravel() for axis in axes], axis=1))


def _split(netlist: Netlist, codes: IntArray) -> list[IntArray]:
    arrays: list[IntArray] = []
    start = 0
    for port in netlist.inputs:
        arrays.append(codes[:, start : start + len(port.words)].reshape(-1, *port.shape))
        start += len(port.words)
    return arrays


def narrowed(netlist: Netlist) -> Netlist:
    """The same netlist with every word's range cut to what it really takes, found on all inputs."""
    values = trace(netlist, every_vector(netlist))
    nodes = tuple(
        replace(node, type=Word(int(v.min()), int(v.max()))) if node.args else node
        for node, v in zip(netlist.nodes, values, strict=True)
    )
    return Netlist(netlist.name, nodes, netlist.outputs, netlist.inputs, netlist.results)
