"""A graph as HLS C++ with loops: one function per layer, multipliers shared; `strategy` resource.

A tensor is an array in C order whose elements have the width of its proven range. A linear layer computes
`inputs x units / reuse` products in a clock cycle; everything else takes an element a cycle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from bitwright.backends.cpp.carriers import Carrier, largest_sum
from bitwright.backends.cpp.dialects import Dialect
from bitwright.backends.cpp.maps import map_parts
from bitwright.backends.cpp.tree import Array, Block, Comment, For, Function, Item, Line, Pragma, Statement
from bitwright.backends.cpp.unrolled import Bus, Unrolled
from bitwright.core.naming import Namer
from bitwright.core.rules import Rules
from bitwright.ir.graph import Graph, TensorType
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    Conv,
    ConvTranspose,
    Dense,
    GraphOp,
    Input,
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
from bitwright.ir.netlist.ops import Word
from bitwright.numeric import IntArray

__all__ = ["Folded", "fold", "folded_design", "folding"]


@dataclass(frozen=True)
class Exact:
    """Types of exactly the bits that a range needs, in a vendor's words."""

    dialect: Dialect

    def holding(self, low: int, high: int) -> Carrier:
        """The type of numbers from `low` to `high`."""
        word = Word(low, high)
        return Carrier(word.width, word.signed, self.dialect.integer(word))

    def reach(self, bound: int) -> Carrier:
        """A signed type of numbers up to `bound` in magnitude."""
        width = bound.bit_length() + 1
        return Carrier(width, True, self.dialect.wide(width))


@dataclass(frozen=True)
class Folded:
    """The types around a node, the vendor's words, and how often a multiplier of it is used again."""

    sources: Sequence[TensorType]
    result: TensorType
    dialect: Dialect
    reuse: int = 1

    @property
    def kinds(self) -> Exact:
        """The types of numbers."""
        return Exact(self.dialect)

    def kind(self, type: TensorType) -> str:
        """The type of a tensor's elements."""
        return self.kinds.holding(int(type.low.array.min()), int(type.high.array.max())).text

    def nest(self, shape: Sequence[int], body: Sequence[Statement]) -> list[Statement]:
        """`body` in loops i0, i1, ... over `shape`, one turn of the innermost a clock cycle."""
        pragmas = self.dialect.pragma("loop_pipeline", ii=1)
        out = list(body)
        for axis in reversed(range(len(shape))):
            out = self.dialect.loop(f"i{axis}", shape[axis], out, pragmas)
            pragmas = []
        return out if shape else list(body)

    def unrolled(self, index: str, stop: int, body: Sequence[Statement]) -> list[Statement]:
        """`body` for all values of `index` at once."""
        return self.dialect.loop(index, stop, body, self.dialect.pragma("unroll"))


fold: Rules[[Folded], list[Statement]] = Rules("folded HLS C++ of a graph operator")
"""The statements that fill the array `y` from `x` (or `x0`, `x1`, ...)."""


def strides_of(shape: Sequence[int]) -> list[int]:
    """The distances of neighbors along each axis in C order."""
    return [prod(shape[k + 1 :]) for k in range(len(shape))]


def _at(strides: Sequence[int], offset: int = 0) -> str:
    """The flat index of element (i0, i1, ...)."""
    terms = [f"i{k} * {s}" if s != 1 else f"i{k}" for k, s in enumerate(strides) if s]
    return " + ".join([*terms, *([str(offset)] if offset or not terms else [])])


def _numbers(scope: Folded, name: str, values: IntArray) -> list[Statement]:
    kind = scope.kinds.holding(int(values.min(initial=0)), int(values.max(initial=0)))
    return scope.dialect.table(kind.text, name, values.ravel().tolist())


def folding(inputs: int, units: int, reuse: int) -> tuple[int, int]:
    """Turns over the inputs and over the units whose product is nearest to `reuse` (of two equally near, the larger).

    >>> folding(16, 64, 1), folding(16, 64, 32), folding(3, 5, 7), folding(4, 4, 999)
    ((1, 1), (16, 2), (1, 5), (4, 4))
    """
    pairs = [(i, u) for i in _divisors(inputs) for u in _divisors(units)]
    return min(pairs, key=lambda p: (abs(p[0] * p[1] - reuse), -p[0] * p[1], -p[0]))


def _divisors(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]


