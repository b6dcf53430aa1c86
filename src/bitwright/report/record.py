"""The record behind every report: one frozen `Report`, which terminal, JSON and HTML only render.

Floats live here because a report is where exact numbers are shown to people; nothing computes with
them afterwards. What was not measured is None, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "MODELLED_TIMING",
    "SCHEMA",
    "Accuracy",
    "CostRow",
    "Histogram",
    "LayerRow",
    "Report",
    "ScheduleRow",
    "Timing",
    "VerifyRow",
    "max_bits",
    "mean_bits",
]

SCHEMA = 1
MODELLED_TIMING = "Clock and nanoseconds are modelled: no open tool times this device. Cycles are simulated."

Histogram = tuple[tuple[int, int], ...]
"""Pairs (bits, how many elements have that many bits), in rising order of bits."""


def mean_bits(histogram: Histogram) -> float | None:
    """The mean width over all elements; None for an empty histogram.

    >>> mean_bits(((4, 3), (6, 1)))
    4.5
    """
    count = sum(many for _, many in histogram)
    return sum(bits * many for bits, many in histogram) / count if count else None


def max_bits(histogram: Histogram) -> int | None:
    """The largest width that any element has; None for an empty histogram."""
    return max((bits for bits, many in histogram if many), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Shares of right answers in [0, 1] over `samples` test samples: in float, in few bits, on hardware.

    `metric` names what the shares count; None means that it was not evaluated.
    """

    float_: float | None = None
    quantized: float | None = None
    hardware: float | None = None
    samples: int | None = None
    metric: str = "accuracy"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One layer of the model, from its bits to what it costs.

    `value_low`..`value_high` is the proven range of the layer's output values and
    `format_low`..`format_high` what `output_format` could hold, both in real units. `digits` counts
    the nonzero signed digits of the weights, `adders` what is left of them after sharing.
    `exact` says whether equality is proved; `why` gives the reason either way.
    """

    name: str
    kind: str
    shape: tuple[int, ...] = ()
    parameters: int = 0
    weight_bits: Histogram = ()
    activation_bits: Histogram = ()
    output_format: str = ""
    accumulator_format: str = ""
    value_low: float | None = None
    value_high: float | None = None
    format_low: float | None = None
    format_high: float | None = None
    exact: bool = True
    why: str = ""
    luts_predicted: int | None = None
    ffs_predicted: int | None = None
    digits: int | None = None
    adders: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CostRow:
    """One resource ("LUT", "FF", "CARRY", "DSP", "BRAM", "SRL"): the model's number and the tool's."""

    quantity: str
    predicted: int | None = None
    synthesized: int | None = None
    tool: str = ""

    @property
    def error(self) -> float | None:
        """(predicted - synthesized) / synthesized; None unless both are known and the latter is not 0.

        >>> CostRow(quantity="LUT", predicted=110, synthesized=100).error
        0.1
        """
        if self.predicted is None or not self.synthesized:
            return None
        return (self.predicted - self.synthesized) / self.synthesized


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Cycles are computed and equal the simulation; `clock_mhz` is the target, `fmax_mhz` a model's answer.

    `statement` tells how far the nanoseconds can be trusted and is printed beside them.
    """

    latency_cycles: int
    initiation_cycles: int = 1
    clock_mhz: float = 200.0
    latency_ns: float | None = None
    fmax_mhz: float | None = None
    statement: str = MODELLED_TIMING

    @property
    def nanoseconds(self) -> float:
        """`latency_ns`, or the cycles at the target clock when it was not given.

        >>> Timing(latency_cycles=5, clock_mhz=200.0).nanoseconds
        25.0
        """
        return self.latency_cycles * 1e3 / self.clock_mhz if self.latency_ns is None else self.latency_ns

    @property
    def throughput_mhz(self) -> float:
        """Million inputs per second at the target clock."""
        return self.clock_mhz / self.initiation_cycles


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRow:
    """Two levels that were run on the same `vectors` input vectors, and the bits in which they differ."""

    before: str
    after: str
    vectors: int
    differences: int
    data: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """One actor of a streaming design: cycles of its first and last step in the first frame, and its busy share."""

    name: str
    first_cycle: int
    last_cycle: int
    busy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything that one build has to say. `created` is an ISO 8601 time that the caller gives.

    `commands` are shell commands that repeat the build; `certificate` is any tree of JSON values.

    >>> Report(title="digits").schema
    1
    """

    title: str
    created: str = ""
    model: str = ""
    dataset: str = ""
    device: str = ""
    architecture: str = ""
    seed: int | None = None
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    commands: tuple[str, ...] = ()
    accuracy: Accuracy | None = None
    layers: tuple[LayerRow, ...] = ()
    cost: tuple[CostRow, ...] = ()
    timing: Timing | None = None
    schedule: tuple[ScheduleRow, ...] = ()
    verification: tuple[VerifyRow, ...] = ()
    certificate: Mapping[str, Any] = field(default_factory=dict[str, Any])
    notes: tuple[str, ...] = ()
    schema: int = SCHEMA

    @property
    def links(self) -> tuple[VerifyRow, ...]:
        """One row per pair of levels, in order, with the vectors and differences of all its data added up."""
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        for row in self.verification:
            vectors, differences = sums.get((row.before, row.after), (0, 0))
            sums[row.before, row.after] = (vectors + row.vectors, differences + row.differences)
        return tuple(
            VerifyRow(before=before, after=after, vectors=vectors, differences=differences)
            for (before, after), (vectors, differences) in sums.items()
        )

    @property
    def vectors(self) -> int:
        """How many input vectors the least tested pair of levels saw; 0 when nothing was verified."""
        return min((row.vectors for row in self.links), default=0)

    @property
    def differences(self) -> int:
        """The differing bits over all comparisons."""
        return sum(row.differences for row in self.verification)

    def cost_of(self, quantity: str) -> CostRow | None:
        """The cost row of `quantity`, if the report has one."""
        return next((row for row in self.cost if row.quantity == quantity), None)
