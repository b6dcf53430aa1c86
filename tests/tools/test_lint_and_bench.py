"""Verilator's linter and Icarus's benches on small designs."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitwright.core.errors import ToolFailed, ToolTimeout
from bitwright.toolchain import lint, run_bench

CLEAN = """// Adds one.
module plus (
    input wire [7:0] x,
    output wire [7:0] y
);
  assign y = x + 8'd1;
endmodule
"""
BENCH = """
module bench;
  reg [7:0] x;
  reg [15:0] vectors [0:2];
  wire [7:0] y;
  integer k, wrong;
  plus dut (.x(x), .y(y));
  initial begin
    $readmemh("vectors.hex", vectors);
    wrong = 0;
    for (k = 0; k < 3; k = k + 1) begin
      x = vectors[k][15:8];
      #1 if (y !== vectors[k][7:0]) wrong = wrong + 1;
    end
    if (wrong == 0) $display("PASS"); else $display("FAIL %0d", wrong);
    $finish;
  end
endmodule
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.tool("verilator")
def test_clean_verilog_has_no_warnings(tmp_path: Path) -> None:
    assert lint([write(tmp_path, "plus.v", CLEAN)], "plus") == ()


@pytest.mark.tool("verilator")
def test_sloppy_verilog_is_named_by_line(tmp_path: Path) -> None:
    sloppy = CLEAN.replace("x + 8'd1", "x + 9'd1")
    warnings = lint([write(tmp_path, "plus.v", sloppy)], "plus")
    assert warnings
    assert all(warning.code.startswith("WIDTH") for warning in warnings)
    assert {(warning.file, warning.line) for warning in warnings} == {("plus.v", 6)}


@pytest.mark.tool("verilator")
def test_sources_of_several_folders_are_linted_together(tmp_path: Path) -> None:
    (tmp_path / "library").mkdir()
    leaf = write(tmp_path / "library", "plus.v", CLEAN)
    body = "wire [7:0] half;\n  plus a (.x(x), .y(half));\n  plus b (.x(half), .y(y));"
    twice = CLEAN.replace("plus", "twice").replace("assign y = x + 8'd1;", body)
    top = write(tmp_path, "twice.v", twice)
    assert lint([top, leaf], "twice") == ()


@pytest.mark.tool("verilator")
def test_verilog_that_does_not_parse_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match=r"plus\.v:6"):
        lint([write(tmp_path, "plus.v", CLEAN.replace("8'd1;", ";"))], "plus")


@pytest.mark.tool("iverilog", "vvp")
@pytest.mark.parametrize(("vectors", "verdict"), [("0001 0102 ff00", "PASS\n"), ("0001 0103 ff01", "FAIL 2\n")])
def test_a_bench_with_a_vector_file_gives_its_verdict(tmp_path: Path, vectors: str, verdict: str) -> None:
    sources = [
        write(tmp_path, "plus.v", CLEAN),
        write(tmp_path, "bench.v", BENCH),
        write(tmp_path, "vectors.hex", vectors + "\n"),
    ]
    assert run_bench(sources, "bench", workdir=tmp_path / "work") == verdict
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.tool("iverilog", "vvp")
def test_a_bench_without_an_end_is_ended(tmp_path: Path) -> None:
    endless = write(tmp_path, "endless.v", "module endless; reg c = 0; always #1 c = ~c; endmodule\n")
    with pytest.raises(ToolTimeout, match="vvp"):
        run_bench([endless], "endless", workdir=tmp_path / "work", timeout_s=2)


@pytest.mark.tool("iverilog", "vvp")
def test_a_bench_that_does_not_compile_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match=r"plus\.v:6"):
        run_bench([write(tmp_path, "plus.v", CLEAN.replace("8'd1;", ";"))], "plus", workdir=tmp_path / "work")
