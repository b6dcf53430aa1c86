"""One C++ function template per graph node: constants, the map behind it, and the loops; one rule per operator.

In a rule's text `x` (or `a`, `b`, `x0`, ...) are the blocks that a node reads, `y` the one that it writes;
element e of sample l stands at [e * L + l].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from bitwright.backends.cpp.carriers import INT16, INT32, Carrier, carrier, holding, reach, sums
from bitwright.backends.cpp.maps import map_struct
from bitwright.backends.cpp.tree import Array, For, Item, Line, Statement
from bitwright.core.rules import Rules
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    Conv,
    ConvTranspose,
    Dense,
    Map,
    MatMul,
    Maximum,
    MaxPool,
    Minimum,
    Multiply,
    Pad,
    Reshape,
    Slice,
    Subtract,
    SumPool,
    Transpose,
    Upsample,
)
from bitwright.numeric import IntArray

__all__ = ["Scope", "Written", "broadcast_strides", "emulate", "strides_of"]


@dataclass(frozen=True, slots=True)
class Scope:
    """The types around a node: of what it reads, of what it writes; `map` is the one fused into it."""

    sources: Sequence[TensorType]
    result: TensorType
    sums: TensorType | None = None
    map: Map | None = None

    def kind(self, position: int = 0) -> Carrier:
        """The C++ type of an argument's elements."""
        return carrier(self.sources[position])


@dataclass(frozen=True, slots=True)
class Written:
    """A node in C++: statements, constants and structs, 16-bit rows of scratch, the names of what it reads."""

    body: Sequence[Statement]
    items: Sequence[Item] = field(default=())
    scratch: int = 0
    args: Sequence[str] = ("x",)


emulate: Rules[[Scope], Written] = Rules("C++ of a graph operator")


def _array(name: str, values: IntArray, kind: Carrier | None = None) -> Array:
    chosen = kind or holding(int(values.min(initial=0)), int(values.max(initial=0)))
    return Array(chosen.text, name, tuple(str(v) for v in values.ravel().tolist()))


@dataclass(frozen=True, slots=True)
class _Linear:
    """Weights (groups, inputs, units) as the product wants them, and the scratch it needs."""

    items: list[Item]
    scratch: int

    @property
    def pairs(self) -> str:
        """The kernel's argument for scratch."""
        return "scratch" if self.scratch else "nullptr"


