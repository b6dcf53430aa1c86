"""The first quantizer of a model as an encoder: exactly its code for every float32 there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.chains import to_codes
from bitwright.frontends.grid.elementwise import Elementwise, Evaluate, Evaluation, Floats
from bitwright.ir.interface import Encoder, LevelEncoder, RoundEncoder
from bitwright.numeric import IntArray, Steps, is_dyadic

__all__ = ["Entry", "lower_entry"]

_LARGEST = np.float32(3.0e38)


@dataclass(frozen=True)
class Entry:
    """An input's encoder with the range (columns,) and the steps of its codes, one or (columns,).

    `unstable` counts the levels that lie at another float when the layers are called one by one.
    """

    encoder: Encoder
    low: IntArray
    high: IntArray
    step: Steps
    unstable: int


def lower_entry(
    chain: Sequence[Elementwise], source: int, columns: int, rank: int, evaluate: Evaluate
) -> Entry:
    """The encoder for a chain that starts at float input number `source`.

    `columns` is the size of the last axis where the chain depends on it, else 1; `rank` the number
    of axes without the batch. The chain must be monotone and end on a quantizer's grid.
    """
    name, step = chain[-1].layer, chain[-1].step
    if step is None or not all(piece.monotone for piece in chain):
        raise Unsupported(
            "the input is not quantized by a monotone quantizer",
            where=f"layer '{name}'",
            remedy="begin the model with bw.QActivation('quantized_bits(8,3,alpha=1)')",
        )
    levels, ends = _function(chain, evaluate(chain, Evaluation.COMPILED), columns, rank)
    low, high = ends.min(axis=0), ends.max(axis=0)
    rounding = _rounding(levels, ends, source, step)
    if rounding is not None:
        return Entry(rounding, low, high, Steps.of(step), 0)
    eager, _ = _function(chain, evaluate(chain, Evaluation.EAGER), columns, rank)
    unstable = int((levels != eager).sum()) if levels.shape == eager.shape else levels.size
    steps = Steps.of(step)
    if chain[-1].steps_differ and columns > 1:
        levels, ends, factors = _coarsened(levels, ends)
        steps, low, high = Steps.of([step * int(f) for f in factors]), low // factors, high // factors
    return Entry(LevelEncoder(source, levels, ends[0], np.sign(ends[1] - ends[0])), low, high, steps, unstable)


def _coarsened(levels: NDArray[np.float32], ends: IntArray) -> tuple[NDArray[np.float32], IntArray, IntArray]:
    """Levels and ends with every column's codes divided by the power of two that divides them all; and these."""
    factors = np.ones(len(levels), dtype=np.int64)
    thinned = np.full_like(levels, np.inf)
    for column, row in enumerate(levels):
        reached = row[np.isfinite(row)]
        jumps = np.unique(reached, return_counts=True)[1]
        together = int(np.bitwise_or.reduce(np.array([*jumps, *np.abs(ends[:, column])])))
        factor = factors[column] = max(together & -together, 1)
        thinned[column, : len(reached) // factor] = reached[factor - 1 :: factor]
    used = max(int(np.isfinite(thinned).sum(axis=1).max(initial=0)), 1)
    return thinned[:, :used], ends // factors, factors


def _function(
    chain: Sequence[Elementwise], function: Callable[[Floats], Floats], columns: int, rank: int
) -> tuple[NDArray[np.float32], IntArray]:
    """The levels (columns, n) at which the chain's code changes, and its codes (2, columns) at both ends."""
    last = chain[-1]
    step = last.step
    assert step is not None

    def codes(x: NDArray[np.float32]) -> IntArray:
        shaped = x.reshape(len(x), *(1,) * (rank - 1), columns)
        return to_codes(function(shaped), step, last.layer).reshape(x.shape)

    ends = codes(np.array([[-_LARGEST] * columns, [_LARGEST] * columns], dtype=np.float32))
    return _levels(codes, ends, columns), ends


def _levels(codes: Callable[[NDArray[np.float32]], IntArray], ends: IntArray, columns: int) -> NDArray[np.float32]:
    """(columns, n): the smallest float32 at which each next code is reached, by bisection over all floats."""
    first, rising = ends[0], ends[1] >= ends[0]
    most = int(np.abs(ends[1] - ends[0]).max())
    if most > 1 << 16:
        raise Unsupported(f"the input has {most + 1} codes", remedy="quantize it to at most 16 bits")
    level = np.arange(1, most + 1)[:, None]
    below = np.full((most, columns), _order(-_LARGEST), dtype=np.int64)
    above = np.full((most, columns), _order(_LARGEST) + 1, dtype=np.int64)
    while (below < above).any():
        middle = (below + above) >> 1
        found = codes(_float(np.minimum(middle, _order(_LARGEST))))
        hit = np.where(rising, found - first, first - found) >= level
        open_ = below < above
        above = np.where(open_ & hit, middle, above)
        below = np.where(open_ & ~hit, middle + 1, below)
    never = above > _order(_LARGEST)
    return np.where(never, np.float32(np.inf), _float(np.minimum(above, _order(_LARGEST)))).T.astype(np.float32)


def _order(x: np.float32) -> int:
    bits = int(np.float32(x).view(np.int32))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFF)


def _float(order: IntArray) -> NDArray[np.float32]:
    """The float32 at a place in the order of all floats (the inverse of `_order`)."""
    bits = np.where(order >= 0, order, (-order) | 0x80000000)
    return bits.astype(np.uint32).view(np.float32)


def _rounding(levels: NDArray[np.float32], ends: IntArray, source: int, step: Fraction) -> RoundEncoder | None:
    """Plain rounding, where it is proven equal: both are monotone and change at the same floats."""
    if len(levels) != 1 or ends[1, 0] <= ends[0, 0] or not is_dyadic(step):
        return None
    encoder = RoundEncoder(source, step, int(ends[0, 0]), int(ends[1, 0]))
    reached = encoder.low + np.arange(1, levels.shape[1] + 1)
    before = np.nextafter(levels[0], np.float32(-np.inf))
    same = (encoder(levels[0]) == reached).all() and (encoder(before) == reached - 1).all()
    return encoder if same else None
