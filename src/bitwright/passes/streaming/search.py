"""Maps with many steps that differ from channel to channel: thresholds in memories, found by halves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bitwright.core.origin import Origin
from bitwright.ir.dataflow.ops import Search
from bitwright.ir.netlist import Netlist, NetlistBuilder, Port, Word
from bitwright.numeric import IntArray, Ints, Steps, Thresholds
from bitwright.passes.streaming.maps import in_halves
from bitwright.passes.streaming.tails import Mapped, Tails

__all__ = ["search_of"]

_FEW_LEVELS = 16
"""So many steps are compared with numbers that are looked up."""
_FEW_ENTRIES = 1 << 12
"""Sums of all phases together that a table in logic holds."""
_FAR = 1 << 60


def search_of(tails: Tails, words: list[Word], told: Mapped) -> Search | None:
    """What finds the map `told` of `words`; None where comparisons, a table or a formula take less.

    That is where thresholds take turns (one set for each lane is dissolved in logic), are more than 16, and rise.
    """
    form, phases = told.form, told.phases
    if not isinstance(form, Thresholds) or phases == 1 or told.gain < 1:
        return None
    rows, bias = told.rows[:phases], told.bias[:phases]
    used = np.unique(rows)
    values = np.unique(form.values.array[used])
    small = sum(w.high - w.low + 1 for w in words) // len(words) * phases <= _FEW_ENTRIES
    if len(values) - 1 <= _FEW_LEVELS or small or (np.diff(form.values.array[used], axis=1) < 0).any():
        return None
    if all(in_halves(told.lane(lane), word) is not None for lane, word in enumerate(words)):
        return None
    steps = _Steps(form, values, told.gain)
    found = [[steps.of(int(row), int(b), word) for row, b, word in zip(r, a, words, strict=True)]
             for r, a in zip(rows.tolist(), bias.tolist(), strict=True)]  # fmt: skip
    return Search(Ints(np.array(found, dtype=np.int64)), tail=_values(tails, len(words), values))


@dataclass(frozen=True)
class _Steps:
    """The first word at which each of `values` is reached, filled up for halving."""

    form: Thresholds
    values: IntArray
    gain: int

    def of(self, row: int, bias: int, word: Word) -> list[int]:
        """Those of a row behind gain * x + bias, for x in the range of `word`."""
        reached = self.form.values.array[row]
        bounds = np.clip(self.form.thresholds.array[row], -_FAR, _FAR)
        # Below the first threshold is the first value, and what comes before the lowest word is always reached.
        at = np.concatenate(([word.low], -((bias - bounds) // self.gain), [word.high + 1]))
        first = np.searchsorted(reached, self.values[1:], side="left")
        most = 1 << (len(self.values) - 1).bit_length()
        found = at[first].clip(word.low, word.high + 1)
        return found.tolist() + [word.high + 1] * (most - 1 - len(found))


def _values(tails: Tails, lanes: int, values: IntArray) -> Netlist | None:
    """From how many steps were reached to the value; nothing where that is the same."""
    most = (1 << (len(values) - 1).bit_length()) - 1
    if (values == np.arange(len(values))).all():
        return None
    builder = NetlistBuilder()
    x = builder.input_port("x", (lanes,), [Word(0, most)] * lanes, Steps.of(1))
    builder.at(Origin("map"))
    if (np.diff(values) == 1).all():
        out = [builder.add(word, builder.constant(int(values[0]))) for word in x.words]
    else:
        full = values.tolist() + [int(values[-1])] * (most + 1 - len(values))
        out = [builder.table(word, 0, full) for word in x.words]
    return tails.pipelined(builder.finish("tail", [x], [Port("y", (lanes,), tuple(out), Steps.of(1))]))


