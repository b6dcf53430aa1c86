"""A study: trials over a space, on disk from the first one on, and the same for the same seed however often it is killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bitwright.core.errors import ConfigError, InvalidValue, ToolFailed
from bitwright.core.progress import Progress, Silent
from bitwright.search.executors.attempt import Executor, Job, Result, Session
from bitwright.search.executors.inprocess import InProcess
from bitwright.search.hopeless import Halving, Median, Never, Rule
from bitwright.search.journal import Journal
from bitwright.search.space import Choice, Configuration, check, checked, identity
from bitwright.search.suggest import Method, Question, method as method_of, suggest
from bitwright.search.trial import Evaluate, State, Trial, seed_of

__all__ = ["Study"]

_ATTEMPTS = 2
"""How often a trial is started when the place where it runs dies."""


class Study:
    """Trials over `space` in `folder`, which is made or gone on with.

    `directions` is "maximize" or "minimize" for each objective; `method` an object of `suggest` or one of "random",
    "bayesian", "hyperband", "evolution"; `constraints` the number of an outcome's violations; `warm` the
    configurations of the first trials. `hopeless` is the rule that stops trials by their reports (compared in the
    first direction): by default `Halving` for "hyperband", else `Median` for one objective and `Never` for several,
    whose trials may be good for their other objectives.

    Raises `ConfigError` when the folder holds a study that differs in any of these, naming which.
    """

    def __init__(
        self,
        folder: Path | str,
        space: Sequence[Choice],
        *,
        directions: Sequence[str],
        method: str | Method = "random",
        seed: int = 0,
        constraints: int = 0,
        warm: Sequence[Configuration] = (),
        hopeless: Rule | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.space = checked(space)
        self.directions = _directions(directions)
        self.seed = seed
        self.constraints = constraints
        self.warm = tuple(check(configuration, self.space) for configuration in warm)
        self.method = method_of(method) if isinstance(method, str) else method
        self.hopeless = hopeless or _rule(method, len(self.directions))
        self._journal = Journal(self.folder, self.space, self.directions, self._facts())
        self._trials = self._journal.read()

    def _facts(self) -> Mapping[str, Any]:
        return {
            "schema": 1,
            "space": {choice.name: list(choice.options) for choice in self.space},
            "directions": list(self.directions),
            "method": _fact(self.method),
            "hopeless": _fact(self.hopeless),
            "seed": self.seed,
            "constraints": self.constraints,
            "warm": [dict(configuration) for configuration in self.warm],
        }

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials by number, the running ones included."""
        return tuple(self._trials)

    @property
    def best(self) -> Trial | None:
        """The feasible trial with the best value, the first of equal ones; None as long as there is none."""
        if len(self.directions) > 1:
            raise InvalidValue("several objectives have no best trial", where="study", remedy="take study.front")
        return next(iter(self.front), None)

    @property
    def front(self) -> tuple[Trial, ...]:
        """The feasible trials that no other one beats in all objectives, by number; the first of equal ones."""
        done = [trial for trial in self._trials if trial.outcome and trial.outcome.feasible and trial.repeats is None]
        keys = {trial.number: self._key(trial) for trial in done}
        kept: list[Trial] = []
        for trial in done:
            own = keys[trial.number]
            others = (keys[other.number] for other in done if other is not trial)
            if any(_beats(key, own) for key in others) or any(keys[other.number] == own for other in kept):
                continue
            kept.append(trial)
        return tuple(kept)

    def _key(self, trial: Trial) -> tuple[float, ...]:
        """The values with the sign that makes small good."""
        values = trial.outcome.values if trial.outcome else ()
        return tuple(-v if d == "maximize" else v for v, d in zip(values, self.directions, strict=True))

    def run(
        self,
        evaluate: Evaluate,
        trials: int,
        executor: Executor | None = None,
        progress: Progress | None = None,
        timeout_s: float | None = None,
        failures: int = 10,
    ) -> tuple[Trial, ...]:
        """Go on until the study has `trials` trials in all, and return them.

        Trials that a killed process left running are run again first. After `timeout_s` no new trial starts. Raises
        `ToolFailed` after `failures` failed trials in a row; a later run goes on.
        """
        place = executor or InProcess()
        with self._journal.writing():
            self._trials = self._journal.read()
            drive = _Drive(self, place, trials, progress or Silent(), timeout_s, failures)
            with place.open(evaluate) as session:
                drive.run(session)
        return self.trials


