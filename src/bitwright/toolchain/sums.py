"""Sums stay what a design says: one carry chain each, when yosys maps it.

yosys's `alumacc` joins chains of unsigned sums (a result that only the next sum reads, at full width) into
compressors of two LUTs a bit. On our networks that takes 15 to 24 % more LUTs on Xilinx parts and 8 to 18 %
more on ECP5 (yosys 0.23), and a path that a delay model of carry chains does not know. So every sum becomes a
carry chain (`$alu`) before the family's own script begins.
"""

from __future__ import annotations

__all__ = ["KEEP", "LEARN"]


def _rule(kind: str, minus: int) -> str:
    return f"""(* techmap_celltype = "${kind}" *)
module bw_{kind} (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;
  wire [Y_WIDTH-1:0] x, co;
  wire _TECHMAP_FAIL_ = A_SIGNED != B_SIGNED;
  \\$alu #(
    .A_SIGNED(A_SIGNED), .B_SIGNED(B_SIGNED), .A_WIDTH(A_WIDTH), .B_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)
  ) _TECHMAP_REPLACE_ (.A(A), .B(B), .CI(1'b{minus}), .BI(1'b{minus}), .X(x), .Y(Y), .CO(co));
endmodule
"""


LEARN = f"read_verilog -icells <<EOT\n{_rule('add', 0)}{_rule('sub', 1)}EOT\ndesign -stash bw_sums\n"
"""Lines that begin a script, before anything is read."""

KEEP = "proc\ntechmap -map %bw_sums\n"
"""Lines behind `hierarchy`, before the family's command."""
