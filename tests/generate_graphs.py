"""Random graphs over every operator of the graph level, small enough to unroll."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.core.origin import Origin
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, ops
from bitwright.numeric import Ints, MapForm, Rounding, ShiftRoundSaturate, Steps, Table, Thresholds

__all__ = ["map_forms", "random_graph"]

_MOST_WORDS = 48
_MOST_CODES = 300
_SHAPES = ((), (1,), (1, 1, 1), *((3,), (6,), (2, 4), (5, 2), (4, 3, 2), (3, 4, 1)) * 3)
_RANGES = ((0, 1), (-1, 0), (0, 15), (-8, 7), (-9, 3), (2, 6), (-7, -3), (0, 0), (5, 5), (-1, 8), (-32, 31), (0, 63))
_STEPS = (Fraction(1, 8), Fraction(1), Fraction(4), Fraction(1, 255), Fraction(3, 16))

Grow = Callable[["_Draw"], int | None]


class _Draw:
    """What a grower needs: the random numbers, the builder, and tensors to read."""

    def __init__(self, rng: random.Random, wide: bool = False) -> None:
        self.rng = rng
        self.wide = wide
        self.numpy = np.random.default_rng(rng.getrandbits(32))
        self.builder = GraphBuilder()
        self.tensors: list[int] = []

    def pick(self, *ranks: int) -> int | None:
        """A tensor of one of the ranks, a late one more likely."""
        fitting = [t for t in self.tensors if not ranks or len(self.builder.type(t).shape) in ranks]
        return fitting[int(len(fitting) * self.rng.random() ** 0.5)] if fitting else None

    def like(self, tensor: int) -> int | None:
        """Another tensor of the same shape and step (or the same one)."""
        type = self.builder.type(tensor)
        known = [t for t in self.tensors if self._kind(t) == (type.shape, type.step)]
        return self.rng.choice(known) if known else None

    def _kind(self, tensor: int) -> tuple[tuple[int, ...], Steps]:
        type = self.builder.type(tensor)
        return type.shape, type.step

    def step(self, type: TensorType | None = None, channels: int = 0) -> Steps:
        if channels > 1 and self.rng.random() < 0.3:
            return Steps.of([self.rng.choice(_STEPS) for _ in range(channels)])
        return type.step if type is not None and self.rng.random() < 0.3 else Steps.of(self.rng.choice(_STEPS))

    def ints(self, bound: int, *shape: int) -> Ints:
        """Integers in [-bound, bound], a third of them zero, sometimes whole columns or all of them."""
        bound <<= self.rng.randint(0, 20) if self.wide else 0
        values = self.numpy.integers(-bound, bound, shape, endpoint=True)
        values[self.numpy.random(shape) < 1 / 3] = 0
        if shape and self.rng.random() < 0.2:
            values[..., self.rng.randrange(shape[-1])] = 0
        return Ints(values * (self.rng.random() > 0.04))

    def apply(self, op: ops.GraphOp, *args: int, step: Steps | None = None) -> int:
        layer = self.rng.choice(("fc1", "block/conv 1", "relu", "in", ""))
        origin = Origin(layer, ("keras",) if self.rng.random() < 0.5 else ())
        return self.builder.apply(op, args, step=step, name=layer, origin=origin)


def random_graph(rng: random.Random, *, nodes: int = 12, name: str = "random", wide: bool = False) -> Graph:
    """A valid graph of about `nodes` operators over one or two inputs, with one to three outputs.

    Tensors have at most 48 elements and at most 300 codes each (wider ones are mapped down at once);
    with `wide` up to about 2**50 codes, from weights of up to 25 bits.
    """
    draw = _Draw(rng, wide)
    for i in range(rng.choice((1, 1, 2))):
        draw.tensors.append(draw.builder.input(_input_type(draw), f"x{i}"))
    for _ in range(nodes):
        before, grown = len(draw.builder.nodes), _grown(draw)
        if grown is not None and _fits(draw.builder.type(grown)):
            draw.tensors.append(_mapped_down(draw, grown))
        elif grown is not None:
            del draw.builder.nodes[before:]
    ends = _ends(draw)
    if len(draw.builder.nodes) % 3 == 0:
        ends += _ranked(draw)
    if rng.random() < 0.1:
        ends.append(draw.apply(ops.Constant(draw.ints(9, 2)), step=Steps.of(1)))
    return draw.builder.graph(name, ends)


def _grown(draw: _Draw) -> int | None:
    """A new tensor, unless nothing fits or (with `wide`) its codes would need more than 62 bits."""
    try:
        return draw.rng.choice(_GROWERS)(draw)
    except InvalidValue:
        if not draw.wide:
            raise
        return None


def _fits(type: TensorType) -> bool:
    # Netlists want a few bits more for the partial sums of an adder graph.
    return type.size <= _MOST_WORDS and type.largest < 1 << 57


def _ends(draw: _Draw) -> list[int]:
    """One to three tensors that nothing reads, those with many codes first."""
    unread = [t for t in draw.tensors if not any(t in node.args for node in draw.builder.nodes)] or draw.tensors[-1:]
    spread = lambda t: int(np.subtract(*draw.builder.type(t).bounds()[::-1]).sum())  # noqa: E731
    return sorted(unread, key=spread, reverse=True)[: draw.rng.choice((1, 2, 2, 3))]


def _ranked(draw: _Draw) -> list[int]:
    """The largest of the latest tensor with one step; no number is drawn for it, so that all else stays the same."""
    for tensor in reversed(draw.tensors):
        type = draw.builder.type(tensor)
        if type.shape and type.step.uniform is not None and type.shape[-1] > 1:
            count = 1 + len(draw.builder.nodes) % min(type.shape[-1], 3)
            return [draw.apply(ops.TopK(count, tensor % 3 == 0), tensor)]
    return []


def _input_type(draw: _Draw) -> TensorType:
    shape = draw.rng.choice(_SHAPES)
    kind = draw.rng.random()
    per = shape if kind < 0.3 else shape[-1:] if kind < 0.6 else ()
    ends = np.array([draw.rng.choice(_RANGES) for _ in range(int(np.prod(per, dtype=int)))]).reshape(*per, 2)
    step = draw.step(channels=shape[0] if len(shape) == 1 else 0)
    return TensorType(shape, Ints(ends[..., 0]), Ints(ends[..., 1]), step)


def _mapped_down(draw: _Draw, tensor: int) -> int:
    type = draw.builder.type(tensor)
    low, high = int(type.low.array.min()), int(type.high.array.max())
    if high - low < (1 << 50 if draw.wide else _MOST_CODES):
        return tensor
    shift = (high - low).bit_length() - draw.rng.randint(3, 7)
    rounding = draw.rng.choice(list(Rounding))
    bound = 1 << draw.rng.randint(2, 5)
    form = _saturating(draw, [draw.rng.choice((1, 1, 3, -1, 5))], [draw.rng.randint(-9, 9)], [shift], rounding, bound)
    return draw.apply(ops.Map(form, Ints(0)), tensor, step=draw.step(type))


def _saturating(
    draw: _Draw, mul: list[int], add: list[int], shift: list[int], rounding: Rounding, bound: int
) -> ShiftRoundSaturate:
    low = [draw.rng.choice((0, -bound, -bound + 1, -bound // 2, 1)) for _ in mul]
    return ShiftRoundSaturate(Ints(mul), Ints(add), Ints(shift), rounding, Ints(low), Ints([bound] * len(mul)))


def map_forms(rng: random.Random, low: int, high: int, rows: int) -> tuple[MapForm, MapForm, MapForm]:
    """One form of each kind with `rows` functions, good for codes in [low, high]."""
    draw = _Draw(rng)
    some = lambda *choices: [rng.choice(choices) for _ in range(rows)]  # noqa: E731
    mul, add, shift = some(1, 1, 1, 1, 0, -1, 3, -5, 16), some(0, 0, 1, -3, 20), some(0, 1, 2, 3)
    plain = _saturating(draw, mul, add, shift, rng.choice(list(Rounding)), rng.choice((9, 31)))
    if high - low >= _MOST_CODES:  # no table; and steps shift by what the codes are wide
        shift = [rng.randint(0, (high - low).bit_length()) for _ in range(rows)]
        plain = _saturating(draw, mul, add, shift, rng.choice(list(Rounding)), 1 << rng.randint(3, 30))
        return plain, _thresholds(draw, low, high, rows), plain
    return plain, _thresholds(draw, low, high, rows), _table(draw, low, high, rows)


def _thresholds(draw: _Draw, low: int, high: int, rows: int) -> Thresholds:
    count = draw.rng.choice((0, 1, 1, 3, 6))
    steps = np.sort(draw.numpy.integers(low, high + 2, (rows, count)), axis=1)
    values = draw.numpy.integers(-6, 7, (rows, count + 1))
    if draw.rng.random() < 0.6:  # monotone, as quantizers are; a padded row repeats its last value
        values = np.sort(values, axis=1)[:, :: draw.rng.choice((1, -1))]
    if count and draw.rng.random() < 0.4:
        steps[:, -1], values[:, -1] = np.iinfo(np.int64).max, values[:, -2]
    return Thresholds(Ints(steps), Ints(values))


def _table(draw: _Draw, low: int, high: int, rows: int) -> Table:
    extra = draw.rng.randint(0, 2)
    count = high - low + 1 + extra
    values = draw.numpy.integers(-7, 8, (rows, count))
    if draw.rng.random() < 0.5:
        slope = draw.rng.choice((1, 2, 3, 7))
        values = (np.arange(low, low + count) * slope >> 2) * np.ones((rows, 1), dtype=np.int64)
    return Table(Ints([low - draw.rng.randint(0, extra)] * rows), Ints(values))


def _map(draw: _Draw) -> int | None:
    tensor = draw.pick()
    assert tensor is not None
    type = draw.builder.type(tensor)
    per = draw.rng.choice([(), type.shape[-1:], type.shape[-2:], type.shape])
    count = draw.rng.randint(1, 4) if per else 1
    rows = draw.numpy.integers(0, count, per)
    forms = map_forms(draw.rng, int(type.low.array.min()), int(type.high.array.max()), count)
    step = draw.step(type, (*type.shape, 1)[-1] if per else 0)
    return draw.apply(ops.Map(draw.rng.choice(forms), Ints(rows)), tensor, step=step)


def _dense(draw: _Draw) -> int | None:
    tensor = draw.pick(1, 2)
    if tensor is None:
        return None
    type, units = draw.builder.type(tensor), draw.rng.randint(1, 5)
    op = ops.Dense(draw.ints(draw.rng.choice((1, 7, 31)), type.shape[-1], units), draw.ints(9, units))
    return draw.apply(op, tensor, step=draw.step(channels=units))


def _conv(draw: _Draw) -> int | None:
    tensor = draw.pick(2, 3)
    if tensor is None:
        return None
    *space, channels = draw.builder.type(tensor).shape
    groups = draw.rng.choice([g for g in (1, 1, channels) if channels % g == 0])
    filters = groups * draw.rng.randint(1, 2)
    kernel, strides, pads, dilation = _windows(draw, space)
    weights = draw.ints(draw.rng.choice((1, 5)), *kernel, channels // groups, filters)
    op = ops.Conv(weights, draw.ints(5, filters), strides, pads, dilation, groups)
    return draw.apply(op, tensor, step=draw.step(channels=filters))


def _conv_transpose(draw: _Draw) -> int | None:
    tensor = draw.pick(2, 3)
    if tensor is None:
        return None
    *space, channels = draw.builder.type(tensor).shape
    groups = draw.rng.choice([g for g in (1, 1, channels) if channels % g == 0])
    filters = groups * draw.rng.randint(1, 2)
    kernel = tuple(draw.rng.randint(1, 3) for _ in space)
    strides, dilation = (tuple(draw.rng.choice((1, 1, 2)) for _ in space) for _ in range(2))
    # At least the first element of the full result stays.
    crops = tuple((draw.rng.randint(-1, 0), draw.rng.randint(-2, k - 1)) for k in kernel)
    weights = draw.ints(draw.rng.choice((1, 5)), *kernel, channels // groups, filters)
    op = ops.ConvTranspose(weights, draw.ints(5, filters), strides, crops, dilation, groups)
    return draw.apply(op, tensor, step=draw.step(channels=filters))


def _windows(
    draw: _Draw, space: list[int]
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Kernel, strides, pads and dilation, so that every window reaches the tensor."""
    kernel = tuple(draw.rng.randint(1, min(n, 3)) for n in space)
    dilation = tuple(draw.rng.choice((1, 1, 2)) if (k - 1) * 2 < n else 1 for k, n in zip(kernel, space, strict=True))
    pads = tuple((draw.rng.randint(0, k - 1), draw.rng.randint(0, k - 1)) for k in kernel)
    return kernel, tuple(draw.rng.choice((1, 1, 2)) for _ in space), pads, dilation


