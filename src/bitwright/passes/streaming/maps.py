"""Maps whose function differs from word to word: the same lane meets one channel after the other.

`lane_map` is `passes.words.element` with a phase. Before the map stands y = gain * x + bias (what a matrix-vector
unit leaves to do), which thresholds and multiplications take in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.cost.area import area
from bitwright.ir.netlist import NetlistBuilder, Word
from bitwright.numeric import IntArray, MapForm, Rounding, ShiftRoundSaturate, Steps, Table, Thresholds
from bitwright.passes.affine import Affine
from bitwright.passes.settle import affine_of, settled
from bitwright.passes.streaming.halves import Halves, halves
from bitwright.passes.words import element, rounded, times
from bitwright.passes.wraps import Wrap, low_bits, wrap_of
from bitwright.platforms import Fabric

__all__ = ["LaneMap", "by_phase", "in_halves", "lane_map"]

_MOST_LEVELS = 16
_ANY_LEVELS = 1 << 10
_MOST_ENTRIES = 1 << 14
_MOST_KINDS = 8
_MOST_CODES = 1 << 18
"""Codes of several phases that are looked at together."""


@dataclass(frozen=True)
class LaneMap:
    """What one lane does in each phase: form row `rows[p]` (no form: nothing) of gain * x + bias[p]."""

    form: MapForm | None
    rows: tuple[int, ...]
    gain: int
    bias: tuple[int, ...]

    @property
    def phases(self) -> int:
        """After how many words the lane does the same again."""
        return len(self.rows)

    def values(self, x: IntArray, phase: int | IntArray) -> IntArray:
        """The function of phase `phase`; of several phases where an array broadcasts with `x`."""
        one = isinstance(phase, int)
        rows, bias = (np.array(told[phase] if one else told)[() if one else phase] for told in (self.rows, self.bias))
        y = self.gain * x + bias
        if isinstance(self.form, Table):
            # A lane's range covers all its phases; no code of this one lies outside its own row.
            start = self.form.start.array[rows]
            y = y.clip(start, start + self.form.values.shape[1] - 1)
        return y if self.form is None else self.form(y, rows)


Build = Callable[[NetlistBuilder, int, int], int]


def lane_map(builder: NetlistBuilder, x: int, phase: int, told: LaneMap, fabric: Fabric) -> int:
    """The word of `told` for word `x`; `phase` is the phase's word (not looked at where all phases are alike)."""
    if len(set(zip(told.rows, told.bias, strict=True))) == 1:
        y = builder.add(times(builder, x, told.gain), builder.constant(told.bias[0]))
        if told.form is None or isinstance(told.form, Table):
            return y if told.form is None else _whole_table(builder, y, told)
        form, row = told.form, told.rows[0]
        plain = replace(told, rows=(row,), gain=1, bias=(0,))
        builds: list[Build] = [lambda b, word, p: element(form, row, b, word, fabric)]
        return _cheapest([*builds, *_halved(plain, builder.type(y))], builder, y, phase, fabric)
    return _cheapest(_candidates(told, builder.type(x)), builder, x, phase, fabric)


def _cheapest(builds: list[Build], builder: NetlistBuilder, x: int, phase: int, fabric: Fabric) -> int:
    if len(builds) == 1:
        return builds[0](builder, x, phase)
    turns = Word(0, 0) if phase < 0 else builder.type(phase)
    costs = [_cost(build, builder.type(x), turns, fabric) for build in builds]
    return builds[costs.index(min(costs))](builder, x, phase)


def _whole_table(builder: NetlistBuilder, y: int, told: LaneMap) -> int:
    word = builder.type(y)
    plain = replace(told, gain=1, bias=(0,))
    return builder.table(y, word.low, plain.values(np.arange(word.low, word.high + 1), 0).tolist())


def _cost(build: Build, x: Word, phase: Word, fabric: Fabric) -> float:
    scratch = NetlistBuilder()
    ports = [scratch.input_port(name, (), [word], Steps.of(1)) for name, word in (("x", x), ("phase", phase))]
    build(scratch, ports[0].words[0], ports[1].words[0])
    found = (area(n.op, n.type, [scratch.nodes[a].type for a in n.args], fabric) for n in scratch.nodes)
    return sum(one.luts for one in found)


def _candidates(told: LaneMap, word: Word) -> list[Build]:
    form = told.form
    if form is None:
        return [lambda b, x, p: b.add(times(b, x, told.gain), by_phase(b, p, told.bias))]
    found: list[Build] = []
    if isinstance(form, ShiftRoundSaturate):
        rows = _affines(form, told)
        found.append(lambda b, x, p: _arithmetic(b, x, p, rows))
    if (word.high - word.low + 1) * told.phases <= _MOST_ENTRIES:
        found.append(lambda b, x, p: _tabulated(b, x, p, told))
    found += _halved(told, word) + _wrapping(told)
    # What has no other form is searched for among any number of steps.
    stairs = _stairs(told, word, _MOST_LEVELS if found else _ANY_LEVELS)
    if stairs is not None:
        found.append(lambda b, x, p: _search(b, x, p, *stairs))
    if not found:
        raise Unsupported(
            f"a map with more than {_ANY_LEVELS} steps that is no formula", where="stream",
            remedy="quantize to fewer bits behind it",
        )  # fmt: skip
    return found


