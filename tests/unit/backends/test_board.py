"""Boards: clocks that the PLLs can make, constraints that name each pin, and tops that read as they should."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitwright.backends.verilog.board import Network, Pll, board_top, constraints, pll_for
from bitwright.backends.verilog.board.wires import LINKS
from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.flow.bitstreams import open_boards
from bitwright.platforms import Io, board
from bitwright.toolchain.parts import part_of

NETWORK = Network("net_axis", "s_axis", 5, 1, "m_axis", 2, 3)


def named(pll: Pll) -> dict[str, object]:
    return {name: getattr(value, "value", value) for name, value in pll.parameters}


def test_ice40_dividers_are_those_of_icepll() -> None:
    """`icepll -i 12 -o 24` says DIVR 0, DIVF 63, DIVQ 5, FILTER_RANGE 1; for 48 MHz DIVQ is 4."""
    for wanted, power in ((24, 5), (48, 4)):
        found = pll_for("ice40", 12, wanted)
        assert found is not None
        parameters = named(found)
        assert [parameters[k] for k in ("DIVR", "DIVF", "DIVQ", "FILTER_RANGE")] == [0, 63, power, 1]
        assert found.cell == "SB_PLL40_CORE"
    assert getattr(pll_for("ice40up", 12, 24, pad=True), "cell", "") == "SB_PLL40_PAD"


def test_ecp5_dividers_are_those_of_ecppll() -> None:
    """`ecppll -i 25 -o 50` says CLKI_DIV 1, CLKFB_DIV 2, CLKOP_DIV 12: an oscillator of 600 MHz."""
    found = pll_for("ecp5", 25, 50)
    assert found is not None
    assert [named(found)[k] for k in ("CLKI_DIV", "CLKFB_DIV", "CLKOP_DIV")] == [1, 2, 12]


def test_gowin_dividers_multiply_by_one_more_than_they_say() -> None:
    """Sipeed's example for the Tang Nano 9K: 27 MHz to 54 MHz by IDIV_SEL 0, FBDIV_SEL 1."""
    found = pll_for("gowin", 27, 54)
    assert found is not None
    assert [named(found)[k] for k in ("IDIV_SEL", "FBDIV_SEL", "FCLKIN")] == [0, 1, "27"]
    assert 500 <= 54 * int(str(named(found)["ODIV_SEL"])) <= 1200


@settings(max_examples=20)
@given(st.sampled_from([("ecp5", 25), ("ice40", 12), ("gowin", 27)]), st.integers(27, 270))
def test_a_clock_is_never_faster_than_asked_for_and_its_dividers_make_it(part: tuple[str, int], wanted: int) -> None:
    family, source = part
    found = pll_for(family, source, wanted)
    made = Fraction(source) if found is None else found.clock_mhz
    assert wanted * Fraction(2, 3) <= made <= wanted
    if found is None:
        return
    told = {k: int(str(v)) for k, v in named(found).items() if str(v).isdigit()}
    ratios = {
        "EHXPLLL": lambda: Fraction(told["CLKFB_DIV"], told["CLKI_DIV"]),
        "SB_PLL40_CORE": lambda: Fraction(told["DIVF"] + 1, (told["DIVR"] + 1) * 2 ** told["DIVQ"]),
        "rPLL": lambda: Fraction(told["FBDIV_SEL"] + 1, told["IDIV_SEL"] + 1),
    }
    assert source * ratios[found.cell]() == made


def test_the_oscillator_serves_where_it_is_the_clock_and_too_slow_a_clock_is_refused() -> None:
    assert pll_for("ecp5", 25, 25) is None
    assert pll_for("ice40", 12, 14) is None
    with pytest.raises(InvalidValue, match="as slow as 2 MHz"):
        pll_for("ecp5", 25, 2)
    with pytest.raises(InvalidValue, match="no PLL for 'xc7'"):
        pll_for("xc7", 100, 200)


