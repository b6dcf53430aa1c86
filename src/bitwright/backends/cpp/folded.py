"""A graph as HLS C++ with loops: one function per layer, multipliers shared; `strategy` resource.

A tensor is an array in C order whose elements have the width of its proven range. A linear layer computes
`inputs x units / reuse` products in a clock cycle; everything else takes an element a cycle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod

import bitwright.backends.cpp.choose  # the rule of the largest  # pyright: ignore[reportUnusedImport]
import bitwright.backends.cpp.windowed  # the rules of windows  # noqa: F401  # pyright: ignore[reportUnusedImport]
from bitwright.backends.cpp.carriers import largest_sum
from bitwright.backends.cpp.dialects import Dialect
from bitwright.backends.cpp.folding import Folded, at, fold, folding, hoisted, numbers, products
from bitwright.backends.cpp.layers import broadcast_strides, strides_of
from bitwright.backends.cpp.maps import map_parts
from bitwright.backends.cpp.tree import For, Function, Item, Line, Statement
from bitwright.backends.cpp.unrolled import Bus, Unrolled
from bitwright.core.naming import Namer
from bitwright.ir.graph import Graph, TensorType
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    Dense,
    GraphOp,
    Input,
    Map,
    MatMul,
    Maximum,
    Minimum,
    Multiply,
    Pad,
    Reshape,
    Slice,
    Subtract,
    Transpose,
    Upsample,
)
from bitwright.ir.netlist.ops import Word

__all__ = ["Folded", "fold", "folded_design", "folding"]


@fold.on(Constant)
def _(op: Constant, scope: Folded) -> list[Statement]:
    loop = scope.nest([op.values.array.size], [Line("y[i0] = values[i0];")])
    return [*numbers(scope, "values", op.values.array), *loop]


@fold.on(Dense)
def _(op: Dense, scope: Folded) -> list[Statement]:
    source = scope.sources[0]
    inputs, units = op.weights.shape
    rows = prod(source.shape[:-1])
    bound = largest_sum(op, source)
    constants, made = hoisted(products(scope, op.weights.array[None], bound, "0", f"row * {units}"))
    load = scope.unrolled("i", inputs, [Line(f"window[i] = x[row * {inputs} + i];")])
    body = [Line(f"{scope.kind(source)} window[{inputs}];"), *scope.dialect.pragma("partition", variable="window")]
    return [*numbers(scope, "bias", op.bias.array), *constants,
            *scope.dialect.loop("row", rows, [*body, *load, *made])]  # fmt: skip


@fold.on(Map)
def _(op: Map, scope: Folded) -> list[Statement]:
    """Calls the function `at`, which `_map_function` writes before the layer's."""
    return scope.nest([scope.result.size], [Line("y[i0] = @AT@(i0, x[i0]);")])


def _map_function(op: Map, scope: Folded, name: str) -> Function:
    items, statements = map_parts(op, scope.sources[0], scope.result, scope.kinds)
    arrays: list[Statement] = []
    for item in items:
        arrays += scope.dialect.table(item.type, item.name, [int(value) for value in item.values])
    kind, given = scope.kind(scope.result), scope.kind(scope.sources[0])
    head = f"static {kind} {name}(const std::size_t e, const {given} x)"
    silent = [Line("static_cast<void>(e);"), Line("static_cast<void>(x);")]
    return scope.dialect.function(head, [*silent, *arrays, *statements], scope.dialect.pragma("inline"))


_INFIX: dict[type, str] = {Add: "{} + {}", Subtract: "{} - {}", Multiply: "{} * {}",
                           Maximum: "bw_hls::larger<@>({}, {})", Minimum: "bw_hls::smaller<@>({}, {})"}  # fmt: skip


@fold.on(Add, Subtract, Multiply, Maximum, Minimum)
def _(op: GraphOp, scope: Folded) -> list[Statement]:
    left, right = scope.sources
    shape = scope.result.shape
    common = scope.kinds.reach(max(left.largest, right.largest)).text
    a, b = (f"x{k}[{at(broadcast_strides(t.shape, shape))}]" for k, t in enumerate((left, right)))
    text = _INFIX[type(op)].replace("@", common).format(a, b)
    return scope.nest(shape, [Line(f"y[{at(strides_of(shape))}] = {text};")])


@fold.on(MatMul)
def _(op: MatMul, scope: Folded) -> list[Statement]:
    left, right = scope.sources
    (*lead_a, rows, inner), (*lead_b, _, columns) = left.shape, right.shape
    lead = scope.result.shape[:-2]
    a = at([s * rows * inner for s in broadcast_strides(lead_a, lead)])
    b = at([s * inner * columns for s in broadcast_strides(lead_b, lead)])
    total = scope.kinds.reach(left.largest * right.largest * inner).text
    d = scope.dialect
    add = [Line(f"total += x0[{a} + row * {inner} + k] * x1[{b} + k * {columns} + column];")]
    element: list[Statement] = [
        Line(f"{total} total = 0;"),
        *d.loop("k", inner, add, d.pragma("loop_pipeline", ii=1)),
        Line(f"y[{at([s * rows * columns for s in strides_of(lead)])} + row * {columns} + column] = total;"),
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
    return _moved(scope, shape, at([own[a] for a in op.order]), at(strides_of(shape)))


@fold.on(Concat)
def _(op: Concat, scope: Folded) -> list[Statement]:
    strides, body, start = strides_of(scope.result.shape), list[Statement](), 0
    for position, source in enumerate(scope.sources):
        name = f"x{position}" if len(scope.sources) > 1 else "x"
        target = at(strides, start * strides[op.axis])
        body += _moved(scope, source.shape, at(strides_of(source.shape)), target, name)
        start += source.shape[op.axis]
    return body


@fold.on(Slice)
def _(op: Slice, scope: Folded) -> list[Statement]:
    own, shape = strides_of(scope.sources[0].shape), scope.result.shape
    offset = sum(a * s for a, s in zip(op.starts, own, strict=True))
    return _moved(scope, shape, at([a * s for a, s in zip(op.strides, own, strict=True)], offset),
                  at(strides_of(shape)))  # fmt: skip


@fold.on(Pad)
def _(op: Pad, scope: Folded) -> list[Statement]:
    strides, source = strides_of(scope.result.shape), scope.sources[0].shape
    offset = sum(a * s for (a, _), s in zip(op.pads, strides, strict=True))
    zeros = scope.nest([scope.result.size], [Line("y[i0] = 0;")])
    return [*zeros, *_moved(scope, source, at(strides_of(source)), at(strides, offset))]


@fold.on(Upsample)
def _(op: Upsample, scope: Folded) -> list[Statement]:
    """Every axis is walked as (element, repetition)."""
    shape, own, strides = scope.sources[0].shape, strides_of(scope.sources[0].shape), strides_of(scope.result.shape)
    source = [s for stride in own for s in (stride, 0)]
    target = [s for stride, f in zip(strides, op.factors, strict=True) for s in (stride * f, stride)]
    return _moved(scope, [n for pair in zip(shape, op.factors, strict=True) for n in pair], at(source), at(target))


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
    return Unrolled(items, top, inputs, results, ("bw_stored.h", "bw_hls.h"))


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
