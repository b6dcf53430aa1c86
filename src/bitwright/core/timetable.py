"""The door to the smallest solution of a system of waits: the compiled one, else its Python twin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from bitwright.core import native, twin
from bitwright.core.arguments import integers
from bitwright.core.errors import InvalidValue

__all__ = ["Settled", "Verdict", "WaitRule", "WaitSystem", "settle"]

if native.HAVE_NATIVE:
    from bitwright import _native

    _settle = _native.settle
else:
    _settle = twin.settle

Array = NDArray[np.int64]


class Verdict(Enum):
    """How `settle` ended."""

    SETTLED = 0
    SLOWER = 1
    LATE = 2
    STUCK = 3
    ENDLESS = 4


@dataclass(frozen=True, slots=True)
class WaitRule:
    """Entry i of list `wanting` (steps of `process`) comes `delay` cycles or more after entry i - shift of `given`.

    `given` holds steps of process `source` counted from the same frame's first, those below zero of earlier frames;
    the list goes on in the frames before and after. What lies before the first frame is not waited for.
    """

    process: int
    wanting: int
    source: int
    given: int
    shift: int
    delay: int


class WaitSystem:
    """Processes with `steps` a frame, one a cycle at most, and what their steps wait for.

    `lists` are step numbers, ascending and below `steps` where they stand as `wanting`; both lists of a rule have
    equally many. Raises InvalidValue for anything else.
    """

    def __init__(self, steps: Sequence[int], lists: Sequence[Array], rules: Sequence[WaitRule]) -> None:
        self.steps = integers("steps", np.array(steps, np.int64), 1, "timetable")
        self.rules = tuple(rules)
        whole = [integers("a list of steps", part, 1, "timetable") for part in lists]
        self.entries = np.concatenate([np.zeros(0, np.int64), *whole])
        self.bounds = np.concatenate([[0], np.cumsum([part.size for part in whole], dtype=np.int64)]).astype(np.int64)
        rows = [(r.process, r.wanting, r.source, r.given, r.shift, r.delay) for r in rules]
        self.table = np.array(rows, np.int64).reshape(-1, 6)
        self._check(whole)

    def _check(self, lists: list[Array]) -> None:
        if np.any(self.steps < 1):
            raise InvalidValue("a process without steps", where="timetable")
        for rule in self.rules:
            wanting, given = lists[rule.wanting], lists[rule.given]
            fits = wanting.size == given.size and bool(np.all(wanting[1:] > wanting[:-1])) and rule.delay >= 0
            if fits and wanting.size:
                fits = wanting[0] >= 0 and wanting[-1] < self.steps[rule.process]
                fits = fits and int(given.max()) < int(self.steps[rule.source])
            if not fits:
                raise InvalidValue("its lists are no steps of its processes", where=f"timetable, {rule}")

    def with_shift(self, rule: int, shift: int) -> WaitSystem:
        """The same system where rule number `rule` has another shift."""
        other = object.__new__(WaitSystem)
        other.steps, other.entries, other.bounds = self.steps, self.entries, self.bounds
        other.rules = (*self.rules[:rule], replace(self.rules[rule], shift=shift), *self.rules[rule + 1 :])
        other.table = self.table.copy()
        other.table[rule, 4] = shift
        return other


@dataclass(frozen=True)
class Settled:
    """What `settle` found in so many `frames`.

    times: for each process (frames, steps), `scale` to a cycle. `circuit`: (cycles, frames, process) where SLOWER:
    waits in a circle that take so many cycles every so many frames, through that process. `blocked`: where STUCK for
    each process the number of the rule that it waits for, -1 for those that have ended their frame.
    """

    verdict: Verdict
    frames: int
    circuit: tuple[int, int, int]
    blocked: tuple[int, ...]
    times: tuple[Array, ...]


def settle(
    system: WaitSystem,
    *,
    period: int = 0,
    scale: int = 1,
    latest: Sequence[int] = (),
    most_frames: int = 4096,
    keep: bool = True,
) -> Settled:
    """The earliest times that fulfill `system`, frame after frame.

    With `period` 0: the first `most_frames` frames (ENDLESS). Else no process begins a frame less than
    period / scale cycles after the one before, and it ends where the frames repeat (SETTLED: from the last one on
    each comes so much after the one before, for ever), or where that is proven impossible (SLOWER). STUCK: no
    process can go on. LATE: process p has not ended its first frame by cycle `latest[p]` (-1: whenever). Without
    `keep` no times are returned.

    Method: a process goes on while what it waits for is known, in turn; the smallest solution of a max-plus linear
    system does not depend on the turns (F. Baccelli et al., Synchronization and Linearity, 1992). With a period the
    offsets of equal steps against their frame's begin never fall, so they are settled when they stay for a frame and
    would after any number of frames like it; else the waits that decided the most delayed step are followed
    backwards, and a step met again with another offset lies on a circuit slower than the period.

    >>> steps = np.arange(4)
    >>> pair = WaitSystem([4, 4], [steps], [WaitRule(1, 0, 0, 0, 0, 3), WaitRule(0, 0, 1, 0, 2, 1)])
    >>> settle(pair, most_frames=1).times[0].tolist(), settle(pair, period=4).circuit
    ([[0, 1, 4, 5]], (8, 1, 0))
    """
    ends = np.full(len(system.steps), -1, np.int64) if not len(latest) else np.array(latest, np.int64)
    arrays = (system.steps, system.entries, system.bounds, system.table, ends)
    facts, blocked, flat = _settle(*arrays, period, scale, most_frames, keep)
    verdict, frames, *circuit = facts.tolist()
    bounds = np.cumsum(system.steps * frames)[:-1]
    parts = zip(np.split(flat, bounds), system.steps, strict=True) if keep else ()
    times = [part.reshape(frames, n) for part, n in parts]
    return Settled(
        Verdict(verdict), frames, (circuit[0], circuit[1], circuit[2]), tuple(blocked.tolist()), tuple(times)
    )