def _halved(told: LaneMap, word: Word) -> list[Build]:
    """The candidate of two halves, if there is one."""
    rows = in_halves(told, word)
    return [] if rows is None else [lambda b, x, p: _one_slope(b, x, p, told, rows)]


def _wrapping(told: LaneMap) -> list[Build]:
    """Low bits of every kind that some phase keeps, and those of the phase chosen."""
    form = told.form
    if not isinstance(form, Table):
        return []
    found = {row: wrap_of(int(form.start.array[row]), form.values.array[row]) for row in set(told.rows)}
    kinds = [kind for kind in dict.fromkeys(found.values()) if kind is not None]
    if None in found.values() or len(kinds) > _MOST_KINDS:
        return []
    places: dict[Wrap | None, int] = {kind: number for number, kind in enumerate(kinds)}

    def build(builder: NetlistBuilder, x: int, phase: int) -> int:
        y = builder.add(times(builder, x, told.gain), by_phase(builder, phase, told.bias))
        words = [low_bits(builder, y, kind) for kind in kinds]
        which = by_phase(builder, phase, [places[found[row]] for row in told.rows])
        return _chosen(builder, words, which)

    return [build]


def _chosen(builder: NetlistBuilder, words: list[int], which: int) -> int:
    """words[which]."""
    place = 0
    while len(words) > 1:
        bit = builder.bits(which, place, 1)
        pairs = [builder.mux(bit, b, a) for a, b in zip(words[::2], words[1::2], strict=False)]
        words = pairs + ([words[-1]] if len(words) % 2 else [])
        place += 1
    return words[0]


def in_halves(told: LaneMap, word: Word) -> list[Halves] | None:
    """The halves of each phase, as functions of gain * x + bias; None where there are none, or few steps."""
    form = told.form
    if not isinstance(form, Thresholds) or form.thresholds.shape[1] <= _MOST_LEVELS:
        return None
    found: list[Halves] = []
    for row, bias in zip(told.rows, told.bias, strict=True):
        ends = sorted(told.gain * end + bias for end in (word.low, word.high))
        one = halves(form, row, *ends)
        if one is None:
            return None
        found.append(one)
    return found


