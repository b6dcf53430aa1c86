"""What an instruction reads, from shapes alone: walks over windows, and where regions lie. Its cycles follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bitwright.ir.engine import Place, Region
from bitwright.ir.engine.ops import Loop, Walk
from bitwright.numeric import IntArray
from bitwright.passes.engine.draft import Draft
from bitwright.passes.streaming.view import View

__all__ = ["first_fit", "linear_walk", "pair_walk", "window_walk", "words_needed"]


def linear_walk(view: View, depth: int, used: IntArray) -> Walk:
    """A convolution over pixels of `depth` words; `used` (blocks, depth): not zero where a block reads a word."""
    first, count, step = words_needed(used)
    walk = _walk(view, depth, Loop(len(used), step), count)
    start = Loop(1, walk.start.address + first, walk.start.row, walk.start.column)
    return Walk(start, walk.grid, walk.loops)


def window_walk(view: View, depth: int) -> Walk:
    """Each word of channels by itself: pools."""
    return _walk(view, depth, Loop(depth, 1), 1)


def pair_walk(arg: Draft, count: int) -> Walk:
    """The same word of `count` tensors of one shape, one after the other."""
    grid = View(arg.shape, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1))
    walk = window_walk(grid, arg.depth)
    row, column, block, *_ = walk.loops
    return Walk(walk.start, walk.grid, (row, column, block, Loop(), Loop(count), Loop()))


def words_needed(used: IntArray) -> tuple[int, int, int]:
    """First word, words and step from block to block that cover what blocks use (blocks, words): groups move along."""
    blocks, depth = used.shape
    ends = [(int(np.flatnonzero(u)[0]), int(np.flatnonzero(u)[-1])) if u.any() else None for u in used]
    known = [(b, e) for b, e in enumerate(ends) if e is not None]
    count = max((e[1] - e[0] + 1 for _, e in known), default=1)
    if len(known) == blocks and blocks > 1 and count < depth:
        for step in range(depth // blocks + 2):
            first = known[0][1][0]
            fits = first + (blocks - 1) * step + count <= depth
            if fits and all(first + b * step <= e[0] and e[1] < first + b * step + count for b, e in known):
                return first, count, step
    return 0, depth, 0


def first_fit(drafts: Sequence[Draft]) -> list[Region]:
    """Regions by liveness: each at the lowest address at which nothing lies that is still read."""
    # Regions stay until their last reader is through, and what nobody reads until it is written.
    last = [max((j for j, d in enumerate(drafts) if i in d.args), default=i) for i in range(len(drafts))]
    made: list[Region] = []
    for position, draft in enumerate(drafts):
        place = Place.RESULTS if draft.stored else Place.FEATURES
        region = Region(place, 0, draft.shape, draft.lanes, draft.kept)
        busy = [r for r, end in zip(made, last, strict=False) if end >= position and r.place is place]
        for start in sorted({0, *(r.end for r in busy)}):
            region = replace(region, address=start)
            if not any(region.meets(other) for other in busy):
                break
        made.append(region)
    return made


def _walk(view: View, depth: int, blocks: Loop, words: int) -> Walk:
    """All places of a window."""
    line, out = view.grid[1] * depth, view.out
    (up, _), (left, _) = view.pads
    return Walk(
        Loop(1, -up * line - left * depth, -up, -left),
        view.grid[:2],
        (
            Loop(out[0], view.strides[0] * line, view.strides[0]),
            Loop(out[1], view.strides[1] * depth, 0, view.strides[1]),
            blocks,
            Loop(view.kernel[0], view.dilation[0] * line, view.dilation[0]),
            Loop(view.kernel[1], view.dilation[1] * depth, 0, view.dilation[1]),
            Loop(words, 1),
        ),
    )