def wired() -> list[tuple[str, str]]:
    """Boards with their links."""
    return [(name, link) for name in open_boards() for link in LINKS if link == "uart" or board(name).io.spi]  # type: ignore[union-attr]


@pytest.mark.parametrize(("name", "link"), wired())
def test_constraints_name_every_port_of_the_top(name: str, link: str, golden: Callable[[str, str], None]) -> None:
    found = board(name)
    family = part_of(found.device.name).family
    assert found.io is not None
    made = constraints(family, found.io, link)
    top = board_top(NETWORK, found.io, family, wanted_mhz=found.clock_mhz, identity="00000000000000ff", link=link)
    text = top.files[f"rtl/{top.top}.v"]
    ports = re.findall(r"(?:in|out)put +wire (\w+)", text)
    wires = {w.port for w in top.wires}
    assert wires == (
        {"uart_rx", "uart_tx"} if link == "uart" else {f"spi_{p}" for p in ("sclk", "cs_n", "mosi", "miso")}
    )
    assert {"clock", *wires} <= set(ports) <= {"clock", *wires, "reset", "led"}
    assert f"bw_{link}_link" in text
    for pin in ports:
        assert f" {pin} " in made.text or f'"{pin}"' in made.text
    assert len(sites := re.findall(r'(?:SITE |set_io (?:-pullup yes )?\w+ |IO_LOC "\w+" )"?(\w+)', made.text)) == len(
        {*sites}
    )
    golden(f"board/{name}{'_spi' * (link == 'spi')}.{made.suffix}", made.text)
    assert abs(top.baud / (found.io.baud if link == "uart" else top.clock_mhz * 100_000) - 1) < Fraction(1, 50)


def test_a_top_reads_as_it_did_when_someone_last_looked(golden: Callable[[str, str], None]) -> None:
    io = board("icebreaker").io
    assert io is not None
    told = {"wanted_mhz": 24, "identity": "0123456789abcdef", "baud": 1_000_000, "header": "A test."}
    made = board_top(NETWORK, io, "ice40up", **told)
    golden("board/net_axis_board.v", made.files["rtl/net_axis_board.v"])
    assert made.divisor == 24
    assert {f"rtl/{part}.v" for part in ("bw_uart_link", "bw_link", "bw_crc16", "bw_board_reset")} <= set(made.files)


def test_a_rate_that_the_clock_cannot_keep_is_refused_with_the_cycles_of_a_bit() -> None:
    io = Io("A1", 12, "A2", "A3", "a test")
    for baud, words in ((3_000_000, "4.00 cycles"), (1_400_000, "8.57 cycles")):
        with pytest.raises(InvalidValue, match=words):
            board_top(NETWORK, io, "ice40", wanted_mhz=12, identity="0", baud=baud)


def test_a_clock_of_spi_that_is_too_fast_and_a_board_without_pins_for_it_are_refused() -> None:
    io = board("icebreaker").io
    assert io is not None
    told: dict[str, Any] = {"wanted_mhz": 24, "identity": "0", "link": "spi"}
    assert board_top(NETWORK, io, "ice40up", **told, baud=1_000_000).divisor == 24
    with pytest.raises(InvalidValue, match="a bit takes 10 cycles") as caught:
        board_top(NETWORK, io, "ice40up", **told, baud=3_000_000)
    assert caught.value.remedy == "2400000 Hz"
    with pytest.raises(ConfigError, match="no pins are chosen for SPI"):
        constraints("ice40", Io("A1", 12, "A2", "A3", "a test"), "spi")
    with pytest.raises(ConfigError, match="one of uart, spi"):
        constraints("ice40", io, "usb")


def test_constraints_of_a_family_without_open_tools_are_refused() -> None:
    with pytest.raises(InvalidValue, match="no constraints for 'xcup'"):
        constraints("xcup", Io("A1", 12, "A2", "A3", "a test"))
