"""Unrolled layers that take their inputs digit by digit: narrower adder graphs, used in several turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, prod

import numpy as np

from bitwright.ir.dataflow.infer import natural
from bitwright.ir.dataflow.ops import Accumulate, Digits
from bitwright.ir.graph.ops import Map
from bitwright.ir.netlist import Word
from bitwright.numeric import IntArray, Ints
from bitwright.passes.streaming.placer import GraphNode, Placer
from bitwright.passes.streaming.tails import Mapped
from bitwright.passes.streaming.view import View

__all__ = ["digits_of", "serial_layer", "turns"]


def digits_of(words: Sequence[Word], told: int) -> Digits:
    """The digits of `words` in at most `told` turns: as few bits each as that takes, and no turn too many."""
    width, added = natural(words)
    bits = ceil(width / told)
    return Digits(ceil(width / bits), bits, added)


def turns(width: int) -> list[int]:
    """The numbers of turns worth having for words of `width` bits: a digit is a bit narrower from one to the next."""
    return sorted({ceil(width / ceil(width / told)) for told in range(2, width + 1)})


def serial_layer(
    placer: Placer, source: int, weights: IntArray, bias: IntArray, node: GraphNode, last: GraphNode, then: Map | None,
    view: View | None = None,
) -> int:  # fmt: skip
    """weights.T @ vector + bias of each word, or of each window of `view`; weights (inputs, outputs).

    weights.T @ x is weights.T @ (x + added) less a constant, and that the sum of weights.T @ digit at their places. The
    windows of `view` have no padding, or no lane is signed: zeros are then zeros in every digit.
    """
    folding = placer.folding(node)
    words = placer.stream(source).lane_words()
    op = digits_of(words, folding.digits)
    digits = placer.put(op, [source], node, name=f"{node.name}_digits")
    given = placer.stream(digits)
    types = given.lane_words()
    if view is not None:
        wide = replace(view, grid=(view.grid[0], view.grid[1], view.grid[2] * op.count))
        digits = placer.put(wide.window(0, None, folding), [digits], node, name=f"{node.name}_window")
        types, words = types * prod(view.kernel), words * prod(view.kernel)
    each, start = _constants(bias - op.added * weights.sum(axis=0), op)
    kernel = placer.tails.layer(types, weights, each, _nothing(len(bias)))
    low, high = _totals(op, np.array([w.high + op.added for w in words]), weights, each, start)
    told = placer.mapped(last, then, weights.shape[1])
    tail = placer.tails.mapped([Word(int(a), int(b)) for a, b in zip(low, high, strict=True)], told)
    made = Accumulate(op.count, op.bits, kernel, Ints(start), Ints(low), Ints(high), tail)
    return placer.put(made, [digits], node, last.type)


def _constants(bias: IntArray, op: Digits) -> tuple[IntArray, IntArray]:
    """What to add to every digit's product, and what to start from, so that the last total has `bias` in it.

    A sum over n digits of b bits holds the first (2**(b * n) - 1) / (2**b - 1) times, an odd number, and the other at
    the place of the highest digit: the first is what makes the rest a multiple of that. Both are free: adder graphs
    have room for constants, and accumulators begin somewhere.
    """
    top = 1 << op.bits * (op.count - 1)
    times = sum(1 << op.bits * i for i in range(op.count))
    each = bias * pow(times, -1, top) % top if top > 1 else np.zeros_like(bias)
    each = np.where(each >= top // 2, each - top, each) if top > 1 else each
    return each, (bias - each * times) // top


def _totals(
    op: Digits, most: IntArray, weights: IntArray, each: IntArray, start: IntArray
) -> tuple[IntArray, IntArray]:
    """The range of each total over all digits; `most` are the highest numbers: their first digits are smaller ones."""
    low, high = [], []
    constant = start
    for digit in range(op.count):
        constant = (constant << op.bits if digit else constant) + each
        seen = most >> op.bits * (op.count - 1 - digit)
        low.append(constant - seen @ np.maximum(-weights, 0))
        high.append(constant + seen @ np.maximum(weights, 0))
    return np.min(low, axis=0), np.max(high, axis=0)


def _nothing(lanes: int) -> Mapped:
    none = np.zeros((1, lanes), dtype=np.int64)
    return Mapped(None, none, 1, none)
