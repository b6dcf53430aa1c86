"""A trial: one configuration, what became of it, and what its evaluation is given."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.search.space import Configuration, Json

__all__ = ["Context", "Evaluate", "Hopeless", "Outcome", "State", "Trial", "best_so_far", "seed_of"]


class State(Enum):
    """What became of a trial."""

    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"

    @property
    def finished(self) -> bool:
        """Nothing more will happen to it."""
        return self is not State.RUNNING


@dataclass(frozen=True)
class Outcome:
    """What an evaluation found: the objectives, and how far each constraint is violated (at most 0: it holds).

    `facts` are whatever else is worth keeping, as JSON; files belong into `Context.folder`, and facts name them
    relative to it.
    """

    values: tuple[float, ...]
    violations: tuple[float, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def feasible(self) -> bool:
        """True when every constraint holds."""
        return all(violation <= 0 for violation in self.violations)

    def check(self, objectives: int, constraints: int) -> Outcome:
        """Itself in plain floats and JSON; raises `InvalidValue` on wrong counts, NaN, and facts that are no JSON."""
        wanted_of = (("values", self.values, objectives), ("violations", self.violations, constraints))
        for name, figures, wanted in wanted_of:
            if len(figures) != wanted:
                remedy = f"return an Outcome with {wanted} {name}, or declare another number in the Study"
                raise InvalidValue(f"{len(figures)} {name} instead of {wanted}", where="outcome", remedy=remedy)
            if any(math.isnan(figure) for figure in figures):
                raise InvalidValue(f"{name} {tuple(figures)} are not all numbers", where="outcome")
        try:
            facts = json.loads(json.dumps(dict(self.facts)))
        except (TypeError, ValueError) as error:
            raise InvalidValue("the facts are no JSON", where="outcome", why=str(error)) from error
        return Outcome(tuple(map(float, self.values)), tuple(map(float, self.violations)), facts)


@dataclass(frozen=True)
class Trial:
    """One logged point of a search.

    `repeats` is the number of the earlier trial with the same configuration whose result was taken over; `reports` are
    the figures (step, value) told on the way; `error` says why a failed trial failed; `seconds` is the time it ran;
    `marks` is what the method remembers with it.
    """

    number: int
    configuration: Configuration
    state: State
    outcome: Outcome | None = None
    error: str = ""
    seconds: float = 0.0
    repeats: int | None = None
    reports: tuple[tuple[int, float], ...] = ()
    marks: Mapping[str, Json] = field(default_factory=dict[str, Json], repr=False)


class Hopeless(Exception):
    """Raised out of `Context.report` when going on is not worth it; an evaluation lets it pass (or cleans up first)."""


@dataclass
class Context:
    """What an evaluation is given beside its configuration.

    `seed` follows from the study's seed and the trial's number; `folder` is empty and the trial's own. `bars` are the
    figures that must be reached at a step, `maximize` their direction, and `listen` hears every report.
    """

    number: int
    seed: int
    folder: Path
    bars: Mapping[int, float] = field(default_factory=dict[int, float])
    maximize: bool = True
    listen: Callable[[int, float], None] = lambda step, value: None
    reports: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])

    def report(self, step: int, value: float) -> None:
        """Tell that after `step` units of work (epochs, from 1) the first objective stands at `value`.

        Raises `Hopeless` when the study's rule says so. Steps must ascend.
        """
        last = self.reports[-1][0] if self.reports else 0
        if step <= last:
            remedy = "report ascending steps, from 1"
            raise InvalidValue(f"step {step} is reported after {last}", where=f"trial {self.number}", remedy=remedy)
        self.reports.append((step, float(value)))
        self.listen(step, float(value))
        due = [self.bars[place] for place in self.bars if last < place <= step]
        best = best_so_far(self.reports, self.maximize)
        if any(math.isnan(best) or (best < bar if self.maximize else best > bar) for bar in due):
            raise Hopeless(f"{best:g} after step {step}")


def best_so_far(reports: Sequence[tuple[int, float]], maximize: bool) -> float:
    """The best reported value; NaN if all are."""
    numbers = [value for _, value in reports if not math.isnan(value)]
    return (max(numbers) if maximize else min(numbers)) if numbers else math.nan


def seed_of(seed: int, number: int, purpose: str = "") -> int:
    """A seed below 2^31 that follows from the study's seed, the trial's number and the purpose alone."""
    digest = hashlib.sha256(f"{seed}/{number}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


Evaluate = Callable[[Configuration, Context], Outcome]
"""Trains and measures one configuration; for other processes a top-level function or a frozen dataclass."""
