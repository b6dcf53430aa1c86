"""The forgiving factor: by how much a trial's metric is raised because the trial is smaller than a reference.

Source: google/qkeras, autoqkeras/forgiving_metrics/forgiving_factor.py; Nature Machine Intelligence 3, 675,
equation 4.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidValue

__all__ = ["ForgivingFactor", "Measured", "forgiven"]


def forgiven(reference: float, trial: float, delta_p: float, delta_n: float, rate: float) -> float:
    """delta * log_rate(reference / trial), delta being `delta_p` for smaller trials and `delta_n` for others.

    A trial that is `rate` times smaller may lose the share `delta_p` of its metric and score the same.

    >>> round(forgiven(200, 100, 0.08, 0.08, 2.0), 6), round(forgiven(100, 200, 0.08, 0.02, 2.0), 6)
    (0.08, -0.02)
    """
    if reference <= 0 or trial <= 0:
        raise InvalidValue(
            f"sizes {reference:g} (reference) and {trial:g} (trial) cannot be compared",
            where="forgiving factor",
            remedy="count at least one layer: see `config` of ForgivingFactorBits",
        )
    return (delta_p if trial < reference else delta_n) * log(reference / trial) / _log_of_rate(rate)


def _log_of_rate(rate: float) -> float:
    # QKeras has this one number in float32; so it is here, for the same digits.
    return float(np.float32(log(rate)))


@dataclass(frozen=True)
class Measured:
    """The size of a model, in the unit of the goal, and its parts by layer."""

    size: float
    layers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


class ForgivingFactor(ABC):
    """Compares the size of trials with that of a reference model; subclasses say what size is.

    delta_p, delta_n: per cent of the metric that a trial gains when it is `rate` times smaller, or loses when it is
    `rate` times bigger. stress: factor on the reference, below 1 to ask for smaller models. The attributes delta_p
    and delta_n are shares (8 per cent is 0.08), as in QKeras.
    """

    def __init__(self, delta_p: float = 8.0, delta_n: float = 8.0, rate: float = 2.0, stress: float = 1.0) -> None:
        if rate <= 0 or rate == 1 or stress <= 0:
            remedy = "give a rate above 1 (usually 2) and a stress above 0"
            raise InvalidValue(f"rate={rate}, stress={stress}", where=type(self).__name__, remedy=remedy)
        self.delta_p, self.delta_n = float(delta_p) / 100, float(delta_n) / 100
        self.rate, self.stress = float(rate), float(stress)
        self.reference: Measured | None = None
        self.trial: Measured | None = None

    @abstractmethod
    def measure(self, model: Any, *, reference: bool = False) -> Measured:
        """The size of `model`; `reference`: counted as the float model that trials are compared with."""

    def get_reference(self, model: Any) -> float:
        """The size of the reference times `stress`. It is measured once: later models do not change it."""
        if self.reference is None:
            self.reference = self.measure(model, reference=True)
        return self.reference_size

    def get_trial(self, model: Any) -> float:
        """The size of a trial, which is kept for `delta` and `get_total_factor`."""
        self.trial = self.measure(model)
        return self.trial.size

    @property
    def reference_size(self) -> float:
        """The size of the reference times `stress`; raises InvalidValue before `get_reference`."""
        return self._known(self.reference, "get_reference").size * self.stress

    @property
    def trial_size(self) -> float:
        """The size of the last trial; raises InvalidValue before `get_trial`."""
        return self._known(self.trial, "get_trial").size

    def get_reference_stats(self) -> Mapping[str, Mapping[str, Any]]:
        """The parts of the reference by layer, each with its "total"."""
        return self._known(self.reference, "get_reference").layers

    def get_trial_stats(self) -> Mapping[str, Mapping[str, Any]]:
        """The parts of the last trial by layer."""
        return self._known(self.trial, "get_trial").layers

    def get_total_factor(self) -> float:
        """(trial - reference) / reference: negative for smaller trials."""
        return (self.trial_size - self.reference_size) / self.reference_size

    def delta(self) -> float:
        """What the last trial's metric is raised by: its score is metric * (1 + delta)."""
        return forgiven(self.reference_size, self.trial_size, self.delta_p, self.delta_n, self.rate)

    def stats_text(self, verbosity: int = 0) -> str:
        """Sizes and delta in a line; with verbosity also the parts by layer."""
        lines = [
            f"delta_p={self.delta_p:g} delta_n={self.delta_n:g} rate={self.rate:g} trial={self.trial_size:g}"
            f" reference={self.reference_size:g} delta={100 * self.delta():.2f}%"
        ]
        if verbosity > 0:
            lines += [f"  {name}: {dict(parts)}" for name, parts in self.get_trial_stats().items()]
        return "\n".join(lines)

    def print_stats(self, verbosity: int = 0) -> None:
        """Print `stats_text`."""
        sys.stdout.write(self.stats_text(verbosity) + "\n")

    def _known(self, measured: Measured | None, how: str) -> Measured:
        if measured is None:
            raise InvalidValue("no model has been measured", where=type(self).__name__, remedy=f"call {how}(model)")
        return measured
