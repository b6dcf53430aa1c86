"""Layouts that nextpnr made once (`routed/*.json`, of `routed/mixed.v`) simulated beside their source.

Cells of every kind are in them: carries with and without constants, wide multiplexers, flip-flops with set, reset and
enable, a PLL; on ECP5 a distributed memory.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bitwright.toolchain import Ports, build, mapped
from bitwright.toolchain.routed import routed_verilog

HERE = Path(__file__).parent / "routed"
PORTS = Ports((("x", 1), ("reset", 1)), (("y", 1),), "clock")
FAMILIES = ("ecp5", "ice40up", "gowin")


@pytest.mark.tool("yosys", "verilator", "g++", "make")
def test_layouts_do_in_every_cycle_what_their_source_does(tmp_path: Path) -> None:
    """One simulation of all: the source with the clock instead of the PLL, and the three layouts."""
    source = (HERE / "mixed.v").read_text().replace("PLLHERE", "assign clk = clock;")
    texts = {"mixed": source}
    for family in FAMILIES:
        netlist = (HERE / f"{family}.json").read_text()
        texts[f"mixed_{family}"] = routed_verilog(netlist, f"mixed_{family}", family, workdir=tmp_path)
    pins = "".join(f", output wire y_{name}" for name in texts)
    parts = "\n".join(f"{name} u_{name}(.clock(clock), .x(x), .reset(reset), .y(y_{name}));" for name in texts)
    texts["all"] = f"module all(input wire clock, input wire x, input wire reset{pins});\n{parts}\nendmodule\n"
    for name, text in texts.items():
        (tmp_path / f"{name}.v").write_text(text)
    random = np.random.default_rng(1)
    rows = {"x": random.integers(0, 2, 4000, dtype=np.uint32), "reset": np.zeros(4000, np.uint32)}
    rows["reset"][:20] = rows["reset"][2000:2005] = 1
    ports = Ports(PORTS.inputs, tuple((f"y_{name}", 1) for name in texts if name != "all"), "clock")
    with build([tmp_path / f"{name}.v" for name in texts], "all", ports, tmp_path) as simulation:
        seen = {name: column[:, 0] for name, column in simulation.run(rows).items()}
    # Memories of ECP5 wake up as zeros, and so does everything in the simulation.
    wanted = seen.pop("y_mixed")
    assert 1500 < wanted.sum() < 2500
    for name, column in seen.items():
        assert (column[30:] == wanted[30:]).all(), name


@pytest.mark.long
@pytest.mark.tool("yosys", "verilator", "g++", "make")
def test_comparisons_mapped_for_gowin_are_right(tmp_path: Path) -> None:
    """Every pair of six bits; yosys 0.23 itself gets one pair in twelve wrong (`toolchain.sums`)."""
    lines = ["module compared(input clk, input [5:0] a, input [5:0] b, output [15:0] y);", "wire signed [5:0] c = a;"]
    for place, sign in enumerate(("<", "<=", ">", ">=")):
        lines += [f"assign y[{place}] = a {sign} b; assign y[{4 + place}] = c {sign} $signed(b);"]
        lines += [f"assign y[{8 + place}] = c {sign} $signed(b[3:0]); assign y[{12 + place}] = a {sign} 6'd37;"]
    (tmp_path / "compared.v").write_text("\n".join([*lines, "endmodule", ""]))
    made = mapped([tmp_path / "compared.v"], "compared", workdir=tmp_path, family="gowin")
    (tmp_path / "made.v").write_text(made)
    ports = Ports((("a", 6), ("b", 6)), (("y", 16),))
    a, b = (side.ravel().astype(np.uint32) for side in np.meshgrid(np.arange(64), np.arange(64)))
    seen: list[np.ndarray] = []
    for name in ("compared.v", "made.v"):
        with build([tmp_path / name], "compared", ports, tmp_path) as simulation:
            seen.append(simulation.run({"a": a, "b": b})["y"][:, 0])
    assert (seen[0] == seen[1]).all()
