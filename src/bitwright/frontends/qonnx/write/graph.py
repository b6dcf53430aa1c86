"""`model_of`: a graph, with the doors on both sides where there are any, as an ONNX model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.frontends.qonnx.write.file import Dialect, File
from bitwright.frontends.qonnx.write.quantizers import clipped, quantize
from bitwright.frontends.qonnx.write.writer import HOLDS, Tensor, Writer, unit_of, write
from bitwright.ir.graph import Graph, TensorType
from bitwright.ir.graph.ops import GraphOp, Input
from bitwright.ir.interface import Decoder, Encoder, GridEncoder, Head, LevelEncoder, RoundEncoder
from bitwright.ir.program import Node
from bitwright.numeric import Ints

__all__ = ["model_of"]

_HEADS = {Head.SIGMOID: "Sigmoid", Head.TANH: "Tanh", Head.SOFTMAX: "Softmax", Head.LOG_SOFTMAX: "LogSoftmax"}
_DOUBLE, _SINGLE = 11, 1


def model_of(
    graph: Graph, dialect: str | Dialect = Dialect.QONNX, encoders: Sequence[Encoder] = (),
    decoders: Sequence[Decoder] = (),
) -> Any:  # fmt: skip
    """The ModelProto of `graph`: it takes floats (code x step where no encoders are given) and yields floats.

    Every tensor in it is a code times a power of two, so float32 computes what `run` does. Raises `Inexact` where a
    sum could reach 2**24, or a function has no exact form in the dialect, naming the layer and the way out.
    """
    try:
        chosen = Dialect(dialect)
    except ValueError as error:
        known = ", ".join(repr(d.value) for d in Dialect)
        raise InvalidValue(f"dialect={dialect!r}", where="to_onnx", remedy=f"use one of {known}") from error
    file = File(chosen)
    writer = Writer(graph, file)
    inputs = _inputs(writer, encoders)
    for position, node in enumerate(graph.nodes):
        if isinstance(node.op, Input):
            continue
        writer.refuse_wide(node.type.largest, node.name)
        writer.done[position] = write(node.op, writer, node, [writer.done[a] for a in node.args])
    outputs = [_output(writer, i, p, decoders[i] if decoders else None) for i, p in enumerate(graph.outputs)]
    return file.model(graph.name, inputs, outputs)


def _inputs(writer: Writer, encoders: Sequence[Encoder]) -> list[tuple[str, tuple[int, ...]]]:
    """The model's inputs in order; an encoder tells which of them a graph's input reads."""
    ports: dict[int, tuple[str, tuple[int, ...]]] = {}
    entries = [p for p, n in enumerate(writer.graph.nodes) if isinstance(n.op, Input)]
    for i, position in enumerate(entries):
        node = writer.graph.nodes[position]
        source = encoders[i].source if encoders else i
        if source not in ports:
            ports[source] = writer.file.fresh("x" if source == 0 else f"x{source}"), node.type.shape
        given = Tensor(*ports[source])
        encoder = encoders[i] if encoders else _grid(i, node.type)
        writer.done[position] = _encoded(writer, given, encoder, node)
    return [ports[source] for source in sorted(ports)]


def _grid(source: int, type: TensorType) -> GridEncoder:
    """Codes are given as they are, so that one range serves all elements."""
    low, high = (Ints(v) for v in (type.low.array.min(), type.high.array.max()))
    return GridEncoder(source, type.step, low, high)


def _encoded(writer: Writer, given: Tensor, encoder: Encoder, node: Node[GraphOp, TensorType]) -> Tensor:
    """The codes of an input as the encoder gives them, times their unit."""
    writer.refuse_wide(node.type.largest, node.name)
    unit, layer = unit_of(node.type.step), node.name
    if isinstance(encoder, LevelEncoder):
        return _leveled(writer, given, encoder, node)
    assert isinstance(encoder, RoundEncoder | GridEncoder)
    ends = np.asarray(encoder.low), np.asarray(encoder.high)
    steps = node.type.step.floats()
    if (unit == steps).all():
        return quantize(writer, given, unit, ends, layer)
    # Other steps round in float32: in float64 the quotient is the encoder's.
    double = replace(given, name=writer.file.node("Cast", [given.name], layer, to=_DOUBLE))
    above, below = _quotient(encoder, node)
    for kind, values in (("Mul", above), ("Div", below)):
        if (values != 1).any():
            held = writer.file.hold(writer.facing(double, values), layer, kind.lower(), np.float64)
            double = replace(double, name=writer.file.node(kind, [double.name, held], layer))
    whole = writer.file.node("Round", [double.name], layer)
    bound = [writer.file.hold(v, layer, w, np.float64) for v, w in ((ends[0].min(), "low"), (ends[1].max(), "high"))]
    cut = writer.file.node("Clip", [whole, *bound], layer)
    single = replace(given, name=writer.file.node("Cast", [cut], layer, to=_SINGLE))
    return quantize(writer, writer.scaled(single, unit, layer), unit, ends, layer)


def _quotient(encoder: Encoder, node: Node[GraphOp, TensorType]) -> tuple[Any, Any]:
    """What the input is multiplied with and divided by: code = round(x * above / below)."""
    if isinstance(encoder, RoundEncoder):
        return np.float64(encoder.step.denominator), np.float64(encoder.step.numerator)
    return np.float64(1), node.type.step.floats()


def _leveled(
    writer: Writer, given: Tensor, encoder: LevelEncoder, node: Node[GraphOp, TensorType]
) -> Tensor:
    """Thresholds on floats: QONNX has them, ONNX's own quantizers do not."""
    layer, unit = node.name, unit_of(node.type.step)
    if writer.file.dialect is not Dialect.QONNX:
        return _plain_levels(writer, given, encoder, node)
    levels = np.where(np.isinf(encoder.levels), np.finfo(np.float32).max, encoder.levels)
    held = writer.file.hold(levels, layer, "levels")
    base, turn = encoder.base, encoder.direction
    alike = all((v == v[0]).all() for v in (base, turn)) and unit.size == 1
    scale, bias = (float(turn[0] * unit), float(base[0] * unit)) if alike else (1.0, 0.0)
    space = "HWDXY"[: len(given.shape) - 1] if len(given.shape) != 2 else "W"
    name = writer.file.quantizer(
        "MultiThreshold", [given.name, held], layer, out_scale=scale, out_bias=bias, out_dtype="FLOAT32",
        data_layout=f"N{space}C",
    )  # fmt: skip
    found = replace(given, name=name)
    if alike:
        return found
    found = writer.changed("Add", writer.changed("Mul", found, turn, layer, 1.0), base, layer, 0.0)
    ends = node.type.low.array, node.type.high.array
    return quantize(writer, writer.scaled(found, unit, layer), unit, ends, layer, cut=False)


