"""What to try next: a pure function of method, space, seed, trial number and the results it may see.

Optuna's samplers do the work. Each suggestion gets a study in memory that holds just that history, and a sampler with a
seed of its own, so nothing depends on what else ran before in this process.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from bitwright.core.errors import ConfigError, ToolMissing
from bitwright.search.space import Choice, Configuration, Json, Space, identity
from bitwright.search.trial import State, Trial, seed_of

__all__ = ["Bayesian", "Evolution", "Method", "Question", "Random", "named", "optuna", "quiet", "suggest"]

_DRAWS = 8
"""How often a configuration that was tried before is drawn again before it is taken as a repeat."""


def optuna() -> Any:
    """The module; raises `ToolMissing` where it is not installed."""
    try:
        import optuna as module
    except ImportError as error:
        remedy = "pip install 'bitwright[search]'"
        raise ToolMissing("optuna is not installed", where="search", remedy=remedy) from error
    return module


@contextmanager
def quiet() -> Generator[None]:
    """Without Optuna's log lines and warnings, which speak of studies that the user has not made."""
    module = optuna()
    before = module.logging.get_verbosity()
    module.logging.set_verbosity(module.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        module.logging.set_verbosity(before)


class Method(Protocol):
    """A way to choose; its fields are its options."""

    @property
    def learns(self) -> bool:
        """Whether results matter to it."""
        ...

    def sampler(self, seed: int) -> Any:
        """A fresh Optuna sampler."""
        ...


@dataclass(frozen=True)
class Random:
    """Any configuration, all alike."""

    learns = False

    def sampler(self, seed: int) -> Any:
        """Optuna's RandomSampler."""
        return optuna().samplers.RandomSampler(seed=seed)


@dataclass(frozen=True)
class Bayesian:
    """Tree-structured Parzen estimator (Bergstra et al., NIPS 2011), random for the first `startup` trials."""

    startup: int = 10
    learns = True

    def sampler(self, seed: int) -> Any:
        """Optuna's TPESampler."""
        return optuna().samplers.TPESampler(seed=seed, n_startup_trials=self.startup)


@dataclass(frozen=True)
class Evolution:
    """NSGA-II (Deb et al., IEEE Trans. Evol. Comp. 6, 2002) in generations of `population` trials."""

    population: int = 20
    learns = True

    def sampler(self, seed: int) -> Any:
        """Optuna's NSGAIISampler."""
        return optuna().samplers.NSGAIISampler(seed=seed, population_size=self.population)


_METHODS: dict[str, Callable[[], Method]] = {
    "random": Random, "bayesian": Bayesian, "hyperband": Random, "evolution": Evolution
}


def named(name: str) -> Method:
    """The method of a name; "hyperband" draws at random and leaves the rest to its rule of hopelessness."""
    if name not in _METHODS:
        raise ConfigError(f"no method {name!r}", where="search", remedy=f"choose one of {', '.join(_METHODS)}")
    return _METHODS[name]()


@dataclass(frozen=True)
class Question:
    """All that a suggestion depends on. `taken` are the identities of all configurations before `number`."""

    method: Method
    space: Space
    directions: tuple[str, ...]
    seed: int
    number: int
    history: Sequence[Trial]
    taken: frozenset[str] = frozenset()


def suggest(question: Question) -> tuple[dict[str, Json], dict[str, Json]]:
    """A configuration, new if eight draws find one, and the marks that the method wants to see again with it."""
    with quiet():
        study = _study(question)
        found, marks = _draw(study, question, 0)
        for draw in range(1, _DRAWS):
            if identity(found) not in question.taken:
                break
            found, marks = _draw(study, question, draw)
        return found, marks


def _draw(study: Any, question: Question, draw: int) -> tuple[dict[str, Json], dict[str, Json]]:
    study.sampler = question.method.sampler(seed_of(question.seed, question.number, f"draw {draw}"))
    asked = study.ask({choice.name: _distribution(choice) for choice in question.space})
    found = {choice.name: _option(choice, asked.params[choice.name]) for choice in question.space}
    return found, dict(study.get_trials(deepcopy=False)[asked.number].system_attrs)


def _study(question: Question) -> Any:
    """A study in memory with the trials that can teach something."""
    module = optuna()
    study = module.create_study(directions=list(question.directions), study_name="search")
    states = {State.COMPLETE: module.trial.TrialState.COMPLETE, State.PRUNED: module.trial.TrialState.PRUNED}
    if len(question.directions) > 1:
        del states[State.PRUNED]  # Optuna ranks pruned trials by one objective only
    distributions = {choice.name: _distribution(choice) for choice in question.space}
    history = question.history if question.method.learns else ()
    study.add_trials([_frozen(t, question.space, distributions, states) for t in history if t.state in states])
    return study


def _frozen(trial: Trial, space: Space, distributions: Mapping[str, Any], states: Mapping[State, Any]) -> Any:
    outcome = trial.outcome
    attributes: dict[str, Any] = dict(trial.marks)
    if outcome and outcome.violations:
        attributes["constraints"] = list(outcome.violations)
    return optuna().trial.create_trial(
        state=states[trial.state],
        values=list(outcome.values) if outcome else None,
        params=_parameters(trial.configuration, space),
        distributions=dict(distributions),
        system_attrs=attributes,
        intermediate_values=dict(trial.reports),
    )


def _parameters(configuration: Configuration, space: Space) -> dict[str, Json]:
    places = {choice.name: choice.index(configuration[choice.name]) for choice in space}
    return {choice.name: places[choice.name] if choice.ordered else configuration[choice.name] for choice in space}


def _distribution(choice: Choice) -> Any:
    """An ordered choice is a range of places: neighbors are then close, whatever the options are."""
    distributions = optuna().distributions
    if choice.ordered:
        return distributions.IntDistribution(0, len(choice.options) - 1)
    return distributions.CategoricalDistribution(choice.options)


def _option(choice: Choice, parameter: Any) -> Json:
    return choice.options[parameter] if choice.ordered else choice.options[choice.index(parameter)]
