"""Element-wise operators and quantizers: pieces of integer functions, found by calling the executor's rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import gcd
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute import Frame, apply_node, compute
from bitwright.frontends.qonnx.execute.quantize import quantized
from bitwright.frontends.qonnx.functions import Pointwise, Two
from bitwright.frontends.qonnx.lower.merge import merged
from bitwright.frontends.qonnx.lower.reader import Reader, fixed, lower
from bitwright.frontends.qonnx.lower.values import Live, Value, fraction
from bitwright.frontends.qonnx.model import Array, Node
from bitwright.ir.interface import Head

__all__: list[str] = []

_HEADS = {Pointwise.SIGMOID: Head.SIGMOID, Pointwise.TANH: Head.TANH}
_FRAME = Frame()


def _call(node: Node, op: Any = None) -> Any:
    """The executor's rule for `node` as a function of arrays."""
    chosen = node if op is None else replace(node, op=op)
    return lambda *args: apply_node(chosen, args, _FRAME)[0]  # pyright: ignore[reportUnknownLambdaType]


@lower.on(o.Unary)
def _(op: o.Unary, node: Node, reader: Reader, args: list[Any]) -> Value:
    if op.function is Pointwise.IDENTITY:
        return args[0]
    found = reader.piece(
        node, args[0], _call(node), monotone=op.function.monotone, head=_HEADS.get(op.function)
    )
    piece = found.lazy.chain[-1]
    if op.function is Pointwise.RELU:
        reader.halved[id(piece)] = piece
    if op.function is Pointwise.NEG:
        reader.remember(piece, np.array(-1.0), [Fraction(-1)])
    return found


@lower.on(o.Parametric)
def _(op: o.Parametric, node: Node, reader: Reader, args: list[Any]) -> Value:
    rising = op.kind != "ThresholdedRelu" and op.alpha >= 0 and op.beta >= 0
    return reader.piece(node, args[0], _call(node), monotone=rising)


@lower.on(o.Clip)
def _(op: o.Clip, node: Node, reader: Reader, args: list[Any]) -> Value:
    limits = [None if a is None else fixed(a, node, "limit").reshape(()) for a in args[1:]]
    call = _call(node)
    return reader.piece(node, args[0], lambda x: call(x, *limits))


@lower.on(o.Cast)
def _(op: o.Cast, node: Node, reader: Reader, args: list[Any]) -> Value:
    if op.dtype.kind == "f" or _holds(op.dtype, args[0], reader):
        return args[0]
    return reader.piece(node, args[0], lambda x: x.astype(op.dtype).astype(np.float32), step=Fraction(1))


def _holds(dtype: np.dtype[Any], live: Live, reader: Reader) -> bool:
    """Whether the tensor is codes that are integers of `dtype` as they are."""
    if live.lazy.chain or live.lazy.base is None or dtype.kind not in "iu":
        return False
    type, ends = reader.walk.type(live.lazy.base), np.iinfo(dtype)
    step = type.step.uniform
    if step is None or step.denominator != 1:
        return False
    return ends.min <= int(type.low.array.min()) * step and int(type.high.array.max()) * step <= ends.max


@lower.on(o.Binary)
def _(op: o.Binary, node: Node, reader: Reader, args: list[Any]) -> Value:
    left, right = args
    if isinstance(left, Live) and isinstance(right, Live):
        return merged(op, node, reader, left, right)
    first = isinstance(left, Live)
    live, constant = (left, right) if first else (right, left)
    values = constant.values
    live = reader.facing(live, [values], node)
    parameter = reader.parameter(live, values, node)
    call = _call(node)
    found = reader.piece(
        node, live, (lambda x: call(x, parameter)) if first else (lambda x: call(parameter, x)), [parameter],
        monotone=_monotone(op.function, parameter, first),
    )  # fmt: skip
    _remember_factor(op.function, parameter, first, found, reader)
    return found


