"""Matrix-vector units whose weights, biases and thresholds can be written while the hardware runs.

Everything that depends on a number of the layer comes from a memory: the products from the weights' one, and what
stands behind the sum from the constants', a word of them for each word of the result. What is built holds for all
numbers that the layer's declaration allows, and so stays exact whatever is written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.core.origin import Origin
from bitwright.ir.graph.ops import Writable
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.numeric import IntArray, MapForm, Rounding, ShiftRoundSaturate, Steps, Table, Thresholds
from bitwright.passes.merge import Merge
from bitwright.passes.settle import affine_of
from bitwright.passes.streaming.dots import summed
from bitwright.passes.streaming.maps import LaneMap
from bitwright.passes.streaming.tails import Mapped, Tails
from bitwright.passes.words import rounded

__all__ = ["Ending", "bias_range", "ending"]

_MOST_LEVELS = 15
"""Thresholds of a lane that are compared at once; maps with more values need a formula."""


@dataclass(frozen=True)
class Ending:
    """A tail (ports `x` and `c`) and the constants that it meets now, (words of all channels, numbers)."""

    tail: Netlist
    constants: IntArray


def ending(tails: Tails, total: Word, told: Mapped, words: int, bias: Word, image: Word, where: str) -> Ending:
    """What makes results, within `image`, of sums within `total`, with every number in a memory of `words` words.

    told: the map and the biases now, by word and lane; bias: all that the biases may become. Raises `Unsupported`
    naming the layer `where` for maps that are neither steps in one direction nor a formula.
    """
    if words % told.rows.shape[0] or words % told.bias.shape[0]:
        raise Unsupported(
            "a map that differs from place to place", where=where, remedy="leave the layer out of `writable`"
        )
    rows, biases = (np.tile(a, (words // a.shape[0], 1)) for a in (told.rows, told.bias))
    columns = zip(rows.T.tolist(), biases.T.tolist(), strict=True)
    lanes = [LaneMap(told.form, tuple(row), told.gain, tuple(added)) for row, added in columns]
    made = _form(told.form, lanes, told.gain, total, bias, image, where)
    builder = NetlistBuilder()
    x = builder.input_port("x", (len(lanes),), [total] * len(lanes), Steps.of(1))
    fields = len(made.words)
    c = builder.input_port("c", (len(lanes) * fields,), made.words * len(lanes), Steps.of(1))
    builder.at(Origin("map"))
    out = [
        made.build(builder, word, list(c.words[i * fields : (i + 1) * fields]), tails) for i, word in enumerate(x.words)
    ]
    result = Port("y", (len(out),), tuple(out), Steps.of(1))
    tail = tails.pipelined(Merge(tails.fabric)(builder.finish("tail", [x, c], [result])))
    constants = np.concatenate([made.numbers(lane) for lane in lanes], axis=1)
    _check(constants, made.words * len(lanes), where)
    return Ending(tail, constants)


def _check(constants: IntArray, words: list[Word], where: str) -> None:
    low, high = constants.min(axis=0), constants.max(axis=0)
    for least, most, word in zip(low.tolist(), high.tolist(), words, strict=True):
        if least < word.low or most > word.high:
            raise Unsupported(
                f"a constant of {least if least < word.low else most} in {word.low}..{word.high}", where=where,
                remedy="declare more bits for the bias, or build the design anew",
            )  # fmt: skip


def _form(
    form: MapForm | None, lanes: list[LaneMap], gain: int, total: Word, bias: Word, image: Word, where: str
) -> _Biased | _Stepped | _Scaled:
    """The kind of tail: the sum alone, thresholds where there are few values, else a formula."""
    if form is None:
        return _Biased([bias], gain)
    values = _values(form, image)
    if len(values) - 1 <= _MOST_LEVELS:
        return _Stepped.of(form, values, total, gain, where)
    if isinstance(form, ShiftRoundSaturate):
        return _Scaled.of(form, lanes, gain, bias, where)
    raise Unsupported(
        f"a map with {len(values)} values that is no scale and shift", where=where, why="it cannot be written",
        remedy=f"quantize to at most {_MOST_LEVELS + 1} values behind it, or leave the layer out of `writable`",
    )  # fmt: skip


def _values(form: MapForm, image: Word) -> list[int]:
    """What the map may yield, ascending."""
    if isinstance(form, ShiftRoundSaturate):
        return list(range(image.low, image.high + 1))
    assert isinstance(form, Thresholds | Table)
    found = np.unique(form.values.array)
    return found[(found >= image.low) & (found <= image.high)].tolist()


@dataclass(frozen=True)
class _Biased:
    """gain * x + bias."""

    words: list[Word]
    gain: int

    def build(self, builder: NetlistBuilder, x: int, c: list[int], tails: Tails) -> int:
        """The word of a lane."""
        return builder.sum([(builder.multiply(x, builder.constant(self.gain)), 0, 1), (c[0], 0, 1)])

    def numbers(self, lane: LaneMap) -> IntArray:
        """Its constants, a row for each word."""
        return np.array(lane.bias, dtype=np.int64)[:, None]


@dataclass(frozen=True)
class _Stepped:
    """values[number of thresholds reached], or counted from the other end where the last constant says so."""

    words: list[Word]
    values: list[int]
    total: Word
    turns: bool
    where: str

    @classmethod
    def of(cls, form: MapForm, values: list[int], total: Word, gain: int, where: str) -> _Stepped:
        """Thresholds up to one that no sum reaches; only scales that cannot be negative need no direction."""
        plain = isinstance(form, ShiftRoundSaturate) and bool((form.mul.array * gain >= 0).all())
        bounds = [Word(total.low, total.high + 1)] * (len(values) - 1)
        return cls(bounds if plain else [*bounds, Word(0, 1)], values, total, not plain, where)

    def build(self, builder: NetlistBuilder, x: int, c: list[int], tails: Tails) -> int:
        """The word of a lane."""
        steps = len(self.values) - 1
        if not steps:
            return builder.constant(self.values[0])
        count = summed(builder, [builder.at_least(x, bound) for bound in c[:steps]], tails.fabric)
        values = list(self.values)
        if not self.turns:
            return builder.table(count, 0, values)
        bits = steps.bit_length()
        padded = [values[min(i, steps)] for i in range(1 << bits)]
        turned = [values[max(steps - i, 0)] for i in range(1 << bits)]
        return builder.table(builder.add(c[steps], count, bits, 0), 0, padded + turned)

    def numbers(self, lane: LaneMap) -> IntArray:
        """Its constants, a row for each word."""
        known: dict[tuple[int, int], list[int]] = {}
        for key, phase in zip(zip(lane.rows, lane.bias, strict=True), range(lane.phases), strict=True):
            if key not in known:
                known[key] = self._row(lane, phase)
        return np.array([known[key] for key in zip(lane.rows, lane.bias, strict=True)], dtype=np.int64)

    def _row(self, lane: LaneMap, phase: int) -> list[int]:
        """The first sum that reaches each value: by bisection, for the map goes in one direction."""
        low, high, steps = self.total.low, self.total.high, len(self.values) - 1
        first, last = self._rank(lane.values(np.array([low, high]), phase)).tolist()
        falls = last < first
        if falls and not self.turns:
            raise Unsupported("a map that falls", where=self.where, remedy="build the design anew")
        below = np.full(steps, low, dtype=np.int64)
        above = np.full(steps, high + 1, dtype=np.int64)
        wanted = np.arange(1, steps + 1)
        while (below < above).any():
            middle = (below + above) // 2
            rank = self._rank(lane.values(middle.clip(low, high), phase))
            reached = (middle > high) | ((steps - rank if falls else rank) >= wanted)
            below, above = np.where(reached, below, middle + 1), np.where(reached, middle, above)
        self._check(lane, phase, above, falls)
        return above.tolist() + ([int(falls)] if self.turns else [])

    def _rank(self, values: IntArray) -> IntArray:
        found = np.searchsorted(self.values, values).clip(0, len(self.values) - 1)
        if (np.array(self.values)[found] != values).any():
            unknown = int(values[np.array(self.values)[found] != values][0])
            raise Unsupported(
                f"a result of {unknown} outside {self.values[0]}..{self.values[-1]}", where=self.where,
                remedy="build the design anew",
            )  # fmt: skip
        return found

    def _check(self, lane: LaneMap, phase: int, bounds: IntArray, falls: bool) -> None:
        """The map has no other steps: it is looked at wherever its form may change."""
        low, high, steps = self.total.low, self.total.high, len(self.values) - 1
        points = np.concatenate(([low, high], bounds, bounds - 1, *_changes(lane, phase))).clip(low, high)
        rank = np.searchsorted(bounds, points, side="right")
        if (self._rank(lane.values(points, phase)) != (steps - rank if falls else rank)).any():
            raise Unsupported(
                "a map that goes up and down", where=self.where, why="its constants cannot be written",
                remedy="leave the layer out of `writable`",
            )  # fmt: skip


def _changes(lane: LaneMap, phase: int) -> list[IntArray]:
    """Sums at which a map of thresholds or a table may change its value."""
    form, row = lane.form, lane.rows[phase]
    if isinstance(form, Thresholds):
        at = form.thresholds.array[row]
        at = at[np.abs(at) < 1 << 60]
    elif isinstance(form, Table):
        at = int(form.start.array[row]) + np.arange(form.values.shape[1])
    else:
        return []
    whole = (at - lane.bias[phase]) // (lane.gain or 1)
    return [whole - 1, whole, whole + 1]


@dataclass(frozen=True)
class _Scaled:
    """clip(rounding((mul * x + add) / 2**shift)); `add`, and `mul` where it differs, are constants in the memory."""

    words: list[Word]
    mul: int | None
    shift: int
    rounding: Rounding
    low: int
    high: int
    where: str

    @classmethod
    def of(cls, form: ShiftRoundSaturate, lanes: list[LaneMap], gain: int, bias: Word, where: str) -> _Scaled:
        """Room for every bias that may come, and for scales of as many bits as those that are there."""
        low, high = int(form.low.array.min()), int(form.high.array.max())
        if (form.low.array != low).any() or (form.high.array != high).any():
            raise Unsupported(
                "channels that saturate at different values", where=where, why="its constants cannot be written",
                remedy="leave the layer out of `writable`",
            )  # fmt: skip
        shift = int(form.shift.array.max())
        muls = (form.mul.array << (shift - form.shift.array)) * gain
        adds = form.add.array << (shift - form.shift.array)
        alike = int(muls.min()) == int(muls.max())
        scale = _whole(Word(int(muls.min()), int(muls.max())))
        ends = [m // gain * b for m in (scale.low, scale.high) for b in (bias.low, bias.high)]
        if alike:
            ends = [int(muls[0]) // gain * b for b in (bias.low, bias.high)]
        add = _whole(Word(min(ends) + min(int(adds.min()), 0), max(ends) + max(int(adds.max()), 0)))
        words = [add] if alike else [add, scale]
        return cls(words, int(muls[0]) if alike else None, shift, form.rounding, low, high, where)

    def build(self, builder: NetlistBuilder, x: int, c: list[int], tails: Tails) -> int:
        """The word of a lane."""
        factor = builder.constant(self.mul) if self.mul is not None else c[1]
        value = rounded(builder, builder.add(builder.multiply(x, factor), c[0]), self.shift, self.rounding)
        return builder.clip(value, self.low, self.high)

    def numbers(self, lane: LaneMap) -> IntArray:
        """Its constants, a row for each word."""
        form = lane.form
        assert isinstance(form, ShiftRoundSaturate)
        rows: list[list[int]] = []
        for row, bias in zip(lane.rows, lane.bias, strict=True):
            found = affine_of(form, row)
            if found.shift > self.shift or (found.low, found.high) != (self.low, self.high):
                raise Unsupported("another shift or saturation", where=self.where, remedy="build the design anew")
            mul, add = (n << (self.shift - found.shift) for n in (found.mul, found.add))
            if self.mul is not None and mul * lane.gain != self.mul:
                raise Unsupported("another scale", where=self.where, remedy="build the design anew")
            rows.append([add + mul * bias] + ([mul * lane.gain] if self.mul is None else []))
        return np.array(rows, dtype=np.int64)


def _whole(word: Word) -> Word:
    """All numbers of its width."""
    return Word(-1 << word.width - 1, (1 << word.width - 1) - 1) if word.signed else Word(0, (1 << word.width) - 1)


def bias_range(told: Writable, gain: int, most_excess: int) -> Word:
    """What is added behind the sum: a bias less `gain` times what counting agreements adds (0 to `most_excess`)."""
    return Word(told.bias_low - max(gain * most_excess, 0), told.bias_high)
