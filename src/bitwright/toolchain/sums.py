"""Sums stay what a design says: one carry chain each, when yosys maps it.

yosys's `alumacc` joins chains of unsigned sums (a result that only the next sum reads, at full width) into
compressors of two LUTs a bit. On our networks that takes 15 to 24 % more LUTs on Xilinx parts and 8 to 18 %
more on ECP5 (yosys 0.23), and a path that a delay model of carry chains does not know. So every sum becomes a
carry chain (`$alu`) before the family's own script begins.
"""

from __future__ import annotations

__all__ = ["KEEP", "LEARN", "keep", "learn"]


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


def _comparison(kind: str, swapped: bool, carry: bool) -> str:
    """a `kind` b by the carry of a - b, or of b - a: where that is one, nothing was borrowed."""
    first, second = ("b", "a") if swapped else ("a", "b")
    return f"""(* techmap_celltype = "${kind}" *)
module bw_{kind} (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  localparam W = A_WIDTH > B_WIDTH ? A_WIDTH : B_WIDTH;
  localparam MINUS = A_SIGNED && B_SIGNED;
  input [A_WIDTH-1:0] A;
  input [B_WIDTH-1:0] B;
  output [Y_WIDTH-1:0] Y;
  wire [W-1:0] a_wide, b_wide, x, y, co;
  \\$pos #(.A_SIGNED(MINUS), .A_WIDTH(A_WIDTH), .Y_WIDTH(W)) a_pos (.A(A), .Y(a_wide));
  \\$pos #(.A_SIGNED(MINUS), .A_WIDTH(B_WIDTH), .Y_WIDTH(W)) b_pos (.A(B), .Y(b_wide));
  wire [W-1:0] a = MINUS ? a_wide ^ (1'b1 << (W - 1)) : a_wide;
  wire [W-1:0] b = MINUS ? b_wide ^ (1'b1 << (W - 1)) : b_wide;
  \\$alu #(
    .A_SIGNED(0), .B_SIGNED(0), .A_WIDTH(W), .B_WIDTH(W), .Y_WIDTH(W)
  ) minus (.A({first}), .B({second}), .CI(1'b1), .BI(1'b1), .X(x), .Y(y), .CO(co));
  assign Y = {"" if carry else "~"}co[W-1];
endmodule
"""


_COMPARISONS = "".join(
    _comparison(kind, swapped, carry)
    for kind, swapped, carry in (("lt", False, False), ("ge", False, True), ("gt", True, False), ("le", True, True))
)


def learn(command: str) -> str:
    """`LEARN`, and for families whose own mapping of comparisons is wrong in some version of yosys another one.

    yosys 0.23 (Debian 12) forgets in `gowin/arith_map.v` that one side of a difference is inverted, so that what says
    "equal" says it of the wrong numbers: `a <= b` and everything built on it is wrong there. Comparisons that need the
    carry alone are right in every version, so all become such.
    """
    if not _compares_wrongly(command):
        return LEARN
    return f"{LEARN}read_verilog -icells <<EOT\n{_COMPARISONS}EOT\ndesign -stash bw_comparisons\n"


def keep(command: str) -> str:
    """`KEEP`, and with it what else a family's command needs to hear before it begins."""
    if _compares_wrongly(command):
        # First what constants decide by themselves, as the family's own script would have it.
        return f"{KEEP}opt_expr\nopt_clean\ntechmap -map %bw_comparisons\n"
    # iCE40 has no distributed memory: what asks for it becomes flip-flops or a block, and is no error.
    return f"{KEEP}setattr -unset ram_style m:*\n" if command.startswith("synth_ice40") else KEEP


def _compares_wrongly(command: str) -> bool:
    return command.startswith("synth_gowin")