def _products(scope: Folded, matrix: IntArray, bound: int, group: str, first: str) -> list[Statement]:
    """y[first + u] = bias[...] + weights x `window`, for matrices (groups, inputs, units) and the present `group`."""
    groups, inputs, units = matrix.shape
    turns, rounds = folding(inputs, units, scope.reuse)
    wide, some = inputs // turns, units // rounds
    # In the order of use: a clock cycle's weights are neighbors.
    blocks = matrix.reshape(groups, turns, wide, rounds, some).transpose(0, 3, 1, 4, 2)
    place = f"((({group} * {rounds} + r) * {turns} + t) * {some} + u) * {wide} + i"
    total, d = scope.kinds.reach(bound).text, scope.dialect
    step = scope.unrolled("u", some, scope.unrolled(
        "i", wide, [Line(f"sums[u] += weights[{place}] * window[t * {wide} + i];")]))  # fmt: skip
    at = f"r * {some} + u"
    start = [Line(f"sums[u] = bias[{group} * {units} + {at}];")]
    body: list[Statement] = [
        Line(f"{total} sums[{some}];"),
        *d.pragma("partition", variable="sums"),
        *scope.unrolled("u", some, start),
        *d.loop("t", turns, step, d.pragma("loop_pipeline", ii=1), "inputs"),
        *scope.unrolled("u", some, [Line(f"y[{first} + {at}] = sums[u];")]),
    ]
    return [
        Comment(f"{inputs * units} products, {wide * some} at once."),
        *_numbers(scope, "weights", blocks),
        *d.pragma("cyclic", variable="weights", factor=wide * some),
        *d.loop("r", rounds, body, (), "units"),
    ]


def _hoisted(statements: list[Statement]) -> tuple[list[Statement], list[Statement]]:
    """Constants and what is said of them, which stand before all loops; and the rest."""
    constant: list[Statement] = [s for s in statements if isinstance(s, Array | Comment | Pragma)]
    return constant, [s for s in statements if s not in constant]


@fold.on(Constant)
def _(op: Constant, scope: Folded) -> list[Statement]:
    loop = scope.nest([op.values.array.size], [Line("y[i0] = values[i0];")])
    return [*_numbers(scope, "values", op.values.array), *loop]


@fold.on(Dense)
def _(op: Dense, scope: Folded) -> list[Statement]:
    source = scope.sources[0]
    inputs, units = op.weights.shape
    rows = prod(source.shape[:-1])
    bound = largest_sum(op, source)
    constants, products = _hoisted(_products(scope, op.weights.array[None], bound, "0", f"row * {units}"))
    load = scope.unrolled("i", inputs, [Line(f"window[i] = x[row * {inputs} + i];")])
    body = [Line(f"{scope.kind(source)} window[{inputs}];"), *scope.dialect.pragma("partition", variable="window")]
    return [*_numbers(scope, "bias", op.bias.array), *constants,
            *scope.dialect.loop("row", rows, [*body, *load, *products])]  # fmt: skip


@dataclass(frozen=True)
class _Windows:
    """Windows over the spatial axes: where the input of place (o0, ...) and tap (k0, ...) lies."""

    source: TensorType
    result: TensorType
    kernel: Sequence[int]
    strides: Sequence[int]
    before: Sequence[int]
    dilation: Sequence[int]
    transposed: bool = False

    @property
    def space(self) -> tuple[int, ...]:
        """The input's sizes."""
        return self.source.shape[:-1]

    def found(self) -> list[Statement]:
        """Statements that compute `inside` and `at`, the flat position."""
        lines: list[Statement] = []
        tests, terms = list[str](), list[str]()
        for r, (n, s, b, d) in enumerate(zip(self.space, self.strides, self.before, self.dilation, strict=True)):
            tests += [f"p{r} >= 0", f"p{r} < {n}"]
            if self.transposed:
                lines.append(Line(f"const int q{r} = int(o{r}) + {b} - int(k{r}) * {d};"))
                lines.append(Line(f"const int p{r} = q{r} / {s};"))
                tests += [f"q{r} >= 0", f"q{r} % {s} == 0"]
            else:
                lines.append(Line(f"const int p{r} = int(o{r}) * {s} + int(k{r}) * {d} - {b};"))
            terms.append(f"p{r} * {prod(self.space[r + 1 :])}")
        lines.append(Line(f"const bool inside = {' && '.join(tests)};"))
        lines.append(Line(f"const std::size_t at = inside ? std::size_t({' + '.join(terms)}) : 0;"))
        return lines

    def places(self, scope: Folded, body: Sequence[Statement]) -> list[Statement]:
        """`body` for every place of the result; `place` is its flat position."""
        sizes = self.result.shape[:-1]
        index = " + ".join(f"o{r} * {s}" if s != 1 else f"o{r}" for r, s in enumerate(strides_of(sizes)))
        out: list[Statement] = [Line(f"const std::size_t place = {index};"), *body]
        for r in reversed(range(len(sizes))):
            out = scope.dialect.loop(f"o{r}", sizes[r], out)
        return out

    def taps(self, scope: Folded, body: Sequence[Statement]) -> list[Statement]:
        """`body` for every tap, one a clock cycle; `tap` is its flat position."""
        index = " + ".join(f"k{r} * {s}" if s != 1 else f"k{r}" for r, s in enumerate(strides_of(self.kernel)))
        out: list[Statement] = [Line(f"const std::size_t tap = {index};"), *self.found(), *body]
        pragmas = scope.dialect.pragma("loop_pipeline", ii=1)
        for r in reversed(range(len(self.kernel))):
            out = scope.dialect.loop(f"k{r}", self.kernel[r], out, pragmas)
            pragmas = []
        return out