def _plain_levels(
    writer: Writer, given: Tensor, encoder: LevelEncoder, node: Node[GraphOp, TensorType]
) -> Tensor:
    """Levels that are those of QuantizeLinear with some scale, or a single one."""
    layer, step = node.name, node.type.step.uniform
    unit = unit_of(node.type.step)
    if step is not None and _evenly(encoder, np.float32(float(step))):
        low, high = int(encoder.base[0]), int(encoder.base[0]) + encoder.levels.shape[1]
        return quantize(writer, given, unit, (np.array(low), np.array(high)), layer, scale=float(step))
    if encoder.levels.shape == (1, 1):
        level = writer.file.hold(encoder.levels[0, 0], layer, "level")
        reached = writer.file.node("GreaterOrEqual", [given.name, level], layer)
        found = replace(given, name=writer.file.node("Cast", [reached], layer, to=_SINGLE))
        found = writer.changed("Mul", found, encoder.direction[0] * unit, layer, 1.0)
        found = writer.changed("Add", found, encoder.base[0] * unit, layer, 0.0)
        return quantize(writer, found, unit, (node.type.low.array, node.type.high.array), layer, cut=False)
    raise Unsupported(
        "the input's quantizer is no plain rounding", where=f"input '{layer}'",
        remedy='use dialect="qonnx", or begin the model with quantized_bits and alpha=1',
    )  # fmt: skip


def _evenly(encoder: LevelEncoder, scale: np.float32) -> bool:
    """Whether the codes are round(x / scale) in float32, cut at both ends: both change at the same floats."""
    if len(encoder.levels) > 1 or encoder.direction[0] != 1 or not np.isfinite(encoder.levels).all():
        return False
    levels = encoder.levels[0].astype(np.float32)
    reached = encoder.base[0] + np.arange(1, len(levels) + 1)
    before = np.nextafter(levels, np.float32(-np.inf))
    low, high = int(encoder.base[0]), int(encoder.base[0]) + len(levels)
    return all(
        np.array_equal(np.clip(np.rint(x / scale), low, high), codes)
        for x, codes in ((levels, reached), (before, reached - 1))
    )


def _output(writer: Writer, number: int, position: int, decoder: Decoder | None) -> tuple[str, tuple[int, ...]]:
    """The output's values as the decoder gives them."""
    node = writer.graph.nodes[position]
    layer = node.name
    tensor = writer.laid(writer.done[position], False, layer)
    step, unit = (decoder or Decoder(node.type.step)).step, unit_of(node.type.step)
    if decoder is not None and decoder.table:
        tensor = _tabled(writer, tensor, unit, decoder, layer)
    elif step.shape != unit.shape or (step.floats() != unit).any():
        double = writer.file.node("Cast", [tensor.name], layer, to=_DOUBLE)
        held = writer.file.hold(step.floats() / unit, layer, "step", np.float64)
        tensor = replace(tensor, name=writer.file.node("Mul", [double, held], layer))
        tensor = replace(tensor, name=writer.file.node("Cast", [tensor.name], layer, to=_SINGLE))
    if decoder is not None and decoder.head is not Head.NONE:
        told = {"axis": -1} if "max" in decoder.head.value else {}
        tensor = replace(tensor, name=writer.file.node(_HEADS[decoder.head], [tensor.name], layer, **told))
    target = writer.file.fresh(f"y{number}" if number else "y")
    writer.file.nodes.append(("Identity", [tensor.name], target, target, "", {}))
    return target, node.type.shape


def _tabled(writer: Writer, tensor: Tensor, unit: Any, decoder: Decoder, layer: str) -> Tensor:
    """The decoder's table of values."""
    assert len(decoder.table) < HOLDS
    codes = writer.scaled(tensor, 1 / unit, layer)
    ends = np.array(decoder.start), np.array(decoder.start + len(decoder.table) - 1)
    codes = writer.shifted(clipped(writer, codes, np.ones(()), ends, layer), np.float64(-decoder.start), layer)
    index = writer.file.node("Cast", [codes.name], layer, to=7)
    held = writer.file.hold(np.array(decoder.table, np.float32), layer, "values")
    return replace(tensor, name=writer.file.node("Gather", [held, index], layer, axis=0))
