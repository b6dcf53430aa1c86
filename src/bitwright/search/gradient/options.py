"""How the gradient method trains: one frozen record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from bitwright.core.errors import ConfigError
from bitwright.search.gradient.tables import Tables

__all__ = ["Gradient"]

_NEURONS = ("adders", "tables", "mixed")
_OF_TABLES = 0.4
"""Of the budget, where both kinds are trained."""


@dataclass(frozen=True)
class Gradient:
    """Options of the gradient method.

    points: models of the front. epochs: of the descents and of the finish (None: what `budget_s` allows, 60 and 40
    without it). budget_s: seconds of the search; 85 % of them train and polish, the others are what compiling and
    verifying small networks takes (large ones take longer than told). batch_size (less where an epoch would have fewer
    than 16 steps), learning_rate: of Adam; width_rate multiplies the rate of trained widths.
    metric: what is steered, "luts" or "ebops". first, last: what the descent begins and ends with, in units of the
    metric (None: the price that the start has; a fortieth of that). weight_granularity, activation_granularity: of the
    trained widths. activation_bits, digits: where they start. distill: the share of the loss that compares with a
    teacher's outputs. seed: everything random.
    beta: the price's weight in the loss at the begin and the end of the descent, a logarithmic ramp as HGQ's (None:
    a controller with the proportional, integral and derivative `gains` makes the price follow the targets).
    overflow: what activations do beyond their ranges, "saturate" (ranges are trained) or "wrap" (no logic; ranges hold
    `margin` times whatever the training samples give, set anew several times on the way and at the end).
    accumulator_bits: sums, sign included, are kept as narrow as this in every model (None: as wide as they come).
    An input times a few weights must fit.
    polish: when all are trained, digits of weights are taken away one at a time where loss and price together fall by
    it; this is what that may take, as a share of the training's work (0: nothing is taken).

    neurons: "adders" (sums with trained weights), "tables" (sums of learned lookup tables), or "mixed": both fronts are
    trained, and what nothing beats in either is kept. tables: their options (None: points, ends, epochs, seed and
    budget, two fifths of it where mixed, as told here).
    """

    points: int = 10
    epochs: tuple[int, int] | None = None
    budget_s: float | None = None
    batch_size: int = 512
    learning_rate: float = 5e-3
    width_rate: float = 1.0
    metric: str = "luts"
    first: float | None = None
    last: float | None = None
    weight_granularity: str = "element"
    activation_granularity: str = "channel"
    activation_bits: int = 6
    digits: float = 3.0
    distill: float = 0.0
    seed: int = 0
    beta: tuple[float, float] | None = None
    gains: tuple[float, float, float] = (1.5, 0.15, 0.0)
    overflow: str = "saturate"
    margin: float = 1.25
    accumulator_bits: int | None = None
    polish: float = 0.2
    neurons: str = "adders"
    tables: Tables | None = None

    def __post_init__(self) -> None:
        for name in ("points", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)}", where="search", remedy="give 1 or more")
        if self.metric not in ("luts", "ebops"):
            raise ConfigError(f"metric={self.metric!r}", where="search", remedy="use 'luts' or 'ebops'")
        if self.accumulator_bits is not None and not 2 <= self.accumulator_bits <= 48:
            told = f"accumulator_bits={self.accumulator_bits}"
            raise ConfigError(told, where="search", remedy="give 2 to 48, or None")
        self._check_overflow()
        if self.beta is not None and not all(weight > 0 for weight in self.beta):
            raise ConfigError(f"beta={self.beta}", where="search", remedy="give two positive weights")
        for name in ("distill", "polish"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name}={getattr(self, name)}", where="search", remedy="give a share from 0 to 1")
        if self.neurons not in _NEURONS:
            known = ", ".join(repr(name) for name in _NEURONS)
            raise ConfigError(f"neurons={self.neurons!r}", where="search", remedy=f"use one of {known}")
        if self.tables is not None and self.neurons == "adders":
            raise ConfigError(
                "options of tables that nothing reads", where="search", remedy="give neurons='tables' or 'mixed'"
            )

    def _check_overflow(self) -> None:
        if self.overflow not in ("saturate", "wrap") or not self.margin >= 1:
            told = f"overflow={self.overflow!r}, margin={self.margin}"
            raise ConfigError(told, where="search", remedy="use 'saturate' or 'wrap', and a margin of 1 or more")
        if self.overflow == "wrap" and self.accumulator_bits is not None:
            raise ConfigError(
                "accumulator_bits with ranges that follow the data", where="search", remedy="use overflow='saturate'"
            )

    @property
    def of_adders(self) -> Gradient:
        """The options of the adders' front."""
        budget = None if self.budget_s is None else self.budget_s * (1.0 - _OF_TABLES)
        return replace(self, neurons="adders", tables=None, budget_s=budget) if self.neurons == "mixed" else self

    @property
    def of_tables(self) -> Tables:
        """The options of the tables' front."""
        if self.tables is not None:
            return self.tables
        share = _OF_TABLES if self.neurons == "mixed" else 1.0
        budget = None if self.budget_s is None else self.budget_s * share
        epochs = None if self.epochs is None else (max(self.epochs[0] // 3, 1), *self.epochs)
        return Tables(
            self.points, epochs=epochs, budget_s=budget, first=self.first, last=self.last, seed=self.seed
        )  # fmt: skip

    @property
    def listens(self) -> bool:
        """Whether a teacher has a say."""
        return self.distill > 0 or (self.neurons != "adders" and self.of_tables.distill > 0)

    def as_dict(self) -> dict[str, Any]:
        """Every option by name, as plain data."""
        return asdict(self)