def _convolution(op: Conv | ConvTranspose, scope: Folded, windows: _Windows) -> list[Statement]:
    source, rank = scope.sources[0], len(op.strides)
    per, filters = op.weights.shape[rank:]
    some, taps = filters // op.groups, prod(op.weights.shape[:rank])
    matrix = op.weights.array.reshape(-1, op.groups, some).swapaxes(0, 1)
    bound = largest_sum(op, source)
    constants, products = _hoisted(_products(scope, matrix, bound, "g", f"place * {filters} + g * {some}"))
    kind, channels = scope.kind(source), per * op.groups
    value = f"inside ? x[at * {channels} + g * {per} + c] : {kind}(0)"
    load = windows.taps(scope, scope.unrolled("c", per, [Line(f"window[tap * {per} + c] = {value};")]))
    group = [Line(f"{kind} window[{taps * per}];"), *scope.dialect.pragma("partition", variable="window"),
             *load, *products]  # fmt: skip
    around = windows.places(scope, scope.dialect.loop("g", op.groups, group))
    return [*_numbers(scope, "bias", op.bias.array), *constants, *around]


@fold.on(Conv)
def _(op: Conv, scope: Folded) -> list[Statement]:
    kernel, before = op.weights.shape[: len(op.strides)], [a for a, _ in op.pads]
    windows = _Windows(scope.sources[0], scope.result, kernel, op.strides, before, op.dilation)
    return _convolution(op, scope, windows)


@fold.on(ConvTranspose)
def _(op: ConvTranspose, scope: Folded) -> list[Statement]:
    kernel, before = op.weights.shape[: len(op.strides)], [a for a, _ in op.crops]
    windows = _Windows(scope.sources[0], scope.result, kernel, op.strides, before, op.dilation, True)
    return _convolution(op, scope, windows)


def _pool(op: SumPool | MaxPool, scope: Folded, kind: str, start: str, update: str) -> list[Statement]:
    windows = _Windows(scope.sources[0], scope.result, op.pool, op.strides, [a for a, _ in op.pads], [1] * len(op.pool))
    channels = scope.result.shape[-1]
    channel: list[Statement] = [
        Line(f"{kind} total = {start};"),
        *windows.taps(scope, [Block("if (inside)", (Line(f"const {kind} value = x[at * {channels} + c];"),
                                                    Line(update)))]),
        Line(f"y[place * {channels} + c] = total;"),
    ]  # fmt: skip
    return windows.places(scope, scope.dialect.loop("c", channels, channel))


@fold.on(SumPool)
def _(op: SumPool, scope: Folded) -> list[Statement]:
    kind = scope.kinds.reach(scope.sources[0].largest * prod(op.pool)).text
    return _pool(op, scope, kind, "0", "total += value;")


@fold.on(MaxPool)
def _(op: MaxPool, scope: Folded) -> list[Statement]:
    low = int(scope.sources[0].low.array.min())
    return _pool(op, scope, scope.kind(scope.sources[0]), f"{low}", "total = value > total ? value : total;")


@fold.on(Map)
def _(op: Map, scope: Folded) -> list[Statement]:
    """Calls the function `at`, which `_map_function` writes before the layer's."""
    return scope.nest([scope.result.size], [Line("y[i0] = @AT@(i0, x[i0]);")])


