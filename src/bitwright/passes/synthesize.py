"""`synthesize`: the graph unrolled into words, every element its own piece of hardware."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.core.rules import Rules
from bitwright.ir.graph import Graph, Scan, TensorType
from bitwright.ir.graph.kernels import plain_conv, spread, windows
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
    TopK,
    Transpose,
    Upsample,
)
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.numeric import IntArray
from bitwright.passes.choosing import top
from bitwright.passes.multipliers import Multipliers, chosen_products, matrix_key
from bitwright.passes.share import AdderGraph, Share, SumGraph
from bitwright.passes.siblings import joined, siblings
from bitwright.passes.words import element, larger, tree
from bitwright.platforms import Fabric, fabric

__all__ = ["Synthesize", "unroll"]

Words = NDArray[np.int64]
"""Positions of words in the builder, in the shape of the tensor."""


@dataclass
class _Context:
    builder: NetlistBuilder
    share: Share
    type: TensorType
    fabric: Fabric
    rounds: list[tuple[str, int]]
    multipliers: Mapping[bytes, Multipliers]
    layer: str = ""
    parts: tuple[int, ...] = ()
    graphs: dict[bytes, list[AdderGraph | SumGraph]] = field(default_factory=dict[bytes, list[AdderGraph | SumGraph]])


@dataclass(frozen=True)
class Synthesize:
    """Unrolls a graph: constants dissolve into adder graphs, maps into clips, searches and tables.

    `most_words` refuses networks that are too large to unroll before any work is done. Where forms compete, the
    one with the fewest LUTs on `fabric` is built. At most `dsps` slices take constant multiplications. `rounds`
    tells, after a call, how much of the search for a smaller circuit was done for each matrix, by layer.
    """

    share: Share = field(default_factory=Share)
    most_words: int = 4_000_000
    fabric: Fabric = field(default_factory=fabric)
    dsps: int = 0
    rounds: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]], compare=False, repr=False)

    def __call__(self, program: Graph) -> Netlist:
        """The netlist with the same function (no registers yet)."""
        self._refuse_huge(program)
        self.rounds.clear()
        multipliers = chosen_products(program, self.dsps) if self.dsps else {}
        context = _Context(NetlistBuilder(), self.share, program.nodes[0].type, self.fabric, self.rounds, multipliers)
        ports = [_port(context.builder, node.name, node.type) for node in program.inputs]
        given = [np.array(port.words, dtype=np.int64).reshape(port.shape) for port in ports]
        tensors = _tensors(context, program, given, place=True)
        results = [self._result(context.builder, program, i, tensors) for i in range(len(program.outputs))]
        return context.builder.finish(program.name, ports, results)

    def _result(self, builder: NetlistBuilder, program: Graph, index: int, tensors: list[Words]) -> Port:
        node = program.nodes[program.outputs[index]]
        name = "y" if len(program.outputs) == 1 else f"y{index}"
        words = tuple(int(w) for w in tensors[program.outputs[index]].ravel())
        return Port(name, node.type.shape, words, node.type.step)

    def _refuse_huge(self, program: Graph) -> None:
        for node in program.nodes:
            size = _digits(node.op, node.type)
            if size > self.most_words:
                raise InvalidValue(
                    f"unrolled it takes about {size:,} additions",
                    where=f"layer '{node.origin.layer}'",
                    why=f"the parallel architecture stops at {self.most_words:,}",
                    remedy='fold it: architecture="dataflow"; or make the layer smaller, prune it, use fewer bits',
                )


def _digits(op: GraphOp, type: TensorType) -> int:
    if isinstance(op, Dense):
        return int(np.count_nonzero(op.weights.array)) * max(type.size // max(op.weights.shape[1], 1), 1)
    if isinstance(op, Conv | ConvTranspose):
        return int(np.count_nonzero(op.weights.array)) * max(type.size // max(op.weights.shape[-1], 1), 1)
    if isinstance(op, MatMul):
        return type.size * 16  # a live product costs as much as many additions
    return type.size


def _port(builder: NetlistBuilder, name: str, type: TensorType) -> Port:
    low, high = (a.ravel().tolist() for a in type.bounds())
    return builder.input_port(name, type.shape, [Word(a, b) for a, b in zip(low, high, strict=True)], type.step)


def _narrowed(builder: NetlistBuilder, words: Words, type: TensorType) -> Words:
    """The graph's proven ranges written onto the words (they see cancellation that single words do not), and names."""
    low, high = (a.ravel().tolist() for a in type.bounds())
    flat = [builder.narrow(w, a, b) for w, a, b in zip(words.ravel().tolist(), low, high, strict=True)]
    for index, word in enumerate(flat):
        builder.label(word, index)
    return np.array(flat, dtype=np.int64).reshape(type.shape)


