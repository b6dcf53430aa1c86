"""A study: trials over a space, on disk from the first one on; one seed repeats it, however often it is killed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.core.progress import Progress, Silent
from bitwright.search.drive import Drive, Limits, Setup
from bitwright.search.executors.attempt import Executor
from bitwright.search.executors.inprocess import InProcess
from bitwright.search.hopeless import Halving, Median, Never, Rule
from bitwright.search.journal import Journal
from bitwright.search.pareto import front
from bitwright.search.space import Choice, Configuration, Space, check, checked
from bitwright.search.suggest import Method, named
from bitwright.search.trial import Evaluate, Trial

__all__ = ["Study"]


class Study:
    """Trials over `space` in `folder`, which is made, or gone on with if there is a study in it.

    `directions` is "maximize" or "minimize" for each objective; `method` an object of `suggest` or one of "random",
    "bayesian", "hyperband", "evolution"; `constraints` the number of an outcome's violations; `warm` the
    configurations of the first trials. `hopeless` is the rule that stops trials by their reports (compared in the
    first direction): by default `Halving` for "hyperband", else `Median` for one objective and `Never` for several,
    whose trials may be good for their other objectives. `task` is a digest of what else results follow from.

    Raises `ConfigError` when the folder holds a study that differs in any of these, naming which.

    >>> import tempfile
    >>> from bitwright.search.trial import Outcome
    >>> folder = tempfile.mkdtemp()
    >>> study = Study(folder, (Choice("bits", (2, 4, 8)),), directions=("minimize",), seed=1)
    >>> trials = study.run(lambda configuration, context: Outcome((abs(configuration["bits"] - 4),)), trials=8)
    >>> study.best.configuration, len(trials), sum(trial.repeats is None for trial in trials)
    ({'bits': 4}, 8, 3)
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
        task: str = "",
    ) -> None:
        self.folder = Path(folder)
        self.setup = Setup(
            space=checked(space),
            directions=_directions(directions),
            method=named(method) if isinstance(method, str) else method,
            hopeless=hopeless or _rule(method, len(directions)),
            seed=seed,
            constraints=constraints,
            warm=tuple(check(configuration, tuple(space)) for configuration in warm),
            task=task,
        )
        self._journal = Journal(self.folder, self.setup.space, self.setup.directions, self.setup.facts())
        self._trials = self._journal.read()

    @property
    def space(self) -> Space:
        """The choices."""
        return self.setup.space

    @property
    def directions(self) -> tuple[str, ...]:
        """"maximize" or "minimize" for each objective."""
        return self.setup.directions

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All trials by number, the running ones included."""
        return tuple(self._trials)

    @property
    def front(self) -> tuple[Trial, ...]:
        """The feasible trials that no other one beats in all objectives, by number; the first of equal ones."""
        return front(self._trials, self.directions)

    @property
    def best(self) -> Trial | None:
        """The feasible trial with the best value, the first of equal ones; None as long as there is none."""
        if len(self.directions) > 1:
            raise InvalidValue("several objectives have no best trial", where="study", remedy="take study.front")
        return next(iter(self.front), None)

    def artifacts(self, trial: Trial) -> Path:
        """The folder of what the evaluation of `trial` (of its original, if it repeats one) wrote."""
        return self.folder / "trials" / f"{trial.number if trial.repeats is None else trial.repeats:05d}"

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
        `ToolFailed` after `failures` failed trials in a row; a later run goes on. What a trial may see depends on the
        executor's width: runs with the same one give the same trials, however they are interrupted.
        """
        limits = Limits(trials, timeout_s, failures)
        with self._journal.writing():
            self._trials = self._journal.read()
            place = executor or InProcess()
            Drive(self.setup, self._journal, self._trials, place, limits, progress or Silent()).run(evaluate)
        return self.trials


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
