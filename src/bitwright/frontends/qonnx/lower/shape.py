"""Operators that move elements: new layouts where that is enough, wires where it is not."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.frontends.grid.chains import ENUMERATED
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.execute.resize import nearest_places, resized_shape
from bitwright.frontends.qonnx.execute.shape import cuts, flattened, pad_pairs, part_sizes
from bitwright.frontends.qonnx.execute.table import whole
from bitwright.frontends.qonnx.lower.batch import transposed
from bitwright.frontends.qonnx.lower.reader import Reader, fixed, lower
from bitwright.frontends.qonnx.lower.values import Fixed, Live, Value
from bitwright.frontends.qonnx.model import Array, Node
from bitwright.ir.graph.ops import Concat, Pad, Reshape, Slice, Transpose, Upsample

__all__: list[str] = []


def _refuse_batch(node: Node) -> Unsupported:
    return Unsupported(
        "it mixes the batch with other axes", where=f"node '{node.name}' ({node.kind})",
        remedy="keep the batch in front",
    )  # fmt: skip


@lower.on(o.Reshape)
def _(op: o.Reshape, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, shape = args[0], list(whole(fixed(args[1], node, "shape")))
    old = (1, *live.shape)
    if not op.allow_zero:
        shape = [old[i] if n == 0 and i < len(old) else n for i, n in enumerate(shape)]
    known = prod(n for n in shape if n != -1)
    if shape.count(-1) > 1 or known <= 0 or prod(old) % known:
        raise InvalidModel(f"{old} does not become {shape}", where=f"node '{node.name}'", remedy="export it again")
    full = [prod(old) // known if n == -1 else n for n in shape]
    if not full or full[0] != 1:
        raise _refuse_batch(node)
    return reader.reshaped(live, tuple(full[1:]), node.name)


@lower.on(o.Flatten)
def _(op: o.Flatten, node: Node, reader: Reader, args: list[Any]) -> Value:
    live = args[0]
    first, rest = flattened((1, *live.shape), op.axis)
    if first != 1 or op.axis == 0:
        raise _refuse_batch(node)
    return reader.reshaped(live, (rest,), node.name)


@lower.on(o.Transpose)
def _(op: o.Transpose, node: Node, reader: Reader, args: list[Any]) -> Value:
    return transposed(args[0], op.perm, node)


@lower.on(o.Squeeze)
def _(op: o.Squeeze, node: Node, reader: Reader, args: list[Any]) -> Value:
    live = args[0]
    rank = len(live.shape) + 1
    told = whole(fixed(args[1], node, "axes")) if len(args) > 1 and args[1] is not None else ()
    axes = {a % rank for a in told} or {a + 1 for a, n in enumerate(live.shape) if n == 1}
    if 0 in axes:
        raise _refuse_batch(node)
    return reader.reshaped(live, tuple(n for a, n in enumerate(live.shape) if a + 1 not in axes), node.name)


@lower.on(o.Unsqueeze)
def _(op: o.Unsqueeze, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, told = args[0], whole(fixed(args[1], node, "axes"))
    shape = list(np.expand_dims(np.empty((1, *(0,) * len(live.shape))), told).shape)
    if shape[0] != 1 or 0 in {a % len(shape) for a in told}:
        raise _refuse_batch(node)
    axes = {a % len(shape) for a in told}
    sizes = iter(live.shape)
    return reader.reshaped(live, tuple(1 if a in axes else next(sizes) for a in range(1, len(shape))), node.name)


def _sliced(node: Node, reader: Reader, live: Live, picks: tuple[slice, ...]) -> Live:
    """`picks` along the ONNX axes without the batch."""
    sizes = [live.lazy.shape[i] for i in range(len(live.order))]
    found = [picks[a].indices(n) for a, n in zip(live.order, sizes, strict=True)]
    if any(step < 1 for _, _, step in found):
        raise Unsupported("a slice that runs backward", where=f"node '{node.name}'", remedy="slice forward")
    starts, stops, steps = (tuple(part) for part in zip(*found, strict=True))
    shape = tuple(len(range(*f)) for f in found)
    return replace(live, lazy=reader.moved(live, Slice(starts, stops, steps), shape, node.name))


@lower.on(o.Slice)
def _(op: o.Slice, node: Node, reader: Reader, args: list[Any]) -> Value:
    live = reader.settled(args[0], node.name) if args[0].flat else args[0]
    told = [None if a is None else fixed(a, node, "bounds") for a in args[1:]]
    first, *picks = cuts((1, *live.shape), [None, *told])
    if first.indices(1) != (0, 1, 1):
        raise _refuse_batch(node)
    return _sliced(node, reader, live, tuple(picks))


@lower.on(o.Split)
def _(op: o.Split, node: Node, reader: Reader, args: list[Any]) -> list[Value]:
    live = reader.settled(args[0], node.name) if args[0].flat else args[0]
    axis = op.axis % (len(live.shape) + 1) - 1
    if axis < 0:
        raise _refuse_batch(node)
    told = whole(fixed(args[1], node, "sizes")) if len(args) > 1 and args[1] is not None else ()
    sizes = part_sizes(live.shape[axis], told, len(node.outputs))
    codes = reader.emitted(reader.codes(live, node.name), live)
    ends = np.cumsum(sizes).tolist()
    everything = [slice(None)] * len(live.shape)
    return [
        _sliced(node, reader, codes, (*everything[:axis], slice(end - size, end), *everything[axis + 1 :]))
        for size, end in zip(sizes, ends, strict=True)
    ]


@lower.on(o.Gather)
def _(op: o.Gather, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, places = args[0], args[1]
    if isinstance(live, Fixed) and isinstance(places, Live) and live.values.ndim == 1:
        return _looked_up(node, reader, live.values, places)
    if not isinstance(live, Live) or not isinstance(places, Fixed):
        raise Unsupported("a look-up by live indices", where=f"node '{node.name}'", remedy="use constant indices")
    live = reader.settled(live, node.name) if live.flat else live
    axis = op.axis % (len(live.shape) + 1) - 1
    if axis < 0 or places.values.ndim > 1:
        raise _refuse_batch(node)
    everything = [slice(None)] * len(live.shape)
    codes = reader.emitted(reader.codes(live, node.name), live)
    size = live.shape[axis]
    parts = [
        _sliced(node, reader, codes, (*everything[:axis], slice(i % size, i % size + 1), *everything[axis + 1 :]))
        for i in whole(places.values)
    ]
    if places.values.ndim == 0:
        return reader.reshaped(parts[0], tuple(n for a, n in enumerate(live.shape) if a != axis), node.name)
    positions = [reader.codes(p, node.name) for p in parts]
    return reader.emitted(reader.walk.emit(Concat(live.axis(axis + 1)), positions, node.name), live)


def _looked_up(node: Node, reader: Reader, values: Array, places: Live) -> Live:
    """A table with one axis, element by element; places outside it cannot occur in a model that runs."""
    base, last = places.lazy.base, len(values) - 1
    if base is not None and places.lazy.chain:
        type = reader.walk.type(base)
        if int(type.high.array.max()) - int(type.low.array.min()) >= ENUMERATED:  # few places of many codes
            places = reader.emitted(reader.codes(places, node.name), places)
    rising = bool((np.diff(values) >= 0).all() or (np.diff(values) <= 0).all())

    def apply(x: Array) -> Array:
        return np.asarray(values[np.clip(np.rint(x), -last - 1, last).astype(np.int64)], np.float32)

    return reader.piece(node, places, apply, monotone=rising)


@lower.on(o.Pad)
def _(op: o.Pad, node: Node, reader: Reader, args: list[Any]) -> Value:
    live = reader.settled(args[0], node.name) if args[0].flat else args[0]
    told = [None if a is None else fixed(a, node, "pads") for a in args[1:]]
    first, *pads = pad_pairs(len(live.shape) + 1, [None, *told])
    value = 0 if len(told) < 2 or told[1] is None else told[1].ravel()[0]
    if first != (0, 0):
        raise _refuse_batch(node)
    if op.mode != "constant" or value != 0:
        how = f"mode {op.mode} and value {value}"
        raise Unsupported(f"padding with {how}", where=f"node '{node.name}'", remedy="pad with 0")
    inner = tuple(pads[a] for a in live.order)
    if any(min(p) < 0 for p in inner):
        keep = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(live.shape, pads, strict=True))
        live = _sliced(node, reader, live, keep)
        inner = tuple((max(a, 0), max(b, 0)) for a, b in inner)
    # Zeros come behind the functions: under them they would be other values.
    position = reader.walk.emit(Pad(inner), [reader.codes(live, node.name)], node.name)
    return reader.emitted(position, live)


@lower.on(o.DepthToSpace)
def _(op: o.DepthToSpace, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, b = reader.arranged(args[0], (1, 2, 0), node.name), op.block
    height, width, channels = live.lazy.shape
    depth = channels // (b * b)
    apart = (height, width, depth, b, b) if op.columns_first else (height, width, b, b, depth)
    order = (0, 3, 1, 4, 2) if op.columns_first else (0, 2, 1, 3, 4)
    return _blocks(node, reader, live, apart, order, (height * b, width * b, depth))


@lower.on(o.SpaceToDepth)
def _(op: o.SpaceToDepth, node: Node, reader: Reader, args: list[Any]) -> Value:
    live, b = reader.arranged(args[0], (1, 2, 0), node.name), op.block
    height, width, channels = live.lazy.shape
    apart = (height // b, b, width // b, b, channels)
    return _blocks(node, reader, live, apart, (0, 2, 1, 3, 4), (height // b, width // b, b * b * channels))


def _blocks(
    node: Node, reader: Reader, live: Live, apart: tuple[int, ...], order: tuple[int, ...], shape: tuple[int, ...]
) -> Live:
    lazy = reader.moved(live, Reshape(apart), apart, node.name)
    turned = tuple(apart[a] for a in order)
    lazy = reader.moved(replace(live, lazy=lazy), Transpose(order), turned, node.name)
    return replace(live, lazy=reader.moved(replace(live, lazy=lazy), Reshape(shape), shape, node.name))


@lower.on(o.Resize)
def _(op: o.Resize, node: Node, reader: Reader, args: list[Any]) -> Value:
    live = reader.settled(args[0], node.name) if args[0].flat else args[0]
    told = [None if a is None else fixed(a, node, "scales") for a in args[1:]]
    shape, scales = resized_shape(op, (1, *live.shape), [None, *told])
    factors: list[int] = []
    for size, out, scale in zip((1, *live.shape), shape, scales, strict=True):
        factor = out // size
        same = op.mode == "nearest" and out == size * factor and np.array_equal(
            nearest_places(op, size, out, scale), np.arange(out) // max(factor, 1)
        )  # fmt: skip
        if not same and not (out == size and scale == 1):
            raise Unsupported(
                f"Resize ({op.mode}, {op.coordinates}) from {size} to {out}", where=f"node '{node.name}'",
                remedy="use mode nearest and whole factors",
            )  # fmt: skip
        factors.append(factor)
    inner = tuple(factors[a + 1] for a in live.order)
    new = tuple(n * f for n, f in zip(live.lazy.shape, inner, strict=True))
    return replace(live, lazy=reader.moved(live, Upsample(inner), new, node.name))