def _tensors(context: _Context, program: Graph, given: Sequence[Words], *, place: bool) -> list[Words]:
    """The words of all nodes of a graph for those of its inputs; with `place` they belong to their nodes' layers."""
    inputs, tensors = iter(given), list[Words]()
    together = {} if context.multipliers else siblings(program.nodes)
    waiting: dict[int, Words] = {}
    for position, node in enumerate(program.nodes):
        if isinstance(node.op, Input):
            tensors.append(next(inputs))
            continue
        if place:
            context.builder.at(node.origin)
            context.layer = node.origin.layer
        inner = replace(context, type=node.type)
        args = [tensors[a] for a in node.args]
        if position in together:
            waiting |= _together(inner, [program.nodes[p].op for p in together[position]], together[position], args)
        words = waiting.pop(position) if position in waiting else unroll(node.op, inner, args)
        tensors.append(_narrowed(context.builder, words, node.type))
    return tensors


def _together(context: _Context, ops: list[GraphOp], places: list[int], args: list[Words]) -> dict[int, Words]:
    """The words of siblings, by position: their sums share what they have in common."""
    layer = joined(ops)
    widths = tuple(op.bias.array.size for op in ops if isinstance(op, Dense | Conv))
    words = unroll(layer, replace(context, parts=widths), args)
    return dict(zip(places, np.split(words, np.cumsum(widths)[:-1], axis=-1), strict=True))


unroll: Rules[[_Context, list[Words]], Words] = Rules("graph operator as words")


@unroll.on(Constant)
def _(op: Constant, context: _Context, args: list[Words]) -> Words:
    return _each(context.builder.constant, op.values.array)


def _each(function: Callable[..., int], *arrays: NDArray[np.int64]) -> Words:
    aligned = np.broadcast_arrays(*arrays)
    flat = [function(*items) for items in zip(*(a.ravel().tolist() for a in aligned), strict=True)]
    return np.array(flat, dtype=np.int64).reshape(aligned[0].shape)


@unroll.on(Dense)
def _(op: Dense, context: _Context, args: list[Words]) -> Words:
    rows = args[0].reshape(-1, args[0].shape[-1])
    out = [_product(context, row, op.weights.array, op.bias.array) for row in rows]
    return np.stack(out).reshape(*args[0].shape[:-1], op.weights.shape[1])


@unroll.on(Conv)
def _(op: Conv, context: _Context, args: list[Words]) -> Words:
    rank, weights = len(op.strides), op.weights.array
    zero = context.builder.constant(0)
    view = windows(args[0][None], weights.shape[:rank], op.strides, op.pads, op.dilation, zero)[0]
    inner, filters = weights.shape[rank], weights.shape[-1] // op.groups
    parts: list[Words] = []
    for group in range(op.groups):
        channels = view[(..., slice(group * inner, (group + 1) * inner), *[slice(None)] * rank)]
        columns = np.moveaxis(channels, rank, -1)
        rows = columns.reshape(-1, int(np.prod(columns.shape[rank:])))
        picked = slice(group * filters, (group + 1) * filters)
        matrix = weights[..., picked].reshape(rows.shape[1], filters)
        out = [_product(context, row, matrix, op.bias.array[picked]) for row in rows]
        parts.append(np.stack(out).reshape(*view.shape[:rank], filters))
    return np.concatenate(parts, axis=-1)


