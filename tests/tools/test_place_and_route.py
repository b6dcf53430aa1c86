"""Real place and route of a tiny design; a few seconds, with the WebAssembly build after its first call."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitwright.toolchain import Ports
from bitwright.toolchain.nextpnr import place_and_route

pytestmark = pytest.mark.tool("nextpnr-ecp5")

CHAIN = """
module chain(input wire clk, input wire [15:0] a, input wire [15:0] b, output reg [16:0] y);
  wire [16:0] sum = a + b;
  always @(posedge clk) y <= STAGES ? sum : sum * 17'd21845 + 17'd9999;
endmodule
"""


def test_an_adder_between_registers_is_faster_than_a_chain_of_them(tmp_path: Path) -> None:
    ports = Ports((("a", 16), ("b", 16)), (("y", 17),))
    reached: list[float] = []
    for stages in (1, 0):
        source = tmp_path / f"chain{stages}.v"
        source.write_text(CHAIN.replace("STAGES", str(stages)))
        found = place_and_route([source], "chain", ports, workdir=tmp_path, device="lfe5u-25", seeds=(1,))
        reached.append(found.fmax_mhz)
        assert found.used["TRELLIS_FF"] == 17 + found.wrapper_ffs
        assert found.critical_path[0][1] == "clk-to-q"
        total = sum(delay for delay, _, _ in found.critical_path)
        assert total == pytest.approx(1000 / found.fmax_mhz, rel=0.01)
    assert reached[0] > 1.3 * reached[1]