def _map_function(op: Map, scope: Folded, name: str) -> Function:
    items, statements = map_parts(op, scope.sources[0], scope.result, scope.kinds)
    arrays: list[Statement] = []
    for item in items:
        arrays += [replace(item, storage="static const"), *scope.dialect.pragma("rom", variable=item.name)]
    kind, given = scope.kind(scope.result), scope.kind(scope.sources[0])
    head = f"static {kind} {name}(const std::size_t e, const {given} x)"
    silent = [Line("static_cast<void>(e);"), Line("static_cast<void>(x);")]
    return scope.dialect.function(head, [*silent, *arrays, *statements], scope.dialect.pragma("inline"))


def _spread(shape: Sequence[int], into: Sequence[int]) -> list[int]:
    """Strides that walk a tensor of `shape` along the axes of `into`: nothing where it broadcasts."""
    missing = len(into) - len(shape)
    return [0] * missing + [0 if n == 1 else s for n, s in zip(shape, strides_of(shape), strict=True)]


_INFIX: dict[type, str] = {Add: "{} + {}", Subtract: "{} - {}", Multiply: "{} * {}",
                           Maximum: "bw_hls::larger<@>({}, {})", Minimum: "bw_hls::smaller<@>({}, {})"}  # fmt: skip


@fold.on(Add, Subtract, Multiply, Maximum, Minimum)
def _(op: GraphOp, scope: Folded) -> list[Statement]:
    left, right = scope.sources
    shape = scope.result.shape
    common = scope.kinds.reach(max(left.largest, right.largest)).text
    a, b = (f"x{k}[{_at(_spread(t.shape, shape))}]" for k, t in enumerate((left, right)))
    text = _INFIX[type(op)].replace("@", common).format(a, b)
    return scope.nest(shape, [Line(f"y[{_at(strides_of(shape))}] = {text};")])


@fold.on(MatMul)
def _(op: MatMul, scope: Folded) -> list[Statement]:
    left, right = scope.sources
    (*lead_a, rows, inner), (*lead_b, _, columns) = left.shape, right.shape
    lead = scope.result.shape[:-2]
    a = _at([s * rows * inner for s in _spread(lead_a, lead)])
    b = _at([s * inner * columns for s in _spread(lead_b, lead)])
    total = scope.kinds.reach(left.largest * right.largest * inner).text
    d = scope.dialect
    add = [Line(f"total += x0[{a} + row * {inner} + k] * x1[{b} + k * {columns} + column];")]
    element: list[Statement] = [
        Line(f"{total} total = 0;"),
        *d.loop("k", inner, add, d.pragma("loop_pipeline", ii=1)),
        Line(f"y[{_at([s * rows * columns for s in strides_of(lead)])} + row * {columns} + column] = total;"),
    ]
    body: list[Statement] = d.loop("row", rows, d.loop("column", columns, element))
    for axis in reversed(range(len(lead))):
        body = d.loop(f"i{axis}", lead[axis], body)
    return body


@fold.on(Reshape)
def _(op: Reshape, scope: Folded) -> list[Statement]:
    return scope.nest([scope.result.size], [Line("y[i0] = x[i0];")])


def _moved(scope: Folded, shape: Sequence[int], source: str, target: str, name: str = "x") -> list[Statement]:
    return scope.nest(shape, [Line(f"y[{target}] = {name}[{source}];")])


@fold.on(Transpose)
def _(op: Transpose, scope: Folded) -> list[Statement]:
    own, shape = strides_of(scope.sources[0].shape), scope.result.shape
    return _moved(scope, shape, _at([own[a] for a in op.order]), _at(strides_of(shape)))


@fold.on(Concat)
def _(op: Concat, scope: Folded) -> list[Statement]:
    strides, body, start = strides_of(scope.result.shape), list[Statement](), 0
    for position, source in enumerate(scope.sources):
        name = f"x{position}" if len(scope.sources) > 1 else "x"
        target = _at(strides, start * strides[op.axis])
        body += _moved(scope, source.shape, _at(strides_of(source.shape)), target, name)
        start += source.shape[op.axis]
    return body


@fold.on(Slice)
def _(op: Slice, scope: Folded) -> list[Statement]:
    own, shape = strides_of(scope.sources[0].shape), scope.result.shape
    offset = sum(a * s for a, s in zip(op.starts, own, strict=True))
    return _moved(scope, shape, _at([a * s for a, s in zip(op.strides, own, strict=True)], offset),
                  _at(strides_of(shape)))  # fmt: skip


