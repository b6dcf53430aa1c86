"""The record of a search: one frozen `SearchReport` of points, runs and curves to compare with.

Accuracies are shares in [0, 1]. What is not known is None, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import sqrt

from bitwright.report.record import Histogram

__all__ = [
    "NOT_VERIFIED",
    "SEARCH_SCHEMA",
    "Curve",
    "HistoryStep",
    "LayerBits",
    "Run",
    "SearchPoint",
    "SearchReport",
    "binomial_error",
]

SEARCH_SCHEMA = 1
NOT_VERIFIED = "not verified"


def binomial_error(accuracy: float, samples: int) -> float:
    """One standard error of a share of right answers over `samples` independent samples.

    >>> round(binomial_error(0.72, 160000), 5)
    0.00112
    """
    return sqrt(max(accuracy * (1 - accuracy), 0.0) / samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerBits:
    """One layer of a point: mean widths of weights and activations, how many weights have which, its LUTs."""

    name: str
    weight_bits: float | None = None
    histogram: Histogram = ()
    activation_bits: float | None = None
    luts: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchPoint:
    """One network that the search found.

    test_error: one binomial standard error of test_accuracy. luts to brams, latency, energy: predicted;
    measured_luts: by a synthesis tool. feasible: all limits are kept. on_front: no other point is at least
    as good in accuracy and cost. origin: the step or trial it comes from. certificate: what was compared,
    in words; NOT_VERIFIED otherwise.
    """

    name: str
    validation_accuracy: float
    test_accuracy: float | None = None
    test_error: float | None = None
    luts: int | None = None
    ffs: int | None = None
    dsps: int | None = None
    brams: int | None = None
    latency_ns: float | None = None
    latency_cycles: int | None = None
    bits: int | None = None
    energy_pj: float | None = None
    ebops: float | None = None
    measured_luts: int | None = None
    feasible: bool = True
    on_front: bool = False
    origin: str = ""
    certificate: str = NOT_VERIFIED
    bits_per_layer: tuple[LayerBits, ...] = ()

    @property
    def area(self) -> int | None:
        """The measured LUTs where there are such, else the predicted ones."""
        return self.luts if self.measured_luts is None else self.measured_luts

    @property
    def accuracy(self) -> float:
        """On the test split where it was evaluated there, else on the validation split."""
        return self.validation_accuracy if self.test_accuracy is None else self.test_accuracy

    @property
    def verified(self) -> bool:
        """Whether its certificate says more than that there is none."""
        return self.certificate not in ("", NOT_VERIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryStep:
    """A moment of a run: training loss, accuracy on the validation split, predicted LUTs, weight of the penalty."""

    step: int
    loss: float | None = None
    validation_accuracy: float | None = None
    luts: float | None = None
    beta: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training run, or the trials of one study in their order."""

    name: str
    steps: tuple[HistoryStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Somebody else's results to draw beside ours: points (LUTs, accuracy), and what the numbers are."""

    name: str
    points: tuple[tuple[float, float], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchReport:
    """Everything that one search has to say. `created` is an ISO 8601 time that the caller gives.

    goal: the limits in the user's words. limits: the same as numbers, by quantity ("luts", "latency_ns",
    "accuracy" for the least accuracy, ...). baseline_accuracy: of the float model, on the split of the
    points' accuracies. metric: what the accuracies count. commands repeat the search.

    >>> SearchReport(title="jets").schema
    1
    """

    title: str
    created: str = ""
    seed: int | None = None
    method: str = ""
    goal: str = ""
    limits: Mapping[str, float] = field(default_factory=dict[str, float])
    device: str = ""
    dataset: str = ""
    train_samples: int | None = None
    validation_samples: int | None = None
    test_samples: int | None = None
    baseline_accuracy: float | None = None
    metric: str = "accuracy"
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    commands: tuple[str, ...] = ()
    points: tuple[SearchPoint, ...] = ()
    history: tuple[Run, ...] = ()
    peers: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = ()
    kind: str = "search"
    schema: int = SEARCH_SCHEMA

    @property
    def front(self) -> tuple[SearchPoint, ...]:
        """The points on the front, the cheapest first; those of unknown area last."""
        return tuple(sorted((p for p in self.points if p.on_front), key=_by_area))

    @property
    def best(self) -> SearchPoint | None:
        """The point that keeps all limits with the best validation accuracy, the cheapest among equals; else None.

        Never chosen on the test split, so that its test accuracy is an honest estimate.
        """
        kept = [point for point in self.points if point.feasible]
        return min(kept, key=lambda point: (-point.validation_accuracy, *_by_area(point)), default=None)

    @property
    def tested(self) -> bool:
        """Whether the accuracies that are shown come from the test split."""
        return any(point.test_accuracy is not None for point in self.points)


def _by_area(point: SearchPoint) -> tuple[int, int]:
    return (point.area is None, point.area or 0)
