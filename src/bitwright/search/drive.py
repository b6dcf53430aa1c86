"""The loop of a run: keeps an executor busy, and each suggestion to the results that it may see."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from bitwright.core.errors import ToolFailed
from bitwright.core.progress import Progress
from bitwright.search.executors.attempt import Executor, Job, Result, Session
from bitwright.search.hopeless import Rule
from bitwright.search.journal import Journal
from bitwright.search.pareto import front
from bitwright.search.space import Configuration, Space, identity
from bitwright.search.suggest import Method, Question, suggest
from bitwright.search.trial import Evaluate, State, Trial, seed_of

__all__ = ["Drive", "Limits", "Setup"]

_ATTEMPTS = 2
"""How often a trial is started when the place where it runs dies."""


@dataclass(frozen=True)
class Setup:
    """What a study is: all that its sequence of trials follows from, beside the width of the executor."""

    space: Space
    directions: tuple[str, ...]
    method: Method
    hopeless: Rule
    seed: int
    constraints: int
    warm: tuple[Configuration, ...]
    task: str = ""

    def facts(self) -> Mapping[str, Any]:
        """As JSON, for the file that a reopened study is compared with."""
        return {
            **({"task": self.task} if self.task else {}),
            "schema": 1,
            "space": {choice.name: list(choice.options) for choice in self.space},
            "directions": list(self.directions),
            "method": _fact(self.method),
            "hopeless": _fact(self.hopeless),
            "seed": self.seed,
            "constraints": self.constraints,
            "warm": [dict(configuration) for configuration in self.warm],
        }


@dataclass(frozen=True)
class Limits:
    """When a run ends: trials of the study in all, seconds of this run, failed trials in a row."""

    trials: int
    timeout_s: float | None
    failures: int


class Drive:
    """One run over `log`, the trials so far, which it extends."""

    def __init__(
        self, setup: Setup, journal: Journal, log: list[Trial], place: Executor, limits: Limits, progress: Progress
    ) -> None:
        self.setup = setup
        self.journal = journal
        self.log = log
        self.place = place
        self.limits = limits
        self.progress = progress
        self.deadline = None if limits.timeout_s is None else time.monotonic() + limits.timeout_s
        self.known = {identity(trial.configuration): trial.number for trial in reversed(log)}
        self.left: list[Trial] = []
        self.attempts: dict[int, int] = {}
        self.ended: dict[int, Trial] = {}

    def run(self, evaluate: Evaluate) -> None:
        """First what was left running, then new trials."""
        left = [trial for trial in self.log if not trial.state.finished]
        self.left = [trial for trial in left if trial.repeats is None]
        self.progress.step("search", max(0, self.limits.trials - len(self.log)) + len(left))
        with self.place.open(evaluate) as session:
            self._settle()
            self._fill(session)
            while self.attempts:
                self._take(session, session.wait())
                self._fill(session)
        self.progress.done(f"{len(self.log)} trials, {self._standing()}")

    def _fill(self, session: Session) -> None:
        """Start what may start."""
        while self.left and len(self.attempts) < self.place.width:
            self._submit(session, self.left.pop(0))
        while len(self.attempts) < self.place.width and len(self.log) < self.limits.trials and not self._late():
            sees = self._sees(len(self.log))
            if any(not trial.state.finished for trial in self.log[:sees]):
                return
            trial = self._next(sees)
            if trial.repeats is None:
                self._submit(session, trial)
            self._settle()

    def _sees(self, number: int) -> int:
        """Trial `number` sees the results of the trials before this one."""
        return max(0, number // self.place.width - self.place.ahead) * self.place.width

    def _next(self, sees: int) -> Trial:
        setup, number = self.setup, len(self.log)
        if number < len(setup.warm):
            configuration, marks = setup.warm[number], {}
        else:
            history, taken = self.log[:sees], frozenset(self.known)
            question = Question(setup.method, setup.space, setup.directions, setup.seed, number, history, taken)
            configuration, marks = suggest(question)
        name = identity(configuration)
        trial = self.journal.start(configuration, marks, self.known.get(name))
        self.known.setdefault(name, trial.number)
        self.log.append(trial)
        return trial

    def _submit(self, session: Session, trial: Trial) -> None:
        setup, number = self.setup, trial.number
        maximize = setup.directions[0] == "maximize"
        bars = setup.hopeless.bars(number, self.log[: self._sees(number)], maximize)
        folder, seed = self.journal.folder / "trials" / f"{number:05d}", seed_of(setup.seed, number)
        shape = (len(setup.directions), setup.constraints)
        self.attempts[number] = self.attempts.get(number, 0) + 1
        session.submit(Job(number, trial.configuration, seed, folder, bars, maximize, shape))

    def _take(self, session: Session, result: Result) -> None:
        trial = self.log[result.number]
        if result.lost and self.attempts[result.number] < _ATTEMPTS:
            self._submit(session, trial)
            return
        del self.attempts[result.number]
        self._finish(trial, result)
        self._settle()

    def _settle(self) -> None:
        """Repeats take over the result of their original as soon as there is one."""
        for trial in self.log:
            if not trial.state.finished and trial.repeats is not None and self.log[trial.repeats].state.finished:
                self._finish(trial, replace(self.log[trial.repeats], seconds=0.0))

    def _finish(self, trial: Trial, result: Result | Trial) -> None:
        done = replace(
            trial,
            state=result.state,
            outcome=result.outcome,
            error=result.error,
            seconds=result.seconds,
            reports=result.reports,
        )
        self.journal.finish(done)
        self.log[trial.number] = done
        self.progress.advance()
        self.progress.note(self._standing())
        if trial.repeats is None:
            self.ended[trial.number] = done
            self._stop_after_failures()

    def _stop_after_failures(self) -> None:
        latest = [self.ended[number] for number in sorted(self.ended)][-self.limits.failures :]
        if len(latest) == self.limits.failures and all(trial.state is State.FAILED for trial in latest):
            raise ToolFailed(
                f"{len(latest)} trials failed in a row",
                where=f"search in {self.journal.folder}",
                why=f"the last one, trial {latest[-1].number}: {latest[-1].error}",
                remedy="cure it and run the search again: it goes on with the next trial",
            )

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _standing(self) -> str:
        """How many trials came to their end, and the best of them (by the first objective, if there are several)."""
        text = f"{sum(trial.state is State.COMPLETE for trial in self.log)} complete"
        kept = front(self.log, self.setup.directions)
        if len(self.setup.directions) > 1:
            text = f"{text}, {len(kept)} on the front"
        sign = 1 if self.setup.directions[:1] == ("maximize",) else -1
        told = [(trial.outcome.values, trial.number) for trial in kept if trial.outcome]
        if not told:
            return text
        values, number = max(told, key=lambda one: sign * next(iter(one[0])))
        return f"{text}, best {' at '.join(f'{value:g}' for value in values)} (trial {number})"


def _fact(option: Any) -> list[Any]:
    """A frozen dataclass as JSON: its name and its fields."""
    return [type(option).__name__, asdict(option)]
