"""The wrapper and header around a design."""

from __future__ import annotations

from pathlib import Path

from bitwright.toolchain.bridge import Job
from bitwright.toolchain.ports import Ports

JOB = Job({"top.v": b""}, "top", Ports((("x", 40),), (("y__z", 1),), clock="clock"))


def test_the_wrapper_gives_every_port_a_plain_name() -> None:
    assert JOB.wrapper == (
        "module BitwrightSimtop (\n"
        "  input wire clk,\n"
        "  input wire [39:0] i0,\n"
        "  output wire [0:0] o0\n"
        ");\n"
        "  top dut (\n"
        "    .clock(clk),\n"
        "    .x(i0),\n"
        "    .y__z(o0)\n"
        "  );\n"
        "endmodule\n"
    )


def test_the_header_lists_words_per_port() -> None:
    assert JOB.header == "#define INPUTS(P) P(0, i0, 2)\n#define OUTPUTS(P) P(0, o0, 1)\n"


def test_a_design_without_clock_is_not_connected_to_one() -> None:
    assert "clk)" not in Job({}, "top", Ports((("x", 1),), (), clock="")).wrapper


def test_data_is_named_by_full_path_wherever_the_verilog_names_it(tmp_path: Path) -> None:
    contents = {"top.v": b'$readmemh("rom.hex", m); `include "k.vh"', "rom.hex": b"00", "k.vh": b'"rom.hex"'}
    moved = Job(contents, "top", JOB.ports).with_data_in(tmp_path / "data")
    full = str(tmp_path / "data/rom.hex").encode()
    assert moved.contents["top.v"] == b'$readmemh("' + full + b'", m); `include "k.vh"'
    assert moved.contents["k.vh"] == b'"' + full + b'"'
    assert (tmp_path / "data/rom.hex").read_bytes() == b"00\n"


def test_a_job_without_data_is_left_alone(tmp_path: Path) -> None:
    assert JOB.with_data_in(tmp_path / "data") is JOB
    assert not (tmp_path / "data").exists()
