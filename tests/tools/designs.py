"""Hand-written Verilog with what simulators like to get wrong, and its meaning in numpy.

Every model maps rows of inputs (one per cycle) to the rows that the outputs must show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitwright.toolchain import Ports, from_int, pack, to_int, unpack, word_count

Words = NDArray[np.uint32]
Rows = dict[str, Words]

ROM = [(37 * k + 11) % 256 for k in range(256)]
ROM_HEX = "\n".join(f"{value:02x}" for value in ROM)


@dataclass(frozen=True)
class Design:
    """A module, its ports and its meaning."""

    name: str
    ports: Ports
    verilog: str
    model: Callable[[Rows], Rows]

    def rows(self, cycles: int, seed: int) -> Rows:
        """Random input rows that begin with all zeros and all ones."""
        rng = np.random.default_rng(seed)
        rows: Rows = {}
        for name, width in self.ports.inputs:
            words = rng.integers(0, 1 << 32, (cycles, word_count(width)), dtype=np.uint32)
            words[0], words[1] = 0, 0xFFFFFFFF
            words[:, -1] &= np.uint32((1 << (width - 1) % 32 + 1) - 1)
            rows[name] = words
        return rows


def _late(words: Words, cycles: int) -> Words:
    return np.concatenate([np.zeros((cycles, words.shape[1]), np.uint32), words[: len(words) - cycles]])


def _pipeline(rows: Rows) -> Rows:
    x = unpack(rows["x"], [8] * 100, False)
    return {"y": _late(pack(x[:, :-1] + x[:, 1:], [9] * 99), 2)}


def _product(rows: Rows) -> Rows:
    pairs = zip(rows["a"], rows["b"], strict=True)
    return {"y": np.array([from_int(to_int(a) * to_int(b), 64) for a, b in pairs])}


def _accumulate(rows: Rows) -> Rows:
    total, seen = 0, []
    for reset, x in zip(rows["rst"][:, 0], unpack(rows["x"], [12], True)[:, 0], strict=True):
        seen.append(from_int(total & (1 << 40) - 1, 40))
        total = 0 if reset else total + int(x)
    return {"total": np.array(seen)}


def _lookup(rows: Rows) -> Rows:
    return {"y": _late(np.array(ROM, np.uint32)[rows["x"][:, 0]].reshape(-1, 1), 1)}


def _toggle(rows: Rows) -> Rows:
    before = np.concatenate([[0], np.cumsum(rows["go"][:, 0])[:-1]])
    return {"q": ((1 + before) % 2).astype(np.uint32).reshape(-1, 1)}


LANES = (1, 7, 8, 9, 16, 17, 31, 32, 33, 63, 64, 65, 96, 97)


def _lanes(rows: Rows) -> Rows:
    return {name.replace("in", "out"): _late(words, 1) for name, words in rows.items()}


_LANES_VERILOG = (
    "module lanes(input wire clk,\n"
    + ",\n".join(f"  input wire [{w - 1}:0] in{w}, output reg [{w - 1}:0] out{w}" for w in LANES)
    + ");\n  always @(posedge clk) begin\n"
    + "".join(f"    out{w} <= in{w};\n" for w in LANES)
    + "  end\nendmodule\n"
)

DESIGNS = (
    Design("pipeline", Ports((("x", 800),), (("y", 891),)), """
module pipeline(input wire clk, input wire [799:0] x, output reg [890:0] y);
  reg [799:0] held;
  integer k;
  always @(posedge clk) begin
    held <= x;
    for (k = 0; k < 99; k = k + 1) y[9*k +: 9] <= held[8*k +: 8] + held[8*k + 8 +: 8];
  end
endmodule
""", _pipeline),
    Design("product", Ports((("a", 33), ("b", 31)), (("y", 64),), clock=""), """
module product(input wire [32:0] a, input wire [30:0] b, output wire [63:0] y);
  assign y = a * b;
endmodule
""", _product),
    Design("accumulate", Ports((("rst", 1), ("x", 12)), (("total", 40),), clock="clock"), """
module accumulate(input wire clock, input wire rst, input wire signed [11:0] x, output reg signed [39:0] total);
  always @(posedge clock) if (rst) total <= 0; else total <= total + x;
endmodule
""", _accumulate),
    Design("lookup", Ports((("x", 8),), (("y", 8),)), """
module lookup(input wire clk, input wire [7:0] x, output reg [7:0] y);
  reg [7:0] rom [0:255];
  initial $readmemh("rom.hex", rom);
  always @(posedge clk) y <= rom[x];
endmodule
""", _lookup),
    Design("toggle", Ports((("go", 1),), (("q", 1),)), """
module toggle(input wire clk, input wire go, output wire q);
  reg state = 1'b1;
  always @(posedge clk) state <= state ^ go;
  assign q = state;
endmodule
""", _toggle),
    Design("lanes", Ports(
        tuple((f"in{width}", width) for width in LANES), tuple((f"out{width}", width) for width in LANES)
    ), _LANES_VERILOG, _lanes),
)  # fmt: skip

# A stream register that stalls without loss: its input may come in every cycle, ready depends on ready.
STREAM_PORTS = Ports(
    (("rst", 1), ("s_valid", 1), ("s_data", 40), ("m_ready", 1)),
    (("s_ready", 1), ("m_valid", 1), ("m_data", 40)),
)
STREAM = """
module stream(
  input wire clk, input wire rst,
  input wire s_valid, output wire s_ready, input wire [39:0] s_data,
  output reg m_valid, input wire m_ready, output reg [39:0] m_data
);
  assign s_ready = m_ready | ~m_valid;
  always @(posedge clk)
    if (rst) m_valid <= 1'b0;
    else if (s_ready) begin
      m_valid <= s_valid;
      m_data <= s_data;
    end
endmodule
"""
