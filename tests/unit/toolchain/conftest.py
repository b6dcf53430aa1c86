"""Fake tools: small shell scripts on a PATH that holds nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Fake = Callable[[str, str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """`fake(name, body)` puts an executable shell script on the otherwise empty PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    for name in ("YOSYS", "VERILATOR", "CXX", "MAKE", "IVERILOG", "VVP"):
        monkeypatch.delenv(f"BITWRIGHT_{name}", raising=False)

    def write(name: str, body: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{body}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A Verilog file; fakes do not read it."""
    path = tmp_path / "top.v"
    path.write_text("module top(input wire clk, input wire x, output wire y); assign y = x; endmodule\n")
    return path
