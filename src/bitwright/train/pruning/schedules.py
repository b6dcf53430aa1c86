"""How much is pruned at which training step. Names and meaning: tfmot, `pruning_schedule.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

from bitwright.core.errors import InvalidValue

__all__ = ["ConstantSparsity", "PolynomialDecay", "PruningSchedule", "as_schedule"]


class PruningSchedule(ABC):
    """From a training step, counted from 0, to whether masks are made anew there, and with what share of zeros."""

    begin_step: int
    end_step: int
    frequency: int

    @property
    @abstractmethod
    def final(self) -> float:
        """The share that is reached in the end."""

    @abstractmethod
    def towards(self, share: float) -> Self:
        """The same schedule with another share in the end."""

    @abstractmethod
    def share(self, step: int) -> float:
        """The share of weights that are 0 from `step` on."""

    def due(self, step: int) -> bool:
        """Whether masks are made anew at `step`: every `frequency` steps from begin_step to end_step (-1: for ever)."""
        inside = step >= self.begin_step and (self.end_step < 0 or step <= self.end_step)
        return inside and (step - self.begin_step) % self.frequency == 0

    def __call__(self, step: int) -> tuple[bool, float]:
        """(due, share), as in tfmot."""
        return self.due(step), self.share(step)


@dataclass(frozen=True)
class ConstantSparsity(PruningSchedule):
    """`target_sparsity` from begin_step on; masks follow the weights every `frequency` steps until end_step.

    >>> ConstantSparsity(0.5, begin_step=10)(10), ConstantSparsity(0.5, begin_step=10)(9)
    ((True, 0.5), (False, 0.0))
    """

    target_sparsity: float
    begin_step: int = 0
    end_step: int = -1
    frequency: int = 100

    def __post_init__(self) -> None:
        _check(self, self.target_sparsity)

    @property
    def final(self) -> float:
        """The share in the end."""
        return self.target_sparsity

    def towards(self, share: float) -> ConstantSparsity:
        """With another share."""
        return replace(self, target_sparsity=share)

    def share(self, step: int) -> float:
        """0 before begin_step."""
        return self.target_sparsity if step >= self.begin_step else 0.0


@dataclass(frozen=True)
class PolynomialDecay(PruningSchedule):
    """final + (initial - final) (1 - p)^power, p the part of the way from begin_step to end_step.

    >>> [round(PolynomialDecay(0.0, 0.8, 0, 100).share(step), 3) for step in (0, 50, 100, 200)]
    [0.0, 0.7, 0.8, 0.8]
    """

    initial_sparsity: float
    final_sparsity: float
    begin_step: int
    end_step: int
    power: float = 3.0
    frequency: int = 100

    def __post_init__(self) -> None:
        _check(self, self.initial_sparsity, self.final_sparsity)
        if self.end_step <= self.begin_step:
            raise InvalidValue(
                f"end_step={self.end_step} is not after begin_step={self.begin_step}",
                where="PolynomialDecay",
                remedy="give the step at which the final share is reached",
            )

    @property
    def final(self) -> float:
        """The share in the end."""
        return self.final_sparsity

    def towards(self, share: float) -> PolynomialDecay:
        """With another share in the end; the initial one is never above it."""
        return replace(self, final_sparsity=share, initial_sparsity=min(self.initial_sparsity, share))

    def due(self, step: int) -> bool:
        """As always, and at end_step itself, so that the final share is reached whatever the frequency."""
        return super().due(step) or step == self.end_step

    def share(self, step: int) -> float:
        """0 before begin_step, the final share after end_step."""
        if step < self.begin_step:
            return 0.0
        left = 1.0 - min(1.0, (step - self.begin_step) / (self.end_step - self.begin_step))
        return self.final_sparsity + (self.initial_sparsity - self.final_sparsity) * left**self.power


def as_schedule(told: PruningSchedule | float) -> PruningSchedule:
    """A number stands for this share from the first step on, with masks made once."""
    return told if isinstance(told, PruningSchedule) else ConstantSparsity(told, 0, 0)


def _check(schedule: ConstantSparsity | PolynomialDecay, *shares: float) -> None:
    where = type(schedule).__name__
    for share in shares:
        if not 0.0 <= share < 1.0:
            raise InvalidValue(f"a sparsity of {share}", where=where, remedy="give a share from 0 to below 1")
    if schedule.begin_step < 0 or schedule.frequency < 1:
        what = f"begin_step={schedule.begin_step}, frequency={schedule.frequency}"
        raise InvalidValue(what, where=where, remedy="steps count from 0, the frequency from 1")
