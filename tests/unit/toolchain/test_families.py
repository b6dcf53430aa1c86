"""What cells of each family count as."""

from __future__ import annotations

import pytest

from bitwright.core.errors import ConfigError
from bitwright.toolchain.families import FAMILIES, Counts, family_of


def _counts(luts: int, ffs: int, carries: int, muxes: int) -> Counts:
    return Counts(luts=luts, ffs=ffs, carries=carries, muxes=muxes)


@pytest.mark.parametrize(
    ("family", "cells", "expected"),
    [
        ("xcup", {"LUT1": 1, "LUT2": 2, "LUT6": 3, "INV": 50, "BUFG": 1}, Counts(luts=6)),
        ("xcup", {"FDRE": 4, "FDSE": 1, "FDCE": 1, "FDPE": 1, "LDCE": 1}, Counts(ffs=8)),
        ("xcup", {"CARRY4": 3, "CARRY8": 2}, Counts(carries=5)),
        ("xc7", {"DSP48E1": 2, "RAMB36E1": 3, "RAMB18E1": 1}, Counts(dsps=2, brams=4)),
        ("xcup", {"DSP48E2": 2, "RAMB36E2": 3, "RAMB18E2": 4}, Counts(dsps=2, brams=5)),
        ("xcup", {"MUXF7": 4, "MUXF8": 2}, Counts(muxes=6)),
        ("xcup", {"SRL16E": 1, "SRLC32E": 2}, Counts(luts=3, srls=3)),
        ("xcup", {"RAM32M": 1, "RAM64X1D": 1, "RAM64M8": 1}, Counts(luts=14)),
        ("ecp5", {"LUT4": 5, "CCU2C": 3, "TRELLIS_FF": 7, "PFUMX": 1}, _counts(11, 7, 3, 1)),
        ("ecp5", {"MULT18X18D": 1, "MULT9X9D": 3, "DP16KD": 2}, Counts(dsps=3, brams=2)),
        ("ice40", {"SB_LUT4": 5, "SB_CARRY": 3, "SB_DFFESR": 2, "SB_DFF": 1}, _counts(5, 3, 3, 0)),
        ("ice40up", {"SB_MAC16": 2, "SB_RAM40_4KNR": 1}, Counts(dsps=2, brams=1)),
        ("gowin", {"LUT4": 5, "ALU": 3, "DFFCE": 2, "MUX2_LUT5": 4}, _counts(8, 2, 3, 4)),
        ("gowin", {"MULT9X9": 1, "SPX9": 1, "GND": 1, "VCC": 1}, Counts(dsps=1, brams=1)),
        ("nexus", {"LUT4": 5, "CCU2": 3, "FD1P3IX": 2, "WIDEFN9": 1}, _counts(13, 2, 3, 1)),
        ("nexus", {"MULT18X18": 1, "MULTPREADD18X18": 1, "PDPSC16K": 1}, Counts(dsps=2, brams=1)),
    ],
)  # fmt: skip
def test_cells_count_in_the_units_of_the_vendors_tables(family: str, cells: dict[str, int], expected: Counts) -> None:
    assert FAMILIES[family].counts(cells) == expected


def test_counting_does_not_depend_on_how_many_families_know_a_cell() -> None:
    assert FAMILIES["ice40"].counts({"LUT6": 5, "DSP48E2": 1}) == Counts()


def test_an_unknown_family_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="try: one of xc7, xcu, xcup, ecp5, ice40, ice40up, gowin, nexus"):
        family_of("virtex")