def _monotone(function: Two, parameter: Array, first: bool) -> bool:
    match function:
        case Two.ADD | Two.SUB | Two.MUL:
            return True
        case Two.DIV:
            return first
        case Two.PRELU:
            return first and bool((parameter >= 0).all())
        case Two.GREATER | Two.GREATER_OR_EQUAL | Two.LESS | Two.LESS_OR_EQUAL:
            return True
        case _:
            return False


def _remember_factor(function: Two, parameter: Array, first: bool, found: Live, reader: Reader) -> None:
    """A multiplication by constants changes the step alone, if nothing else follows before the next sum."""
    per_channel = all(n == 1 for n in parameter.shape[:-1])
    if function not in (Two.MUL, Two.DIV) or (function is Two.DIV and not first) or not per_channel:
        return
    if not np.isfinite(parameter).all() or (parameter == 0).any():
        return
    piece = found.lazy.chain[-1]
    exact = [fraction(v) if function is Two.MUL else 1 / fraction(v) for v in parameter.ravel()]
    reader.remember(piece, parameter, exact)


@lower.on(o.BatchNormalization)
def _(op: o.BatchNormalization, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, *rest = args
    parameters = [fixed(v, node, "parameter") for v in rest]
    axis = len(live.shape) - 1 if op.channels_last else 0
    if live.flat:
        order = np.arange(live.shape[0]).reshape(live.inner).transpose(live.order)
        shaped = [p[order] for p in parameters]
        scale, bias, mean, variance = shaped
        return reader.piece(node, live, lambda x: _normalized(op, x, scale, bias, mean, variance), shaped)
    live = reader.last(live, axis, node.name)
    call = _call(node, replace(op, channels_last=True))
    return reader.piece(node, live, lambda x: call(x, *parameters), parameters)


def _normalized(op: o.BatchNormalization, x: Array, scale: Array, bias: Array, mean: Array, variance: Array) -> Array:
    """The executor's rule for parameters that differ from element to element: on one axis."""
    flat = [p.ravel() for p in (scale, bias, mean, variance)]
    plain = replace(op, channels_last=True)
    found = compute(plain, [np.broadcast_to(x, (len(x), *scale.shape)).reshape(len(x), -1), *flat], _FRAME)
    return np.asarray(found).reshape(len(x), *scale.shape)


# Quantizers.


@lower.on(o.Quant)
def _(op: o.Quant, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, *rest = args
    told = [np.asarray(fixed(v, node, "scale, zero point or width"), np.float32) for v in rest]
    _refuse_scale(told[0], node)
    live = reader.facing(live, told, node)
    parameters = [reader.parameter(live, v, node) for v in told]
    scale, zero, bits = parameters
    call, whole = _call(node), bool((zero == np.rint(zero)).all())
    if scale.size == 1:
        step = fraction(scale) if whole else None
        return reader.piece(node, live, lambda x: call(x, scale, zero, bits), parameters, step=step)
    if not whole:
        raise Unsupported(
            "a zero point that is no integer", where=f"node '{node.name}'", remedy="export integer zero points"
        )
    codes = reader.piece(
        node, live, lambda x: quantized(op, x, scale, zero, bits) - zero, parameters, step=Fraction(1)
    )
    scaled = reader.piece(node, codes, lambda x: x * scale, [scale])
    _remember_factor(Two.MUL, scale, True, scaled, reader)
    return scaled


def _refuse_scale(scale: Array, node: Node) -> None:
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise InvalidModel(
            f"a scale of {scale.min()}", where=f"node '{node.name}' ({node.kind})", remedy="export it again"
        )


@lower.on(o.BipolarQuant)
def _(op: o.BipolarQuant, node: Node, reader: Reader, args: list[Any]) -> Value:
    scale = np.asarray(fixed(args[1], node, "scale"), np.float32)
    return _scaled(op, node, reader, args[0], [scale], abs(fraction(scale.ravel()[0])))


def _scaled(
    op: o.Quantizer, node: Node, reader: Reader, live: Live, parameters: Sequence[Array], step: Fraction | None
) -> Value:
    """A quantizer with one scale for all."""
    if any(p.size != 1 for p in parameters):
        raise Unsupported(
            "parameters that differ from channel to channel", where=f"node '{node.name}' ({node.kind})",
            remedy="use one scale for the tensor",
        )  # fmt: skip
    numbers, call = [p.reshape(()) for p in parameters], _call(node)
    return reader.piece(node, live, lambda x: call(x, *numbers), step=step)


@lower.on(o.Trunc)
def _(op: o.Trunc, node: Node, reader: Reader, args: list[Any]) -> Value:
    told = [np.asarray(fixed(v, node, "parameter"), np.float32) for v in args[1:]]
    _refuse_scale(told[0], node)
    whole = bool((told[1] == np.rint(told[1])).all())
    return _scaled(op, node, reader, args[0], told, fraction(told[0].ravel()[0]) if whole else None)


@lower.on(o.TruncTo)
def _(op: o.TruncTo, node: Node, reader: Reader, args: list[Any]) -> Value:
    told = [np.asarray(fixed(v, node, "parameter"), np.float32) for v in args[1:]]
    _refuse_scale(told[0], node)
    _refuse_scale(told[3], node)
    return _scaled(op, node, reader, args[0], told, None if told[1].any() else fraction(told[3].ravel()[0]))


@lower.on(o.FloatQuant)
def _(op: o.FloatQuant, node: Node, reader: Reader, args: list[Any]) -> Value:
    told = [np.asarray(fixed(v, node, "parameter"), np.float32) for v in args[1:] if v is not None]
    _refuse_scale(told[0], node)
    scale, _, mantissa, bias = (fraction(v.ravel()[0]) for v in told[:4])
    least = 1 - bias - mantissa
    step = scale * Fraction(2) ** int(least) if least.denominator == 1 else None
    return _scaled(op, node, reader, args[0], told, step)


@lower.on(o.MultiThreshold)
def _(op: o.MultiThreshold, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, thresholds = args[0], fixed(args[1], node, "table of thresholds")
    step = _common(fraction(np.float32(op.scale)), fraction(np.float32(op.bias)))
    parameters: list[Array] = []
    if len(thresholds) > 1:
        live = reader.last(reader.settled(live, node.name) if live.flat else live,
                           op.axis(len(live.shape) + 1) - 1, node.name)  # fmt: skip
        parameters = [thresholds[:, 0]]

    def apply(x: Array) -> Array:
        layout = "N" + "".join(chr(ord("a") + i) for i in range(x.ndim - 2)) + "C"
        return np.asarray(compute(replace(op, layout=layout), [x, thresholds], _FRAME))

    return reader.piece(node, live, apply, parameters, step=step)


def _common(scale: Fraction, bias: Fraction) -> Fraction:
    """The largest step of which both are multiples."""
    if bias == 0:
        return abs(scale)
    top = gcd(scale.numerator * bias.denominator, bias.numerator * scale.denominator)
    return Fraction(top, scale.denominator * bias.denominator)


@lower.on(o.Where)
def _(op: o.Where, node: Node, reader: Reader, args: list[Any]) -> Value:
    raise Unsupported(
        "a choice between live tensors", where=f"node '{node.name}'",
        remedy="express it with Relu, Clip or MultiThreshold",
    )  # fmt: skip


@lower.on(o.Softmax)
def _(op: o.Softmax, node: Node, reader: Reader, args: list[Any]) -> Value:
    live = args[0]
    if len(live.shape) != 1 or (op.axis not in (1, -1)):
        raise Unsupported(
            f"softmax over axis {op.axis} of a tensor of {live.shape}", where=f"node '{node.name}'",
            why="it is float, and outside hardware only over the last axis of an output of one axis",
            remedy="take it off the model, or move it to the output",
        )  # fmt: skip
    head = Head.LOG_SOFTMAX if op.log else Head.SOFTMAX
    return reader.piece(node, live, _call(node), head=head)


