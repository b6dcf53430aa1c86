"""Icarus Verilog: running the self-checking benches that are written beside the Verilog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bitwright.toolchain.find import find_iverilog, find_vvp
from bitwright.toolchain.process import Deadline, run
from bitwright.toolchain.stage import checked_name, read_sources, scratch, stage

__all__ = ["run_bench"]

_MISSING = "apt install iverilog"


def run_bench(sources: Sequence[Path], top: str, *, workdir: Path, timeout_s: float = 600) -> str:
    """Compile `sources` as Verilog-2005, run the bench `top` until it finishes and return what it printed.

    Memory images that the bench reads by name belong to `sources`. `$stop` ends the run like `$finish`.
    The caller reads the verdict in the text: Icarus reports a failed check only through what it prints.

    Raises `ToolMissing`, `ToolFailed`, `ToolTimeout`, `StorageError`.
    """
    checked_name(top, "top module")
    contents = read_sources(sources)
    compiler, simulator = find_iverilog(), find_vvp()
    deadline = Deadline(timeout_s)
    with scratch(workdir, "bench") as folder:
        staged = stage(contents, folder)
        words = (*compiler.command, "-g2005", "-I.", "-s", top, "-o", "bench.vvp", *staged.verilog)
        run(words, folder, deadline.left_s, name="iverilog", missing=_MISSING)
        done = run((*simulator.command, "-n", "bench.vvp"), folder, deadline.left_s, name="vvp", missing=_MISSING)
    return done.stdout
