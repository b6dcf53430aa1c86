"""Single words for the area model: netlists of one operator each, over widths, shifts, signs and contents."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.numeric import Steps

__all__ = ["KINDS", "single_words"]

KINDS = ("add", "subtract", "sum", "constant", "clip", "compare", "mux", "maximum", "multiply", "table")


def single_words(seed: int, count: int) -> Iterator[tuple[str, Netlist]]:
    """`count` netlists of each kind with names "kind number"; the same for a seed."""
    rng = random.Random(seed)
    for number in range(count):
        for kind in KINDS:
            made = _MAKERS[kind](rng)
            if made is not None and made.nodes:
                yield f"{kind} {number}", made


def _built(words: list[Word], build: Callable[[NetlistBuilder, tuple[int, ...]], int]) -> Netlist | None:
    """The netlist, unless it turned out to be a constant or a wire."""
    builder = NetlistBuilder()
    port = builder.input_port("x", (len(words),), words, Steps.of(1))
    out = build(builder, port.words)
    if builder.value_of(out) is not None or out in port.words:
        return None
    return builder.finish("single", [port], [Port("y", (1,), (out,), Steps.of(1))])


def _word(rng: random.Random, least: int = 2, most: int = 14) -> Word:
    """A word of a random width; half of them do not use their whole width."""
    width, low = rng.randint(least, most), 0
    if rng.random() < 0.5:
        low = -(1 << width - 1)
    high = low + (1 << width) - 1
    if rng.random() < 0.5:
        return Word(low, high)
    spare = rng.randint(0, (1 << width) // 4)
    return Word(low + spare if low else 0, high - rng.randint(0, (1 << width) // 4))


def _add(rng: random.Random) -> Netlist | None:
    left, right = rng.choice(((0, 0), (rng.randint(1, 6), 0), (0, rng.randint(1, 4))))
    return _built([_word(rng), _word(rng)], lambda b, w: b.add(w[0], w[1], left, right))


def _subtract(rng: random.Random) -> Netlist | None:
    left, right = rng.choice(((0, 0), (rng.randint(1, 6), 0), (0, rng.randint(1, 4))))
    return _built([_word(rng), _word(rng)], lambda b, w: b.subtract(w[0], w[1], left, right))


def _sum(rng: random.Random) -> Netlist | None:
    count = rng.choice((2, 3, 3))
    shifts = [rng.randint(0, 4) for _ in range(count)]
    signs = [rng.choice((1, 1, -1)) for _ in range(count)]
    constant = rng.choice((0, rng.randint(-300, 300)))
    return _built(
        [_word(rng, 2, 10) for _ in range(count)],
        lambda b, w: b.sum(list(zip(w, shifts, signs, strict=True)), constant),
    )


def _constant(rng: random.Random) -> Netlist | None:
    number, left = rng.randint(-300, 300), rng.randint(0, 4)
    if rng.random() < 0.5:
        return _built([_word(rng, 4)], lambda b, w: b.add(w[0], b.constant(number), left, 0))
    return _built([_word(rng, 4)], lambda b, w: b.subtract(b.constant(number), w[0], 0, left))


def _clip(rng: random.Random) -> Netlist | None:
    """What networks have: a ReLU or a saturation to a power of two."""
    source = _word(rng, 5)
    bits = rng.randint(1, max(source.width - 2, 1))
    low = -(1 << bits) if rng.random() < 0.3 else 0
    return _built([source], lambda b, w: b.clip(w[0], low, (1 << bits) - 1))


def _compare(rng: random.Random) -> Netlist | None:
    first = _word(rng)
    if rng.random() < 0.5:
        return _built([first, Word(first.low, first.high)], lambda b, w: b.at_least(w[0], w[1]))
    number = rng.randint(first.low + 1, first.high)
    return _built([first], lambda b, w: b.at_least(w[0], b.constant(number)))


def _mux(rng: random.Random) -> Netlist | None:
    return _built([Word(0, 1), _word(rng), _word(rng)], lambda b, w: b.mux(w[0], w[1], w[2]))


def _maximum(rng: random.Random) -> Netlist | None:
    word = _word(rng, 2, 8)
    return _built([word, word], lambda b, w: b.mux(b.at_least(w[0], w[1]), w[0], w[1]))


def _multiply(rng: random.Random) -> Netlist | None:
    return _built([_word(rng, 2, 12), _word(rng, 2, 12)], lambda b, w: b.multiply(w[0], w[1]))


def _table(rng: random.Random) -> Netlist | None:
    """Random contents, sigmoids, squares and smooth curves, as activations and table neurons have them."""
    width, bits = rng.randint(4, 11), rng.randint(1, 7)
    size, top = 1 << width, (1 << bits) - 1
    kind = rng.randrange(4)
    if kind == 0:
        values = [rng.randint(0, top) for _ in range(size)]
    elif kind == 1:
        values = [round(top / (1 + math.exp(-(x - size / 2) / (size / 8)))) for x in range(size)]
    elif kind == 2:
        values = [round(top * (x / size) ** 2) for x in range(size)]
    else:
        knots = [rng.random() for _ in range(rng.randint(4, 9))]
        values = [round(top * _between(knots, x / size)) for x in range(size)]
    return _built([Word(0, size - 1)], lambda b, w: b.table(w[0], 0, values)) if len(set(values)) > 1 else None


def _between(knots: list[float], place: float) -> float:
    """A polygon through `knots` at `place` in [0, 1)."""
    at = place * (len(knots) - 1)
    first = int(at)
    return knots[first] + (at - first) * (knots[first + 1] - knots[first])


_MAKERS: dict[str, Callable[[random.Random], Netlist | None]] = {
    "add": _add,
    "subtract": _subtract,
    "sum": _sum,
    "constant": _constant,
    "clip": _clip,
    "compare": _compare,
    "mux": _mux,
    "maximum": _maximum,
    "multiply": _multiply,
    "table": _table,
}