class _Drive:
    """One run: keeps the executor busy, and each suggestion to what it may see."""

    def __init__(
        self, study: Study, place: Executor, total: int, progress: Progress, timeout_s: float | None, failures: int
    ) -> None:
        self.study = study
        self.place = place
        self.total = total
        self.progress = progress
        self.deadline = time.monotonic() + timeout_s if timeout_s is not None else None
        self.patience = failures
        self.attempts: dict[int, int] = {}
        self.ended: dict[int, Trial] = {}

    @property
    def log(self) -> list[Trial]:
        return self.study._trials

    def run(self, session: Session) -> None:
        left = [trial for trial in self.log if not trial.state.finished]
        self.progress.step("search", max(0, self.total - len(self.log)) + len(left))
        for trial in left:
            if trial.repeats is None:
                self._submit(session, trial)
        self._settle()
        while True:
            self._fill(session)
            if not self.attempts:
                break
            self._take(session, session.wait())
        self.progress.done(self._summary())

    def _fill(self, session: Session) -> None:
        """Start what may start."""
        while len(self.attempts) < self.place.width and len(self.log) < self.total and not self._late():
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
        study, number = self.study, len(self.log)
        known = {identity(trial.configuration): trial.number for trial in reversed(self.log)}
        if number < len(study.warm):
            configuration, marks = study.warm[number], {}
        else:
            history, taken = self.log[:sees], frozenset(known)
            question = Question(study.method, study.space, study.directions, study.seed, number, history, taken)
            configuration, marks = suggest(question)
        trial = study._journal.start(configuration, marks, known.get(identity(configuration)))
        self.log.append(trial)
        return trial

    def _submit(self, session: Session, trial: Trial) -> None:
        study, number = self.study, trial.number
        maximize = study.directions[0] == "maximize"
        bars = study.hopeless.bars(number, self.log[: self._sees(number)], maximize)
        folder = study.folder / "trials" / f"{number:05d}"
        seed = seed_of(study.seed, number)
        self.attempts[number] = self.attempts.get(number, 0) + 1
        shape = (len(study.directions), study.constraints)
        session.submit(Job(number, trial.configuration, seed, folder, bars, maximize, shape))

    def _take(self, session: Session, result: Result) -> None:
        trial = self.log[result.number]
        if result.lost and self.attempts[result.number] < _ATTEMPTS:
            self._submit(session, trial)
            return
        del self.attempts[result.number]
        self._finish(replace(
            trial, state=result.state, outcome=result.outcome, error=result.error, seconds=result.seconds,
            reports=result.reports,
        ))
        self._settle()

    def _settle(self) -> None:
        """Repeats take over the result of their original as soon as there is one."""
        for trial in self.log:
            if trial.state.finished or trial.repeats is None:
                continue
            original = self.log[trial.repeats]
            if original.state.finished:
                self._finish(replace(
                    trial, state=original.state, outcome=original.outcome, error=original.error,
                    reports=original.reports,
                ))

    def _finish(self, trial: Trial) -> None:
        self.study._journal.finish(trial)
        self.log[trial.number] = trial
        self.progress.advance()
        if trial.repeats is None:
            self.ended[trial.number] = trial
            self._check_failures()

    def _check_failures(self) -> None:
        latest = [self.ended[number] for number in sorted(self.ended)][-self.patience :]
        if len(latest) == self.patience and all(trial.state is State.FAILED for trial in latest):
            raise ToolFailed(
                f"{self.patience} trials failed in a row", where=f"search in {self.study.folder}",
                why=f"the last one, trial {latest[-1].number}: {latest[-1].error}",
                remedy="cure it and run the search again; it goes on with the next trial",
            )

    def _late(self) -> bool:
        return self.deadline is not None and time.monotonic() > self.deadline

    def _summary(self) -> str:
        count = sum(trial.state is State.COMPLETE for trial in self.log)
        text = f"{len(self.log)} trials, {count} complete"
        if len(self.study.directions) == 1 and (best := self.study.best) and best.outcome:
            text += f", best {best.outcome.values[0]:g} (trial {best.number})"
        return text


def _directions(directions: Sequence[str]) -> tuple[str, ...]:
    wrong = [direction for direction in directions if direction not in ("maximize", "minimize")]
    if isinstance(directions, str) or wrong or not directions:
        remedy = 'give a sequence of "maximize" and "minimize", one for each objective'
        raise ConfigError(f"directions {directions!r} are not known", where="study", remedy=remedy)
    return tuple(directions)


def _rule(method: str | Method, objectives: int) -> Rule:
    if method == "hyperband":
        return Halving()
    return Median() if objectives == 1 else Never()


def _fact(option: Any) -> list[Any]:
    """A frozen dataclass as JSON: its name and its fields."""
    return [type(option).__name__, asdict(option)]


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """At least as good in everything and better in something, where small is good."""
    return all(a <= b for a, b in zip(one, other, strict=True)) and one != other