def _product(context: _Context, row: Words, matrix: IntArray, bias: IntArray) -> Words:
    """row @ matrix + bias as words; rows with zeros in the same places share one adder graph."""
    builder = context.builder
    multipliers = context.multipliers.get(matrix_key(matrix)) if context.multipliers else None
    if multipliers is not None:
        row = np.concatenate([row, np.array(multipliers.words(builder, row.tolist()), dtype=np.int64)])
        matrix, bias = multipliers.rest(matrix), multipliers.bias(bias)
    types = [builder.type(w) for w in row.tolist()]
    low, high = (np.array([getattr(t, end) for t in types], dtype=np.int64) for end in ("low", "high"))
    # An adder graph leaves out the inputs that are zero where it was built: it is no other row's.
    key = matrix.tobytes() + ((low == 0) & (high == 0)).tobytes() + str(matrix.shape).encode()
    if key not in context.graphs:
        context.graphs[key] = _shared(context, matrix, low, high)
    parts = _split(context.graphs[key], bias)
    words = [word for graph, told in parts for word in graph.words(builder, row.tolist(), told.tolist())]
    return np.array(words, dtype=np.int64)


def _split(graphs: list[AdderGraph | SumGraph], bias: IntArray) -> Iterator[tuple[AdderGraph | SumGraph, IntArray]]:
    """Every graph and the biases of its outputs."""
    ends = np.cumsum([len(graph.outputs) for graph in graphs])
    return zip(graphs, np.split(bias, ends[:-1]), strict=True)


def _shared(context: _Context, matrix: IntArray, low: IntArray, high: IntArray) -> list[AdderGraph | SumGraph]:
    """The graph of a matrix; of siblings one for all, or one each where that is cheaper."""
    made = [context.share(matrix, low, high)]
    if context.parts:
        each = np.split(matrix, np.cumsum(context.parts)[:-1], axis=1)
        apart = [context.share(np.ascontiguousarray(part), low, high) for part in each]
        made = min(made, apart, key=lambda graphs: sum(graph.cost for graph in graphs))
    context.rounds += [(context.layer, graph.rounds if isinstance(graph, SumGraph) else 0) for graph in made]
    return made


@unroll.on(Map)
def _(op: Map, context: _Context, args: list[Words]) -> Words:
    rows = np.broadcast_to(op.rows.array, args[0].shape)
    return _each(lambda word, row: element(op.form, row, context.builder, word, context.fabric), args[0], rows)


@unroll.on(ConvTranspose)
def _(op: ConvTranspose, context: _Context, args: list[Words]) -> Words:
    return unroll(plain_conv(op), context, [spread(op, args[0][None], context.builder.constant(0))[0]])


@unroll.on(MatMul)
def _(op: MatMul, context: _Context, args: list[Words]) -> Words:
    builder, (left, right) = context.builder, args
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    rows = np.broadcast_to(left, (*batch, *left.shape[-2:]))[..., :, None, :]
    columns = np.moveaxis(np.broadcast_to(right, (*batch, *right.shape[-2:])), -1, -2)[..., None, :, :]
    a, b = np.broadcast_arrays(rows, columns)
    inner = a.shape[-1]
    pairs = zip(a.reshape(-1, inner).tolist(), b.reshape(-1, inner).tolist(), strict=True)
    out = [tree([builder.multiply(x, y) for x, y in zip(p, q, strict=True)], builder.add) for p, q in pairs]
    return np.array(out, dtype=np.int64).reshape(a.shape[:-1])


