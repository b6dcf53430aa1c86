"""A TFLite model as an integer graph: a code is an 8-bit integer less its zero point, a step its scale."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from bitwright.core.errors import BitwrightError, InvalidModel, Unsupported
from bitwright.core.origin import Origin
from bitwright.frontends.grid.reading import Reading
from bitwright.frontends.grid.walk import Finding
from bitwright.frontends.tflite.arithmetic import multiplied, multiplied_once, multiplier, stairs
from bitwright.frontends.tflite.model import Model, Operator, Tensor
from bitwright.ir.graph import GraphBuilder, TensorType
from bitwright.ir.graph.ops import Add, Conv, Dense, GraphOp, Map, MaxPool, Reshape, SumPool
from bitwright.ir.interface import Decoder, Head, RoundEncoder
from bitwright.numeric import IntArray, Ints, Steps, Table

__all__ = ["TfliteWalk", "guarded", "read_model", "read_operator", "tells_shapes"]

_LOW, _HIGH = -128, 127
_SHAPES = ("SHAPE", "STRIDED_SLICE", "PACK")
"""What converters emit to flatten batches of any size."""
_ADD_BITS = 20
_LARGEST, _WIDEST, _STEEPEST = 1 << 22, 1 << 10, 16
_Requantize = Callable[[IntArray, IntArray], IntArray]


def read_model(model: Model, *, name: str = "") -> Reading:
    """The integer graph of `model`: every integer equals that of TFLite's reference kernels.

    Inputs and outputs are the real values; a softmax at the end is computed in float from exact logits.
    Raises Unsupported or InvalidModel naming the operator and the way out.
    """
    with guarded(model.name):
        return _read(model, name)


@contextmanager
def guarded(where: str) -> Generator[None]:
    """Whatever a file with tensors that do not fit together raises, as InvalidModel."""
    try:
        yield
    except (InvalidModel, Unsupported):
        raise
    except (BitwrightError, ValueError, LookupError, ArithmeticError, TypeError) as error:
        raise InvalidModel(
            "its operators do not fit together", where=where, why=str(error).splitlines()[0],
            remedy="convert it again with TFLiteConverter",
        ) from error  # fmt: skip


def _read(model: Model, name: str) -> Reading:
    walk = TfliteWalk(model)
    for operator in model.operators:
        read_operator(walk, operator)
    decoders: list[Decoder] = []
    positions: list[int] = []
    for number in model.outputs:
        position, head = walk.known[number]
        positions.append(position)
        decoders.append(Decoder(walk.builder.type(position).step, head))
    graph = walk.builder.graph(name or model.name, positions)
    kinds = {operator.name: operator.kind for operator in model.operators}
    return Reading(graph, tuple(walk.encoders), tuple(decoders), tuple(walk.findings), kinds)


def tells_shapes(model: Model, operator: Operator) -> bool:
    """Whether it only computes a shape, which the file tells itself."""
    return operator.kind in _SHAPES and model.tensors[operator.outputs[0]].kind is np.int32


def read_operator(walk: TfliteWalk, operator: Operator) -> None:
    """Read one operator: where its output stands goes to `walk.known`."""
    if tells_shapes(walk.model, operator):
        return
    if operator.kind not in _RULES:
        raise Unsupported(
            f"the operator {operator.kind}", where=f"operator '{operator.name}'",
            why=f"known are {', '.join(sorted(_RULES))}", remedy="replace it by one of these and convert again",
        )  # fmt: skip
    walk.known[operator.outputs[0]] = _RULES[operator.kind](walk, operator)


_Value = tuple[int, Head]


class TfliteWalk:
    """The graph as it grows; `known` tells where each live tensor stands."""

    def __init__(self, model: Model) -> None:
        self.model, self.builder = model, GraphBuilder()
        self.encoders: list[RoundEncoder] = []
        self.findings: list[Finding] = []
        self.known: dict[int, _Value] = {}
        for source, number in enumerate(model.inputs):
            tensor = model.tensors[number]
            scale, zero = _scale(tensor, tensor.name)
            if not 0 < prod(tensor.shape[1:]) <= _LARGEST or min(tensor.shape) < 1:
                raise InvalidModel(f"an input of the shape {tensor.shape}", where=model.name, remedy="convert it again")
            low, high = _LOW - zero, _HIGH - zero
            self.encoders.append(RoundEncoder(source, scale, low, high))
            type = TensorType(tensor.shape[1:], Ints(low), Ints(high), Steps.of(scale))
            self.known[number] = self.builder.input(type, "x" if source == 0 else f"x{source}"), Head.NONE
            self.findings.append(Finding(f"input {source}", True, f"inputs are rounded to the scale {float(scale)}"))

    def tensor(self, operator: Operator, place: int) -> Tensor:
        """An input of the operator."""
        if place >= len(operator.inputs) or operator.inputs[place] < 0:
            raise InvalidModel(
                f"input {place} is missing", where=f"operator '{operator.name}'", remedy="convert it again"
            )
        return self.model.tensors[operator.inputs[place]]

    def live(self, operator: Operator, place: int = 0) -> int:
        """Where the codes of a live input stand."""
        found = self.known.get(operator.inputs[place])
        if found is None or found[1] is not Head.NONE:
            raise Unsupported(
                f"its input {place} is a constant, or follows a softmax", where=f"operator '{operator.name}'",
                remedy="fold constants and end with the softmax",
            )  # fmt: skip
        return found[0]

    def emit(self, op: GraphOp, args: list[int], operator: Operator, step: Steps | None = None) -> int:
        """Append an operator of the graph."""
        return self.builder.apply(op, args, step=step, name=operator.name, origin=Origin(operator.name))

    def requantized(self, operator: Operator, position: int, function: _Requantize, channels: bool) -> _Value:
        """The result of 8 bits: `function` (codes, channels) gives it without its zero point, never falling."""
        type = self.builder.type(position)
        out = self.model.tensors[operator.outputs[0]]
        scale, zero = _scale(out, operator.name)
        low, high = type.bounds()
        axes = tuple(range(len(type.shape) - 1)) if channels else tuple(range(len(type.shape)))
        ends = np.atleast_1d(low.min(axis=axes)), np.atleast_1d(high.max(axis=axes))
        least, most = _activation(operator, float(scale), zero)

        def whole(codes: IntArray, rows: IntArray) -> IntArray:
            return np.clip(function(codes, rows) + zero, least, most) - zero

        form = stairs(whole, *ends)
        rows = Ints(np.arange(form.count)) if form.count > 1 else Ints(0)
        self.findings.append(Finding(operator.name, True, "TFLite's own rounding, bisected for each channel"))
        return self.emit(Map(form, rows), [position], operator, Steps.of(scale)), Head.NONE


def _scale(tensor: Tensor, where: str) -> tuple[Fraction, int]:
    """The one scale and zero point of a live tensor of 8 bits."""
    if tensor.kind is not np.int8 or tensor.scales.size != 1 or tensor.zeros.size != 1 or not tensor.scales[0] > 0:
        kind = getattr(tensor.kind, "__name__", "an unknown type")
        raise Unsupported(
            f"the tensor '{tensor.name}' of {kind}", where=f"operator '{where}'",
            why="int8 with one scale is read",
            remedy="convert with a representative dataset and int8 inputs and outputs",
        )  # fmt: skip
    return Fraction(float(tensor.scales[0])), int(tensor.zeros[0])


_ACTIVATIONS = {
    "CONV_2D": 3, "DEPTHWISE_CONV_2D": 4, "FULLY_CONNECTED": 0, "ADD": 0, "AVERAGE_POOL_2D": 5, "MAX_POOL_2D": 5,
}  # fmt: skip
"""Where an operator's options keep the fused activation."""


