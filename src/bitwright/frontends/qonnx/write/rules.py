"""The operators of the graph but Map in ONNX: sums channels first, everything else where it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.frontends.qonnx.write.file import Dialect
from bitwright.frontends.qonnx.write.quantizers import constant
from bitwright.frontends.qonnx.write.writer import Floats, Tensor, Writer, unit_of, write
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    Conv,
    ConvTranspose,
    Dense,
    GraphOp,
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
from bitwright.ir.program import Node
from bitwright.numeric import IntArray

__all__: list[str] = []

_Node = Node[GraphOp, TensorType]
_Args = Sequence[Tensor]


# Sums of products.


def _ratio(writer: Writer, node: _Node, unit: float) -> Floats:
    """What an integer weight is worth, for each output channel."""
    return unit_of(node.type.step) / unit


def _refuse_sums(writer: Writer, node: _Node, weights: IntArray, bias: IntArray) -> None:
    """Every partial sum must stay below 2**24."""
    most = writer.type(node.args[0]).largest
    columns = np.abs(weights).reshape(-1, weights.shape[-1]).sum(axis=0)
    writer.refuse_wide(most * int(columns.max(initial=0)) + int(np.abs(bias).max(initial=0)), node.name)


def _biased(writer: Writer, node: _Node, tensor: Tensor, bias: IntArray) -> Tensor:
    """A bias that is no input of the operator."""
    if not bias.any():
        return tensor
    unit = unit_of(node.type.step)
    if writer.file.dialect is Dialect.QONNX or unit.ndim > 1:
        return writer.changed("Add", tensor, bias * unit, node.name)
    held = constant(writer, bias, unit, node.name, "bias")
    return replace(tensor, name=writer.file.node("Add", [tensor.name, held], node.name))


@write.on(Dense)
def _(op: Dense, writer: Writer, node: _Node, args: _Args) -> Tensor:
    _refuse_sums(writer, node, op.weights.array, op.bias.array)
    tensor, unit = writer.one_unit(node.args[0], writer.laid(args[0], False, node.name), node.name)
    ratio = _ratio(writer, node, unit)
    scale = ratio.reshape(1, -1) if ratio.ndim <= 1 else np.ones((1, 1))
    weights = constant(writer, op.weights.array, scale, node.name, "weights")
    name = writer.file.node("MatMul", [tensor.name, weights], node.name)
    found = Tensor(name, node.type.shape)
    if ratio.ndim > 1:  # the step differs over more than channels
        found = writer.scaled(found, ratio, node.name)
    return _biased(writer, node, found, op.bias.array)


def _windowed(writer: Writer, node: _Node, arg: Tensor, rank: int) -> tuple[Tensor, float]:
    """The input of a window operator, channels first and with one unit."""
    return writer.one_unit(node.args[0], writer.laid(arg, True, node.name), node.name)


def _flat(pads: Sequence[tuple[int, int]]) -> list[int]:
    """(before, after) per axis as ONNX has them: all before, then all after."""
    return [p[0] for p in pads] + [p[1] for p in pads]


def _summed(
    writer: Writer, node: _Node, kind: str, inputs: list[str], bias: IntArray, ratio: Floats, **told: Any
) -> Tensor:
    """A convolution with its bias inside, unless the unit differs over space."""
    flat = ratio.ndim <= 1
    if flat and bias.any():
        unit = unit_of(node.type.step)
        inputs = [*inputs, constant(writer, bias, unit if unit.size > 1 else unit.reshape(1), node.name, "bias")]
    found = Tensor(writer.file.node(kind, inputs, node.name, **told), node.type.shape, True)
    if flat:
        return found
    return _biased(writer, node, writer.scaled(found, ratio, node.name), bias)


@write.on(Conv)
def _(op: Conv, writer: Writer, node: _Node, args: _Args) -> Tensor:
    _refuse_sums(writer, node, op.weights.array, op.bias.array)
    rank = len(op.strides)
    tensor, unit = _windowed(writer, node, args[0], rank)
    ratio = _ratio(writer, node, unit)
    scale = ratio.reshape(-1, *(1,) * (rank + 1)) if ratio.ndim <= 1 else np.ones((1,) * (rank + 2))
    codes = np.moveaxis(op.weights.array, (-1, -2), (0, 1))
    weights = constant(writer, codes, scale, node.name, "weights")
    told = {"strides": list(op.strides), "pads": _flat(op.pads), "dilations": list(op.dilation), "group": op.groups}
    return _summed(
        writer, node, "Conv", [tensor.name, weights], op.bias.array, ratio, kernel_shape=list(codes.shape[2:]), **told
    )


@write.on(ConvTranspose)
def _(op: ConvTranspose, writer: Writer, node: _Node, args: _Args) -> Tensor:
    _refuse_sums(writer, node, op.weights.array, op.bias.array)
    rank, groups = len(op.strides), op.groups
    tensor, unit = _windowed(writer, node, args[0], rank)
    *kernel, inner, filters = op.weights.shape
    parts = np.moveaxis(op.weights.array.reshape(*kernel, inner, groups, filters // groups), (-2, -3, -1), (0, 1, 2))
    codes = parts.reshape(groups * inner, filters // groups, *kernel)
    ratio = _ratio(writer, node, unit)
    plain = ratio.size == 1
    scale = ratio.reshape((1,) * (rank + 2)) if plain else np.ones((1,) * (rank + 2))
    weights = constant(writer, codes, scale, node.name, "weights")
    told = {"strides": list(op.strides), "dilations": list(op.dilation), "group": groups, "kernel_shape": list(kernel)}
    pads = _flat([(max(a, 0), max(b, 0)) for a, b in op.crops])
    name = writer.file.node("ConvTranspose", [tensor.name, weights], node.name, pads=pads, **told)
    found = _padded(writer, Tensor(name, node.type.shape, True), [(max(-a, 0), max(-b, 0)) for a, b in op.crops], node)
    return _biased_first(writer, node, found if plain else writer.scaled(found, ratio, node.name), op.bias.array)


def _biased_first(writer: Writer, node: _Node, tensor: Tensor, bias: IntArray) -> Tensor:
    return writer.changed("Add", tensor, bias * unit_of(node.type.step), node.name, 0.0)


def _padded(writer: Writer, tensor: Tensor, space: Sequence[tuple[int, int]], node: _Node) -> Tensor:
    """Zeros around a tensor that lies channels first."""
    if not any(any(p) for p in space):
        return tensor
    pads = writer.file.hold(_flat([(0, 0), (0, 0), *space]), node.name, "pads", np.int64)
    return replace(tensor, name=writer.file.node("Pad", [tensor.name, pads], node.name))


# Pools.


@write.on(MaxPool)
def _(op: MaxPool, writer: Writer, node: _Node, args: _Args) -> Tensor:
    tensor = writer.laid(args[0], True, node.name)
    told = {"kernel_shape": list(op.pool), "strides": list(op.strides), "pads": _flat(op.pads)}
    return Tensor(writer.file.node("MaxPool", [tensor.name], node.name, **told), node.type.shape, True)


@write.on(SumPool)
def _(op: SumPool, writer: Writer, node: _Node, args: _Args) -> Tensor:
    """A mean times its number where that is a power of two, else a convolution with ones, channel by channel."""
    count, type = prod(op.pool), writer.type(node.args[0])
    writer.refuse_wide(type.largest * count, node.name)
    tensor = writer.laid(args[0], True, node.name)
    if all(b < k for k, p in zip(op.pool, op.pads, strict=True) for b in p) and count & (count - 1) == 0:
        told = {"kernel_shape": list(op.pool), "strides": list(op.strides), "pads": _flat(op.pads)}
        name = writer.file.node("AveragePool", [tensor.name], node.name, count_include_pad=1, **told)
        return writer.scaled(Tensor(name, node.type.shape, True), float(count), node.name)
    channels = type.shape[-1]
    ones = np.ones((channels, 1, *op.pool), np.int64)
    weights = constant(writer, ones, np.ones((1,) * ones.ndim), node.name, "ones")
    told = {"kernel_shape": list(op.pool), "strides": list(op.strides), "pads": _flat(op.pads), "group": channels}
    return Tensor(writer.file.node("Conv", [tensor.name, weights], node.name, **told), node.type.shape, True)


@write.on(TopK)
def _(op: TopK, writer: Writer, node: _Node, args: _Args) -> Tensor:
    if op.count > 1 or op.values:
        raise Unsupported(
            f"the {op.count} largest, {'values' if op.values else 'places'}", where=f"layer '{node.name}'",
            remedy="export the network up to it, or with an argmax",
        )  # fmt: skip
    tensor = writer.laid(args[0], False, node.name)
    place = writer.file.node("ArgMax", [tensor.name], node.name, axis=-1, keepdims=1)
    return Tensor(writer.file.node("Cast", [place], node.name, to=1), node.type.shape)


# Two tensors.


def _pair(writer: Writer, node: _Node, args: _Args) -> tuple[list[str], bool]:
    """Two tensors in one layout and with as many axes; whether it is channels first."""
    rank = max(len(a.shape) for a in args)
    first = args[0].first and all(len(a.shape) == rank for a in args)
    laid = [writer.laid(a, first, node.name) for a in args]
    return [_ranked(writer, a, rank, node.name) for a in laid], first


def _ranked(writer: Writer, tensor: Tensor, rank: int, layer: str) -> str:
    """Axes of length 1 right behind the batch."""
    missing = rank - len(tensor.shape)
    if not missing:
        return tensor.name
    axes = writer.file.hold(list(range(1, missing + 1)), layer, "axes", np.int64)
    return writer.file.node("Unsqueeze", [tensor.name, axes], layer)


_KINDS: dict[type[GraphOp], str] = {Add: "Add", Subtract: "Sub", Maximum: "Max", Minimum: "Min", Multiply: "Mul"}


@write.on(Add, Subtract, Maximum, Minimum)
def _(op: Add | Subtract | Maximum | Minimum, writer: Writer, node: _Node, args: _Args) -> Tensor:
    names, first = _pair(writer, node, args)
    return Tensor(writer.file.node(_KINDS[type(op)], names, node.name), node.type.shape, first)


@write.on(Multiply)
def _(op: Multiply, writer: Writer, node: _Node, args: _Args) -> Tensor:
    names, first = _pair(writer, node, args)
    found = Tensor(writer.file.node("Mul", names, node.name), node.type.shape, first)
    left, right = (writer.unit(a) for a in node.args)
    return writer.scaled(found, unit_of(node.type.step) / (left * right), node.name)


@write.on(MatMul)
def _(op: MatMul, writer: Writer, node: _Node, args: _Args) -> Tensor:
    left, right = (writer.type(a) for a in node.args)
    writer.refuse_wide(left.largest * right.largest * left.shape[-1], node.name)
    laid = [writer.laid(a, False, node.name) for a in args]
    rank = max(len(a.shape) for a in args)
    names = [_ranked(writer, a, rank, node.name) for a in laid]
    found = Tensor(writer.file.node("MatMul", names, node.name), node.type.shape)
    units = writer.unit(node.args[0]) * writer.unit(node.args[1])
    return writer.scaled(found, unit_of(node.type.step) / units, node.name)


# Shapes.


def _axes(tensor: Tensor) -> list[int]:
    """The axis of the graph's tensor that each axis of the file's behind the batch is."""
    order = list(range(len(tensor.shape)))
    return [order[-1], *order[:-1]] if tensor.first else order


@write.on(Constant)
def _(op: Constant, writer: Writer, node: _Node, args: _Args) -> Tensor:
    values = (op.values.array * unit_of(node.type.step))[None]
    return Tensor(writer.file.hold(values, node.name, "values"), node.type.shape)


@write.on(Reshape)
def _(op: Reshape, writer: Writer, node: _Node, args: _Args) -> Tensor:
    tensor = writer.laid(args[0], False, node.name)
    shape = writer.file.hold([-1, *op.shape], node.name, "shape", np.int64)
    return Tensor(writer.file.node("Reshape", [tensor.name, shape], node.name), node.type.shape)


@write.on(Transpose)
def _(op: Transpose, writer: Writer, node: _Node, args: _Args) -> Tensor:
    tensor = writer.laid(args[0], False, node.name)
    perm = [0, *(a + 1 for a in op.order)]
    return Tensor(writer.file.node("Transpose", [tensor.name], node.name, perm=perm), node.type.shape)


@write.on(Concat)
def _(op: Concat, writer: Writer, node: _Node, args: _Args) -> Tensor:
    laid = [writer.laid(a, args[0].first, node.name) for a in args]
    axis = _axes(laid[0]).index(op.axis) + 1
    name = writer.file.node("Concat", [a.name for a in laid], node.name, axis=axis)
    return Tensor(name, node.type.shape, laid[0].first)


@write.on(Slice)
def _(op: Slice, writer: Writer, node: _Node, args: _Args) -> Tensor:
    axes = _axes(args[0])
    parts = {"starts": op.starts, "ends": op.stops, "axes": range(len(axes)), "steps": op.strides}
    told = [
        writer.file.hold([n + 1 for n in range(len(axes))] if what == "axes" else [values[a] for a in axes],
                         node.name, what, np.int64)
        for what, values in parts.items()
    ]  # fmt: skip
    return replace(args[0], name=writer.file.node("Slice", [args[0].name, *told], node.name), shape=node.type.shape)


@write.on(Pad)
def _(op: Pad, writer: Writer, node: _Node, args: _Args) -> Tensor:
    pads = [(0, 0), *(op.pads[a] for a in _axes(args[0]))]
    held = writer.file.hold(_flat(pads), node.name, "pads", np.int64)
    return replace(args[0], name=writer.file.node("Pad", [args[0].name, held], node.name), shape=node.type.shape)


@write.on(Upsample)
def _(op: Upsample, writer: Writer, node: _Node, args: _Args) -> Tensor:
    scales = writer.file.hold([1, *(op.factors[a] for a in _axes(args[0]))], node.name, "scales")
    told = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    name = writer.file.node("Resize", [args[0].name, "", scales], node.name, **told)
    return replace(args[0], name=name, shape=node.type.shape)
