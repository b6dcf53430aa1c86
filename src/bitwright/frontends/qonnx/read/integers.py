"""QuantizeLinear, DequantizeLinear, and onnxruntime's operators on integers, which are written out in those two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.functions import Two
from bitwright.frontends.qonnx.model import Array, Node, Operator
from bitwright.frontends.qonnx.read.attributes import Source
from bitwright.frontends.qonnx.read.standard import Build, convolution
from bitwright.frontends.qonnx.read.tensors import dtype_of, integer_range

__all__ = ["EXPANDED", "INTEGERS", "Expand", "foreign"]

Expand = Callable[[Source], list[Node]]

_UINT8 = 2


def _shared(s: Source) -> int:
    """The axis; scales by blocks are refused."""
    s.skip("precision")
    if s.whole("block_size", 0):
        raise Unsupported("scales by blocks (block_size)", where=s.where, remedy="quantize per tensor or per channel")
    return s.whole("axis", 1)


def _integer_type(s: Source, position: int, told: int = 0) -> tuple[int, int, np.dtype[Any]]:
    """(least, greatest, dtype) of the integers whose zero point is input `position`."""
    name = s.inputs[position] if len(s.inputs) > position else ""
    if name and name not in s.types:
        raise Unsupported("a zero point that is no constant", where=s.where, remedy="export constant zero points")
    number = s.types[name] if name else told or _UINT8
    ends = integer_range(number)
    if ends is None:
        raise Unsupported(
            f"integers of ONNX's type number {number}", where=s.where, why="it quantizes to floats of few bits",
            remedy="quantize to int2 to int16 or uint2 to uint16",
        )  # fmt: skip
    return *ends, dtype_of(number, s.where)


def _quantize(s: Source) -> Operator:
    s.arity(2, 3)
    s.skip("saturate")
    axis, told = _shared(s), s.whole("output_dtype", 0)
    low, high, dtype = _integer_type(s, 2, told)
    return o.QuantizeLinear(axis, low, high, dtype)


def _dequantize(s: Source) -> Operator:
    s.arity(2, 3)
    s.skip("output_dtype")
    return o.DequantizeLinear(_shared(s))


INTEGERS: dict[str, Build] = {"QuantizeLinear": _quantize, "DequantizeLinear": _dequantize}
"""Also of the domain com.microsoft, where they knew more types earlier."""


# Operators on integers: the exact sum in float64, then onnxruntime's requantization.


def _inner(s: Source, name: str, op: Operator, inputs: list[str]) -> Node:
    """One of the nodes that an operator becomes."""
    target = f"{s.label}/{name}"
    return Node(target, type(op).__name__, "", s.version, op, tuple(inputs), (target,))


def _offset(s: Source, name: str, x: str, zero: str, axis: int = 1) -> list[Node]:
    """x less its zero point, as float64: integers whose products and sums it holds."""
    one = s.constant(1.0, np.float32)
    less = _inner(s, name, o.DequantizeLinear(axis), [x, one, *([zero] if zero else [])])
    return [less, _inner(s, f"{name}64", o.Cast(np.dtype(np.float64)), [less.outputs[0]])]


def _input(s: Source, position: int) -> str:
    return s.inputs[position] if len(s.inputs) > position else ""


def _ended(s: Source, nodes: list[Node]) -> list[Node]:
    """The last node yields what the operator yields."""
    last = nodes[-1]
    return [*nodes[:-1], Node(last.name, last.kind, last.domain, last.version, last.op, last.inputs, tuple(s.outputs))]


def _scale(s: Source, position: int) -> Array:
    name = _input(s, position)
    if name not in s.constants:
        raise Unsupported("a scale that is no constant", where=s.where, remedy="export constant scales")
    return np.asarray(s.constants[name], np.float32)


def _requantized(s: Source, total: str, first: int, second: int, end: int, axes: int) -> list[Node]:
    """total * (scale * scale / scale), one rounding each in float32, then to the integers of input `end` + 1."""
    with np.errstate(all="ignore"):
        factor = _scale(s, first) * _scale(s, second) / _scale(s, end)
    if factor.size > 1:
        factor = factor.reshape(-1, *(1,) * axes)
    single = _inner(s, "sum", o.Cast(np.dtype(np.float32)), [total])
    scaled = _inner(s, "scaled", o.Binary(Two.MUL), [single.outputs[0], s.constant(factor, np.float32)])
    op = o.QuantizeLinear(1, *_integer_type(s, end + 1))
    told = [scaled.outputs[0], s.constant(1.0, np.float32), _input(s, end + 1)]
    return _ended(s, [single, scaled, _inner(s, "quantized", op, told)])


def _rank(s: Source, name: str) -> int:
    if name not in s.constants:
        raise Unsupported("weights that are no constant", where=s.where, remedy="export constant weights")
    return s.constants[name].ndim - 2


def _qlinear_conv(s: Source) -> list[Node]:
    s.arity(8, 9)
    x = _offset(s, "x", s.inputs[0], s.inputs[2])
    w = _offset(s, "w", s.inputs[3], s.inputs[5], axis=0)
    told, rank = list(s.inputs), _rank(s, s.inputs[3])
    bias = [_offset(s, "b", told[8], "")] if len(told) > 8 else []
    s.inputs[:] = [x[-1].outputs[0], w[-1].outputs[0], *(b[-1].outputs[0] for b in bias)]
    conv = _inner(s, "conv", convolution(s), s.inputs)
    s.inputs[:] = told
    before = [*x, *w, *(n for b in bias for n in b), conv]
    return [*before, *_requantized(s, conv.outputs[0], 1, 4, 6, rank)]


def _qlinear_matmul(s: Source) -> list[Node]:
    s.arity(8)
    a, b = _offset(s, "a", s.inputs[0], s.inputs[2]), _offset(s, "b", s.inputs[3], s.inputs[5])
    product = _inner(s, "product", o.MatMul(), [a[-1].outputs[0], b[-1].outputs[0]])
    return [*a, *b, product, *_requantized(s, product.outputs[0], 1, 4, 6, 0)]


def _conv_integer(s: Source) -> list[Node]:
    s.arity(2, 4)
    x = _offset(s, "x", s.inputs[0], _input(s, 2))
    w = _offset(s, "w", s.inputs[1], _input(s, 3), axis=0)
    s.inputs[:] = [x[-1].outputs[0], w[-1].outputs[0]]
    conv = _inner(s, "conv", convolution(s), s.inputs)
    return _ended(s, [*x, *w, conv, _inner(s, "sum", o.Cast(np.dtype(np.int32)), [conv.outputs[0]])])


def _matmul_integer(s: Source) -> list[Node]:
    s.arity(2, 4)
    a, b = _offset(s, "a", s.inputs[0], _input(s, 2)), _offset(s, "b", s.inputs[1], _input(s, 3))
    product = _inner(s, "product", o.MatMul(), [a[-1].outputs[0], b[-1].outputs[0]])
    return _ended(s, [*a, *b, product, _inner(s, "sum", o.Cast(np.dtype(np.int32)), [product.outputs[0]])])


EXPANDED: dict[str, Expand] = {
    "QLinearConv": _qlinear_conv, "QLinearMatMul": _qlinear_matmul, "ConvInteger": _conv_integer,
    "MatMulInteger": _matmul_integer,
}  # fmt: skip
"""Operators that several of ours replace."""

_FLOATING = "quantize statically: onnxruntime.quantization.quantize_static with QuantFormat.QDQ"


def foreign(domain: str, kind: str) -> o.Foreign:
    """An operator that nobody here computes, with the way out."""
    if kind == "DynamicQuantizeLinear":
        return o.Foreign("its scale and zero point follow each input: no hardware has them in advance", _FLOATING)
    if domain == "com.microsoft" and (kind.startswith(("QLinear", "Dynamic")) or kind in ("QGemm", "QAttention")):
        return o.Foreign(f"{kind} is onnxruntime's own form of a quantized operator", _FLOATING)
    if kind in ("Loop", "Scan", "If") and not domain:
        return o.Foreign(f"{kind} runs a graph of its own", "export it unrolled, with sequences of a fixed length")
    return o.Foreign(f"{kind} of the domain {domain!r} is unknown" if domain else f"{kind} is unknown")