def by_phase(builder: NetlistBuilder, phase: int, values: Sequence[int]) -> int:
    """The number that belongs to the phase, of so many that come again and again."""
    if len(set(values)) == 1:
        return builder.constant(values[0])
    return builder.table(phase, 0, list(values) * ((builder.type(phase).high + 1) // len(values)))


def _affines(form: ShiftRoundSaturate, told: LaneMap) -> list[Affine]:
    """The function of each phase; in their plainest forms where these round alike."""
    known = {row: affine_of(form, row) for row in set(told.rows)}
    rows = [
        replace(known[row], mul=known[row].mul * told.gain, add=known[row].add + known[row].mul * bias)
        for row, bias in zip(told.rows, told.bias, strict=True)
    ]
    plain = [settled(row) for row in rows]
    return plain if len({row.rounding for row in plain}) == 1 else rows


def _arithmetic(builder: NetlistBuilder, x: int, phase: int, rows: list[Affine]) -> int:
    """clip(rounding((mul * x + add) / 2**shift)) with every number that differs looked up."""
    deepest = max(row.shift for row in rows)
    mul = [row.mul << (deepest - row.shift) for row in rows]
    add = [row.add << (deepest - row.shift) for row in rows]
    product = times(builder, x, mul[0]) if len(set(mul)) == 1 else builder.multiply(x, by_phase(builder, phase, mul))
    value = rounded(builder, builder.add(product, by_phase(builder, phase, add)), deepest, rows[0].rounding)
    return _clipped(builder, value, phase, [row.low for row in rows], [row.high for row in rows])


def _one_slope(builder: NetlistBuilder, x: int, phase: int, told: LaneMap, rows: list[Halves]) -> int:
    """As `_arithmetic`, of gain * x + bias, with an offset that is looked up by its sign too."""
    y = builder.add(times(builder, x, told.gain), by_phase(builder, phase, told.bias))
    deepest = max(row.shift for row in rows)
    mul = [row.mul << (deepest - row.shift) for row in rows]
    offsets = [[row.below << (deepest - row.shift), row.above << (deepest - row.shift)] for row in rows]
    product = times(builder, y, mul[0]) if len(set(mul)) == 1 else builder.multiply(y, by_phase(builder, phase, mul))
    add = _looked_up(builder, phase, builder.at_least(y, builder.constant(0)), offsets, 1)
    value = rounded(builder, builder.add(product, add), deepest, Rounding.FLOOR)
    return _clipped(builder, value, phase, [row.low for row in rows], [row.high for row in rows])


def _clipped(builder: NetlistBuilder, value: int, phase: int, low: list[int], high: list[int]) -> int:
    if len(set(low)) == 1 and len(set(high)) == 1:
        return builder.clip(value, low[0], high[0])
    floor, ceiling = by_phase(builder, phase, low), by_phase(builder, phase, high)
    value = builder.mux(builder.at_least(value, floor), value, floor)
    value = builder.mux(builder.at_least(value, ceiling), ceiling, value)
    return builder.narrow(value, min(low), max(high))


def _tabulated(builder: NetlistBuilder, x: int, phase: int, told: LaneMap) -> int:
    """One table over phase and code."""
    word = builder.type(x)
    from_zero = builder.add(x, builder.constant(-word.low))
    width = max((word.high - word.low).bit_length(), 1)
    codes = np.arange(word.low, word.low + (1 << width)).clip(word.low, word.high)
    values = told.values(codes, np.arange(told.phases)[:, None]).ravel().tolist()
    values += [values[-1]] * ((builder.type(phase).high + 1) * (1 << width) - len(values))
    return builder.table(builder.add(phase, from_zero, width, 0), 0, values)


def _stairs(told: LaneMap, word: Word, most: int) -> tuple[list[list[int]], list[list[int]]] | None:
    """For each phase the codes at which the value changes and the values between; None where these are many."""
    steps = _changes(told, word, most)
    if steps is None or (longest := max(map(len, steps))) > most:
        return None
    begins = np.full((told.phases, 1 + longest), word.low)
    for row, at in zip(begins, steps, strict=True):
        row[1 : 1 + len(at)] = at
    values = told.values(begins, np.arange(told.phases)[:, None]).tolist()
    return [at.tolist() for at in steps], [row[: 1 + len(at)] for row, at in zip(values, steps, strict=True)]


def _changes(told: LaneMap, word: Word, most: int) -> list[IntArray] | None:
    """For each phase the codes at which the value changes, ascending; None where it takes no more looking to find
    more than `most` of them.
    """
    form, wide, phases = told.form, word.high - word.low, np.arange(told.phases)[:, None]
    if isinstance(form, Thresholds) and told.gain > 0:
        at = -((np.array(told.bias)[:, None] - form.thresholds.array[list(told.rows)]) // told.gain)
        return [np.unique(row[(row > word.low) & (row <= word.high)]) for row in at]
    found = _bisected(told, word, phases) if wide >= _MOST_LEVELS**2 else None
    if found is not None or wide >= 1 << 16:
        return found
    codes, found = np.arange(word.low, word.high + 1), list[IntArray]()
    together = max(_MOST_CODES // len(codes), 1)
    for start in range(0, told.phases, together):
        image = told.values(codes, phases[start : start + together])
        differs = image[:, 1:] != image[:, :-1]
        if (counts := differs.sum(axis=1)).max() > most:
            return None
        found += np.split(np.nonzero(differs)[1] + word.low + 1, counts.cumsum()[:-1])
    return found


def _bisected(told: LaneMap, word: Word, phases: IntArray) -> list[IntArray] | None:
    """The steps of monotone functions without a look at every code; None where they are many."""
    if not isinstance(told.form, ShiftRoundSaturate):
        return None
    first, last = (told.values(np.array([end]), phases) for end in (word.low, word.high))
    many = np.abs(last - first)
    if many.max() > _MOST_LEVELS:
        return None
    sign, levels = np.where(last >= first, 1, -1), np.minimum(np.arange(1, _MOST_LEVELS + 1), many)
    low, high = (np.full(levels.shape, end, dtype=np.int64) for end in (word.low, word.high))
    while (low < high).any():
        middle = (low + high) // 2
        reached = sign * (told.values(middle, phases) - first) >= levels
        low, high = np.where(reached, low, middle + 1), np.where(reached, middle, high)
    return [np.unique(row[:count]) for row, count in zip(high, many[:, 0], strict=True)]


def _search(builder: NetlistBuilder, x: int, phase: int, steps: list[list[int]], values: list[list[int]]) -> int:
    """Binary search among the thresholds of the phase: one comparison a bit."""
    most = max(len(row) for row in steps)
    levels, never = most.bit_length(), builder.type(x).high + 1
    padded = [row + [never] * ((1 << levels) - 1 - len(row)) for row in steps]
    found = -1
    for level in range(levels):
        stride = 1 << (levels - level)
        bound = _looked_up(builder, phase, found, [row[stride // 2 - 1 :: stride] for row in padded], level)
        bit = builder.at_least(x, bound)
        found = bit if found < 0 else builder.add(found, bit, 1, 0)
    last = [[row[min(i, len(row) - 1)] for i in range(1 << levels)] for row in values]
    return _looked_up(builder, phase, found, last, levels)


def _looked_up(builder: NetlistBuilder, phase: int, found: int, choices: list[list[int]], bits: int) -> int:
    """choices[phase][found], where `found` has `bits` bits (-1: none)."""
    if all(row == choices[0] for row in choices):
        return builder.constant(choices[0][0]) if found < 0 else builder.table(found, 0, choices[0])
    if found < 0:
        return by_phase(builder, phase, [row[0] for row in choices])
    flat = [value for row in choices for value in row]
    return builder.table(builder.add(phase, found, bits, 0), 0, flat)