def _pool(draw: _Draw) -> int | None:
    tensor = draw.pick(2, 3)
    if tensor is None or len(draw.builder.type(tensor).step.shape) > 1:
        return None
    *space, _ = draw.builder.type(tensor).shape
    pool, strides, pads, _ = _windows(draw, space)
    return draw.apply(draw.rng.choice((ops.SumPool, ops.MaxPool))(pool, strides, pads), tensor)


def _pair(draw: _Draw) -> int | None:
    tensor = draw.pick()
    assert tensor is not None
    other = draw.like(tensor)
    type = draw.builder.type(tensor)
    if draw.rng.random() < 0.2:
        shape = type.shape if len(type.step.shape) > 1 else type.shape[-1:]
        other = draw.apply(ops.Constant(draw.ints(9, *shape)), step=type.step)
    if other is None:
        return None
    args = (tensor, other) if draw.rng.random() < 0.5 else (other, tensor)
    return draw.apply(draw.rng.choice((ops.Add, ops.Add, ops.Subtract, ops.Maximum, ops.Minimum))(), *args)


def _product(draw: _Draw) -> int | None:
    tensor, other = draw.pick(), draw.pick()
    assert tensor is not None
    assert other is not None
    left, right = draw.builder.type(tensor), draw.builder.type(other)
    if right.shape not in (left.shape, left.shape[-1:], ()):
        return None
    return draw.apply(ops.Multiply(), tensor, other)