def _linear(op: Dense | Conv | ConvTranspose, matrices: IntArray, scope: Scope) -> _Linear:
    """16-bit pairs where operands and sums allow the fast product, else the narrowest type."""
    source = scope.sources[0]
    total = sums(op, source)
    low, high = int(source.low.array.min()), int(source.high.array.max())
    short = low in INT16 and high in INT16 and int(np.abs(matrices).max(initial=0)) <= INT16.high
    bias = _array("bias", op.bias.array, total)
    extra: list[Item] = []
    if scope.map is not None:
        assert scope.sums is not None
        extra.append(map_struct(scope.map, scope.sums, scope.result))
    if not short or total != INT32:
        return _Linear([_array("weights", matrices), bias, *extra], 0)
    groups, inputs, units = matrices.shape
    even = np.pad(matrices, ((0, 0), (0, inputs % 2), (0, 0)))
    pairs = even.reshape(groups, -1, 2, units).swapaxes(2, 3)
    return _Linear([_array("weights", pairs, INT16), bias, *extra], 2 * (-(-inputs // 2)))


@emulate.on(Constant)
def _(op: Constant, scope: Scope) -> Written:
    values = _array("values", op.values.array, carrier(scope.result))
    loop = For("e", op.values.array.size, (Line("detail::fill<L>(values[e], y + e * L);"),))
    return Written([loop], [values], args=())


@emulate.on(Dense)
def _(op: Dense, scope: Scope) -> Written:
    linear = _linear(op, op.weights.array[None], scope)
    inputs, units = op.weights.shape
    rows = prod(scope.sources[0].shape[:-1])
    map_ = "Map" if scope.map is not None else "detail::Plain"
    call = f"detail::dense<L, {rows}, {inputs}, {units}, {map_}>(x, weights, bias, y, {linear.pairs});"
    return Written([Line(call)], linear.items, linear.scratch)


def _windows(
    source: TensorType, result: TensorType, kernel: Sequence[int], strides: Sequence[int], before: Sequence[int],
    dilation: Sequence[int], transposed: bool = False,
) -> Line:  # fmt: skip
    sizes = (source.shape[:-1], result.shape[:-1], kernel, strides, before, dilation)
    texts = ", ".join("{" + ", ".join(str(n) for n in part) + "}" for part in sizes)
    told = ", true" if transposed else ", false"
    return Line(f"inline constexpr detail::Windows<{len(kernel)}> windows{{{texts}{told}}};")


def _convolution(op: Conv | ConvTranspose, scope: Scope, windows: Line) -> Written:
    rank = len(op.strides)
    per, filters = op.weights.shape[rank:]
    flat = op.weights.array.reshape(-1, op.groups, filters // op.groups).swapaxes(0, 1)
    linear = _linear(op, flat, scope)
    map_ = "Map" if scope.map is not None else "detail::Plain"
    sizes = f"{per * op.groups}, {filters}, {op.groups}"
    call = f"detail::convolve<L, windows, {sizes}, {map_}>(x, weights, bias, y, {linear.pairs});"
    return Written([Line(call)], [windows, *linear.items], linear.scratch)


@emulate.on(Conv)
def _(op: Conv, scope: Scope) -> Written:
    kernel, before = op.weights.shape[: len(op.strides)], [a for a, _ in op.pads]
    seen = scope.sums or scope.result
    return _convolution(op, scope, _windows(scope.sources[0], seen, kernel, op.strides, before, op.dilation))


@emulate.on(ConvTranspose)
def _(op: ConvTranspose, scope: Scope) -> Written:
    kernel, before = op.weights.shape[: len(op.strides)], [a for a, _ in op.crops]
    seen = scope.sums or scope.result
    return _convolution(op, scope, _windows(scope.sources[0], seen, kernel, op.strides, before, op.dilation, True))


@emulate.on(SumPool)
def _(op: SumPool, scope: Scope) -> Written:
    total = reach(scope.sources[0].largest * prod(op.pool))
    call = f"detail::sum_pool<L, windows, {scope.result.shape[-1]}, {total.text}>(x, y);"
    return Written([Line(call)], [_pool(op, scope)])


@emulate.on(MaxPool)
def _(op: MaxPool, scope: Scope) -> Written:
    return Written([Line(f"detail::max_pool<L, windows, {scope.result.shape[-1]}>(x, y);")], [_pool(op, scope)])


def _pool(op: SumPool | MaxPool, scope: Scope) -> Line:
    before = [a for a, _ in op.pads]
    return _windows(scope.sources[0], scope.result, op.pool, op.strides, before, [1] * len(op.pool))


@emulate.on(Map)
def _(op: Map, scope: Scope) -> Written:
    struct = map_struct(op, scope.sources[0], scope.result)
    return Written([Line(f"detail::apply<L, Map>({scope.result.size}, x, y);")], [struct])


@dataclass(frozen=True, slots=True)
class Walk:
    """Loops over `shape`; `at(strides)` is the flat index of a tensor that moves so along the loops."""

    shape: tuple[int, ...]

    def at(self, strides: Sequence[int], offset: int = 0) -> str:
        """The index expression; the empty sum is 0."""
        terms = [f"i{k} * {s}" if s != 1 else f"i{k}" for k, s in enumerate(strides) if s and self.shape[k] > 1]
        terms += [str(offset)] if offset or not terms else []
        return " + ".join(terms)

    def block(self, name: str, strides: Sequence[int], offset: int = 0) -> str:
        """The place of that element in the block `name`."""
        index = self.at(strides, offset)
        return name if index == "0" else f"{name} + ({index}) * L"

    def around(self, body: Statement) -> Statement:
        """`body` inside the loops; axes of one element need none."""
        for axis in reversed(range(len(self.shape))):
            if self.shape[axis] > 1:
                body = For(f"i{axis}", self.shape[axis], (body,))
        return body


def strides_of(shape: Sequence[int]) -> list[int]:
    """The distances of neighbors along each axis in C order."""
    return [prod(shape[k + 1 :]) for k in range(len(shape))]


def _copied(walk: Walk, source: tuple[str, Sequence[int], int], target: tuple[Sequence[int], int]) -> Statement:
    return walk.around(Line(f"detail::copy<L>({walk.block(*source)}, {walk.block('y', *target)});"))


def broadcast_strides(shape: Sequence[int], into: Sequence[int]) -> list[int]:
    """Strides that walk a tensor of `shape` along the axes of `into`: nothing where it broadcasts."""
    own = strides_of(shape)
    missing = len(into) - len(shape)
    return [0] * missing + [0 if n == 1 else s for n, s in zip(shape, own, strict=True)]


_OPERATIONS: dict[type, str] = {
    Add: "Plus", Subtract: "Minus", Multiply: "Times", Maximum: "Larger", Minimum: "Smaller",
}  # fmt: skip


@emulate.on(Add, Subtract, Multiply, Maximum, Minimum)
def _(op: Add | Subtract | Multiply | Maximum | Minimum, scope: Scope) -> Written:
    left, right = scope.sources
    shape = scope.result.shape
    walk = Walk(shape)
    # Signed and wide enough for both arguments and the result.
    kind = reach(max(left.largest, right.largest, scope.result.largest))
    a, b = (walk.block(n, broadcast_strides(t.shape, shape)) for n, t in zip("ab", (left, right), strict=True))
    y = walk.block("y", strides_of(shape))
    call = f"detail::combine<L, {kind.text}, detail::{_OPERATIONS[type(op)]}>({a}, {b}, {y});"
    return Written([walk.around(Line(call))], args=("a", "b"))


@emulate.on(MatMul)
def _(op: MatMul, scope: Scope) -> Written:
    left, right = scope.sources
    (*lead_a, rows, inner), (*lead_b, _, columns) = left.shape, right.shape
    lead = scope.result.shape[:-2]
    walk = Walk(lead)
    total = reach(left.largest * right.largest * inner)
    places = (("a", lead_a, rows * inner), ("b", lead_b, inner * columns))
    a, b = (walk.block(n, [s * size for s in broadcast_strides(own, lead)]) for n, own, size in places)
    y = walk.block("y", [s * rows * columns for s in strides_of(lead)])
    call = f"detail::matmul<L, {rows}, {inner}, {columns}, {total.text}>({a}, {b}, {y});"
    return Written([walk.around(Line(call))], args=("a", "b"))


@emulate.on(Reshape)
def _(op: Reshape, scope: Scope) -> Written:
    walk = Walk((scope.result.size,))
    return Written([_copied(walk, ("x", [1], 0), ([1], 0))])


@emulate.on(Transpose)
def _(op: Transpose, scope: Scope) -> Written:
    own = strides_of(scope.sources[0].shape)
    shape = scope.result.shape
    return Written([_copied(Walk(shape), ("x", [own[a] for a in op.order], 0), (strides_of(shape), 0))])


@emulate.on(Concat)
def _(op: Concat, scope: Scope) -> Written:
    strides, body, start = strides_of(scope.result.shape), list[Statement](), 0
    for position, source in enumerate(scope.sources):
        own = (f"x{position}", strides_of(source.shape), 0)
        body.append(_copied(Walk(source.shape), own, (strides, start * strides[op.axis])))
        start += source.shape[op.axis]
    return Written(body, args=[f"x{i}" for i in range(len(scope.sources))])


@emulate.on(Slice)
def _(op: Slice, scope: Scope) -> Written:
    own, shape = strides_of(scope.sources[0].shape), scope.result.shape
    begins = [slice(a, b, s).indices(n)[0] for a, b, s, n in _cuts(op, scope.sources[0].shape)]
    offset = sum(a * s for a, s in zip(begins, own, strict=True))
    moves = [a * s for a, s in zip(op.strides, own, strict=True)]
    return Written([_copied(Walk(shape), ("x", moves, offset), (strides_of(shape), 0))])


def _cuts(op: Slice, shape: Sequence[int]) -> list[tuple[int, int, int, int]]:
    return list(zip(op.starts, op.stops, op.strides, shape, strict=True))


@emulate.on(Pad)
def _(op: Pad, scope: Scope) -> Written:
    strides = strides_of(scope.result.shape)
    offset = sum(a * s for (a, _), s in zip(op.pads, strides, strict=True))
    source = scope.sources[0].shape
    zeros = For("e", scope.result.size, (Line("detail::fill<L>(0, y + e * L);"),))
    return Written([zeros, _copied(Walk(source), ("x", strides_of(source), 0), (strides, offset))])


@emulate.on(Upsample)
def _(op: Upsample, scope: Scope) -> Written:
    """Every axis is walked as (element, repetition)."""
    shape, own, strides = scope.sources[0].shape, strides_of(scope.sources[0].shape), strides_of(scope.result.shape)
    walk = Walk(tuple(n for pair in zip(shape, op.factors, strict=True) for n in pair))
    source = [s for stride in own for s in (stride, 0)]
    target = [s for stride, f in zip(strides, op.factors, strict=True) for s in (stride * f, stride)]
    return Written([_copied(walk, ("x", source, 0), (target, 0))])
