"""Operators that only move codes: concatenation, upsampling, transposition, slices; each piece a copy to its place."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from bitwright.ir.engine.ops import Loop, Walk
from bitwright.ir.graph.ops import Concat, Slice, Transpose, Upsample
from bitwright.ir.netlist import Word
from bitwright.numeric import IntArray
from bitwright.passes.engine.draft import Piece, Shape, united
from bitwright.passes.engine.layers import Gathered, Site, gather, grid_of, identity, refused
from bitwright.passes.engine.walks import pair_walk

__all__ = ["MOVES"]

MOVES = Concat | Upsample | Transpose | Slice


def _padded(shape: tuple[int, ...], value: int) -> tuple[int, ...]:
    """Three entries, one for rows, columns and channels each."""
    return (value,) * (3 - len(shape)) + shape


def _moved(site: Site, shape: Shape, lanes: int, pieces: list[Piece], total: Word) -> Gathered:
    zero = np.zeros(shape[2], np.int64)
    return Gathered(shape, lanes, pieces[0].walk, None, total, zero, pieces=tuple(pieces), fixed=True)


def _beside(op: Concat, site: Site) -> tuple[Site, int]:
    """The arguments as they are joined, and along which axis: words that were flattened are joined as pixels.

    Raises `Unsupported` for an argument that lies in memory otherwise than the graph sees it, and for constants.
    """
    if site.constant is not None:
        raise refused(site.node, "one of its arguments is a constant")
    pixels = [(1, a.shape[0] * a.shape[1], a.shape[2]) for a in site.args]
    flat = len(site.given) == 1 and any(shape[1] > 1 for shape in pixels)
    if flat and len({shape[2] for shape in pixels}) == 1:
        return replace(site, args=tuple(replace(a, shape=s) for a, s in zip(site.args, pixels, strict=True))), 1
    others = prod(site.given[: op.axis]) * prod(site.given[op.axis + 1 :])
    for arg in site.args:
        seen = (*site.given[: op.axis], prod(arg.shape) // others, *site.given[op.axis + 1 :])
        if tuple(n for n in arg.shape if n > 1) != tuple(n for n in seen if n > 1) or arg.shape[2] != seen[-1]:
            raise refused(site.node, f"an argument of shape {seen} lies in memory as {arg.shape}")
    return site, op.axis + 3 - len(site.given)


@gather.on(Concat)
def _(op: Concat, site: Site) -> Gathered:
    site, axis = _beside(op, site)
    total, first = united(*(a.kept for a in site.args)), site.args[0]
    if axis == 2:
        return _side_by_side(site, total)
    if len({a.lanes for a in site.args}) > 1:
        raise refused(site.node, "its arguments lie in words of different lanes")
    shape = [*first.shape]
    shape[axis] = sum(a.shape[axis] for a in site.args)
    pieces: list[Piece] = []
    before, depth = 0, first.depth
    for which, arg in enumerate(site.args):
        word = before * depth * (shape[1] if axis == 0 else 1)
        walk = pair_walk(arg, 1)
        pieces.append(Piece((which,), walk, identity(site.lanes), word, arg.shape, depth, shape[1] * depth))
        before += arg.shape[axis]
    return _moved(site, (shape[0], shape[1], shape[2]), first.lanes, pieces, total)


def _side_by_side(site: Site, total: Word) -> Gathered:
    """Words behind words; where channels do not fill them `order` says which are the result's."""
    lanes, depth = site.lanes, sum(a.depth for a in site.args)
    rows, columns, _ = site.args[0].shape
    pieces: list[Piece] = []
    order: list[IntArray] = []
    before = 0
    for which, arg in enumerate(site.args):
        shape = (rows, columns, arg.depth * lanes)
        pieces.append(Piece((which,), pair_walk(arg, 1), identity(lanes), before, shape, depth))
        word, lane = np.divmod(np.arange(arg.shape[2]), arg.lanes)
        order.append((before + word) * lanes + lane)
        before += arg.depth
    channels = np.concatenate(order)
    if np.array_equal(channels, np.arange(len(channels))):
        pieces[-1] = replace(pieces[-1], shape=(rows, columns, len(channels) - pieces[-1].word * lanes))
        return _moved(site, (rows, columns, len(channels)), lanes, pieces, total)
    return replace(_moved(site, (rows, columns, depth * lanes), lanes, pieces, total), order=channels)


@gather.on(Upsample)
def _(op: Upsample, site: Site) -> Gathered:
    arg, (down, across, through) = site.args[0], _padded(op.factors, 1)
    rows, columns, channels = grid_of(site)
    if through > 1:
        raise refused(site.node, "it repeats channels")
    wide = columns * across
    pieces = [
        Piece(
            (0,), pair_walk(arg, 1), identity(site.lanes), (i * wide + j) * arg.depth, arg.shape,
            across * arg.depth, down * wide * arg.depth,
        )
        for i in range(down) for j in range(across)
    ]  # fmt: skip
    return _moved(site, (rows * down, wide, channels), arg.lanes, pieces, arg.kept)


@gather.on(Transpose)
def _(op: Transpose, site: Site) -> Gathered:
    arg, (rows, columns, channels) = site.args[0], grid_of(site)
    extra = 3 - len(site.given)
    order = (*range(extra), *(n + extra for n in op.order))
    if order != (1, 0, 2):
        raise refused(site.node, f"axes in the order {op.order}; only rows and columns may change places")
    depth = arg.depth
    piece = Piece((0,), pair_walk(arg, 1), identity(site.lanes), 0, arg.shape, rows * depth, depth)
    return _moved(site, (columns, rows, channels), arg.lanes, [piece], arg.kept)


@gather.on(Slice)
def _(op: Slice, site: Site) -> Gathered:
    arg, shape = site.args[0], grid_of(site)
    starts, strides = _padded(op.starts, 0), _padded(op.strides, 1)
    stops = (1,) * (3 - len(op.stops)) + op.stops
    if strides[2] != 1:
        raise refused(site.node, "it takes every so manieth channel")
    wanted = [len(range(*slice(a, b, c).indices(n))) for a, b, c, n in zip(starts, stops, strides, shape, strict=True)]
    rows, columns, channels = wanted
    line, depth = shape[1] * arg.depth, arg.depth
    start = Loop(1, starts[0] * line + starts[1] * depth)
    loops = (Loop(rows, strides[0] * line), Loop(columns, strides[1] * depth), Loop(depth, 1), Loop(), Loop(), Loop())
    piece = Piece((0,), Walk(start, (1, 1), loops), identity(site.lanes), 0, (rows, columns, shape[2]))
    found = _moved(site, (rows, columns, shape[2]), arg.lanes, [piece], arg.kept)
    return found if channels == shape[2] else replace(found, order=np.arange(starts[2], starts[2] + channels))
