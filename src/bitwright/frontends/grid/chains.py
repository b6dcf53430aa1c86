"""Element-wise chains become integer functions by calling them on every code that can occur.

Up to `ENUMERATED` codes are tried one by one; beyond that a monotone chain is bisected for the
codes at which its result changes. Nothing here knows a formula of any layer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import Inexact, Unsupported
from bitwright.frontends.grid.elementwise import Elementwise, Evaluate, Evaluation, Floats
from bitwright.numeric import IntArray, Ints, Table, Thresholds

__all__ = ["ENUMERATED", "Grid", "Lowered", "coarsened", "dyadic_fraction", "lower_chain", "to_codes"]

ENUMERATED = 1 << 16
_MOST_POINTS = 1 << 24
_UNREACHED = 1 << 61
_FIRST = 62
_WIDEST_SLACK = 4

_Call = Callable[[Floats], Floats]


@dataclass(frozen=True)
class Grid:
    """Codes [low, high] of one function per column, each code worth `step` of its column.

    Shapes: low, high (columns,); step object array of Fractions (columns,). `shape` is what one
    row of columns looks like to the layers (channels last), e.g. (1, 1, 8).
    `slack` bounds how far the float value may lie off code x step (0 where it is exact).
    """

    low: IntArray
    high: IntArray
    step: NDArray[np.object_]
    shape: tuple[int, ...]
    slack: NDArray[np.float64]

    def values(self, codes: IntArray) -> NDArray[np.float64]:
        """codes (n, columns) as the nearest float64 values."""
        return codes * np.array([float(s) for s in self.step], dtype=np.float64)


@dataclass(frozen=True)
class Lowered:
    """An integer function per column, the step of its results, and its unstable (column, code) pairs."""

    form: Thresholds | Table
    step: Fraction
    unstable: tuple[tuple[int, int], ...]


def lower_chain(
    chain: Sequence[Elementwise], grid: Grid, evaluate: Evaluate, told: Fraction | None = None
) -> Lowered:
    """The integer function of `chain` on `grid`, found by calling it with `evaluate`.

    `told` forces the step of the results (they are then rounded half-even to it). Raises
    `Unsupported` where the results lie on no grid that hardware could hold.
    """
    size = int((grid.high - grid.low).max()) + 1
    compiled, eager = evaluate(chain, Evaluation.COMPILED), evaluate(chain, Evaluation.EAGER)
    if size <= ENUMERATED and size * len(grid.low) <= _MOST_POINTS:
        return _enumerate(chain, grid, compiled, eager, told)
    return _bisect(chain, grid, compiled, eager, told)


def coarsened(form: Thresholds | Table, step: Fraction) -> tuple[Thresholds | Table, list[Fraction]]:
    """The same functions, each on the coarsest power-of-two multiple of `step` on which all its values lie."""
    form = _without_repeats(form) if isinstance(form, Thresholds) else form
    values = form.values.array
    # The lowest bit set in any value of a row; a row of zeros takes the coarsest step of the others.
    lowest = np.bitwise_or.reduce(values, axis=1)
    lowest &= -lowest
    factors = np.where(lowest == 0, lowest.max(initial=1), lowest)
    factors = np.maximum(factors, 1)
    return replace(form, values=Ints(values // factors[:, None])), [step * int(f) for f in factors]


def _without_repeats(form: Thresholds) -> Thresholds:
    """The same functions without values that no code reaches: those between equal thresholds, or beyond all codes."""
    kept: list[tuple[IntArray, IntArray]] = []
    for steps, values in zip(form.thresholds.array, form.values.array, strict=True):
        last = np.append(steps[1:] != steps[:-1], True) & (steps < _UNREACHED)
        kept.append((steps[last], values[1:][last]))
    most = max(len(steps) for steps, _ in kept)
    thresholds = np.full((form.count, most), _UNREACHED, dtype=np.int64)
    results = np.empty((form.count, most + 1), dtype=np.int64)
    for row, (steps, values) in enumerate(kept):
        thresholds[row, : len(steps)] = steps
        reached = np.append(form.values.array[row, :1], values)
        results[row] = np.pad(reached, (0, most + 1 - len(reached)), mode="edge")
    return Thresholds(Ints(thresholds), Ints(results))


def _call(function: Callable[[Floats], Floats], grid: Grid, values: Floats) -> Floats:
    return function(values.reshape(len(values), *grid.shape)).reshape(values.shape)


def _enumerate(
    chain: Sequence[Elementwise], grid: Grid, compiled: _Call, eager: _Call, told: Fraction | None
) -> Lowered:
    span = np.arange(int((grid.high - grid.low).max()) + 1)
    codes = np.minimum(grid.low + span[:, None], grid.high)
    values = grid.values(codes)
    truth = _call(compiled, grid, values)
    step = _result_step(chain, truth, told, int(np.abs(codes).max(initial=1)))
    results = to_codes(truth, step, chain[-1].layer, told is not None)
    others = [_call(eager, grid, values)]
    if grid.slack.any():
        others += [_call(compiled, grid, values + sign * grid.slack) for sign in (-1, 1)]
    differing = np.zeros(codes.shape, dtype=bool)
    for other in others:
        differing |= np.rint(other.astype(np.float64) / float(step)).astype(np.int64) != results
    inside = grid.low + span[:, None] <= grid.high
    return Lowered(_compressed(grid, results.T), step, _pairs(codes, differing & inside))


def _pairs(codes: IntArray, marked: NDArray[np.bool_]) -> tuple[tuple[int, int], ...]:
    columns = np.nonzero(marked)[1].tolist()
    return tuple(sorted(set(zip(columns, codes[marked].tolist(), strict=True))))


def _compressed(grid: Grid, results: IntArray) -> Thresholds | Table:
    """Run lengths where they are shorter than the table; results (columns, n)."""
    changes = results[:, 1:] != results[:, :-1]
    most = int(changes.sum(axis=1).max(initial=0))
    if 2 * most + 1 > results.shape[1]:
        return Table(Ints(grid.low), Ints(results))
    thresholds = np.full((len(results), most), _UNREACHED, dtype=np.int64)
    values = np.repeat(results[:, -1:], most + 1, axis=1)
    for row, changed in enumerate(changes):
        where = np.flatnonzero(changed) + 1
        thresholds[row, : len(where)] = grid.low[row] + where
        values[row, : len(where) + 1] = results[row, np.concatenate(([0], where))]
    return Thresholds(Ints(thresholds), Ints(values))


def _bisect(
    chain: Sequence[Elementwise], grid: Grid, compiled: _Call, eager: _Call, told: Fraction | None
) -> Lowered:
    """Thresholds of a monotone chain, all columns and all result codes at once."""
    name = chain[-1].layer
    if not all(piece.monotone for piece in chain):
        raise Unsupported(
            f"its input takes {int((grid.high - grid.low).max()) + 1} codes and it is not monotone",
            where=f"layer '{name}'",
            why=f"up to {ENUMERATED} codes are enumerated",
            remedy="put bw.QActivation('quantized_bits(8,2,alpha=1)') before it",
        )
    near = np.minimum(grid.low + np.arange(_FIRST)[:, None], grid.high)
    # Next to 0 a chain that is linear there shows its finest step.
    near = np.concatenate([near, np.clip(np.arange(-_FIRST, _FIRST)[:, None], grid.low, grid.high)])
    tried = _call(compiled, grid, grid.values(np.concatenate([grid.low[None], grid.high[None], near])))
    step = _result_step(chain, tried, told, int(np.abs(np.stack([grid.low, grid.high])).max()))
    first, last = to_codes(tried[:2], step, name, told is not None)
    rising = last >= first
    lowest, highest = np.minimum(first, last), np.maximum(first, last)
    most = int((highest - lowest).max())
    if most * len(grid.low) > _MOST_POINTS:
        raise Unsupported(
            f"its result takes {most + 1} codes",
            where=f"layer '{name}'",
            remedy="put a bw.QActivation with fewer bits behind it",
        )

    def reached(codes: IntArray) -> IntArray:
        results = to_codes(_call(compiled, grid, grid.values(codes)), step, name, told is not None)
        return np.where(rising, results - lowest, highest - results)

    thresholds = _search(reached, grid, most)
    counted = np.arange(most + 1)
    values = np.where(rising[:, None], lowest[:, None] + counted, highest[:, None] - counted)
    values = np.clip(values, lowest[:, None], highest[:, None])
    form = Thresholds(Ints(thresholds.T), Ints(values))
    return Lowered(form, step, _spot_check(chain[-1].layer, eager, grid, form, step))


def _search(reached: Callable[[IntArray], IntArray], grid: Grid, most: int) -> IntArray:
    """(most, columns): for level j the smallest code at which more than j steps are reached."""
    level = np.arange(1, most + 1)[:, None]
    below = np.broadcast_to(grid.low, (most, len(grid.low))).copy()
    above = np.broadcast_to(grid.high, below.shape).copy() + 1
    # Invariant: the threshold lies in (below - 1, above]; `above` = high + 1 means never reached.
    while (below < above).any():
        middle = (below + above) >> 1
        probe = np.minimum(middle, grid.high)
        hit = (reached(probe) >= level) & (middle <= grid.high)
        open_ = below < above
        above = np.where(open_ & hit, middle, above)
        below = np.where(open_ & ~hit, middle + 1, below)
    return np.where(above > grid.high, _UNREACHED, above)


def _spot_check(
    layer: str, eager: _Call, grid: Grid, form: Thresholds, step: Fraction
) -> tuple[tuple[int, int], ...]:
    """Codes beside every threshold and on an even sweep, evaluated eagerly: monotone as claimed?"""
    near = np.clip(form.thresholds.array.T, grid.low, grid.high)
    sweep = np.linspace(grid.low, grid.high, 257).astype(np.int64)
    codes = np.clip(np.concatenate([near - 1, near, near + 1, sweep]), grid.low, grid.high)
    found = _call(eager, grid, grid.values(codes))
    results = np.rint(found.astype(np.float64) / float(step)).astype(np.int64)
    expected = form(codes, np.arange(len(grid.low)))
    marked = results != expected
    if marked.sum() > 1 + codes.size // 10:
        raise Unsupported(
            "it is declared monotone but is not",
            where=f"layer '{layer}'",
            remedy="put a bw.QActivation before it",
        )
    if not grid.slack.any():
        return _pairs(codes, marked)
    return tuple(sorted({*_pairs(codes, marked), *_within_slack(eager, grid, form, step, near)}))


def _within_slack(
    eager: _Call, grid: Grid, form: Thresholds, step: Fraction, near: IntArray
) -> tuple[tuple[int, int], ...]:
    """Codes beside the thresholds `near` whose result would be another one if the float value were off by the slack."""
    steps = np.array([float(s) for s in grid.step])
    reach = min(int(np.ceil((grid.slack / steps).max())) + 1, _WIDEST_SLACK)
    codes = np.clip(np.concatenate([near + d for d in range(-reach, reach + 1)]), grid.low, grid.high)
    expected, marked = form(codes, np.arange(len(grid.low))), np.zeros(codes.shape, dtype=bool)
    for sign in (-1, 1):
        found = _call(eager, grid, grid.values(codes) + sign * grid.slack)
        marked |= np.rint(found.astype(np.float64) / float(step)).astype(np.int64) != expected
    return _pairs(codes, marked)


# ---- the step of results ---------------------------------------------------------------------------


def _result_step(chain: Sequence[Elementwise], values: Floats, told: Fraction | None, largest: int) -> Fraction:
    if told is not None:
        return told
    if chain[-1].step is not None:
        return chain[-1].step
    _refuse_infinite(values, chain[-1].layer)
    fraction, bits = dyadic_fraction(values)
    if bits > max(16, largest.bit_length() + 4):
        raise Unsupported(
            f"its results need {bits} bits: they lie on no grid",
            where=f"layer '{chain[-1].layer}'",
            remedy="put bw.QActivation('quantized_bits(8,2,alpha=1)') behind it,"
            " or give output_format='s16.8' to compile when it is the last layer",
        )
    return Fraction(2) ** -fraction


def dyadic_fraction(values: Floats) -> tuple[int, int]:
    """(fraction, bits): all `values` are integers of at most `bits` bits times 2**-fraction.

    >>> dyadic_fraction(np.array([0.5, -3.0, 0.0]))
    (1, 3)
    """
    nonzero = np.abs(values[values != 0].astype(np.float64))
    if nonzero.size == 0:
        return 0, 1
    mantissa, exponent = np.frexp(nonzero)
    whole = (mantissa * 2.0**53).astype(np.int64)
    trailing = np.log2((whole & -whole).astype(np.float64)).astype(np.int64)
    fraction = int((53 - exponent - trailing).max())
    return fraction, int(exponent.max()) + fraction


def _refuse_infinite(values: Floats, layer: str) -> None:
    if not np.isfinite(values).all():
        raise Inexact("it yields infinities or NaN", where=f"layer '{layer}'", remedy="check its weights")


def to_codes(values: Floats, step: Fraction, layer: str, rounded: bool = False) -> IntArray:
    """Float values as integers times `step`.

    Raises `Inexact` where one is infinite, beyond 62 bits, or (unless `rounded`) no multiple.
    """
    _refuse_infinite(values, layer)
    if np.abs(values).max(initial=0.0) >= 2.0**62 * float(step):
        raise Inexact(f"numbers beyond 62 bits of steps of {step}", where=f"layer '{layer}'", remedy="check its scales")
    codes = np.rint(values.astype(np.float64) / float(step)).astype(np.int64)
    if not rounded:
        back = (codes * float(step)).astype(values.dtype)
        if (back != values).any():
            wrong = float(values[back != values].flat[0])
            raise Inexact(
                f"{wrong!r} is no multiple of its step {step}",
                where=f"layer '{layer}'",
                remedy="use a quantizer with alpha=None, 1 or a power of two",
            )
    return codes
