"""Several pixels at a time: unrolled convolutions and pools whose words hold neighbors of a row.

A word of p pixels is one pixel of p times as many channels in an image of p times fewer columns. Windows over such
words are wider than the kernel, and hold the windows of as many places as one step yields; which of their lanes a
place meets is all there is to say. Lines, borders and schedules stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.ir.graph.ops import Conv, Map, MaxPool, SumPool
from bitwright.ir.netlist import NetlistBuilder
from bitwright.numeric import IntArray
from bitwright.passes.streaming.placer import GraphNode, Placer, with_zero
from bitwright.passes.streaming.view import View

__all__ = ["Neighbors", "conv_of_pixels", "neighbors_of", "pool_of_pixels"]


@dataclass(frozen=True)
class Neighbors:
    """A window over words of several pixels, and the windows of single places in it.

    `lanes` (places, taps, channels): where each tap (kernel row, kernel column) of each place lies in the wide window.
    """

    view: View
    lanes: IntArray

    @property
    def places(self) -> int:
        """Results of a step."""
        return self.lanes.shape[0]


def neighbors_of(view: View, pixels: int) -> Neighbors | None:
    """`view` by words of `pixels` pixels; None where rows of the image or of the result are no whole words."""
    (rows, columns, channels), stride = view.grid, view.strides[1]
    across, step, before = view.kernel[1], view.dilation[1], view.pads[1][0]
    if columns % pixels or pixels % stride or view.out[1] % (pixels // stride) or before < 0:
        return None
    places, ahead = pixels // stride, -(-before // pixels)
    # The first column of the window of place 0, from the left end of the wide window.
    first = ahead * pixels - before
    taps = first + np.arange(places)[:, None] * stride + np.arange(across) * step
    words = int(taps.max()) // pixels + 1
    behind = view.out[1] // places - 1 + words - ahead - columns // pixels
    if behind < 0:
        return None
    wide = View(
        (rows, columns // pixels, channels * pixels), (view.kernel[0], words), (view.strides[0], 1),
        (view.pads[0], (ahead, behind)), (view.dilation[0], 1),
    )  # fmt: skip
    width = pixels * channels
    row = np.arange(view.kernel[0])[None, :, None, None] * words * width
    lanes = row + (taps * channels)[:, None, :, None] + np.arange(channels)
    return Neighbors(wide, lanes.reshape(places, -1, channels))


def _found(placer: Placer, given: int, view: View, lanes: int, node: GraphNode) -> tuple[int, Neighbors]:
    """The stream in words of `lanes` elements, and its windows."""
    channels = view.grid[2]
    near = neighbors_of(view, lanes // channels) if lanes % channels == 0 else None
    if near is None:
        raise Unsupported(
            f"words of {lanes} elements for {channels} channels", where=f"layer '{node.origin.layer or node.name}'",
            why="rows of pixels, and of results, must be whole words",
            remedy="take a multiple of the channels that divides a row and is a multiple of the stride",
        )  # fmt: skip
    return placer.by_lanes(given, lanes), near


def conv_of_pixels(
    placer: Placer, given: int, view: View, op: Conv, node: GraphNode, last: GraphNode, then: Map | None
) -> int:
    """An unrolled convolution of several places at a time: one adder graph, which shares what neighbors share."""
    source, near = _found(placer, given, view, placer.folding(node).lanes, node)
    filters = op.weights.shape[-1]
    told = placer.mapped(last, then, near.places * filters)
    if told.phases > 1:
        raise Unsupported("a map that differs from place to place", where=f"layer '{node.name}'", remedy="fold it")
    padded = any(n for p in view.pads for n in p)
    types = [with_zero(w, padded) for w in placer.stream(source).lane_words()] * prod(near.view.kernel)
    weights = np.zeros((len(types), near.places, filters), dtype=np.int64)
    for place, lanes in enumerate(near.lanes.reshape(near.places, -1)):
        weights[lanes, place] = op.weights.array.reshape(-1, filters)
    tail = placer.tails.layer(types, weights.reshape(len(types), -1), np.tile(op.bias.array, near.places), told)
    return placer.put(near.view.window(0, tail, placer.folding(node)), [source], node, last.type)


def pool_of_pixels(
    placer: Placer, given: int, view: View, op: MaxPool | SumPool, node: GraphNode, last: GraphNode, then: Map | None,
    fill: int, reduce: Callable[[NetlistBuilder, list[int]], int],
) -> int:  # fmt: skip
    """A pool of several places at a time; `reduce` makes one word of a window's."""
    source, near = _found(placer, given, view, placer.folding(node).lanes, node)
    told = placer.mapped(last, then, near.places * view.grid[2])
    padded = any(n for p in view.pads for n in p)
    plain = placer.stream(source).lane_words()
    types = [replace(w, low=min(w.low, fill), high=max(w.high, fill)) if padded else w for w in plain]

    def combine(builder: NetlistBuilder, words: dict[str, list[int]], phase: int) -> list[int]:
        columns = near.lanes.transpose(0, 2, 1).reshape(-1, near.lanes.shape[1])
        return [reduce(builder, [words["x"][lane] for lane in lanes]) for lanes in columns.tolist()]

    tail = placer.tails.combined({"x": types * prod(near.view.kernel)}, told, combine)
    return placer.put(near.view.window(fill, tail, placer.folding(node)), [source], node, last.type)
