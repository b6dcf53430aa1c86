"""The keywords of keras-tuner's tuners that QKeras programs pass on: taken over, or refused with the way out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from math import ceil, log
from typing import Any

from bitwright.core.errors import ConfigError
from bitwright.core.progress import Progress
from bitwright.search.executors import Executor
from bitwright.search.hopeless import Halving, Never, Rule
from bitwright.search.space import Configuration
from bitwright.search.suggest import Bayesian, Method, Random

__all__ = ["MODES", "Tuning"]

MODES = ("random", "bayesian", "hyperband")
_ONLY = {
    "num_initial_points": "bayesian",
    **dict.fromkeys(("max_epochs", "factor", "hyperband_iterations"), "hyperband"),
}
_REFUSED = {
    "distribution_strategy": "run trials side by side with executor=Processes(...) or RayCluster(...)",
    "hyperparameters": "narrow the choices with limit= and quantization_config=",
    "tune_new_entries": "narrow the choices with limit= and quantization_config=",
    "allow_new_entries": "narrow the choices with limit= and quantization_config=",
    "max_retries_per_trial": "a failed trial is logged and the search goes on; max_consecutive_failed_trials= stops it",
    "alpha": "mode='bayesian' is a tree-structured Parzen estimator, which has no such setting",
    "beta": "mode='bayesian' is a tree-structured Parzen estimator, which has no such setting",
    "optimizer": "compile the model with it",
    "loss": "compile the model with it",
    "tuner_id": "name the folder with output_dir=",
    "project_name": "name the folder with output_dir=",
    "logger": "every trial's folder has logs that TensorBoard reads",
    "objective": "name the log with score_metric=",
}


@dataclass(frozen=True)
class Tuning:
    """How to search.

    max_trials: 10, or in mode "hyperband" what its brackets hold. seed: repeats everything. executions_per_trial:
    trainings whose scores are averaged. max_consecutive_failed_trials: stop after so many. max_model_size: parameters
    beyond which a trial fails. directory: where output_dir lies. num_initial_points: random trials of mode "bayesian".
    max_epochs (the epochs of fit), factor, hyperband_iterations: of mode "hyperband". And beyond keras-tuner:
    executor: where trials run; hopeless: which trials are stopped early; warm: configurations of the first trials;
    timeout_s: no trial starts later; progress: who is told how it goes; equal_batches: see `batches.even`, which
    halves what is compiled.
    """

    mode: str = "random"
    max_trials: int | None = None
    seed: int | None = None
    executions_per_trial: int = 1
    max_consecutive_failed_trials: int = 3
    max_model_size: int | None = None
    directory: Any = None
    num_initial_points: int | None = None
    max_epochs: int | None = None
    factor: int = 3
    hyperband_iterations: int = 1
    equal_batches: bool = True
    executor: Executor | None = None
    hopeless: Rule | None = None
    warm: tuple[Configuration, ...] = ()
    timeout_s: float | None = None
    progress: Progress | None = None

    @classmethod
    def of(cls, mode: str, told: Mapping[str, Any]) -> Tuning:
        """Read keywords; raises ConfigError for one that is not known, not taken, or of another mode."""
        if mode not in MODES:
            raise ConfigError(f"mode={mode!r}", where="AutoQKeras", remedy=f"use one of {', '.join(MODES)}")
        known = [field.name for field in fields(cls)]
        for name in told:
            if name in _REFUSED:
                raise ConfigError(f"{name}= is not taken", where="AutoQKeras", remedy=_REFUSED[name])
            if name not in known:
                near = get_close_matches(name, known, 1)
                remedy = f"did you mean {near[0]}=?" if near else f"use {', '.join(known[1:])}"
                raise ConfigError(f"there is no {name}=", where="AutoQKeras", remedy=remedy)
            if _ONLY.get(name, mode) != mode:
                raise ConfigError(f"{name}= belongs to mode={_ONLY[name]!r}", where="AutoQKeras", remedy="leave it out")
        return cls(mode=mode, **told)

    def trials(self, epochs: int) -> int:
        """How many."""
        if self.max_trials is not None:
            return int(self.max_trials)
        return self._brackets(epochs) if self.mode == "hyperband" else 10

    def method(self) -> Method:
        """What chooses."""
        if self.mode != "bayesian":
            return Random()
        return Bayesian() if self.num_initial_points is None else Bayesian(self.num_initial_points)

    def rule(self, epochs: int) -> Rule:
        """What stops trials early: without a word nothing, but for hyperband."""
        if self.hopeless is not None:
            return self.hopeless
        return Halving(1, max(1, epochs), self.factor) if self.mode == "hyperband" else Never()

    def epochs(self, wanted: int) -> int:
        """Of a trial that runs to its end."""
        return wanted if self.max_epochs is None else self.max_epochs

    def _brackets(self, epochs: int) -> int:
        """What one Hyperband begins with (Li et al., JMLR 18, 2018, algorithm 1), times iterations."""
        top = int(log(max(epochs, 1)) / log(self.factor) + 1e-9)
        begun = sum(ceil((top + 1) * self.factor**s / (s + 1)) for s in range(top + 1))
        return begun * self.hyperband_iterations
