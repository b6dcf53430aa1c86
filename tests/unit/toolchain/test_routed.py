"""A layout read back as plain Verilog: buffers, open inputs, the PLL, and what has no model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bitwright.core.errors import ToolFailed, Unsupported
from bitwright.toolchain.routed import plain_netlist

ROUTED = Path(__file__).parents[2] / "tools" / "routed"


def netlist(cells: dict[str, dict[str, Any]], nets: dict[str, list[int]] | None = None) -> str:
    """A netlist of nextpnr with the port `clock` on bit 2."""
    module = {
        "ports": {"clock": {"direction": "input", "bits": [2]}},
        "cells": cells,
        "netnames": {name: {"bits": bits} for name, bits in (nets or {}).items()},
    }
    return json.dumps({"creator": "nextpnr", "modules": {"top": module}})


Cell = dict[str, Any]


def cell(type_: str, bel: str = "", parameters: dict[str, str] | None = None, **connections: list[Any]) -> Cell:
    attributes = {"NEXTPNR_BEL": bel}
    return {"type": type_, "parameters": parameters or {}, "attributes": attributes, "connections": connections}


def read(family: str, cells: dict[str, dict[str, Any]], nets: dict[str, list[int]] | None = None) -> dict[str, Any]:
    found = json.loads(plain_netlist(netlist(cells, nets), "mine", family))
    assert list(found["modules"]) == ["mine"]
    return found["modules"]["mine"]["cells"]


def wires(cells: dict[str, Any]) -> list[tuple[list[Any], list[Any]]]:
    assert {c["type"] for c in cells.values()} <= {"$_BUF_"}
    return [(c["connections"]["A"], c["connections"]["Y"]) for c in cells.values()]


def test_buffers_and_pads_become_wires_and_open_ones_nothing() -> None:
    assert wires(read("ecp5", {"a": cell("DCCA", CLKI=[4], CLKO=[5])})) == [([4], [5])]
    assert wires(read("ecp5", {"a": cell("TRELLIS_IO", "", {"DIR": "INPUT"}, B=[2], O=[7], I=[])})) == [([2], [7])]
    assert wires(read("ecp5", {"a": cell("TRELLIS_IO", "", {"DIR": "OUTPUT"}, B=[2], O=[], I=[8])})) == [([8], [2])]
    assert wires(read("ice40", {"a": cell("SB_IO", PACKAGE_PIN=[2], D_IN_0=[3], D_OUT_0=[])})) == [([2], [3])]
    assert wires(read("gowin", {"a": cell("GOWIN_VCC", V=[3]), "b": cell("GSR", GSRI=[3])})) == [(["1"], [3])]


def test_the_pll_is_a_wire_and_locked() -> None:
    made = read("ecp5", {"p": cell("EHXPLLL", CLKI=[4], CLKOP=[5], LOCK=[6])})
    assert wires(made) == [([4], [5]), (["1"], [6])]


def test_the_pad_form_of_a_pll_takes_the_port_and_drives_the_clock_by_its_name() -> None:
    cells = {"p": cell("ICESTORM_PLL", REFERENCECLK=[], PLLOUT_A=[], PLLOUT_A_GLOBAL=[], LOCK=[])}
    assert wires(read("ice40up", cells, {"clk": [9]})) == [([2], [9])]


def test_open_inputs_read_as_the_chip_reads_them() -> None:
    (lut,) = read("ecp5", {"a": cell("TRELLIS_COMB", "X1/Y1/SLICEA.K1", {"INITVAL": "10"}, A=[3], F=[4])}).values()
    assert [lut["connections"][pin] for pin in "ABCDM"] == [[3], ["1"], ["1"], ["1"], ["0"]]
    assert lut["parameters"] == {"INITVAL": "10", "K1": "1"}
    (logic,) = read("ice40", {"a": cell("ICESTORM_LC", "", {"LUT_INIT": "1", "CARRY_ENABLE": "0"}, I0=[3])}).values()
    assert [logic["connections"][pin] for pin in ("I0", "I1", "CEN", "SR")] == [[3], ["0"], ["1"], ["0"]]


def test_carry_cells_of_gowin_are_the_bits_of_their_lut() -> None:
    told = {"a": ({"ALU_MODE": "10"}, 0x609A), "b": ({"ALU_MODE": "ONE2C"}, 0x000F), "c": ({"ALU_MODE": "C2L"}, 0),
            "d": ({"RAW_ALU_LUT": f"{0xC0C0:032b}", "ALU_MODE": "10"}, 0xC0C0)}  # fmt: skip
    made = read("gowin", {name: cell("ALU", "", parameters, COUT=[3]) for name, (parameters, _) in told.items()})
    found = {name: int(c["parameters"]["LUT"], 2) for name, c in made.items()}
    assert found == {name: bits for name, (_, bits) in told.items()}


def test_luts_of_fewer_inputs_repeat_their_bits() -> None:
    (lut,) = read("gowin", {"a": cell("LUT2", "", {"INIT": "0110"}, I0=[3], I1=[4], F=[5])}).values()
    assert (lut["type"], lut["parameters"]["INIT"]) == ("LUT4", "0110" * 4)


def test_block_memories_of_ecp5_take_levels_from_their_multiplexers_and_keep_their_inverters() -> None:
    told = {"DATA_WIDTH_A": "1001", "CEAMUX": "CEA", "WEBMUX": "INV", "ADA0MUX": "1 ", "DIA3MUX": "0 ", "GSR": "OFF"}
    (block,) = read("ecp5", {"m": cell("DP16KD", "", told, CLKA=[3], DOA0=[4], CSA0=[], RSTA=[])}).values()
    pins = block["connections"]
    assert [pins[name] for name in ("CLKA", "CEA", "WEB", "ADA0")] == [[3], ["1"], ["1"], ["1"]]
    assert [pins[name] for name in ("ADA1", "DIA3")] == [["0"], ["0"]]
    assert block["parameters"] == {"DATA_WIDTH_A": "1001", "CEAMUX": "CEA", "WEBMUX": "INV"}
    assert "CSA0" not in pins


def test_registers_in_blocks_are_refused() -> None:
    with pytest.raises(Unsupported, match="REGMODE_A OUTREG"):
        read("ecp5", {"m": cell("DP16KD", "", {"REGMODE_A": "OUTREG"})})
    with pytest.raises(Unsupported, match="REG_OUTPUT_CLK of a product"):
        read("ecp5", {"m": cell("MULT18X18D", "", {"REG_OUTPUT_CLK": "CLK0"})})


def test_a_cell_without_a_model_is_refused_by_name() -> None:
    with pytest.raises(Unsupported, match="no model of USRMCLK"):
        read("ecp5", {"a": cell("USRMCLK")})
    with pytest.raises(Unsupported, match="an asynchronous reset"):
        read("ecp5", {"a": cell("TRELLIS_FF", "", {"SRMODE": "ASYNC"})})
    with pytest.raises(Unsupported, match="ALU_MODE 9"):
        read("gowin", {"a": cell("ALU", "", {"ALU_MODE": "1001"})})
    with pytest.raises(Unsupported, match="family 'xcup'"):
        read("xcup", {})


@pytest.mark.parametrize("text", ["", "{}", '{"modules": {"a": {}, "b": {}}}'])
def test_what_is_no_netlist_is_an_error_of_the_tool(text: str) -> None:
    with pytest.raises(ToolFailed, match="no readable netlist"):
        plain_netlist(text, "mine", "ecp5")


@pytest.mark.parametrize("family", ["ecp5", "ice40up", "gowin"])
def test_a_layout_of_nextpnr_is_known_to_the_last_cell(family: str) -> None:
    made = json.loads(plain_netlist((ROUTED / f"mixed_{family}.json").read_text(), "mixed", family))["modules"]["mixed"]
    assert all(c["connections"] for c in made["cells"].values())
    assert set(made["ports"]) == {"clock", "x", "reset", "y"}
