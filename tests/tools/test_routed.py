"""Layouts that nextpnr made once (`routed/*.json`) simulated beside their source.

Cells of every kind are in them: carries with and without constants, wide multiplexers, flip-flops with set, reset and
enable, a PLL, distributed memory (`mixed.v`); block memories and multipliers (`stored.v`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bitwright.toolchain import Ports, build, mapped
from bitwright.toolchain.routed import routed_verilog

HERE = Path(__file__).parent / "routed"
PORTS = Ports((("x", 1), ("reset", 1)), (("y", 1),), "clock")


def differing(source: str, families: tuple[str, ...], folder: Path, cycles: int) -> dict[str, int]:
    """Cycles in which the output of a layout is not that of its source; one simulation of all."""
    texts = {source: (HERE / f"{source}.v").read_text().replace("PLLHERE", "assign clk = clock;")}
    for family in families:
        netlist = (HERE / f"{source}_{family}.json").read_text()
        texts[f"{source}_{family}"] = routed_verilog(netlist, f"{source}_{family}", family, workdir=folder)
    pins = "".join(f", output wire y_{name}" for name in texts)
    parts = "\n".join(f"{name} u_{name}(.clock(clock), .x(x), .reset(reset), .y(y_{name}));" for name in texts)
    texts["all"] = f"module all(input wire clock, input wire x, input wire reset{pins});\n{parts}\nendmodule\n"
    for name, text in texts.items():
        (folder / f"{name}.v").write_text(text)
    random = np.random.default_rng(1)
    rows = {"x": random.integers(0, 2, cycles, dtype=np.uint32), "reset": np.zeros(cycles, np.uint32)}
    rows["reset"][:20] = rows["reset"][2000:2005] = 1
    ports = Ports(PORTS.inputs, tuple((f"y_{name}", 1) for name in texts if name != "all"), "clock")
    with build([folder / f"{name}.v" for name in texts], "all", ports, folder) as simulation:
        seen = {name: column[30:, 0] for name, column in simulation.run(rows).items()}
    wanted = seen.pop(f"y_{source}")
    assert 0.4 < wanted.mean() < 0.6
    return {name: int((column != wanted).sum()) for name, column in seen.items()}


@pytest.mark.tool("yosys", "verilator", "g++", "make")
def test_layouts_do_in_every_cycle_what_their_source_does(tmp_path: Path) -> None:
    found = differing("mixed", ("ecp5", "ice40up", "gowin"), tmp_path, 4000)
    assert found == {"y_mixed_ecp5": 0, "y_mixed_ice40up": 0, "y_mixed_gowin": 0}


@pytest.mark.long
@pytest.mark.tool("yosys", "verilator", "g++", "make")
def test_block_memories_and_multipliers_of_ecp5_do_what_their_source_does(tmp_path: Path) -> None:
    """Words of 9 and 36 bits, a ROM, signed and unsigned products."""
    assert differing("stored", ("ecp5",), tmp_path, 20_000) == {"y_stored_ecp5": 0}


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