@unroll.on(Add)
def _(op: Add, context: _Context, args: list[Words]) -> Words:
    return _each(context.builder.add, *args)


@unroll.on(Subtract)
def _(op: Subtract, context: _Context, args: list[Words]) -> Words:
    return _each(context.builder.subtract, *args)


@unroll.on(Multiply)
def _(op: Multiply, context: _Context, args: list[Words]) -> Words:
    return _each(context.builder.multiply, *args)


@unroll.on(Maximum)
def _(op: Maximum, context: _Context, args: list[Words]) -> Words:
    return _each(lambda a, b: larger(context.builder, a, b), *args)


@unroll.on(Minimum)
def _(op: Minimum, context: _Context, args: list[Words]) -> Words:
    builder = context.builder
    return _each(lambda a, b: builder.mux(builder.at_least(a, b), b, a), *args)


def _pooled(op: SumPool | MaxPool, words: Words, fill: int, combine: Callable[[int, int], int]) -> Words:
    """Windows without their words `fill` (padding, or plain zeros), or `fill` alone."""
    rank = len(op.pool)
    view = windows(words[None], op.pool, op.strides, op.pads, (1,) * rank, fill)[0]
    flat = view.reshape(*view.shape[: rank + 1], -1)
    out = [tree([w for w in row if w != fill] or [fill], combine) for row in flat.reshape(-1, flat.shape[-1]).tolist()]
    return np.array(out, dtype=np.int64).reshape(flat.shape[:-1])


@unroll.on(SumPool)
def _(op: SumPool, context: _Context, args: list[Words]) -> Words:
    return _pooled(op, args[0], context.builder.constant(0), context.builder.add)


@unroll.on(MaxPool)
def _(op: MaxPool, context: _Context, args: list[Words]) -> Words:
    return _pooled(op, args[0], -1, lambda a, b: larger(context.builder, a, b))


@unroll.on(TopK)
def _(op: TopK, context: _Context, args: list[Words]) -> Words:
    place = context.builder.constant
    out: list[list[int]] = []
    for row in args[0].reshape(-1, args[0].shape[-1]).tolist():
        items = [(x,) if op.values else (x, place(i)) for i, x in enumerate(row)]
        out.append([item[-1] for item in top(context.builder, items, op.count)])
    return np.array(out, dtype=np.int64).reshape(*args[0].shape[:-1], op.count)


@unroll.on(Scan)
def _(op: Scan, context: _Context, args: list[Words]) -> Words:
    """The cell once for every row."""
    state, found = _each(context.builder.constant, op.initial.array), list[Words]()
    for row in range(args[0].shape[0]):
        tensors = _tensors(context, op.cell, [args[0][row : row + 1], state], place=False)
        result, state = (tensors[o] for o in op.cell.outputs)
        found.append(result)
    return found[-1] if op.last else np.stack(found)


@unroll.on(Reshape)
def _(op: Reshape, context: _Context, args: list[Words]) -> Words:
    return args[0].reshape(op.shape)


@unroll.on(Transpose)
def _(op: Transpose, context: _Context, args: list[Words]) -> Words:
    return args[0].transpose(op.order)


@unroll.on(Concat)
def _(op: Concat, context: _Context, args: list[Words]) -> Words:
    return np.concatenate(args, axis=op.axis)


@unroll.on(Slice)
def _(op: Slice, context: _Context, args: list[Words]) -> Words:
    return args[0][tuple(slice(a, b, s) for a, b, s in zip(op.starts, op.stops, op.strides, strict=True))]


@unroll.on(Pad)
def _(op: Pad, context: _Context, args: list[Words]) -> Words:
    return np.pad(args[0], op.pads, constant_values=context.builder.constant(0))


@unroll.on(Upsample)
def _(op: Upsample, context: _Context, args: list[Words]) -> Words:
    return reduce(lambda words, axis: np.repeat(words, op.factors[axis], axis), range(len(op.factors)), args[0])
