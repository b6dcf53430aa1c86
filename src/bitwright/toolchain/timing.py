"""What nextpnr says about time and room: its report as records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from bitwright.core.errors import ToolFailed

__all__ = ["ClockTiming", "Step", "Timing", "read_timing"]


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a path: its delay, its kind (clk-to-q, routing, logic, setup), the cell where it ends and the net."""

    delay_ns: float
    kind: str
    cell: str
    net: str = ""


@dataclass(frozen=True, slots=True)
class ClockTiming:
    """What a clock was asked to reach and what it does; `path` is the slowest one between two of its edges."""

    name: str
    wanted_mhz: float
    fmax_mhz: float
    path: tuple[Step, ...]

    @property
    def slack_ns(self) -> float:
        """What is left of a period behind the slowest path; negative where the clock is missed."""
        return 1000.0 / self.wanted_mhz - 1000.0 / self.fmax_mhz

    @property
    def met(self) -> bool:
        """Whether the clock is reached."""
        return self.fmax_mhz >= self.wanted_mhz


@dataclass(frozen=True, slots=True)
class Timing:
    """Clocks, and how many cells of each kind the design takes of those that the chip has."""

    clocks: tuple[ClockTiming, ...]
    used: Mapping[str, tuple[int, int]]

    @property
    def slowest(self) -> ClockTiming:
        """The clock with the least slack."""
        return min(self.clocks, key=lambda clock: clock.slack_ns)

    @property
    def met(self) -> bool:
        """Whether all clocks are reached."""
        return all(clock.met for clock in self.clocks)


def read_timing(text: str) -> Timing:
    """From the text of nextpnr's `--report`; raises `ToolFailed` for one that cannot be read."""
    try:
        told = cast(dict[str, Any], json.loads(text))
        paths = told.get("critical_paths", [])
        clocks = [
            ClockTiming(name.removeprefix("$glbnet$"), float(f["constraint"]), float(f["achieved"]), _path(name, paths))
            for name, f in told["fmax"].items()
        ]
        used = {kind: (int(n["used"]), int(n["available"])) for kind, n in told["utilization"].items() if n["used"]}
    except (ValueError, KeyError, TypeError) as error:
        remedy = "use nextpnr 0.4 or newer"
        raise ToolFailed("left no readable report", where="nextpnr", why=str(error), remedy=remedy) from error
    if not clocks:
        raise ToolFailed("it found no clock", where="nextpnr", remedy="give a design with registers")
    return Timing(tuple(clocks), used)


def _path(clock: str, paths: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """The slowest path from an edge of the clock to one of its edges."""
    inside = [p["path"] for p in paths if str(p["from"]).endswith(f" {clock}") and str(p["to"]).endswith(f" {clock}")]
    longest = max(inside, key=lambda path: sum(step["delay"] for step in path), default=[])
    return tuple(
        Step(float(s["delay"]), str(s["type"]), str(s["to"].get("cell", "")), str(s.get("net") or "")) for s in longest
    )
