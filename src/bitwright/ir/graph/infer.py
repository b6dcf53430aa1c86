"""Shape, exact range and step of an operator's result from its arguments' types.

Ranges are exact for each element on its own: computed with the real weights, and per position
where padding makes positions differ.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod

import numpy as np

from bitwright.core.errors import InvalidProgram
from bitwright.core.rules import Rules
from bitwright.ir.graph.kernels import conv, plain_conv, pool_windows, spread
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    Conv,
    ConvTranspose,
    Dense,
    GraphOp,
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
from bitwright.ir.graph.types import TensorType
from bitwright.ir.graph.writable import any_weights
from bitwright.numeric import IntArray, Ints, Steps
from bitwright.numeric.interval import array_product, matmul_bounds, refuse_beyond

__all__ = ["bounds", "infer", "step"]

bounds: Rules[[list[TensorType]], tuple[IntArray, IntArray]] = Rules("range of a graph operator")
step: Rules[[list[TensorType]], Steps | None] = Rules("step of a graph operator")


def infer(op: GraphOp, args: list[TensorType], told: Steps | None = None) -> TensorType:
    """The type of `op` applied to `args`.

    `told` gives the step where the operator does not fix it (Dense, Conv, ConvTranspose, Map, Constant); where
    it does, both must agree.
    """
    low, high = bounds(op, args)
    known = step(op, args)
    if known is None and told is None:
        raise InvalidProgram("no step is given", where=type(op).__name__, remedy="pass step= to the builder")
    if known is not None and told is not None and known != told:
        raise InvalidProgram(f"step {told} differs from {known}", where=type(op).__name__)
    shape = np.broadcast_shapes(low.shape, high.shape)
    chosen = known if told is None else told
    assert chosen is not None
    return TensorType(shape, Ints(low).collapsed(), Ints(high).collapsed(), chosen)


@bounds.on(Constant)
def _(op: Constant, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    return op.values.array, op.values.array


@bounds.on(Dense)
def _(op: Dense, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    if op.writable is not None:
        ones = np.ones(op.weights.shape, dtype=np.int64)
        return any_weights(op, args[0], op.writable, lambda products: products @ ones)
    return _biased(op, *matmul_bounds(*args[0].bounds(), op.weights.array))


def _biased(op: Dense | Conv, low: IntArray, high: IntArray) -> tuple[IntArray, IntArray]:
    bias = op.bias.array
    if bias.shape != op.weights.shape[-1:]:
        raise InvalidProgram(f"bias {bias.shape} for weights {op.weights.shape}", where=type(op).__name__)
    refuse_beyond(int(np.abs(bias.astype(np.float64)).max(initial=0)))
    return low + bias, high + bias


@bounds.on(Conv)
def _(op: Conv, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    channels, filters = op.weights.shape[-2:]
    if args[0].shape[-1] != channels * op.groups or filters % op.groups:
        raise InvalidProgram(
            f"{args[0].shape[-1]} channels in {op.groups} groups for weights {op.weights.shape}", where="Conv"
        )
    low, high = (a[None] for a in args[0].bounds())
    if op.writable is not None:
        ones = np.ones(op.weights.shape, dtype=np.int64)
        return any_weights(op, args[0], op.writable, lambda products: conv(op, products[None], ones)[0])
    weights = op.weights.array
    heaviest = np.abs(weights.astype(np.float64)).reshape(-1, filters).sum(axis=0).max(initial=0)
    refuse_beyond(args[0].largest * int(heaviest))
    up, down = np.maximum(weights, 0), np.minimum(weights, 0)
    least = conv(op, low, up) + conv(op, high, down)
    most = conv(op, high, up) + conv(op, low, down)
    return _biased(op, least[0], most[0])


@bounds.on(ConvTranspose)
def _(op: ConvTranspose, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    low, high = (spread(op, end[None])[0] for end in args[0].bounds())
    # The step plays no part in a range, and could not be spread where it changes over space.
    return bounds(plain_conv(op), [TensorType(low.shape, Ints(low), Ints(high), Steps.of(1))])


@bounds.on(MatMul)
def _(op: MatMul, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    left, right = args
    if min(len(left.shape), len(right.shape)) < 2:
        raise InvalidProgram(f"shapes {left.shape} and {right.shape} are no matrices", where="MatMul")
    if left.shape[-1] != right.shape[-2]:
        raise InvalidProgram(f"shapes {left.shape} and {right.shape} do not fit", where="MatMul")
    refuse_beyond(left.largest * right.largest * left.shape[-1])
    (a, b), (c, d) = left.bounds(), right.bounds()
    low, high = np.int64(0), np.int64(0)
    for k in range(left.shape[-1]):
        columns, rows = (a[..., :, k, None], b[..., :, k, None]), (c[..., k, None, :], d[..., k, None, :])
        least, most = array_product(columns, rows)
        low, high = low + least, high + most
    return np.asarray(low), np.asarray(high)


@bounds.on(Add)
def _(op: Add, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    (a, b), (c, d) = args[0].bounds(), args[1].bounds()
    return a + c, b + d


@bounds.on(Subtract)
def _(op: Subtract, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    (a, b), (c, d) = args[0].bounds(), args[1].bounds()
    return a - d, b - c


@bounds.on(Multiply)
def _(op: Multiply, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    return array_product(args[0].bounds(), args[1].bounds())


@bounds.on(Maximum)
def _(op: Maximum, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    (a, b), (c, d) = args[0].bounds(), args[1].bounds()
    return np.maximum(a, c), np.maximum(b, d)


@bounds.on(Minimum)
def _(op: Minimum, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    (a, b), (c, d) = args[0].bounds(), args[1].bounds()
    return np.minimum(a, c), np.minimum(b, d)


@bounds.on(SumPool)
def _(op: SumPool, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    axes = tuple(range(-len(op.pool), 0))
    refuse_beyond(args[0].largest * prod(op.pool))
    low, high = (pool_windows(a[None], op.pool, op.strides, op.pads, 0).sum(axis=axes)[0] for a in args[0].bounds())
    return low, high


@bounds.on(MaxPool)
def _(op: MaxPool, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    axes, lowest = tuple(range(-len(op.pool), 0)), int(np.iinfo(np.int64).min)
    low, high = (
        pool_windows(a[None], op.pool, op.strides, op.pads, lowest).max(axis=axes)[0] for a in args[0].bounds()
    )
    if (low == lowest).any():
        raise InvalidProgram("a window lies in the padding alone", where="MaxPool")
    return low, high


@bounds.on(Map)
def _(op: Map, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    low, high = args[0].bounds()
    rows = np.broadcast_to(op.rows.array, args[0].shape)
    if (rows < 0).any() or (rows >= op.form.count).any():
        raise InvalidProgram(f"a row outside the {op.form.count} of its form", where="Map")
    return op.form.image(low, high, rows)


@bounds.on(Reshape)
def _(op: Reshape, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    low, high = args[0].bounds()
    return low.reshape(op.shape), high.reshape(op.shape)


@bounds.on(Transpose)
def _(op: Transpose, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    low, high = args[0].bounds()
    return low.transpose(op.order), high.transpose(op.order)


@bounds.on(Concat)
def _(op: Concat, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    both = [a.bounds() for a in args]
    return np.concatenate([b[0] for b in both], op.axis), np.concatenate([b[1] for b in both], op.axis)


@bounds.on(Slice)
def _(op: Slice, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    cuts = tuple(slice(a, b, s) for a, b, s in zip(op.starts, op.stops, op.strides, strict=True))
    low, high = args[0].bounds()
    return low[cuts], high[cuts]


@bounds.on(Pad)
def _(op: Pad, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    low, high = args[0].bounds()
    if len(op.pads) != low.ndim:
        raise InvalidProgram(f"{len(op.pads)} pads for {low.ndim} axes", where="Pad")
    return np.pad(low, op.pads), np.pad(high, op.pads)


@bounds.on(Upsample)
def _(op: Upsample, args: list[TensorType]) -> tuple[IntArray, IntArray]:
    low, high = args[0].bounds()
    for axis, factor in enumerate(op.factors):
        low, high = np.repeat(low, factor, axis), np.repeat(high, factor, axis)
    return low, high


@step.on(Constant, Dense, Conv, ConvTranspose, Map)
def _(op: GraphOp, args: list[TensorType]) -> Steps | None:
    return None


@step.on(Add, Subtract, Maximum, Minimum)
def _(op: GraphOp, args: list[TensorType]) -> Steps | None:
    if args[0].step != args[1].step:
        raise InvalidProgram(
            f"steps {args[0].step} and {args[1].step} differ",
            where=type(op).__name__,
            remedy="bring both to one step with a Map",
        )
    return args[0].step


@step.on(Multiply)
def _(op: Multiply, args: list[TensorType]) -> Steps | None:
    left, right = args[0].step, args[1].step
    product = left.array * right.array
    return Steps.of(product)


@step.on(MatMul)
def _(op: MatMul, args: list[TensorType]) -> Steps | None:
    left, right = args[0].step.uniform, args[1].step.uniform
    if left is None or right is None:
        raise InvalidProgram(
            "its elements have different steps", where="MatMul", remedy="bring each side to one step with a Map"
        )
    return Steps.of(left * right)


@step.on(SumPool, MaxPool)
def _(op: SumPool | MaxPool, args: list[TensorType]) -> Steps | None:
    return _same_over(args[0], range(len(op.pool)), type(op).__name__)


def _same_over(type: TensorType, axes: range, where: str) -> Steps:
    if type.step.uniform is not None or type.step.shape[:-1] == (1,) * (len(type.step.shape) - 1):
        return type.step
    raise InvalidProgram(f"the step changes along axes {list(axes)}", where=where, remedy="use one step per channel")


@step.on(Reshape, Transpose, Slice, Pad, Upsample)
def _(op: GraphOp, args: list[TensorType]) -> Steps | None:
    if args[0].step.uniform is not None:
        return args[0].step
    full = np.broadcast_to(args[0].step.array, args[0].shape)
    return Steps.of(_moved(op, full))


_moved: Rules[[np.ndarray], np.ndarray] = Rules("step under a change of shape")


@_moved.on(Reshape)
def _(op: Reshape, full: np.ndarray) -> np.ndarray:
    return full.reshape(op.shape)


@_moved.on(Transpose)
def _(op: Transpose, full: np.ndarray) -> np.ndarray:
    return full.transpose(op.order)


@_moved.on(Slice)
def _(op: Slice, full: np.ndarray) -> np.ndarray:
    return full[tuple(slice(a, b, s) for a, b, s in zip(op.starts, op.stops, op.strides, strict=True))]


@_moved.on(Pad)
def _(op: Pad, full: np.ndarray) -> np.ndarray:
    wide = np.full([n + a + b for n, (a, b) in zip(full.shape, op.pads, strict=True)], Fraction(1), dtype=object)
    wide[tuple(slice(a, a + n) for n, (a, _) in zip(full.shape, op.pads, strict=True))] = full
    return wide


@_moved.on(Upsample)
def _(op: Upsample, full: np.ndarray) -> np.ndarray:
    for axis, factor in enumerate(op.factors):
        full = np.repeat(full, factor, axis)
    return full


@step.on(Concat)
def _(op: Concat, args: list[TensorType]) -> Steps | None:
    first = args[0].step
    if first.uniform is not None and all(a.step == first for a in args):
        return first
    return Steps.of(np.concatenate([np.broadcast_to(a.step.array, a.shape) for a in args], op.axis))
