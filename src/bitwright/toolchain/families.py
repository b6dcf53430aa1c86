"""FPGA families as yosys knows them: the command that maps to each, and what its cells cost.

Weights are per cell, in the unit of the vendor's capacity tables. Cells that match no pattern (inverters
that melt into LUTs, clock buffers, constants) cost nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from fractions import Fraction
from types import MappingProxyType

from bitwright.core.errors import ConfigError

__all__ = ["FAMILIES", "Counts", "Family", "family_of", "has_sum_cells"]

Weights = tuple[tuple[str, int | Fraction], ...]
_HALF = Fraction(1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Resources of a netlist.

    `luts` includes LUTs used as memory or shift register and, where a carry cell contains its LUTs
    (all but Xilinx), those; `srls` counts the shift registers among them. `carries` and `muxes` are
    cells. `brams` are the family's natural blocks (36 kbit on Xilinx: an 18 kbit memory is half of
    one), `dsps` its multiplier blocks; halves are rounded up over the sum.
    """

    luts: int = 0
    ffs: int = 0
    carries: int = 0
    dsps: int = 0
    brams: int = 0
    muxes: int = 0
    srls: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One target of yosys; `flat`, `hierarchical` and `no_srl` are the options that ask for that."""

    name: str
    command: str
    flat: str = ""
    hierarchical: str = "-noflatten"
    no_srl: str = ""
    luts: Weights
    ffs: Weights
    carries: Weights
    dsps: Weights = ()
    brams: Weights = ()
    muxes: Weights = ()
    srls: Weights = field(default=())

    def counts(self, cells: Mapping[str, int]) -> Counts:
        """The resources that `cells` (type to number) take.

        >>> FAMILIES["xcup"].counts({"LUT2": 3, "INV": 9, "SRL16E": 1, "RAMB18E2": 3})
        Counts(luts=4, ffs=0, carries=0, dsps=0, brams=2, muxes=0, srls=1)
        """
        return Counts(
            luts=_total(self.luts, cells),
            ffs=_total(self.ffs, cells),
            carries=_total(self.carries, cells),
            dsps=_total(self.dsps, cells),
            brams=_total(self.brams, cells),
            muxes=_total(self.muxes, cells),
            srls=_total(self.srls, cells),
        )


def _total(weights: Weights, cells: Mapping[str, int]) -> int:
    exact = sum(count * _weight(weights, kind) for kind, count in cells.items())
    return math.ceil(exact)


def _weight(weights: Weights, kind: str) -> int | Fraction:
    return next((weight for pattern, weight in weights if fnmatchcase(kind, pattern)), 0)


# Tables read better than formatted lists.
# fmt: off
def _xilinx(name: str) -> Family:
    return Family(
        name=name,
        command=f"synth_xilinx -family {name} -noiopad -noclkbuf",
        flat="-flatten",
        hierarchical="",
        no_srl="-nosrl",
        # Memories in LUTs: Xilinx UG574 table 5-1 (LUTs per primitive).
        luts=(
            ("LUT[1-6]", 1), ("LUT6_2", 1), ("SRL16E", 1), ("SRLC16E", 1), ("SRLC32E", 1),
            ("RAM32X1D*", 2), ("RAM64X1D*", 2), ("RAM128X1D*", 4), ("RAM256X1D*", 8),
            ("RAM32X1S*", 1), ("RAM64X1S*", 1), ("RAM128X1S*", 2), ("RAM256X1S*", 4), ("RAM512X1S*", 8),
            ("RAM32M16", 8), ("RAM64M8", 8), ("RAM32M", 4), ("RAM64M", 4), ("RAM64X8SW", 8),
        ),
        ffs=(("FD[RSCP]E*", 1), ("LD[CP]E*", 1)),
        carries=(("CARRY4", 1), ("CARRY8", 1)),
        dsps=(("DSP48*", 1),),
        brams=(("RAMB36*", 1), ("RAMB18*", _HALF)),
        muxes=(("MUXF[789]", 1),),
        srls=(("SRL*", 1),),
    )


_LATTICE_MULTIPLIERS: Weights = (
    ("MULT*36X36*", 4), ("MULT*18X36*", 2), ("MULTADDSUB9X9WIDE", 2), ("MULT*18X18*", 1),
    ("MULT*9X9*", _HALF),
)  # fmt: skip

_ALL = (
    _xilinx("xc7"),
    _xilinx("xcu"),
    _xilinx("xcup"),
    Family(
        name="ecp5",
        command="synth_ecp5",
        # A distributed memory takes two slices for its bits and the LUTs of a third for its address.
        luts=(("LUT4", 1), ("CCU2C", 2), ("TRELLIS_DPR16X4", 6)),
        ffs=(("TRELLIS_FF", 1),),
        carries=(("CCU2C", 1),),
        dsps=_LATTICE_MULTIPLIERS,
        brams=(("DP16KD", 1), ("PDPW16KD", 1)),
        muxes=(("PFUMX", 1), ("L6MUX21", 1)),
    ),
    Family(
        name="ice40",
        command="synth_ice40 -device hx",
        luts=(("SB_LUT4", 1),),
        ffs=(("SB_DFF*", 1),),
        carries=(("SB_CARRY", 1),),
        brams=(("SB_RAM40_4K*", 1),),
    ),
    Family(
        name="ice40up",
        command="synth_ice40 -device u -dsp",
        luts=(("SB_LUT4", 1),),
        ffs=(("SB_DFF*", 1),),
        carries=(("SB_CARRY", 1),),
        dsps=(("SB_MAC16", 1),),
        brams=(("SB_RAM40_4K*", 1),),
    ),
    Family(
        name="gowin",
        command="synth_gowin -noiopads",
        luts=(
            ("LUT[1-4]", 1), ("ALU", 1),
            ("RAM16S1", 1), ("RAM16S2", 2), ("RAM16S4", 4), ("RAM16SDP[1-4]", 6),
        ),
        ffs=(("DFF*", 1),),
        carries=(("ALU", 1),),
        dsps=(("MULT18X18", 1), ("MULT9X9", _HALF), ("MULT36X36", 4), ("MULTALU*", 1), ("MULTADDALU*", 2)),
        brams=(("SP", 1), ("SPX9", 1), ("SDP*", 1), ("DPB", 1), ("DPX9B", 1), ("pROM*", 1)),
        muxes=(("MUX2*", 1),),
    ),
    Family(
        name="nexus",
        command="synth_nexus -noiopad",
        luts=(("LUT4", 1), ("CCU2", 2), ("WIDEFN9", 2), ("DPR16X4", 6)),
        ffs=(("FD1P3*", 1),),
        carries=(("CCU2", 1),),
        dsps=_LATTICE_MULTIPLIERS,
        brams=(("PDP*16K*", 1), ("DP16K*", 1)),
        muxes=(("WIDEFN9", 1),),
    ),
)
# fmt: on

FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for family in _ALL})


def family_of(name: str) -> Family:
    """The family called `name`; raises `ConfigError` with the known names."""
    if name not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise ConfigError(f"unknown family {name!r}", where="synthesis", remedy=f"one of {known}")
    return FAMILIES[name]


def has_sum_cells(family: str) -> bool:
    """Whether sums can be placed as LUT6_2 and CARRY4 cells of `family`.

    >>> has_sum_cells("xcup"), has_sum_cells("ecp5")
    (True, False)
    """
    return family_of(family).command.startswith("synth_xilinx")
