"""The netlist that synthesis made, as plain Verilog: what was mapped can be simulated like its source.

A source can be right and its mapped netlist wrong (a cell whose simulation model and parameters
disagree). Cells are replaced by the models that yosys ships for them and flattened away, so that any simulator
reads the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bitwright.core.errors import InvalidValue, ToolFailed
from bitwright.core.progress import Progress
from bitwright.toolchain.families import Family, family_of
from bitwright.toolchain.find import Tool
from bitwright.toolchain.stage import checked_name, read_sources, scratch, stage, storing
from bitwright.toolchain.yosys import mapping_lines, run_yosys

__all__ = ["CELLS", "mapped"]

CELLS = {
    "synth_xilinx": "+/xilinx/cells_sim.v",
    "synth_ecp5": "+/ecp5/cells_sim.v",
    "synth_ice40": "+/ice40/cells_sim.v",
    "synth_gowin": "+/gowin/cells_sim.v",
    "synth_nexus": "+/nexus/cells_sim.v",
}
"""The simulation models of a family's cells, by the command that maps to them."""

_RESULT = "mapped.v"


def mapped(
    sources: Sequence[Path], top: str, *, workdir: Path, family: str = "xcup", timeout_s: float = 600,
    tool: Tool | None = None, progress: Progress | None = None,
) -> str:  # fmt: skip
    """`top` of `sources` after synthesis for `family`, in Verilog without vendor cells.

    The same lines map as for `synthesize`. Ports keep their names and widths, registers their clock.

    Raises `ToolMissing`, `ToolFailed`, `ToolTimeout`, `StorageError`, `ConfigError` (unknown family).
    """
    target = family_of(family)
    checked_name(top, "top module")
    contents = read_sources(sources)
    with scratch(workdir, "mapped") as folder:
        staged = stage(contents, folder)
        lines = [mapping_lines(staged.verilog, top, target), *_plain(target, top)]
        run_yosys("\n".join(lines), folder, timeout_s, tool=tool, progress=progress, note=f"map {top}")
        with storing(folder):
            text = (folder / _RESULT).read_text()
    if f"module {top}(" not in text:
        raise ToolFailed(f"its netlist does not hold {top!r}", where="yosys", remedy="use yosys 0.23 or newer")
    return text


def _plain(family: Family, top: str) -> list[str]:
    """Every cell replaced by its model: a fresh design of the netlist and the models, flattened."""
    command = family.command.partition(" ")[0]
    if command not in CELLS:
        raise InvalidValue(f"no cell models for {family.name!r}", where="simulation of a mapped netlist")
    return [
        "write_verilog -noattr netlist.v",
        "design -reset",
        f"read_verilog -nosynthesis {CELLS[command]}",
        "read_verilog -overwrite netlist.v",
        f"hierarchy -check -top {top}",
        "proc",
        "flatten",
        # Bit by bit: Verilator 5.006 gets vectors wrong whose bits depend on each other, as carries do.
        "opt -full -purge",
        "splitnets",
        "opt_clean -purge",
        f"write_verilog -noattr {_RESULT}",
        "",
    ]
