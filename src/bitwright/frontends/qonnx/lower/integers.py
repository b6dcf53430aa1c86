"""QuantizeLinear and DequantizeLinear: codes without their zero point; a pair of the two is one quantizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidModel
from bitwright.frontends.grid.elementwise import Elementwise
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute.quantize import along, dequantized, integers
from bitwright.frontends.qonnx.lower.reader import Reader, fixed, lower
from bitwright.frontends.qonnx.lower.values import Live, Value, fraction
from bitwright.frontends.qonnx.model import Array, Node

__all__: list[str] = []


def _told(axis: int, node: Node, live: Live, args: Sequence[Any]) -> tuple[Array, Array]:
    """Scale and zero point as ONNX broadcasts them against `live`."""
    scale = np.asarray(fixed(args[1], node, "scale"), np.float32)
    zero = np.zeros(1, np.float32)
    if len(args) > 2 and args[2] is not None:
        zero = np.asarray(fixed(args[2], node, "zero point"), np.float32)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise InvalidModel(f"a scale of {scale.min()}", where=f"node '{node.name}' ({node.kind})")
    rank = len(live.shape) + 1
    return along(scale, axis, rank), along(zero, axis, rank)


@lower.on(o.QuantizeLinear)
def _(op: o.QuantizeLinear, node: Node, reader: Reader, args: list[Any]) -> Value:
    told = _told(op.axis, node, args[0], args)
    live = reader.facing(args[0], told, node)
    scale, zero = (reader.parameter(live, v, node) for v in told)
    found = reader.piece(
        node, live, lambda x: integers(op, np.asarray(x, np.float32), scale, zero), [scale, zero], step=Fraction(1)
    )
    piece = found.lazy.chain[-1]
    reader.opened[id(piece)] = piece
    return found


@lower.on(o.DequantizeLinear)
def _(op: o.DequantizeLinear, node: Node, reader: Reader, args: list[Any]) -> Value:
    told = _told(op.axis, node, args[0], args)
    key = node.inputs[0], *(v.tobytes() for v in told), told[0].shape
    if key not in reader.dequantized:
        live = reader.facing(args[0], told, node)
        scale, zero = (reader.parameter(live, v, node) for v in told)
        found = _per_tensor(node, reader, live, scale, zero) if scale.size == 1 else _per_axis(
            node, reader, live, scale, zero
        )  # fmt: skip
        several = reader.counts.get(node.inputs[0], 0) > 1 and scale.size == 1
        reader.dequantized[key] = reader.emitted(reader.codes(found, node.name), found) if several else found
    return reader.dequantized[key]


def _per_tensor(node: Node, reader: Reader, live: Live, scale: Array, zero: Array) -> Live:
    """(q - zero) * scale with the codes q - zero; behind a QuantizeLinear the two are one function."""
    chain = live.lazy.chain
    opened = chain and id(chain[-1]) in reader.opened
    if not chain and not zero.any():
        return _scaled(node, reader, live, scale)
    if not opened:
        return reader.piece(node, live, lambda x: dequantized(x, scale, zero), [zero], step=fraction(scale))
    first = chain[-1]
    both = Elementwise(
        node.name, lambda x: dequantized(first.apply(x), scale, zero), first.channelwise or zero.size > 1,
        elementwise=first.elementwise, step=fraction(scale),
    )  # fmt: skip
    return replace(live, lazy=replace(live.lazy, chain=(*chain[:-1], both)))


def _per_axis(node: Node, reader: Reader, live: Live, scale: Array, zero: Array) -> Live:
    one = np.ones((), np.float32)
    codes = reader.piece(node, live, lambda x: dequantized(x, one, zero), [zero], step=Fraction(1))
    return _scaled(node, reader, codes, scale)


def _scaled(node: Node, reader: Reader, live: Live, scale: Array) -> Live:
    """Integers times their scale: the same codes on another step."""
    found = reader.piece(node, live, lambda x: x * scale, [scale])
    reader.remember(found.lazy.chain[-1], scale, [fraction(v) for v in scale.ravel()])
    return found
