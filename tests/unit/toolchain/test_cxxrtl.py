"""CXXRTL builds around a fake yosys and compiler."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitwright.core.errors import InvalidValue, ToolFailed, ToolMissing
from bitwright.toolchain import find
from bitwright.toolchain.cxxrtl import cxxrtl_tools
from bitwright.toolchain.ports import Ports
from bitwright.toolchain.simulate import build

from .conftest import Fake

PORTS = Ports((("x", 1),), (("y", 1),))
VERSION = 'if [ "$1" = -V ]; then echo "Yosys 0.23"; exit 0; fi\n'
PORT_LIST = "module top\ninput [0:0] clk\ninput [0:0] x\noutput [0:0] y\nendmodule\n"


@pytest.fixture
def tools(fake: Fake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """A native yosys with its headers, and no module from PyPI."""
    monkeypatch.setattr(find.importlib.util, "find_spec", lambda name: None)
    headers = tmp_path / "share/yosys/include/backends/cxxrtl"
    headers.mkdir(parents=True)
    (headers / "cxxrtl.h").touch()
    fake("yosys", f"{VERSION}cp {tmp_path}/ports.txt ports.txt; cp run.ys {tmp_path}/seen.ys")
    fake("g++", 'if [ "$1" = --version ]; then echo "g++ 12.2.0"; exit 0; fi\nexit 7')
    (tmp_path / "ports.txt").write_text(PORT_LIST)
    return fake


def test_headers_must_belong_to_the_yosys_that_generates(tools: Fake, tmp_path: Path) -> None:
    assert cxxrtl_tools()[0].name == "yosys"
    (tmp_path / "share/yosys/include/backends/cxxrtl/cxxrtl.h").unlink()
    with pytest.raises(ToolMissing, match="try: pip install 'bitwright\\[fpga\\]', or apt install yosys yosys-dev"):
        cxxrtl_tools()


def test_newer_headers_lie_deeper(tools: Fake, tmp_path: Path) -> None:
    (tmp_path / "share/yosys/include/backends/cxxrtl/cxxrtl.h").unlink()
    deeper = tmp_path / "share/yosys/include/backends/cxxrtl/runtime/cxxrtl"
    deeper.mkdir(parents=True)
    (deeper / "cxxrtl.h").touch()
    assert cxxrtl_tools()[0].name == "yosys"


def test_without_verilator_auto_takes_cxxrtl(tools: Fake, tmp_path: Path, source: Path) -> None:
    with pytest.raises(ToolFailed, match=r"g\+\+: ended with status 7"):
        build([source], "top", PORTS, tmp_path / "work")
    script = (tmp_path / "seen.ys").read_text().splitlines()
    assert script[:2] == ["read_verilog top.v", "read_verilog BitwrightSimtop.v"]
    assert script[-2:] == ["hierarchy -check -top BitwrightSimtop", "write_cxxrtl -g0 generated.cc"]


@pytest.mark.parametrize(
    ("line", "instead", "fact"),
    [
        ("input [0:0] x", "input [6:0] x", "input x of 7 bits"),
        ("output [0:0] y", "output [1:0] y", "output y of 2 bits"),
        ("endmodule", "input [0:0] extra\nendmodule", "input extra of 1 bits"),
        ("output [0:0] y\n", "", "fewer ports"),
    ],
)
def test_ports_that_are_not_the_modules_are_refused(
    tools: Fake, tmp_path: Path, source: Path, line: str, instead: str, fact: str
) -> None:
    (tmp_path / "ports.txt").write_text(PORT_LIST.replace(line, instead))
    with pytest.raises(InvalidValue, match=fact):
        build([source], "top", PORTS, tmp_path / "work", simulator="cxxrtl")
