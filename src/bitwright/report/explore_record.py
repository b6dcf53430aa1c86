"""The record of an exploration: one frozen `ExploreReport` of plans, the chosen one's layers, what binds, rooflines.

Shares are of the ceilings that were explored under (a device's, or the user's budget). What is not known is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bitwright.core.files import write_atomic
from bitwright.cost.roofline import Roofline
from bitwright.report.codec import json_text, read_tree, record_from, tree_of

__all__ = [
    "EXPLORE_SCHEMA",
    "BindingRow",
    "ExploreReport",
    "LayerChoice",
    "PlanRow",
    "explore_from_json",
    "explore_to_dict",
    "explore_to_json",
    "read_explore",
    "write_explore",
]

EXPLORE_SCHEMA = 1
_WHERE = "exploration report"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One plan: where and how fast, what it takes (predicted), whether it is proved the best for its pace.

    lut_share, bram_share: of the ceilings, None where there is none. power_w: an estimate, power_said: its parts and
    how uncertain it is. gap: how far from the best it may be where it is not proved. family, accuracy: of which version
    of the network, where several were explored, and how well it does.
    """

    device: str
    clock_mhz: float
    initiation_cycles: int
    fps: float
    luts: float
    ffs: float = 0.0
    dsps: float = 0.0
    bram18s: float = 0.0
    urams: float = 0.0
    lut_share: float | None = None
    bram_share: float | None = None
    power_w: float | None = None
    power_said: str = ""
    proved: bool = False
    gap: float = 0.0
    chosen: bool = False
    family: str = ""
    accuracy: float | None = None

    @property
    def name(self) -> str:
        """Device, clock and initiation, and the family: what tells it from the others."""
        cycles = f"{self.initiation_cycles:,} cycle{'s' * (self.initiation_cycles != 1)}"
        return f"{self.family + ', ' if self.family else ''}{self.device}, {self.clock_mhz:g} MHz, {cycles}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChoice:
    """One layer of the chosen plan: lanes and units in FINN's words, what its weights wait in, its cycles a frame."""

    name: str
    simd: int
    pe: int
    kernel: str
    memory: str
    cycles: int
    luts: float
    bram18s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingRow:
    """What allows no better plan: the slowest layers, shares of the ceilings by resource, and the next faster pace.

    next_cycles: None where foldings have no faster pace, or none was asked for; `missing`: how many times the
    ceiling of `resource` it would take at least.
    """

    layers: tuple[str, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict[str, float])
    next_cycles: int | None = None
    resource: str = ""
    missing: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExploreReport:
    """Everything that one exploration has to say. `created` is an ISO 8601 time that the caller gives.

    goal: what was to be best, in words. operations: multiplications and additions of linear layers a frame. plans: the
    front, the chosen plan among them. layers and binding: of the chosen plan. rooflines: one a device, with the
    network's points.

    >>> ExploreReport(title="cnv").schema
    1
    """

    title: str
    created: str = ""
    network: str = ""
    goal: str = ""
    operations: int | None = None
    plans: tuple[PlanRow, ...] = ()
    layers: tuple[LayerChoice, ...] = ()
    binding: BindingRow = field(default_factory=BindingRow)
    rooflines: tuple[Roofline, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    commands: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    kind: str = "exploration"
    schema: int = EXPLORE_SCHEMA

    @property
    def chosen(self) -> PlanRow | None:
        """The plan whose layers are told; None if none is marked."""
        return next((plan for plan in self.plans if plan.chosen), None)


def explore_to_dict(report: ExploreReport) -> dict[str, Any]:
    """`report` as a tree of JSON values; raises `InvalidValue` for NaN and what JSON cannot hold."""
    return tree_of(report, _WHERE)


def explore_to_json(report: ExploreReport, indent: int | None = 1) -> str:
    """`report` as JSON text that ends with a newline; equal reports give equal text."""
    return json_text(explore_to_dict(report), indent)


def explore_from_json(text: str) -> ExploreReport:
    """The report in `text`; raises `ParseError` for another schema, unknown or mistyped fields."""
    return record_from(ExploreReport, read_tree(text, _WHERE), EXPLORE_SCHEMA, _WHERE)


def write_explore(report: ExploreReport, path: Path) -> Path:
    """Write `report` to `path` in one step; raises `StorageError`."""
    return write_atomic(path, explore_to_json(report))


def read_explore(path: Path) -> ExploreReport:
    """The report in the file `path`; raises `StorageError` or `ParseError`."""
    return record_from(ExploreReport, read_tree(path, _WHERE), EXPLORE_SCHEMA, _WHERE)