def _matmul(draw: _Draw) -> int | None:
    tensor = draw.pick(2, 3)
    if tensor is None or draw.builder.type(tensor).step.uniform is None:
        return None
    type = draw.builder.type(tensor)
    same = [t for t in draw.tensors if draw.builder.type(t).shape == type.shape]
    other = draw.rng.choice([t for t in same if draw.builder.type(t).step.uniform is not None])
    *order, a, b = range(len(type.shape))
    turned = draw.apply(ops.Transpose((*order, b, a)), other)
    return draw.apply(ops.MatMul(), *((tensor, turned) if draw.rng.random() < 0.5 else (turned, tensor)))


def _moved(draw: _Draw) -> int | None:
    tensor = draw.pick(1, 2, 3)
    if tensor is None:
        return None
    shape = draw.builder.type(tensor).shape
    pads = tuple((draw.rng.randint(0, 1), draw.rng.randint(0, 1)) for _ in shape)
    starts = tuple(draw.rng.randint(0, n - 1) for n in shape)
    stops = tuple(draw.rng.randint(a + 1, n) for a, n in zip(starts, shape, strict=True))
    order = tuple(draw.rng.sample(range(len(shape)), len(shape)))
    size = int(np.prod(shape))
    flat = draw.rng.choice([(size,), (1, size), shape[::-1], (size, 1), shape])
    return draw.apply(
        draw.rng.choice(
            (
                ops.Reshape(flat),
                ops.Reshape(flat),
                ops.Transpose(order),
                ops.Pad((*pads[:-1], (0, 0)) if draw.rng.random() < 0.7 else pads),
                ops.Slice(starts, stops, tuple(draw.rng.choice((1, 2)) for _ in shape)),
                ops.Upsample(tuple(draw.rng.choice((1, 2)) for _ in shape)),
            )
        ),
        tensor,
    )


def _concat(draw: _Draw) -> int | None:
    tensor = draw.pick(1, 2, 3)
    if tensor is None:
        return None
    shape = draw.builder.type(tensor).shape
    others = [t for t in draw.tensors if len(draw.builder.type(t).shape) == len(shape)]
    axis = draw.rng.randrange(len(shape))
    fits = [t for t in others if _without(draw.builder.type(t).shape, axis) == _without(shape, axis)]
    return draw.apply(ops.Concat(axis), tensor, *draw.rng.choices(fits, k=draw.rng.randint(0, 2)))


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]


_GROWERS: tuple[Grow, ...] = (
    *(_map, _map, _dense, _dense, _conv, _conv, _conv_transpose, _pool),
    *(_pair, _pair, _product, _matmul, _moved, _moved, _concat),
)
