"""The options of the trial method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bitwright.core.errors import ConfigError
from bitwright.search.executors import Executor
from bitwright.search.hopeless import Halving, Rule
from bitwright.search.scores import ForgivingFactor

__all__ = ["Trials"]

_MODES = ("bayesian", "random", "hyperband", "evolution")
_HOW_IT_RUNS = ("trials", "points", "executor", "budget_s", "failures")
"""Options that change how far and where a study runs, and not what it is."""


@dataclass(frozen=True)
class Trials:
    """How quantizers are chosen by trials: each trains one quantized form of the model, and is compiled.

    trials: how many in all, those of an earlier run included. mode: who suggests: "bayesian" (TPE), "random",
    "hyperband" (random, with rungs), "evolution" (NSGA-II). weights: what each layer's weights may be, widths or
    quantizers in QKeras's words ("ternary(alpha='auto_po2')"); activations, inputs (None: as activations): widths.
    tune_filters: also one factor on all layers' filters and units ("block"), or one for each ("layer"). goal: a
    forgiving factor, as AutoQKeras takes it, that raises the score of smaller models and is then the only objective.
    epochs, batch_size: of a trial. learning_rates: of Adam, to choose from. warm: so many first trials are what
    the sensitivity of each tensor suggests. beyond: a trial that before its training costs more than so many times
    a limit is not trained. hopeless: the rule that stops trials by their epochs (None: that of the `Study`). samples:
    that set ranges. executor: where trials run (None: here). budget_s: no trial starts later. failures: so many in
    a row end the search. points: models of the front at most. seed: everything random.
    """

    trials: int = 60
    mode: Literal["bayesian", "random", "hyperband", "evolution"] = "bayesian"
    weights: tuple[int | str, ...] = (2, 3, 4, 5, 6, 8)
    activations: tuple[int, ...] = (2, 3, 4, 5, 6, 8)
    inputs: tuple[int, ...] | None = None
    tune_filters: Literal["none", "block", "layer"] = "none"
    goal: ForgivingFactor | Mapping[str, Any] | None = None
    epochs: int = 10
    batch_size: int = 512
    learning_rates: tuple[float, ...] = (2e-3,)
    warm: int = 4
    beyond: float = 2.0
    hopeless: Rule | None = None
    samples: int = 2048
    executor: Executor | None = None
    budget_s: float | None = None
    failures: int = 10
    points: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise ConfigError(f"mode={self.mode!r}", where="Trials", remedy=f"use {', '.join(_MODES)}")
        if self.tune_filters not in ("none", "block", "layer"):
            remedy = "use 'none', 'block' or 'layer'"
            raise ConfigError(f"tune_filters={self.tune_filters!r}", where="Trials", remedy=remedy)
        for name in ("trials", "epochs", "batch_size", "samples", "failures", "points"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}", where="Trials", remedy="give 1 or more")
        if self.warm < 0 or self.beyond < 1:
            remedy = "give warm of at least 0, and beyond of at least 1"
            raise ConfigError(f"warm={self.warm}, beyond={self.beyond}", where="Trials", remedy=remedy)
        self._check_choices()

    def _check_choices(self) -> None:
        for name in ("weights", "activations", "inputs", "learning_rates"):
            told: tuple[Any, ...] | None = getattr(self, name)
            if told is not None and (not told or any(isinstance(one, int) and one < 1 for one in told)):
                raise ConfigError(f"{name}={told}", where="Trials", remedy="give widths of at least 1")

    @property
    def rule(self) -> Rule | None:
        """The rule that stops trials; None: the study's own."""
        if self.hopeless is None and self.mode == "hyperband":
            return Halving(1, self.epochs)
        return self.hopeless

    @property
    def widths(self) -> tuple[int, ...]:
        """The choices for weights that are widths, rising."""
        return tuple(sorted({one for one in self.weights if isinstance(one, int)}))

    def as_dict(self) -> dict[str, Any]:
        """Every option by name."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def about(self) -> str:
        """The options that decide what a trial is, as a text."""
        told = {name: value for name, value in self.as_dict().items() if name not in _HOW_IT_RUNS}
        if isinstance(self.goal, ForgivingFactor):
            # What it has measured so far is no option.
            own = {name: value for name, value in vars(self.goal).items() if name not in ("reference", "trial")}
            told["goal"] = (type(self.goal).__name__, sorted(own.items()))
        return repr(sorted(told.items(), key=lambda item: item[0]))
