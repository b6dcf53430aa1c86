"""Verilator: the fast simulator, built as a shared library, and the linter."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bitwright.core.errors import InvalidValue
from bitwright.toolchain.bridge import LIBRARY, WRAPPER, Job, mismatch, write_driver
from bitwright.toolchain.find import Tool, find_compiler, find_make, find_verilator
from bitwright.toolchain.process import Deadline, run
from bitwright.toolchain.stage import checked_name, stage

__all__ = ["LintWarning", "build_verilator", "lint", "verilator_tools"]

_MISSING = "apt install verilator g++ make"

# Splitting lets make compile in parallel and keeps the compiler's time linear in the size of the design.
# Zero at power-up makes every run, and both simulators, start alike.
_OPTIONS = (
    "--cc", "--exe", "--prefix", "Vmodel", "--Mdir", "obj", "-O3",
    "--x-assign", "fast", "--x-initial", "0", "--noassert", "--no-timing",
    "--output-split", "20000", "--output-split-cfuncs", "500",
    "-Wno-lint", "-Wno-style", "-Wno-fatal",
)  # fmt: skip

# Two designs in one process must not share symbols; the driver's handlers replace those that exit.
_CXXFLAGS = "-fPIC -fno-gnu-unique -fvisibility=hidden -DVL_USER_FATAL -DVL_USER_FINISH -DVL_USER_STOP -I.."
_LDFLAGS = "-shared -Wl,-Bsymbolic"


def verilator_tools() -> tuple[Tool, Tool, Tool]:
    """Verilator, the C++ compiler and make; raises `ToolMissing` for the first that is not there."""
    return find_verilator(), find_compiler(), find_make()


def build_verilator(job: Job, folder: Path, timeout_s: float, tools: tuple[Tool, Tool, Tool]) -> Path:
    """Build the shared library for `job` inside `folder` and return its path."""
    verilator, compiler, make = tools
    deadline = Deadline(timeout_s)
    staged = stage(job.contents, folder)
    write_driver(job, "verilator", folder)
    words = [*_OPTIONS, "--top-module", WRAPPER, "-CFLAGS", _CXXFLAGS, "-LDFLAGS", _LDFLAGS, "-o", LIBRARY]
    files = [f"{WRAPPER}.v", *staged.verilog, "driver.cc"]
    done = run(
        (*verilator.command, *words, *files), folder, deadline.left_s, name="verilator", missing=_MISSING
    )
    _check_widths(job, done.stdout + done.stderr)
    # OPT_SLOW is code that runs once; optimizing it doubles the build.
    options = ("OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1", f"CXX={' '.join(compiler.command)}")
    options += (f"LINK={' '.join(compiler.command)}", "OBJCACHE=", "-s", f"-j{len(os.sched_getaffinity(0))}")
    run((*make.command, "-C", "obj", "-f", "Vmodel.mk", *options), folder, deadline.left_s, missing=_MISSING)
    return folder / "obj" / LIBRARY


def _check_widths(job: Job, log: str) -> None:
    for line in log.splitlines():
        if line.startswith("%Warning-WIDTH") and f" {WRAPPER}.v:" in line:
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
