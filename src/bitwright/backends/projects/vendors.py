"""Projects for Quartus, Libero, Radiant and Diamond: a script each, beside the facts that it reads."""

from __future__ import annotations

import re

from bitwright.backends.projects.interface import Block
from bitwright.backends.projects.tcl import facts, library
from bitwright.core.errors import ConfigError

__all__ = ["diamond", "libero", "quartus", "radiant"]

_MICROCHIP = {"MPFS": "PolarFireSoC", "MPF": "PolarFire", "M2S": "SmartFusion2", "M2GL": "IGLOO2"}


_INTEL = {
    "5C": "Cyclone V", "5A": "Arria V", "5S": "Stratix V", "10CL": "Cyclone 10 LP", "10CX": "Cyclone 10 GX",
    "10A": "Arria 10", "10M": "MAX 10", "1S": "Stratix 10", "EP4CG": "Cyclone IV GX", "EP4C": "Cyclone IV E",
    "AG": "Agilex 7", "A5": "Agilex 5", "A3": "Agilex 3",
}  # fmt: skip
"""How parts begin, longer ones first where one begins another."""


def quartus(block: Block, part: str) -> dict[str, str]:
    """`projects/quartus/`: `run.tcl` for `quartus_sh` writes .qpf and .qsf and compiles.

    Raises `ConfigError` for a part of an unknown family.
    """
    family = next((name for start, name in _INTEL.items() if part.upper().startswith(start)), "")
    if not family:
        raise ConfigError(f"no part of Intel: {part!r}", where="projects", remedy="write quartus=5CSEBA6U23I7")
    return _folder(block, part, "quartus", f"set family {{{family}}}\n")


def radiant(block: Block, part: str) -> dict[str, str]:
    """`projects/radiant/`: `run.tcl` for `radiantc`."""
    return _folder(block, part, "radiant")


def diamond(block: Block, part: str) -> dict[str, str]:
    """`projects/diamond/`: `run.tcl` for `diamondc`."""
    return _folder(block, part, "diamond")


def libero(block: Block, part: str) -> dict[str, str]:
    """`projects/libero/`: `run.tcl` for `libero SCRIPT:`; the part is taken apart, as this tool wants it.

    Raises `ConfigError` for a part that is not written like MPF300T-1FCG1152I.
    """
    found = re.fullmatch(r"(?P<die>M\w+?)-(?P<speed>1|2|)(?P<package>[A-Z]+\d+)(?P<range>[EIMT]?)", part)
    family = next((name for start, name in _MICROCHIP.items() if part.startswith(start)), "")
    if found is None or not family:
        raise ConfigError(f"no part of Microchip: {part!r}", where="projects", remedy="write libero=MPF300T-1FCG1152I")
    ranges = {"": "COM", "E": "EXT", "I": "IND", "M": "MIL", "T": "TGrade2"}
    told = {
        "family": family, "die": found["die"], "package": found["package"],
        "speed": f"-{found['speed']}" if found["speed"] else "STD", "range": ranges[found["range"]],
    }  # fmt: skip
    return _folder(block, part, "libero", "".join(f"set {key} {value}\n" for key, value in told.items()))


def _folder(block: Block, part: str, tool: str, more: str = "") -> dict[str, str]:
    return {
        f"projects/{tool}/facts.tcl": facts(block, part) + more,
        f"projects/{tool}/arguments.tcl": library("arguments.tcl"),
        f"projects/{tool}/run.tcl": library(f"{tool}_run.tcl"),
    }