def _activation(operator: Operator, scale: float, zero: int) -> tuple[int, int]:
    """The range of the result that the fused activation leaves."""

    def code(value: float) -> int:
        return zero + int(np.floor(np.float32(value) / np.float32(scale) + np.float32(0.5)))

    match operator.option(_ACTIVATIONS[operator.kind], "<b"):
        case 0:
            return _LOW, _HIGH
        case 1:
            return max(_LOW, zero), _HIGH
        case 2:
            return max(_LOW, zero - (code(1) - zero)), min(_HIGH, code(1))
        case 3:
            return max(_LOW, zero), min(_HIGH, code(6))
        case other:
            raise Unsupported(
                f"fused activation number {other}", where=f"operator '{operator.name}'", remedy="use relu or relu6"
            )


def _constants(walk: TfliteWalk, operator: Operator, filters: int) -> tuple[IntArray, IntArray]:
    """Weights and bias as integers, zero points checked."""
    weights = walk.tensor(operator, 1)
    if weights.data is None or weights.kind is not np.int8 or weights.zeros.any():
        raise Unsupported(
            "weights that are no symmetric int8 constants", where=f"operator '{operator.name}'",
            remedy="convert with full integer quantization",
        )  # fmt: skip
    bias = np.zeros(filters, dtype=np.int64)
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        stored = walk.tensor(operator, 2).data
        if stored is None or stored.size != filters:
            raise InvalidModel("its bias does not fit", where=f"operator '{operator.name}'", remedy="convert it again")
        bias = stored.astype(np.int64).ravel()
    return weights.data.astype(np.int64), bias


