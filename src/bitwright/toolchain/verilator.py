"""Verilator: the fast simulator, built as a shared library, and the linter."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bitwright.core.cores import usable_cores
from bitwright.core.errors import InvalidValue
from bitwright.core.progress import Progress, Silent
from bitwright.toolchain.bridge import LIBRARY, WRAPPER, Job, mismatch, write_driver
from bitwright.toolchain.find import Tool, find_compiler, find_make, find_verilator
from bitwright.toolchain.process import Deadline, run
from bitwright.toolchain.repeated import repeated_modules
from bitwright.toolchain.stage import checked_name, stage, storing

__all__ = ["LintWarning", "build_verilator", "lint", "verilator_tools"]

_MISSING = "apt install verilator g++ make"

# Splitting lets make compile in parallel and keeps the compiler's time linear in the size of the design.
# Zero at power-up makes every run, and both simulators, start alike.
_OPTIONS = (
    "--cc", "--exe", "--prefix", "Vmodel", "--Mdir", "obj", "-O3",
    "--x-assign", "fast", "--x-initial", "0", "--noassert", "--no-timing",
    "--output-split", "20000", "--output-split-cfuncs", "500",
    "-Wno-lint", "-Wno-style", "-Wwarn-WIDTH", "-Wwarn-PINMISSING", "-Wno-fatal",
)  # fmt: skip

# Hidden symbols keep designs in one process apart; the driver's handlers replace those that exit.
_CXXFLAGS = (
    "-fPIC -fvisibility=hidden -fvisibility-inlines-hidden -fno-sanitize=undefined -I.."
    " -DVL_USER_FATAL -DVL_USER_FINISH -DVL_USER_STOP -DVL_USER_WARN"
)
_LDFLAGS = "-shared"
_RUNTIME = ("verilated.o", "verilated_threads.o")


def verilator_tools() -> tuple[Tool, Tool, Tool]:
    """Verilator, the C++ compiler and make; raises `ToolMissing` for the first that is not there."""
    return find_verilator(), find_compiler(), find_make()


def build_verilator(
    job: Job,
    folder: Path,
    timeout_s: float,
    tools: tuple[Tool, Tool, Tool],
    progress: Progress | None = None,
) -> Path:
    """Build the shared library for `job` inside `folder` and return its path."""
    verilator, compiler, make = tools
    listener = progress or Silent()
    listener.step(f"build the simulator of {job.top} (verilator {verilator.version})")
    deadline = Deadline(timeout_s)
    staged = stage(job.contents, folder)
    write_driver(job, "verilator", folder)
    words = [*_OPTIONS, "--top-module", WRAPPER, "-CFLAGS", _CXXFLAGS, "-LDFLAGS", _LDFLAGS, "-o", LIBRARY]
    files = [f"{WRAPPER}.v", *staged.verilog, "driver.cc"]
    blocks = repeated_modules(job.contents, job.top)
    if blocks:
        words.append("--hierarchical")
        files.insert(0, _blocks(blocks, folder))
    advice = "correct the line named above, or add the missing source"
    call = (*verilator.command, *words, *files)
    done = run(call, folder, deadline.left_s, name="verilator", missing=_MISSING, remedy=advice)
    _check_ports(job, done.stdout + done.stderr)
    # OPT_SLOW is code that runs once; optimizing it doubles the build.
    options = ("OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1", f"CXX={' '.join(compiler.command)}")
    options += (f"LINK={' '.join(compiler.command)}", "OBJCACHE=", "-s", f"-j{usable_cores()}")
    words = [*make.command, "-C", "obj", "-f", "Vmodel_hier.mk" if blocks else "Vmodel.mk", *options]
    kept = _runtime(verilator, compiler)
    with storing(folder):
        for name, data in kept.items():
            (folder / "obj" / name).write_bytes(data)
    run(words, folder, deadline.left_s, name="make", missing=_MISSING)
    made = [folder / "obj" / name for name in _RUNTIME]
    kept.update({path.name: path.read_bytes() for path in made if path.is_file()})
    listener.done(f"{deadline.spent_s:.1f} s")
    return folder / "obj" / LIBRARY


def _blocks(names: Sequence[str], folder: Path) -> str:
    """Write the settings that make each of the modules a library of its own; the file's name."""
    lines = ["`verilator_config", *(f'hier_block -module "{name}"' for name in names)]
    with storing(folder):
        (folder / "blocks.vlt").write_text("\n".join(lines) + "\n")
    return "blocks.vlt"


@cache
def _runtime(verilator: Tool, compiler: Tool) -> dict[str, bytes]:
    """Object files of Verilator's own library: the same for every design, and most of a small one's build.

    Filled by the first build of this process; make leaves alone what is newer than its source.
    """
    return {}


def _check_ports(job: Job, log: str) -> None:
    """Warnings about the wrapper's only instance are about the declared ports."""
    for line in log.splitlines():
        if line.startswith(("%Warning-WIDTH", "%Warning-PINMISSING")) and f" {WRAPPER}.v:" in line:
            raise mismatch(job, line.partition(f"{WRAPPER}.v:")[2].partition(": ")[2])
        if line.startswith("%Warning-MODDUP"):
            remedy = "give each module a name of its own"
            raise InvalidValue("two modules share a name", where=job.top, why=line, remedy=remedy)


@dataclass(frozen=True, slots=True)
class LintWarning:
    """One warning of Verilator's linter, such as code `WIDTH` or `UNUSEDSIGNAL`."""

    code: str
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message} [{self.code}]"


_WARNING = re.compile(r"^%Warning-(\w+): ([^:]+):(\d+):(?:\d+:)? (.*)$")


def lint(
    sources: Sequence[Path], top: str, *, timeout_s: float = 120, tool: Tool | None = None
) -> tuple[LintWarning, ...]:
    """All warnings of `verilator --lint-only -Wall` for `top`; empty means clean.

    Raises `ToolMissing`, `ToolTimeout`, and `ToolFailed` when the sources do not even parse.
    """
    if not sources:
        raise InvalidValue("no sources", where="lint")
    used, place = tool or find_verilator(), sources[0].resolve().parent
    names = [os.path.relpath(source.resolve(), place) for source in sources]
    folders = sorted({os.path.dirname(name) or "." for name in names})
    options = ["--lint-only", "-Wall", "-Wno-fatal", "--no-timing"]
    options += ["--top-module", checked_name(top, "top module"), *(f"-I{folder}" for folder in folders)]
    words = (*used.command, *options, *names)
    advice = "correct the Verilog above"
    done = run(words, place, timeout_s, name="verilator", missing=_MISSING, remedy=advice)
    found = (_WARNING.match(line) for line in (done.stdout + done.stderr).splitlines())
    return tuple(LintWarning(m[1], m[2], int(m[3]), m[4]) for m in found if m)
