"""What graph operators compute: int64 in, int64 out, batch axis first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.core.rules import Rules
from bitwright.ir.graph.graph import Graph
from bitwright.ir.graph.kernels import conv, exact_matmul, live_matmul, plain_conv, pool_windows, spread
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    Conv,
    ConvTranspose,
    Dense,
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
from bitwright.numeric import IntArray

__all__ = ["evaluate", "run", "trace"]

evaluate: Rules[[list[IntArray]], IntArray] = Rules("graph evaluation")

_LOWEST = int(np.iinfo(np.int64).min)


def run(program: Graph, inputs: Sequence[IntArray]) -> list[IntArray]:
    """The outputs for `inputs`, one int64 array (batch, *shape) per Input in order."""
    values = trace(program, inputs)
    batch = len(inputs[0]) if inputs else 1
    found = (values[i] for i in program.outputs)
    return [v if len(v) == batch else np.repeat(v, batch, axis=0) for v in found]


def trace(program: Graph, inputs: Sequence[IntArray]) -> list[IntArray]:
    """The codes of every node, in order; memory grows with batch x all tensors.

    What depends on no input has a batch of 1.
    """
    feed = iter(_checked(program, inputs))
    values: list[IntArray] = []
    for node in program.nodes:
        if isinstance(node.op, Input):
            values.append(next(feed))
        else:
            values.append(evaluate(node.op, [values[i] for i in node.args]))
    return values


def _checked(program: Graph, inputs: Sequence[IntArray]) -> list[IntArray]:
    wanted = [n for n in program.nodes if isinstance(n.op, Input)]
    if len(inputs) != len(wanted):
        raise InvalidValue(f"{len(inputs)} arrays for {len(wanted)} inputs", where=program.name)
    out: list[IntArray] = []
    for node, given in zip(wanted, inputs, strict=True):
        codes = np.asarray(given, dtype=np.int64)
        if codes.shape[1:] != node.type.shape:
            raise InvalidValue(
                f"shape {codes.shape[1:]} is not {node.type.shape}",
                where=f"input '{node.name}'",
                remedy="put the batch axis first",
            )
        if (codes < node.type.low.array).any() or (codes > node.type.high.array).any():
            raise InvalidValue("a code lies outside the format", where=f"input '{node.name}'", remedy="encode first")
        out.append(codes)
    return out


@evaluate.on(Constant)
def _(op: Constant, args: list[IntArray]) -> IntArray:
    return op.values.array[None]


@evaluate.on(Dense)
def _(op: Dense, args: list[IntArray]) -> IntArray:
    return exact_matmul(args[0], op.weights.array) + op.bias.array


@evaluate.on(Conv)
def _(op: Conv, args: list[IntArray]) -> IntArray:
    return conv(op, args[0], op.weights.array) + op.bias.array


def _aligned(args: list[IntArray]) -> tuple[IntArray, IntArray]:
    """Two tensors of one rank: missing axes come behind the batch, which is not part of the shape."""
    left, right = args
    rank = max(left.ndim, right.ndim)
    a, b = (x.reshape(len(x), *(1,) * (rank - x.ndim), *x.shape[1:]) for x in (left, right))
    return a, b


@evaluate.on(ConvTranspose)
def _(op: ConvTranspose, args: list[IntArray]) -> IntArray:
    return evaluate(plain_conv(op), [spread(op, args[0])])


@evaluate.on(MatMul)
def _(op: MatMul, args: list[IntArray]) -> IntArray:
    return live_matmul(*_aligned(args))


@evaluate.on(Add)
def _(op: Add, args: list[IntArray]) -> IntArray:
    a, b = _aligned(args)
    return a + b


@evaluate.on(Subtract)
def _(op: Subtract, args: list[IntArray]) -> IntArray:
    a, b = _aligned(args)
    return a - b


@evaluate.on(Multiply)
def _(op: Multiply, args: list[IntArray]) -> IntArray:
    a, b = _aligned(args)
    return a * b


@evaluate.on(Maximum)
def _(op: Maximum, args: list[IntArray]) -> IntArray:
    return np.maximum(*_aligned(args))


@evaluate.on(Minimum)
def _(op: Minimum, args: list[IntArray]) -> IntArray:
    return np.minimum(*_aligned(args))


@evaluate.on(SumPool)
def _(op: SumPool, args: list[IntArray]) -> IntArray:
    view = pool_windows(args[0], op.pool, op.strides, op.pads, 0)
    return view.sum(axis=tuple(range(-len(op.pool), 0)))


@evaluate.on(MaxPool)
def _(op: MaxPool, args: list[IntArray]) -> IntArray:
    view = pool_windows(args[0], op.pool, op.strides, op.pads, _LOWEST)
    return view.max(axis=tuple(range(-len(op.pool), 0)))


@evaluate.on(Map)
def _(op: Map, args: list[IntArray]) -> IntArray:
    return op.form(args[0], op.rows.array)


@evaluate.on(Reshape)
def _(op: Reshape, args: list[IntArray]) -> IntArray:
    return args[0].reshape(len(args[0]), *op.shape)


@evaluate.on(Transpose)
def _(op: Transpose, args: list[IntArray]) -> IntArray:
    return args[0].transpose(0, *(a + 1 for a in op.order))


@evaluate.on(Concat)
def _(op: Concat, args: list[IntArray]) -> IntArray:
    batch = next((len(a) for a in args if len(a) != 1), 1)
    return np.concatenate([np.broadcast_to(a, (batch, *a.shape[1:])) for a in args], axis=op.axis + 1)


@evaluate.on(Slice)
def _(op: Slice, args: list[IntArray]) -> IntArray:
    cuts = [slice(a, b, s) for a, b, s in zip(op.starts, op.stops, op.strides, strict=True)]
    return args[0][(slice(None), *cuts)]


@evaluate.on(Pad)
def _(op: Pad, args: list[IntArray]) -> IntArray:
    return np.pad(args[0], ((0, 0), *op.pads))


@evaluate.on(Upsample)
def _(op: Upsample, args: list[IntArray]) -> IntArray:
    out = args[0]
    for axis, factor in enumerate(op.factors):
        out = np.repeat(out, factor, axis=axis + 1)
    return out
