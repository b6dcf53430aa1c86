"""Synthesis with yosys: how many LUTs, flip-flops and blocks a design takes, counted, not estimated.

Numbers of different yosys versions differ by a few per cent: compare only within one `version`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from bitwright.core.errors import InvalidValue, ToolFailed
from bitwright.core.progress import Progress, Silent
from bitwright.toolchain.families import Counts, Family, family_of
from bitwright.toolchain.find import Tool, find_yosys, is_cold
from bitwright.toolchain.process import Completed, run
from bitwright.toolchain.stage import checked_name, read_sources, scratch, stage, storing
from bitwright.toolchain.sums import keep, learn

__all__ = ["Synthesis", "cells_of", "mapping_lines", "run_yosys", "synthesize"]

_REPORT = "stat.json"
_SCRIPT = "run.ys"
_MISSING = "apt install yosys, or pip install 'bitwright[fpga]'"
_FIRST_CALL_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesis(Counts):
    """What yosys counted after mapping, and how to repeat it.

    `cells` is the whole design by cell type. `per_module` (only with `flatten=False`) gives every
    module with all that it instantiates, once per module, not per instance. `warnings` are yosys's,
    `note` is whatever else the figures depend on.
    """

    top: str
    family: str
    cells: Mapping[str, int]
    per_module: Mapping[str, Counts] = field(default_factory=dict[str, Counts])
    tool: str
    version: str
    seconds: float
    script: str
    warnings: tuple[str, ...] = ()
    note: str = ""


def synthesize(
    sources: Sequence[Path],
    top: str,
    *,
    workdir: Path,
    family: str = "xcup",
    timeout_s: float = 600,
    flatten: bool = True,
    shift_registers: bool = False,
    merge_sums: bool = False,
    tool: Tool | None = None,
    progress: Progress | None = None,
) -> Synthesis:
    """Map `top` of the Verilog-2005 `sources` to `family` and count its cells.

    No pads and no clock buffers are added: the design is counted as a block inside a larger one.
    Without `shift_registers`, chains of flip-flops stay flip-flops (yosys's `-nosrl`), so that `ffs`
    can be compared with the registers that the design holds; without `merge_sums` every sum stays one
    carry chain (see `toolchain.sums`). Files that are not `.v` or `.sv`
    (memory images, headers) lie beside the sources when yosys runs. Nothing stays in `workdir`.

    Raises `ToolMissing`, `ToolFailed`, `ToolTimeout`, `StorageError`, `ConfigError` (unknown family).
    """
    target = family_of(family)
    checked_name(top, "top module")
    contents = read_sources(sources)
    with scratch(workdir, "synthesis") as folder:
        staged = stage(contents, folder)
        options = {"flatten": flatten, "shift_registers": shift_registers, "merge_sums": merge_sums}
        script = f"{mapping_lines(staged.verilog, top, target, **options)}\ntee -q -o {_REPORT} stat -json\n"
        note = f"synthesize {top}"
        used, done = run_yosys(script, folder, timeout_s, tool=tool, progress=progress, note=note)
        modules = _modules(folder / _REPORT, top)
    tree = _Tree(modules)
    cells = tree.cells(top)
    return Synthesis(
        top=top,
        family=family,
        cells=cells,
        per_module={} if flatten else {name: target.counts(tree.cells(name)) for name in modules},
        tool=used.name,
        version=used.version,
        seconds=done.seconds,
        script=script,
        warnings=tuple(line for line in done.stderr.splitlines() if line.startswith("Warning:")),
        **asdict(target.counts(cells)),
    )


def run_yosys(
    script: str,
    folder: Path,
    timeout_s: float,
    *,
    tool: Tool | None = None,
    progress: Progress | None = None,
    note: str = "yosys",
) -> tuple[Tool, Completed]:
    """Run a yosys script in `folder`; paths in it are relative to `folder`."""
    used, listener = tool or find_yosys(), progress or Silent()
    if is_cold(used):
        # Its own step and its own time: this is no part of the design's synthesis.
        listener.step(f"compile {used.name} itself, once: this takes some minutes")
        warm = run((*used.command, "-V"), folder, _FIRST_CALL_S, name=used.name, missing=_MISSING)
        listener.done(f"{warm.seconds:.1f} s")
    listener.step(f"{note} ({used.name} {used.version})")
    with storing(folder):
        (folder / _SCRIPT).write_text(script)
    done = run(
        (*used.command, "-q", "-s", _SCRIPT),
        folder,
        timeout_s,
        name="yosys",
        missing=_MISSING,
        remedy="read the lines above; yosys wants Verilog-2005",
    )
    listener.done(f"{done.seconds:.1f} s")
    return used, done


def mapping_lines(
    verilog: Sequence[str], top: str, family: Family, *,
    flatten: bool = True, shift_registers: bool = False, merge_sums: bool = False,
) -> str:  # fmt: skip
    """The lines of a script that read `verilog` and map `top` to `family`; see `synthesize`."""
    if not verilog:
        raise InvalidValue("no Verilog among the sources", remedy="give files that end in .v or .sv")
    options = (family.flat if flatten else family.hierarchical, "" if shift_registers else family.no_srl)
    reads = [f"read_verilog {'-sv ' if name.endswith('.sv') else ''}{name}" for name in verilog]
    words = " ".join([family.command, *filter(None, options), "-top", top])
    lines = learn(family.command), f"hierarchy -top {top}\n{keep(family.command)}"
    before, after = ("", "") if merge_sums else lines
    return before + "\n".join([*reads, f"{after}{words}"])


def cells_of(report: Path, top: str) -> dict[str, int]:
    """The cells of `top` and all below it by type, from a report that `stat -json` wrote; raises `ToolFailed`."""
    return _Tree(_modules(report, top)).cells(top)


def _modules(report: Path, top: str) -> dict[str, dict[str, int]]:
    """Module name to its own cells by type, from `stat -json`."""
    try:
        parsed = cast(dict[str, Any], json.loads(_repaired(report.read_text())))
        modules = cast(dict[str, dict[str, Any]], parsed["modules"])
        result = {_plain(name): _own(entry) for name, entry in modules.items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ToolFailed(
            "left no readable report", where="yosys", why=str(error), remedy="use yosys 0.23 or newer"
        ) from error
    if top not in result:
        raise ToolFailed(f"its report does not hold {top!r}", where="yosys", remedy="use yosys 0.23 or newer")
    return result


def _repaired(text: str) -> str:
    """yosys 0.23 prints its hierarchy, a name and a count a line, into the JSON of deeper designs."""
    return "\n".join(line for line in text.splitlines() if not re.fullmatch(r"\s+[^\s\"]\S*\s+\d+", line))


def _own(entry: dict[str, Any]) -> dict[str, int]:
    cells = cast(dict[str, int], entry["num_cells_by_type"])
    # Newer versions leave markers of the flattened hierarchy; they are no hardware.
    return {_plain(kind): count for kind, count in cells.items() if kind != "$scopeinfo"}


def _plain(name: str) -> str:
    return name.removeprefix("\\")


class _Tree:
    """Modules and what they instantiate: the cells below each."""

    def __init__(self, modules: dict[str, dict[str, int]]) -> None:
        self._modules = modules
        self._below: dict[str, dict[str, int]] = {}

    def cells(self, module: str) -> dict[str, int]:
        if module not in self._below:
            total: dict[str, int] = {}
            for kind, count in self._modules.get(module, {}).items():
                inner = self.cells(kind) if kind in self._modules else {kind: 1}
                for name, number in inner.items():
                    total[name] = total.get(name, 0) + count * number
            self._below[module] = dict(sorted(total.items()))
        return self._below[module]
