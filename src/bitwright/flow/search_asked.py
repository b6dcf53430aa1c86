"""A search as the command line asks for it, turned into a method and its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bitwright.core.errors import ConfigError
from bitwright.search.executors import Executor, Processes, RayCluster
from bitwright.search.gradient import Gradient
from bitwright.search.limits import Limits
from bitwright.search.objectives import USUAL
from bitwright.search.sensitivity import Sensitivity
from bitwright.search.trials import Trials

__all__ = ["Asked", "Method", "aimed", "named_method"]

Method = Gradient | Sensitivity | Trials
_DESCENT_SHARE = 0.6
"""Of the epochs that are told as one number."""
_OF_TRIALS = ("max_trials", "mode", "ray", "workers")


def named_method(name: str, limits: Limits, seed: int, told: Mapping[str, Any]) -> Method:
    """The options of the method of a name; `told` are fields of it."""
    if name == "gradient":
        return aimed(Gradient(seed=seed, **told), limits)
    if name == "sensitivity":
        return Sensitivity(seed=seed, **told)
    if name == "trials":
        return Trials(seed=seed, **told)
    remedy = "use 'gradient', 'sensitivity', 'trials', or a record of options"
    raise ConfigError(f"method {name!r}", where="search", remedy=remedy)


def aimed(method: Gradient, limits: Limits) -> Gradient:
    """The descent through the region that a limit on LUTs asks for."""
    return method if limits.luts is None else replace(method, first=6.0 * limits.luts, last=limits.luts / 3)


@dataclass(frozen=True)
class Asked:
    """A search in words; None: the method's own default.

    method: "gradient", "sensitivity" or "trials". objectives: what is weighed. resume: go on in a folder that holds
    this search. points: of the front. budget_s: seconds of the search. epochs: of a trial, or of the descent and the
    finish together. max_trials, mode, workers, ray (the address of a cluster): of the trials. neurons: of the gradient
    method, see `Gradient`.
    """

    method: str = "gradient"
    objectives: tuple[str, ...] = USUAL
    resume: bool = False
    points: int | None = None
    budget_s: float | None = None
    epochs: int | None = None
    max_trials: int | None = None
    mode: str | None = None
    workers: int | None = None
    ray: str | None = None
    neurons: str | None = None

    def options(self, limits: Limits, seed: int) -> Method:
        """The method's options; raises ConfigError for one that the method would ignore."""
        if self.method != "trials":
            self._refuse(*_OF_TRIALS)
        if self.method != "gradient":
            self._refuse("neurons")
        if self.method == "sensitivity":
            self._refuse("points", "budget_s", "epochs")
        names = ("points", "budget_s", "neurons")
        told = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if self.method == "trials":
            told |= {"trials": self.max_trials, "mode": self.mode, "epochs": self.epochs, "executor": self.executor}
        elif self.epochs is not None:
            descent = max(round(self.epochs * _DESCENT_SHARE), 1)
            told["epochs"] = descent, max(self.epochs - descent, 1)
        given = {name: value for name, value in told.items() if value is not None}
        return named_method(self.method, limits, seed, given)

    @property
    def executor(self) -> Executor | None:
        """Where trials run; None: in this process."""
        if self.ray is not None:
            return RayCluster(self.ray, self.workers or 2)
        return Processes(self.workers) if self.workers is not None and self.workers != 1 else None

    def _refuse(self, *names: str) -> None:
        told = [name for name in names if getattr(self, name) is not None]
        if told:
            raise ConfigError(
                f"{told[0]} means nothing to method {self.method!r}",
                where="search",
                remedy="leave it out, or use another method",
            )
