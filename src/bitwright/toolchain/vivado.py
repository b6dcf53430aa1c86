"""What Vivado says of a design, read from its reports: area, slack, the slowest path.

Vivado itself is never started here: its reports come from where a licence is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bitwright.core.errors import ParseError, StorageError
from bitwright.toolchain.families import Counts
from bitwright.toolchain.yosys import Synthesis

__all__ = ["Implementation", "read_timing", "read_utilization", "read_vivado"]

_STAGES = ("routed", "synth")
"""Beginnings of the names that `run.tcl` gives to reports, the later step first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """A module as Vivado built it.

    `brams` are tiles of 36 kbit (halves occur), `carries` CARRY4 or CARRY8 cells, `luts` all of them and `srls` and
    `lut_memory` those among them that hold data. `wns_ns`: the worst slack at a clock period of `period_ns`; None where
    nothing was timed. `slowest`: the pins between which the worst path runs. `state` is Vivado's word for how far it
    came; before routing, wires are estimates. `per_module`: area by module, with all below it.
    """

    top: str
    part: str
    version: str
    state: str
    luts: int
    ffs: int
    carries: int
    dsps: int
    brams: float
    urams: int = 0
    muxes: int = 0
    srls: int = 0
    lut_memory: int = 0
    period_ns: float | None = None
    wns_ns: float | None = None
    tns_ns: float | None = None
    slowest: tuple[str, str] = ("", "")
    per_module: Mapping[str, Counts] = field(default_factory=dict[str, Counts])

    @property
    def fmax_mhz(self) -> float | None:
        """The clock at which the worst path would just meet; None where nothing was timed."""
        if self.period_ns is None or self.wns_ns is None:
            return None
        return 1000.0 / (self.period_ns - self.wns_ns)

    @property
    def counts(self) -> Counts:
        """The area as other tools' is told: blocks counted up."""
        return Counts(
            luts=self.luts, ffs=self.ffs, carries=self.carries, dsps=self.dsps, brams=math.ceil(self.brams),
            muxes=self.muxes, srls=self.srls,
        )  # fmt: skip

    def synthesis(self, family: str) -> Synthesis:
        """As a measurement for reports."""
        found = self.counts
        slack = "" if self.wns_ns is None else f"; slack {self.wns_ns:g} ns at {self.period_ns:g} ns"
        return Synthesis(
            luts=found.luts, ffs=found.ffs, carries=found.carries, dsps=found.dsps, brams=found.brams,
            muxes=found.muxes, srls=found.srls, top=self.top, family=family, cells={}, per_module=self.per_module,
            tool="vivado", version=self.version, seconds=0.0, script="run.tcl",
            note=f"out of context on {self.part}, {self.state.lower()}{slack}",
        )  # fmt: skip