def _multipliers(walk: TfliteWalk, operator: Operator, filters: int) -> _Requantize:
    """The product with input scale * weight scale / output scale of each filter."""
    before, weights = walk.tensor(operator, 0), walk.tensor(operator, 1)
    after = walk.model.tensors[operator.outputs[0]]
    product = np.float64(before.scales[0]) * weights.scales.astype(np.float64) / np.float64(after.scales[0])
    found = [_multiplier(float(s)) for s in np.broadcast_to(product, (filters,))]
    mantissa, exponent = (np.array(column, dtype=np.int64) for column in zip(*found, strict=True))
    product_of = multiplied_once if operator.kind == "FULLY_CONNECTED" else multiplied
    return lambda codes, rows: product_of(codes, mantissa[rows], exponent[rows])


def _sums(walk: TfliteWalk, operator: Operator, position: int, filters: int) -> _Value:
    return walk.requantized(operator, position, _multipliers(walk, operator, filters), channels=True)


def _pads(
    shape: tuple[int, ...], window: tuple[int, ...], strides: tuple[int, ...], dilation: tuple[int, ...], same: bool
) -> tuple[tuple[int, int], ...]:
    pads: list[tuple[int, int]] = []
    for size, k, stride, d in zip(shape, window, strides, dilation, strict=False):
        total = max((-(-size // stride) - 1) * stride + (k - 1) * d + 1 - size, 0) if same else 0
        pads.append((total // 2, total - total // 2))
    return tuple(pads)


def _conv(walk: TfliteWalk, operator: Operator) -> _Value:
    deep = operator.kind == "DEPTHWISE_CONV_2D"
    stored = walk.tensor(operator, 1).shape
    filters = stored[3] if deep else stored[0]
    weights, bias = _constants(walk, operator, filters)
    source = walk.live(operator)
    shape = walk.builder.type(source).shape
    kernel = weights.transpose(1, 2, 0, 3) if deep else weights.transpose(1, 2, 3, 0)
    groups = shape[-1] if deep else shape[-1] // kernel.shape[2]
    strides = operator.option(2, default=1), operator.option(1, default=1)
    places = (6, 5) if deep else (5, 4)
    dilation = operator.option(places[0], default=1), operator.option(places[1], default=1)
    if not all(0 < n <= _WIDEST for n in (*strides, *dilation)):
        raise ValueError(f"strides {strides}, dilation {dilation}")
    pads = _pads(shape, kernel.shape[:2], strides, dilation, operator.option(0, "<b") == 0)
    op = Conv(Ints(kernel), Ints(bias), strides, pads, dilation, groups)
    position = walk.emit(op, [source], operator, Steps.of(1))
    return _sums(walk, operator, position, filters)


def _dense(walk: TfliteWalk, operator: Operator) -> _Value:
    filters = walk.tensor(operator, 1).shape[0]
    weights, bias = _constants(walk, operator, filters)
    source = walk.live(operator)
    if walk.builder.type(source).shape != weights.shape[1:]:
        source = walk.emit(Reshape((weights.shape[1],)), [source], operator)
    position = walk.emit(Dense(Ints(weights.T), Ints(bias)), [source], operator, Steps.of(1))
    return _sums(walk, operator, position, filters)


def _add(walk: TfliteWalk, operator: Operator) -> _Value:
    """Both on one scale with 20 bits to spare, each by its multiplier, then the sum by another."""
    scales = [float(walk.tensor(operator, n).scales[0]) for n in range(2)]
    twice = 2 * max(scales)
    parts: list[int] = []
    for place, scale in enumerate(scales):
        source = walk.live(operator, place)
        low, high = walk.builder.type(source).bounds()
        first = int(low.min())
        codes = np.arange(first, int(high.max()) + 1)
        values = multiplied(codes << _ADD_BITS, *_pair(scale / twice))
        form = Table(Ints([first]), Ints(values[None]))
        parts.append(walk.emit(Map(form, Ints(0)), [source], operator, Steps.of(1)))
    total = walk.emit(Add(), parts, operator)
    out = float(walk.model.tensors[operator.outputs[0]].scales[0])
    mantissa, exponent = _pair(twice / ((1 << _ADD_BITS) * out))
    return walk.requantized(operator, total, lambda codes, rows: multiplied(codes, mantissa, exponent), channels=False)


def _multiplier(scale: float) -> tuple[int, int]:
    mantissa, exponent = multiplier(scale)
    if exponent > _STEEPEST:
        raise ValueError(f"a multiplication by {scale}")
    return mantissa, exponent


def _pair(scale: float) -> tuple[IntArray, IntArray]:
    mantissa, exponent = _multiplier(scale)
    return np.array(mantissa, dtype=np.int64), np.array(exponent, dtype=np.int64)


def _window(walk: TfliteWalk, operator: Operator) -> tuple[int, Any]:
    source = walk.live(operator)
    shape = walk.builder.type(source).shape
    pool = operator.option(4), operator.option(3)
    strides = operator.option(2), operator.option(1)
    if not all(0 < n <= _WIDEST for n in (*pool, *strides)):
        raise ValueError(f"windows {pool} with strides {strides}")
    pads = _pads(shape, pool, strides, (1, 1), operator.option(0, "<b") == 0)
    return source, (pool, strides, pads)


def _average(walk: TfliteWalk, operator: Operator) -> _Value:
    source, (pool, strides, pads) = _window(walk, operator)
    if any(p != (0, 0) for p in pads):
        raise Unsupported("padded averages", where=f"operator '{operator.name}'", remedy="use padding='valid'")
    zero = int(walk.tensor(operator, 0).zeros[0])
    count = pool[0] * pool[1]
    total = walk.emit(SumPool(pool, strides, pads), [source], operator)

    def mean(codes: IntArray, rows: IntArray) -> IntArray:
        whole = codes + count * zero
        size = (np.abs(whole) + count // 2) // count
        return np.where(whole >= 0, size, -size) - zero

    return walk.requantized(operator, total, mean, channels=False)


def _largest(walk: TfliteWalk, operator: Operator) -> _Value:
    source, (pool, strides, pads) = _window(walk, operator)
    position = walk.emit(MaxPool(pool, strides, pads), [source], operator)
    return walk.requantized(operator, position, lambda codes, rows: codes, channels=False)


def _reshape(walk: TfliteWalk, operator: Operator) -> _Value:
    shape = walk.model.tensors[operator.outputs[0]].shape[1:]
    return walk.emit(Reshape(shape), [walk.live(operator)], operator), Head.NONE


def _softmax(walk: TfliteWalk, operator: Operator) -> _Value:
    if operator.option(0, "<f", 0.0) != 1.0 or operator.outputs[0] not in walk.model.outputs:
        raise Unsupported(
            "a softmax inside the network, or with a beta", where=f"operator '{operator.name}'",
            remedy="end the model with it, or leave it out",
        )  # fmt: skip
    walk.findings.append(Finding(operator.name, True, "float softmax outside hardware, on exact logits (argmax kept)"))
    return walk.live(operator), Head.SOFTMAX


_RULES: dict[str, Callable[[TfliteWalk, Operator], _Value]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _conv,
    "FULLY_CONNECTED": _dense,
    "ADD": _add,
    "AVERAGE_POOL_2D": _average,
    "MAX_POOL_2D": _largest,
    "RESHAPE": _reshape,
    "SOFTMAX": _softmax,
}
