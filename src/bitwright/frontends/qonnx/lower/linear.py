"""Sums of products with constant weights: integers with one step per output channel, the bias inside where it fits."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.frontends.grid.chains import dyadic_fraction
from bitwright.frontends.grid.sums import input_steps, integer_bias, prove
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute.linear import full, transposed_pads
from bitwright.frontends.qonnx.lower.reader import Reader, exact_in_float, fixed, lower
from bitwright.frontends.qonnx.lower.values import Fixed, Live, Value, fraction
from bitwright.frontends.qonnx.model import Array, Node
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense, GraphOp, MatMul, Reshape
from bitwright.numeric import IntArray, Ints, Steps

__all__ = ["dense", "summed"]

_WIDEST = 20
Make = Callable[[IntArray, IntArray], GraphOp]


def dense(weights: IntArray, bias: IntArray) -> GraphOp:
    """A matrix for `summed`."""
    return Dense(Ints(weights), Ints(bias))


@lower.on(o.MatMul)
def _(op: o.MatMul, node: Node, reader: Reader, args: list[Any]) -> Value:
    left, right = args
    if isinstance(left, Live) and isinstance(right, Live):
        return _live_product(node, reader, left, right)
    if isinstance(right, Fixed):
        return _rows(node, reader, left, right, None)
    assert isinstance(left, Fixed)
    return _columns(node, reader, left, right)


@lower.on(o.Gemm)
def _(op: o.Gemm, node: Node, reader: Reader, args: list[Any]) -> Value:
    left, right = args[:2]
    if not isinstance(left, Live) or not isinstance(right, Fixed) or op.trans_a:
        raise Unsupported("Gemm of another form than live @ constant", where=f"node '{node.name}'", remedy="use MatMul")
    weights = _mapped(right, lambda a: a.T if op.trans_b else a)
    if op.alpha != 1:
        scale = np.float32(op.alpha)
        scales = None if weights.scales is None else weights.scales * scale
        weights = Fixed(weights.values * scale, weights.codes, scales)
    bias = None if len(args) < 3 or args[2] is None else np.asarray(fixed(args[2], node, "bias")) * np.float32(op.beta)
    return _rows(node, reader, left, weights, bias)


def _mapped(value: Fixed, move: Callable[[Array], Array]) -> Fixed:
    """A constant with its elements moved."""
    if value.codes is None or value.scales is None:
        return Fixed(move(value.values))
    return Fixed(move(value.values), move(value.codes), move(value.scales))


def _rows(node: Node, reader: Reader, live: Live, weights: Fixed, bias: Array | None) -> Live:
    """live @ weights over the last ONNX axis."""
    if weights.values.ndim != 2 or not live.shape or weights.values.shape[0] != live.shape[-1]:
        raise Unsupported(
            f"a product of {live.shape} with weights of {weights.values.shape}", where=f"node '{node.name}'",
            remedy="use weights with two axes",
        )  # fmt: skip
    if live.flat and len(live.inner) > 1:
        # The rows follow the elements as they lie: nothing moves at run time.
        turned = np.arange(prod(live.inner)).reshape(live.inner).transpose(live.order).ravel()
        weights = _mapped(weights, lambda a: a[turned])
        size = (prod(live.inner),)
        live = Live.plain(reader.moved(Live.plain(live.lazy), Reshape(size), size, node.name))
    elif live.flat:
        live = Live.plain(live.lazy)
    live = reader.last(live, len(live.shape) - 1, node.name)
    return summed(node, reader, live, weights, bias, dense)


def _columns(node: Node, reader: Reader, weights: Fixed, live: Live) -> Live:
    """weights @ live over the last but one ONNX axis."""
    if weights.values.ndim != 2 or len(live.shape) < 2:
        raise Unsupported(
            f"a product of weights of {weights.values.shape} with {live.shape}", where=f"node '{node.name}'",
            remedy="multiply from the right",
        )  # fmt: skip
    live = reader.last(live, len(live.shape) - 2, node.name)
    return summed(node, reader, live, _mapped(weights, lambda a: a.T), None, dense)


def _live_product(node: Node, reader: Reader, left: Live, right: Live) -> Live:
    positions = [reader.settled_codes(v, node.name) for v in (left, right)]
    positions = [reader.walk.rescaled(p, reader.walk.type(p).step.finest, node.name) for p in positions]
    total = reader.walk.emit(MatMul(), positions, node.name)
    exact = exact_in_float(reader.walk.type(total))
    reader.walk.note(node.name, exact, "a product of two live tensors; " + ("exact" if exact else "float32 rounds it"))
    return reader.emitted(total)


@lower.on(o.XnorPopcountMatMul)
def _(op: o.XnorPopcountMatMul, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, weights = args[0], fixed(args[1], node, "matrix")
    bits = np.rint(weights).astype(np.int64)
    type = reader.walk.type(reader.settled_codes(live, node.name))
    if (bits != weights).any() or set(np.unique(bits).tolist()) - {0, 1} or not _is_bits(type):
        raise InvalidModel("its tensors hold more than 0 and 1", where=f"node '{node.name}'", remedy="use MatMul")
    # popcount(xnor(a, w)) = sum a w + (1 - a)(1 - w) = sum a (2 w - 1) + sum (1 - w)
    position = reader.settled_codes(live, node.name)
    dense = Dense(Ints(2 * bits - 1), Ints((1 - bits).sum(axis=0)))
    total = reader.walk.emit(dense, [position], node.name, Steps.of(1))
    prove(reader.walk, total, node.name)
    return reader.emitted(total)


def _is_bits(type: Any) -> bool:
    return type.step.uniform == 1 and int(type.low.array.min()) >= 0 and int(type.high.array.max()) <= 1


@lower.on(o.Conv)
def _(op: o.Conv, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, weights, bias = _operands(op, node, args)
    if op.channels_last:
        weights = _mapped(weights, lambda a: np.moveaxis(a, -1, 1))
    rank = len(live.shape) - 1
    space = tuple(range(rank)) if op.channels_last else tuple(range(1, rank + 1))
    live = reader.arranged(live, (*space, rank if op.channels_last else 0), node.name)
    strides, dilations = full(op.strides, rank, "strides"), full(op.dilations, rank, "dilations")
    kernel = weights.values.shape[2:]
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    pads = op.auto_pad.pads(op.pads, live.lazy.shape[:rank], spans, strides)
    kernel_last = _mapped(weights, lambda a: np.moveaxis(a, (0, 1), (-1, -2)))

    def make(codes: IntArray, whole: IntArray) -> GraphOp:
        return Conv(Ints(codes), Ints(whole), strides, pads, dilations, op.group)

    return summed(node, reader, live, kernel_last, bias, make, op.group)


@lower.on(o.ConvTranspose)
def _(op: o.ConvTranspose, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, weights, bias = _operands(op, node, args)
    rank = len(live.shape) - 1
    live = reader.arranged(live, (*range(1, rank + 1), 0), node.name)
    strides, dilations = full(op.strides, rank, "strides"), full(op.dilations, rank, "dilations")
    channels, filters, *kernel = weights.values.shape
    crops = transposed_pads(op, live.lazy.shape[:rank], tuple(kernel))

    def turned(a: Array) -> Array:
        """(channels, filters / group, *kernel) to (*kernel, channels / group, filters)."""
        parts = a.reshape(op.group, channels // op.group, filters, *kernel)
        spread = np.moveaxis(parts, (1, 0, 2), (-3, -2, -1))
        return spread.reshape(*kernel, channels // op.group, op.group * filters)

    def make(codes: IntArray, whole: IntArray) -> GraphOp:
        return ConvTranspose(Ints(codes), Ints(whole), strides, crops, dilations, op.group)

    return summed(node, reader, live, _mapped(weights, turned), bias, make, op.group)


def _operands(op: Any, node: Node, args: list[Any]) -> tuple[Live, Fixed, Array | None]:
    live, weights = args[:2]
    if not isinstance(live, Live) or not isinstance(weights, Fixed):
        raise Unsupported("a convolution with live weights", where=f"node '{node.name}'", remedy="use constant weights")
    rank = weights.values.ndim - 2
    channels = live.shape[-1 if getattr(op, "channels_last", False) else 0] if live.shape else 0
    inner = weights.values.shape[0 if isinstance(op, o.ConvTranspose) else -1 if op.channels_last else 1]
    groups = 1 if isinstance(op, o.ConvTranspose) else op.group
    if rank < 1 or len(live.shape) != rank + 1 or op.group < 1 or channels != inner * groups:
        raise InvalidModel(
            f"weights of {weights.values.shape} in {op.group} groups for a tensor of {live.shape}",
            where=f"node '{node.name}'", remedy="export it again",
        )  # fmt: skip
    return live, weights, None if len(args) < 3 or args[2] is None else fixed(args[2], node, "bias")


def summed(
    node: Node, reader: Reader, live: Live, weights: Fixed, bias: Array | None, make: Make, groups: int = 1
) -> Live:
    """The integer sum, weights (..., inputs, outputs); a bias that is no integer of its step follows as a function."""
    walk, name = reader.walk, node.name
    source = reader.codes(live, name)
    codes, steps = _integers(weights, name)
    if groups > 1:
        source = walk.rescaled(source, walk.type(source).step.finest, name)
    codes, common = input_steps(walk, source, codes, name)
    channel_steps = [s * common for s in steps]
    told, absorbed = _bias(node, reader, bias, len(steps))
    whole, finer, finer_steps = integer_bias(told, codes, channel_steps)
    if whole is None:
        whole, finer, finer_steps = np.zeros(len(steps), dtype=np.int64), codes, channel_steps
    elif absorbed:
        reader.absorbed.add(absorbed)
    position = walk.emit(make(finer, whole), [source], name, Steps(finer_steps, (len(steps),)))
    prove(walk, position, name)
    found = reader.emitted(position, live)
    if told is None or absorbed or whole.any():
        return found
    if not told.any():
        return found
    offset = np.asarray(told, np.float32)
    return reader.piece(node, found, lambda x: x + offset, [offset])


def _bias(node: Node, reader: Reader, bias: Array | None, count: int) -> tuple[Array | None, str]:
    """The operator's bias, or that of an Add right behind it (and the name of what that yields)."""
    if bias is not None:
        return np.asarray(bias, np.float32).ravel() * np.ones(count, np.float32), ""
    behind = reader.biases.get(node.outputs[0])
    if behind is None:
        return None, ""
    add, name = behind
    value = reader.values.get(name)
    if not isinstance(value, Fixed) or value.values.size not in (1, count):
        return None, ""
    if value.values.size > 1 and not _on_channels(value.values.shape, node, count, reader):
        return None, ""
    return np.asarray(value.values, np.float32).ravel() * np.ones(count, np.float32), add.outputs[0]


