"""The VHDL wrapper: GHDL analyzes it, whatever the ports are called, and it reads like one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bitwright.backends.verilog import PortBits, vhdl_wrapper
from bitwright.ir.netlist.ops import Word
from bitwright.numeric import Steps


def _port(name: str, direction: str, *words: Word) -> PortBits:
    return PortBits(name, direction, (len(words),), words, Steps.of(1))  # type: ignore[arg-type]


PORTS = (
    _port("x", "input", Word(-8, 7), Word(0, 3)),
    _port("signal", "input", Word(0, 1)),
    _port("end_", "output", Word(-2, 1)),
)
TEXT = """\
-- written for a test
-- net for VHDL projects: compile it with the Verilog files beside it into one library.
-- A new sample in every clock cycle; its result stands at the outputs 3 clock cycles later.
-- Elements are in C order without gaps, element 0 in the lowest bits; see docs/ports.md.

library ieee;
use ieee.std_logic_1164.all;

entity net_vhdl is
    port (
        clk : in  std_logic;
        x   : in  std_logic_vector(5 downto 0);
        y   : out std_logic
    );
end entity net_vhdl;

architecture wrapper of net_vhdl is

    component net is
        port (
            clk : in  std_logic;
            x   : in  std_logic_vector(5 downto 0);
            y   : out std_logic
        );
    end component;

begin

    u_core : net
        port map (clk => clk, x => x, y => y);

end architecture wrapper;
"""


def test_the_wrapper_is_an_entity_around_a_component() -> None:
    ports = PORTS[0], _port("y", "output", Word(0, 1))
    assert vhdl_wrapper("net", ports, 3, valid=False, header="written for a test") == TEXT


@pytest.mark.tool("ghdl")
@pytest.mark.parametrize("valid", [False, True])
@pytest.mark.parametrize("top", ["net", "package", "net_"])
def test_ghdl_analyzes_it_with_reserved_words_as_names(tmp_path: Path, valid: bool, top: str) -> None:
    (tmp_path / "net.vhd").write_text(vhdl_wrapper(top, PORTS, 1, valid=valid))
    done = subprocess.run(["ghdl", "-a", "--std=93", "net.vhd"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
