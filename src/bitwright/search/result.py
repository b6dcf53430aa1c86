"""What a search returns: verified models, the facts of each, and which of them answers the question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.search.limits import Limits
from bitwright.search.objectives import USUAL, cost_of

__all__ = ["SearchResult", "TrainedPoint"]


@dataclass(frozen=True, eq=False)
class TrainedPoint:
    """One model of a search.

    validation, test: its scores (test: None without test samples), `test_error` the standard error of the test score.
    facts: luts, ffs, dsps, latency_cycles, latency_ns, bits, ebops and the like as far as they are known, predicted by
    the compiler. excess: by how much it breaks limits. origin: where in the search it was met.
    """

    name: str
    model: Any
    design: Any
    validation: float
    test: float | None
    test_error: float | None
    facts: Mapping[str, float]
    excess: Mapping[str, float]
    origin: str

    @property
    def feasible(self) -> bool:
        """Whether it keeps all limits."""
        return not self.excess


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The models that a search found, none of which another beats in all objectives (validation score and LUTs).

    points: by rising cost, the first one of the objectives. reference: the float model's (validation, test) scores.
    history: the method's own rows: epochs, or trials. settings: all options, the seed and the epochs or trials that
    were done: with these the search repeats itself. warnings: what went wrong on the way, each with the way out.
    """

    points: tuple[TrainedPoint, ...]
    limits: Limits
    reference: tuple[float, float | None]
    sizes: tuple[int, int, int]
    history: tuple[Any, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    objectives: tuple[str, ...] = USUAL
    warnings: tuple[str, ...] = ()

    @property
    def best(self) -> TrainedPoint:
        """The point that answers the question: within limits, the cheapest if only accuracy is limited, else the best.

        Raises InvalidValue if no point keeps the limits, with the nearest one and what it breaks.
        """
        within = [point for point in self.points if point.feasible]
        if not within:
            raise self._nothing()
        if set(self.limits.told) == {"accuracy_drop"}:
            return min(within, key=lambda point: point.facts[cost_of(self.objectives)])
        return max(within, key=lambda point: point.validation)

    def _nothing(self) -> InvalidValue:
        if not self.points:
            return InvalidValue("the search found no model", where="search", remedy="train longer, or check the data")
        nearest = min(self.points, key=lambda point: max(point.excess.values()))
        broken = ", ".join(f"{name} by {share:.0%}" for name, share in nearest.excess.items())
        return InvalidValue(
            f"no model keeps {self.limits}",
            where="search",
            why=f"the nearest, '{nearest.name}', exceeds {broken}",
            remedy="loosen that limit, search longer, or begin with a smaller model",
        )