@fold.on(Pad)
def _(op: Pad, scope: Folded) -> list[Statement]:
    strides, source = strides_of(scope.result.shape), scope.sources[0].shape
    offset = sum(a * s for (a, _), s in zip(op.pads, strides, strict=True))
    zeros = scope.nest([scope.result.size], [Line("y[i0] = 0;")])
    return [*zeros, *_moved(scope, source, _at(strides_of(source)), _at(strides, offset))]


@fold.on(Upsample)
def _(op: Upsample, scope: Folded) -> list[Statement]:
    """Every axis is walked as (element, repetition)."""
    shape, own, strides = scope.sources[0].shape, strides_of(scope.sources[0].shape), strides_of(scope.result.shape)
    source = [s for stride in own for s in (stride, 0)]
    target = [s for stride, f in zip(strides, op.factors, strict=True) for s in (stride * f, stride)]
    return _moved(scope, [n for pair in zip(shape, op.factors, strict=True) for n in pair], _at(source), _at(target))


def folded_design(graph: Graph, name: str, dialect: Dialect, reuse: int | Mapping[str, int] = 1) -> Unrolled:
    """`graph` under the top function `name`. `reuse`: how often a multiplier is used for one sample, for all
    layers or by layer name (others: 1); the nearest factor that divides a layer's sizes is taken.
    """
    live, fresh = graph.live(), Namer()
    for taken in (name, "bw_hls", "std", "x", "y", "e"):
        fresh(taken)
    kept = [i for i, node in enumerate(graph.nodes) if live[i] or isinstance(node.op, Input)]
    names = {i: fresh(graph.nodes[i].name) for i in kept}
    outputs = [fresh(f"{names[o]}_out") for o in graph.outputs]
    bus = lambda label, type: Bus(label, _kind(dialect, type), type.size, _hull(type))  # noqa: E731
    inputs = [bus(names[i], graph.nodes[i].type) for i in kept if isinstance(graph.nodes[i].op, Input)]
    results = [bus(label, graph.nodes[o].type) for label, o in zip(outputs, graph.outputs, strict=True)]
    items, body = list[Item](), list[Statement]()
    for i in kept:
        node = graph.nodes[i]
        if isinstance(node.op, Input):
            continue
        factor = reuse if isinstance(reuse, int) else reuse.get(node.origin.layer, reuse.get(node.name, 1))
        scope = Folded([graph.nodes[a].type for a in node.args], node.type, dialect, factor)
        items += _layer(node.op, scope, f"{name}_{names[i]}", node.origin.layer or node.name)
        body.append(Line(f"{_kind(dialect, node.type)} {names[i]}[{node.type.size}];"))
        given = [*(names[a] for a in node.args), names[i]]
        body.append(Line(f"{name}_{names[i]}({', '.join(given)});"))
    for label, o in zip(outputs, graph.outputs, strict=True):
        copy = Line(f"{label}[i] = {names[o]}[i];")
        body += dialect.loop("i", graph.nodes[o].type.size, [copy], dialect.pragma("loop_pipeline", ii=1))
    arguments = [*(b.declared(const=True) for b in inputs), *(b.declared(const=False) for b in results)]
    top = dialect.function(f"{dialect.top} {name}({', '.join(arguments)})", body, dialect.pragma("top"))
    return Unrolled(items, top, inputs, results, library=True)


def _hull(type: TensorType) -> Word:
    return Word(int(type.low.array.min()), int(type.high.array.max()))


def _kind(dialect: Dialect, type: TensorType) -> str:
    return dialect.integer(_hull(type))


def _layer(op: GraphOp, scope: Folded, name: str, layer: str) -> list[Item]:
    """The function of one node, and the map's before it."""
    statements = fold(op, scope)
    items: list[Item] = []
    if isinstance(op, Map):
        items.append(_map_function(op, scope, f"{name}_at"))
        statements = [_calling(s, f"{name}_at") for s in statements]
    names = ["x"] if len(scope.sources) == 1 else [f"x{i}" for i in range(len(scope.sources))]
    given = [f"const {scope.kind(t)} {n}[{t.size}]" for n, t in zip(names, scope.sources, strict=True)]
    head = f"static void {name}({', '.join([*given, f'{scope.kind(scope.result)} y[{scope.result.size}]'])})"
    about = f"{type(op).__name__} of {layer}: {' x '.join(map(str, scope.result.shape)) or 'scalar'}"
    return [*items, scope.dialect.function(head, statements, [], about)]


def _calling(statement: Statement, function: str) -> Statement:
    if isinstance(statement, For):
        return replace(statement, body=tuple(_calling(s, function) for s in statement.body))
    return Line(statement.text.replace("@AT@", function)) if isinstance(statement, Line) else statement
