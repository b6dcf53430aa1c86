"""Many netlists through one yosys run: what each of them takes, alone, on a family of chips."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bitwright.backends.verilog import emit
from bitwright.ir.netlist import Netlist
from bitwright.toolchain import FAMILIES, Counts, has_sum_cells
from bitwright.toolchain.stage import scratch
from bitwright.toolchain.sums import KEEP, LEARN
from bitwright.toolchain.yosys import run_yosys

__all__ = ["counts_of", "yosys_version"]

_LIMIT_S = 3600.0


def yosys_version() -> str:
    """The yosys that counts."""
    from bitwright.toolchain.find import find_yosys

    tool = find_yosys()
    return f"{tool.name} {tool.version}"


def counts_of(netlists: Mapping[str, Netlist], family: str, workdir: Path) -> dict[str, Counts]:
    """The resources of every netlist, each a block of its own: nothing is shared between them.

    One call of yosys for all: starting it takes longer than mapping an adder.
    """
    target = FAMILIES[family]
    with scratch(workdir, "many") as folder:
        text, tops = _modules(netlists, has_sum_cells(family))
        (folder / "all.v").write_text(text)
        kept = "\n".join(f"setattr -mod -set keep_hierarchy 1 {name}" for name in tops.values())
        script = (
            f"{LEARN}read_verilog all.v\n{kept}\nhierarchy -top bw_all\n{KEEP}"
            f"{target.command} {target.flat} {target.no_srl} -top bw_all\n"
            "tee -q -o stat.json stat -json\n"
        )
        run_yosys(script, folder, _LIMIT_S, note=f"{len(tops)} netlists on {family}")
        modules = _cells(folder / "stat.json")
    return {name: target.counts(modules.get(top, {})) for name, top in tops.items()}


def _modules(netlists: Mapping[str, Netlist], primitives: bool) -> tuple[str, dict[str, str]]:
    """All netlists as Verilog under one top, and the name of each one's module."""
    files: dict[str, str] = {}
    instances: list[str] = []
    ports: list[str] = []
    tops: dict[str, str] = {}
    for number, (name, netlist) in enumerate(netlists.items()):
        emitted = emit(netlist, name=f"n{number}", primitives=primitives)
        tops[name] = emitted.top
        # Library modules come along with every netlist, and count once.
        files |= {source: emitted.files[source] for source in emitted.sources}
        joined = [".clk(clk)"]
        for port in emitted.ports:
            ports.append(f"{port.direction} wire [{port.bits - 1}:0] n{number}_{port.name}")
            joined.append(f".{port.name}(n{number}_{port.name})")
        instances.append(f"  {emitted.top} u{number}({', '.join(joined)});")
    head = ",\n  ".join(["input wire clk", *ports])
    top = f"module bw_all(\n  {head}\n);\n" + "\n".join(instances) + "\nendmodule\n"
    return "\n".join([*files.values(), top]), tops


def _cells(report: Path) -> dict[str, dict[str, int]]:
    text = report.read_text()
    clean = "\n".join(line for line in text.splitlines() if not re.fullmatch(r"\s+[^\s\"]\S*\s+\d+", line))
    parsed: dict[str, Any] = json.loads(clean)
    return {
        name.removeprefix("\\"): {k.removeprefix("\\"): n for k, n in entry["num_cells_by_type"].items()}
        for name, entry in parsed["modules"].items()
    }