def _on_channels(shape: tuple[int, ...], node: Node, count: int, reader: Reader) -> bool:
    """Whether a constant differs along the output channels only."""
    if isinstance(node.op, o.MatMul | o.Gemm):
        return shape[-1] == count
    weights = reader.values[node.inputs[1]]
    assert isinstance(weights, Fixed)
    rank = weights.values.ndim - 2
    last = getattr(node.op, "channels_last", False)
    wanted = (*(1,) * rank, count) if last else (count, *(1,) * rank)
    return shape in (wanted, (1, *wanted))


def _integers(weights: Fixed, name: str) -> tuple[IntArray, list[Fraction]]:
    """(codes, step per output channel), exactly: from the quantizer, or where the values lie on a dyadic grid."""
    if weights.codes is not None and weights.scales is not None:
        columns = weights.scales.reshape(-1, weights.scales.shape[-1])
        if (columns == columns[:1]).all():
            return weights.codes, [fraction(v) for v in columns[0]]
    values = weights.values.astype(np.float64)
    if not np.isfinite(values).all():
        raise InvalidModel("a weight is NaN or infinite", where=f"layer '{name}'", remedy="export the model again")
    found, bits = dyadic_fraction(values)
    if bits > _WIDEST:
        if weights.codes is not None:
            raise Unsupported(
                "a scale that differs between weights of one sum", where=f"layer '{name}'",
                remedy="use one scale per output channel",
            )  # fmt: skip
        raise Unsupported(
            f"its weights need {bits} bits: they are not quantized", where=f"layer '{name}'",
            remedy="put a Quant node on the weights, or quantize the file with onnxruntime's quantize_static",
        )  # fmt: skip
    codes = np.rint(np.ldexp(values, found)).astype(np.int64)
    return codes, [Fraction(2) ** -found] * values.shape[-1]

