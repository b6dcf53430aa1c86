"""When a trial is hopeless: figures that its reports must reach, fixed before it starts.

Both rules look only at finished trials, so a trial's fate does not depend on what runs beside it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bitwright.core.errors import InvalidValue
from bitwright.search.trial import State, Trial, best_so_far

__all__ = ["Halving", "Median", "Never", "Rule"]


class Rule(Protocol):
    """From the finished trials to the bars of the next one: {step: figure that the best report so far must reach}."""

    def bars(self, number: int, history: Sequence[Trial], maximize: bool) -> dict[int, float]:
        """The bars of trial `number`."""
        ...


@dataclass(frozen=True)
class Never:
    """Every trial runs to its end."""

    def bars(self, number: int, history: Sequence[Trial], maximize: bool) -> dict[int, float]:
        """No bars."""
        return {}


@dataclass(frozen=True)
class Median:
    """Stop a trial whose best report is worse than the median of what complete trials reported at that step.

    The first `startup` complete trials set no bar, nor do the first `warmup` steps (Golovin et al., Google Vizier,
    KDD 2017, section 3.2.3).
    """

    startup: int = 5
    warmup: int = 0

    def bars(self, number: int, history: Sequence[Trial], maximize: bool) -> dict[int, float]:
        """The median at every step that enough complete trials reported."""
        complete = [trial for trial in history if trial.state is State.COMPLETE and trial.repeats is None]
        if len(complete) < self.startup:
            return {}
        at: dict[int, list[float]] = {}
        for trial in complete:
            for step, value in trial.reports:
                if step > self.warmup and not math.isnan(value):
                    at.setdefault(step, []).append(value)
        return {step: statistics.median(values) for step, values in sorted(at.items())}


@dataclass(frozen=True)
class Halving:
    """Hyperband: from rung to rung only the best of `factor` trials goes on (Li et al., JMLR 18, 2018).

    A rung lies at `least`, `least * factor`, ... steps up to `most`. Trials are dealt to brackets; bracket b has no
    rung before `least * factor**b`, so that some trials are judged late. Rungs are asynchronous (Li et al., MLSys
    2020): a trial is compared with the finished ones of its bracket.
    """

    least: int = 1
    most: int = 27
    factor: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most or self.factor < 2:
            remedy = "give 1 <= least <= most and a factor of at least 2"
            raise InvalidValue(f"{self} has no rungs", remedy=remedy)

    @property
    def rungs(self) -> tuple[int, ...]:
        """The steps at which trials are judged; none at `most`, where they end."""
        rungs = [self.least]
        while rungs[-1] * self.factor <= self.most:
            rungs.append(rungs[-1] * self.factor)
        return tuple(rung for rung in rungs if rung < self.most)

    def bracket(self, number: int) -> int:
        """The bracket of a trial: bracket b gets a share of factor**-b, as Hyperband's first rungs do."""
        brackets = len(self.rungs) + 1
        shares = [self.factor ** (brackets - 1 - place) for place in range(brackets)]
        place = number % sum(shares)
        return next(bracket for bracket in range(brackets) if place < sum(shares[: bracket + 1]))

    def bars(self, number: int, history: Sequence[Trial], maximize: bool) -> dict[int, float]:
        """At each rung of its bracket the figure of the last trial that would go on beside this one."""
        own = self.bracket(number)
        fellows = [trial for trial in history if trial.repeats is None and self.bracket(trial.number) == own]
        bars: dict[int, float] = {}
        for rung in self.rungs[own:]:
            reached = [value for trial in fellows if (value := _at(trial, rung, maximize)) is not None]
            going_on = max(1, (len(reached) + 1) // self.factor)
            if len(reached) >= going_on:
                bars[rung] = sorted(reached, reverse=maximize)[going_on - 1]
        return bars


def _at(trial: Trial, rung: int, maximize: bool) -> float | None:
    """The best report when the rung was reached; None if it was not, or if nothing then was a number."""
    upto: list[tuple[int, float]] = []
    for step, value in trial.reports:
        upto.append((step, value))
        if step >= rung:
            best = best_so_far(upto, maximize)
            return None if math.isnan(best) else best
    return None