def read_vivado(folder: Path) -> Implementation:
    """From the reports that `run.tcl` left in `folder`: those after routing where there are such.

    Raises `StorageError` where there are none, `ParseError` where one is no report of Vivado.
    """
    for stage in _STAGES:
        utilization = folder / f"{stage}_utilization.rpt"
        if utilization.exists():
            return read_utilization(
                _text(utilization), timing=_text(folder / f"{stage}_timing.rpt"),
                hierarchy=_text(folder / f"{stage}_hierarchy.rpt"), where=str(utilization),
            )  # fmt: skip
    raise StorageError(
        "no reports of Vivado", where=str(folder), remedy="run vivado -mode batch -source run.tcl in projects/vivado"
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


_ROW = re.compile(r"^\| *([^|]*?)\** *\| *<? *(\d+(?:\.\d+)?) *\|", re.MULTILINE)
_NAMES = {
    "luts": ("CLB LUTs", "Slice LUTs"),
    "ffs": ("CLB Registers", "Slice Registers", "Registers"),
    "carries": ("CARRY8", "CARRY4", "LOOKAHEAD8"),
    "dsps": ("DSPs", "DSP Slices", "DSP Blocks"),
    "brams": ("Block RAM Tile",),
    "urams": ("URAM",),
    "srls": ("LUT as Shift Register",),
    "lut_memory": ("LUT as Memory",),
}


def read_utilization(text: str, *, timing: str = "", hierarchy: str = "", where: str = "") -> Implementation:
    """From the text of `report_utilization`, and of `report_timing_summary` and the hierarchical report if given.

    Raises `ParseError` where it has no count of LUTs or registers.
    """
    rows: dict[str, float] = {}
    for name, count in _ROW.findall(text):
        rows.setdefault(name, float(count))
    found: dict[str, float] = {}
    for key, names in _NAMES.items():
        told = next((rows[name] for name in names if name in rows), None)
        if told is None and key in ("luts", "ffs"):
            raise ParseError(f"no count of {names[0]}", where=where, remedy="give the text of report_utilization")
        found[key] = told or 0.0
    whole = {key: int(value) for key, value in found.items() if key != "brams"}
    muxes = sum(int(rows.get(name, 0)) for name in ("F7 Muxes", "F8 Muxes", "F9 Muxes"))
    return Implementation(
        top=_head(text, "Design"), part=_head(text, "Device"), version=_version(text),
        state=_head(text, "Design State") or "unknown state", brams=found["brams"], muxes=muxes, **whole,
        **(read_timing(timing, where=where) if timing else {}), per_module=_modules(hierarchy),
    )  # fmt: skip


def _head(text: str, key: str) -> str:
    found = re.search(rf"^\| {key} +: (.*?) *$", text, re.MULTILINE)
    return found[1] if found else ""


def _version(text: str) -> str:
    """The version alone: `2023.2`."""
    found = re.search(r"Vivado v\.?(\S+)", _head(text, "Tool Version"))
    return found[1] if found else "unknown"


_SUMMARY = re.compile(r"^ *WNS\(ns\) +TNS\(ns\).*\n[ -]*\n *(\S+) +(\S+)", re.MULTILINE)
_CLOCK = re.compile(r"^\S+ +\{[\d. ]+\} +(\d+\.\d+) +\d+\.\d+ *$", re.MULTILINE)
_PATH = re.compile(
    r"^Slack \(\w+\) : +(-?[\d.]+)ns +\(required time - arrival time\)\n"
    r" *Source: +(\S+).*\n(?:.*\n)*? *Destination: +(\S+)",
    re.MULTILINE,
)


def read_timing(text: str, *, where: str = "") -> dict[str, Any]:
    """Period, slacks and the slowest path, from the text of `report_timing_summary`; None where nothing was timed.

    Raises `ParseError` where there is no summary.
    """
    summary = _SUMMARY.search(text)
    if summary is None:
        raise ParseError("no table of slacks", where=where, remedy="give the text of report_timing_summary")
    wns, tns = (None if word == "NA" else float(word) for word in summary.groups())
    clock = _CLOCK.search(text)
    paths = sorted((float(slack), source, sink) for slack, source, sink in _PATH.findall(text))
    return {
        "period_ns": float(clock[1]) if clock else None,
        "wns_ns": wns,
        "tns_ns": tns,
        "slowest": paths[0][1:] if paths else ("", ""),
    }


def _modules(text: str) -> dict[str, Counts]:
    """Area by module; what is placed several times is added up."""
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if "|" in line]
    head = next((cells for cells in lines if cells[:2] == ["Instance", "Module"]), None)
    if head is None:
        return {}
    found: dict[str, Counts] = {}
    for cells in lines[lines.index(head) + 1 :]:
        own = cells[0].startswith("(") or cells[1:2] == ["(top)"]  # what a module has without those below it
        if len(cells) == len(head) and not own and cells[2].isdigit():
            told = dict(zip(head, cells, strict=True))
            before = found.get(cells[1], Counts())
            found[cells[1]] = Counts(
                luts=before.luts + int(told.get("Total LUTs", 0)), ffs=before.ffs + int(told.get("FFs", 0)),
                srls=before.srls + int(told.get("SRLs", 0)), dsps=before.dsps + int(told.get("DSP Blocks", 0)),
                brams=before.brams + int(told.get("RAMB36", 0)) + (int(told.get("RAMB18", 0)) + 1) // 2,
            )  # fmt: skip
    return found
