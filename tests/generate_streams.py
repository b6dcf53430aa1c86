"""Random dataflow programs for property tests: small frames, every actor, forks that meet again, odd foldings."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod

from bitwright.core.errors import InvalidProgram
from bitwright.ir.dataflow import Dataflow, DataflowBuilder, Stream, check, released
from bitwright.ir.dataflow.infer import out_grid
from bitwright.ir.dataflow.ops import (
    Apply,
    Convert,
    Inner,
    Interleave,
    Loop,
    MatVec,
    Rearrange,
    Recur,
    Reduce,
    Reduction,
    Window,
)
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.ir.netlist.ops import Register
from bitwright.numeric import Ints, Steps

__all__ = ["random_dataflow"]

_CODES = Word(-8, 7)
_MOST_WORDS = 120


def random_dataflow(rng: random.Random, *, actors: int = 6, name: str = "random") -> Dataflow:
    """A program without channels of about so many actors, at most 120 words a frame in each stream."""
    draft = _Draft(rng)
    for _ in range(1 + (rng.random() < 0.25)):
        draft.source()
    makers = (_apply, _convert, _window, _window, _slide, _walk, _matvec, _matvec, _reduce, _residual, _residual, _meet)
    tries = 0
    while len(draft.builder.nodes) < actors + 1 and tries < 60:
        tries += 1
        rng.choice(makers)(draft, draft.pick())
    # Appended, so that what is drawn above stays as it is.
    if draft.builder.nodes[-1].type.words % 2 == 0:
        (_recur if len(draft.builder.nodes) % 2 else _inner)(draft, len(draft.builder.nodes) - 1)
    unread = [i for i in range(len(draft.builder.nodes)) if i not in draft.read]
    extra = [draft.pick()] if rng.random() < 0.2 else []
    return check(draft.builder.dataflow(name, list(dict.fromkeys(unread + extra))))


@dataclass
class _Draft:
    rng: random.Random
    builder: DataflowBuilder = field(default_factory=DataflowBuilder)
    read: set[int] = field(default_factory=set[int])

    def source(self) -> None:
        rows, columns = (1, 1) if self.rng.random() < 0.2 else (self.rng.randint(2, 6), self.rng.randint(2, 6))
        shape = (rows, columns, self.rng.choice((1, 2, 2, 3, 4, 6)))
        lanes = self.rng.choice(_divisors(shape[2]))
        self.builder.source(Stream(shape, lanes, Ints(_CODES.low), Ints(_CODES.high), Steps.of(1)), "x")

    def pick(self) -> int:
        """A stream, most often one that nobody reads yet, or one of the latest."""
        unread = [i for i in range(len(self.builder.nodes)) if i not in self.read]
        if unread and self.rng.random() < 0.7:
            return unread[0]
        last = len(self.builder.nodes) - 1
        return max(last - int(self.rng.expovariate(0.9)), 0)

    def type(self, stream: int) -> Stream:
        return self.builder.type(stream)

    def grid(self, stream: int) -> tuple[int, int, int]:
        """Rows, columns and words of a pixel."""
        type = self.type(stream)
        if len(type.shape) == 3 and type.shape[2] % type.lanes == 0:
            return type.shape[0], type.shape[1], type.shape[2] // type.lanes
        return 1, type.words, 1

    def tail(self, stream: int, lanes: int, words: int) -> Netlist | None:
        """Often none; else one that keeps its codes, or makes them fewer."""
        return self.tail_of(lanes, words)

    def tail_of(self, lanes: int, words: int) -> Netlist | None:
        """The same for so many lanes of codes."""
        if self.rng.random() < 0.5:
            return None
        fewer = self.rng.choice(_divisors(lanes))
        return _netlist(self.rng, {"x": [_CODES] * lanes}, fewer, words)

    def add(self, op: object, args: list[int], shape: tuple[int, ...] | None = None, lanes: int | None = None) -> int:
        self.read |= set(args)
        return self.builder.apply(op, args, shape=shape, lanes=lanes)  # type: ignore[arg-type]


def _divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]


def _netlist(rng: random.Random, ports: dict[str, list[Word]], outputs: int, words: int = 1) -> Netlist:
    """Sums of some words of all ports, clipped, behind 0 to 4 registers; sometimes with phases."""
    builder, made, pool = NetlistBuilder(), [], []
    for port, types in ports.items():
        made.append(builder.input_port(port, (len(types),), types, Steps.of(1)))
        pool.append(list(made[-1].words))
    if words > 1 and rng.random() < 0.3:
        phases = rng.choice(_divisors(words)[1:])
        made.append(builder.input_port("phase", (1,), [Word(0, phases - 1)], Steps.of(1)))
        pool.append(list(made[-1].words))
    stages, found = rng.choice((0, 0, 1, 1, 2, 4)), list[int]()
    for output in range(outputs):
        word = pool[0][output % len(pool[0])]
        for other in pool[1:]:
            word = builder.add(word, other[output % len(other)])
        word = builder.clip(builder.add(word, builder.constant(rng.randint(-2, 3))), _CODES.low, _CODES.high)
        found.append(word)
    for _ in range(stages):
        found = [builder.word(Register(), word) for word in found]
    return builder.finish("tail", made, [_port(found)])


def _port(words: list[int]) -> Port:
    return Port("y", (len(words),), tuple(words), Steps.of(1))


def _apply(draft: _Draft, stream: int) -> int:
    type = draft.type(stream)
    lanes = draft.rng.choice(_divisors(type.lanes))
    return draft.add(Apply(_netlist(draft.rng, {"x": type.lane_words()}, lanes, type.words)), [stream])


def _convert(draft: _Draft, stream: int) -> int | None:
    size = draft.type(stream).size
    fits = [d for d in _divisors(size) if size // d <= _MOST_WORDS and d <= 12]
    return draft.add(Convert(), [stream], lanes=draft.rng.choice(fits)) if fits else None


def _window(draft: _Draft, stream: int) -> int | None:
    rng, type = draft.rng, draft.type(stream)
    rows, columns, words = draft.grid(stream)
    kernel, strides = (rng.randint(1, 3), rng.randint(1, 3)), (rng.choice((1, 1, 2)), rng.choice((1, 1, 2, 3)))
    dilation = (rng.choice((1, 1, 2)), rng.choice((1, 1, 2)))
    pads = ((rng.choice((0, 0, 1)), rng.choice((0, 0, 1))), (rng.choice((0, 0, 1, 2)), rng.choice((0, 0, 1, 2))))
    op = Window((rows, columns, words * type.lanes), kernel, strides, pads, dilation)
    if min(out_grid(op)) < 1 or type.lanes * prod(kernel) > 18:
        return None
    count = prod(out_grid(op)) * words
    tail = draft.tail(stream, type.lanes * prod(kernel), count)
    return draft.add(Window(op.grid, kernel, strides, pads, dilation, 0, tail), [stream]) if count <= 120 else None


def _slide(draft: _Draft, stream: int) -> int | None:
    """A window as a Rearrange: word after word of each place of the kernel."""
    rng = draft.rng
    rows, columns, words = draft.grid(stream)
    pad, stride, high, wide = rng.choice((0, 0, 1)), rng.choice((1, 1, 2)), rng.randint(1, 3), rng.randint(1, 2)
    down, across = (rows + 2 * pad - high) // stride + 1, (columns + 2 * pad - wide) // stride + 1
    if down < 1 or across < 1:
        return None
    loops = (Loop(down, stride), Loop(across, 0, stride), Loop(high, 1), Loop(wide, 0, 1), Loop(words, 0, 0, 1))
    return _rearrange(draft, stream, (rows, columns, words), loops, (-pad, -pad, 0))


def _walk(draft: _Draft, stream: int) -> int | None:
    """Transposed, upsampled or cut out."""
    rng, grid = draft.rng, draft.grid(stream)
    loops = [Loop(grid[0], 1), Loop(grid[1], 0, 1), Loop(grid[2], 0, 0, 1)]
    form = rng.randrange(3)
    if form == 0:
        rng.shuffle(loops)
    elif form == 1:
        loops[rng.randint(1, 3) : 1] = [Loop(rng.randint(2, 3))]
    else:
        loops[rng.randrange(2)] = Loop(rng.randint(1, 2), *rng.choice(((1,), (0, 1), (2,))))
    return _rearrange(draft, stream, grid, tuple(loops), (0, 0, 0))


def _rearrange(
    draft: _Draft, stream: int, grid: tuple[int, int, int], loops: tuple[Loop, ...], origin: tuple[int, int, int]
) -> int | None:
    count = prod(loop.extent for loop in loops)
    if count > _MOST_WORDS:
        return None
    tail = draft.tail(stream, draft.type(stream).lanes, count)
    releases = [n for n in range(len(loops) + 1) if _may_release(Rearrange(grid, loops, origin, n))]
    release = draft.rng.choice((releases[-1], draft.rng.choice(releases)))
    return draft.add(Rearrange(grid, loops, origin, release, 0, 0, tail), [stream])


def _may_release(op: Rearrange) -> bool:
    try:
        released(op)
    except InvalidProgram:
        return False
    return True


def _matvec(draft: _Draft, stream: int) -> int | None:
    rng, type = draft.rng, draft.type(stream)
    folds = rng.choice([d for d in _divisors(type.words) if d * type.lanes <= 24])
    inputs, outputs = folds * type.lanes, rng.choice((1, 2, 3, 4, 6))
    units, vectors = rng.choice(_divisors(outputs)), type.size // inputs
    groups = rng.choice([g for g in _divisors(vectors) if g <= 3])
    if vectors * (outputs // units) * folds > 2 * _MOST_WORDS:
        return None
    codes = [[[rng.randint(-2, 3) for _ in range(outputs)] for _ in range(inputs)] for _ in range(groups)]
    weights = Ints(codes)
    span = Word(int(weights.array.min()), int(weights.array.max()))
    dot = _dot(rng, type.lane_words(), span)
    bound = inputs * max(abs(w.low) + abs(w.high) for w in type.lane_words()) * 3
    narrow = _netlist(rng, {"x": [Word(-bound, bound)] * units}, units)
    return draft.add(MatVec(weights, units, dot, -bound, bound, narrow), [stream])


def _dot(rng: random.Random, lanes: list[Word], weight: Word) -> Netlist:
    builder = NetlistBuilder()
    x = builder.input_port("x", (len(lanes),), lanes, Steps.of(1))
    w = builder.input_port("w", (len(lanes),), [weight] * len(lanes), Steps.of(1))
    total = builder.constant(0)
    for a, b in zip(x.words, w.words, strict=True):
        total = builder.add(total, builder.multiply(a, b))
    for _ in range(rng.choice((0, 1, 2))):
        total = builder.word(Register(), total)
    return builder.finish("dot", [x, w], [_port([total])])


def _reduce(draft: _Draft, stream: int) -> int:
    type = draft.type(stream)
    kind = draft.rng.choice(list(Reduction))
    count = draft.rng.choice(_divisors(type.words))
    types = type.lane_words()
    if kind is Reduction.SUM:
        types = [Word(min(t.low * count, t.low), max(t.high * count, t.high)) for t in types]
    return draft.add(Reduce(count, kind, _netlist(draft.rng, {"x": types}, type.lanes)), [stream])


def _recur(draft: _Draft, stream: int) -> int:
    """What is left of the state, and the word added to it, around a loop of some cycles."""
    type = draft.type(stream)
    count, lanes = draft.rng.choice(_divisors(type.words)), type.lane_words()
    builder = NetlistBuilder()
    x = builder.input_port("x", (len(lanes),), lanes, Steps.of(1))
    state = builder.input_port("state", (1,), [_CODES], Steps.of(1))
    found = builder.clip(builder.add(x.words[0], builder.shift(state.words[0], -1)), _CODES.low, _CODES.high)
    made = [found, state.words[0], found]
    for _ in range(draft.rng.choice((0, 1, 3))):
        made = [builder.word(Register(), word) for word in made]
    ports = [Port("y", (2,), tuple(made[:2]), Steps.of(1)), Port("next", (1,), (made[2],), Steps.of(1))]
    step = builder.finish("step", [x, state], ports)
    last = draft.rng.random() < 0.5
    tail = draft.tail_of(2, type.words // (count if last else 1))
    return draft.add(Recur(count, Ints([draft.rng.randint(-8, 7)]), step, last, tail), [stream])


def _inner(draft: _Draft, stream: int) -> int:
    """A stream with itself, which forks and meets."""
    type = draft.type(stream)
    lanes, count = type.lane_words(), draft.rng.choice(_divisors(type.words))
    span = Word(min(w.low for w in lanes), max(w.high for w in lanes))
    bound = count * len(lanes) * max(-span.low, span.high) ** 2
    narrow = _netlist(draft.rng, {"x": [Word(-bound, bound)]}, 1)
    return draft.add(Inner(count, 1, _dot(draft.rng, lanes, span), -bound, bound, narrow), [stream, stream])


def _residual(draft: _Draft, stream: int) -> int | None:
    """A fork: one way straight on, one through an actor that keeps the number of words, then both meet."""
    rows, columns, words = draft.grid(stream)
    lanes = draft.type(stream).lanes
    if draft.rng.random() < 0.6 and lanes <= 2:
        tail = _netlist(draft.rng, {"x": [_CODES] * (9 * lanes)}, lanes)
        pads = ((1, 1), (1, 1))
        other = draft.add(Window((rows, columns, words * lanes), (3, 3), (1, 1), pads, tail=tail), [stream])
    else:
        other = draft.rng.choice((_apply, _walk))(draft, stream)
    return None if other is None else _joined(draft, other, stream)


def _meet(draft: _Draft, stream: int) -> int | None:
    """Two streams that happen to fit."""
    others = [i for i in range(len(draft.builder.nodes)) if i != stream]
    fit: list[Callable[[], int | None]] = []
    for other in others:
        a, b = draft.type(stream), draft.type(other)
        if a.words == b.words:
            fit.append(lambda other=other: _joined(draft, stream, other))
        if a.lanes == b.lanes and a.words + b.words <= _MOST_WORDS:
            fit.append(lambda other=other: _interleaved(draft, stream, other))
    return draft.rng.choice(fit)() if fit else None


def _joined(draft: _Draft, a: int, b: int) -> int | None:
    first, second = draft.type(a), draft.type(b)
    if first.words != second.words:
        return None
    op = Apply(_netlist(draft.rng, {"a": first.lane_words(), "b": second.lane_words()}, first.lanes))
    return draft.add(op, [a, b])


def _interleaved(draft: _Draft, a: int, b: int) -> int:
    words = draft.type(a).words, draft.type(b).words
    rounds = draft.rng.choice([d for d in _divisors(words[0]) if words[1] % d == 0])
    return draft.add(Interleave((words[0] // rounds, words[1] // rounds)), [a, b])
