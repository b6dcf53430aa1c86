"""All projects by name: who writes what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from bitwright.backends.projects.baremetal import baremetal
from bitwright.backends.projects.cocotb import cocotb
from bitwright.backends.projects.fusesoc import fusesoc
from bitwright.backends.projects.interface import Block
from bitwright.backends.projects.ipxact import ipxact
from bitwright.backends.projects.parts import part_of
from bitwright.backends.projects.pynq import pynq
from bitwright.backends.projects.vendors import diamond, libero, quartus, radiant
from bitwright.backends.projects.vitis import vitis
from bitwright.backends.projects.vivado import vivado
from bitwright.core.errors import ConfigError

__all__ = ["COMMANDS", "PROJECTS", "Wanted", "checked_projects", "project_files"]

Writer = Callable[[Block, str], dict[str, str]]

PROJECTS: Mapping[str, Writer] = {
    "ipxact": ipxact,
    "vivado": vivado,
    "vitis": vitis,
    "fusesoc": fusesoc,
    "cocotb": cocotb,
    "pynq": pynq,
    "baremetal": baremetal,
    "quartus": quartus,
    "libero": libero,
    "radiant": radiant,
    "diamond": diamond,
}
"""Name to writer: from a block and a part to files by path."""

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "vivado": (
        "vivado -mode batch -source projects/vivado/run.tcl -tclargs route",
        "vivado -mode batch -source projects/vivado/package_ip.tcl",
    ),
    "vitis": ("vivado -mode batch -source projects/vitis/package_xo.tcl",),
    "pynq": ("vivado -mode batch -source projects/pynq/overlay.tcl -tclargs build",),
    "baremetal": ("cc -std=c99 projects/baremetal/main.c projects/baremetal/bw_network.c",),
    "fusesoc": ("fusesoc --cores-root . run --target {simulation} bitwright:networks:{name}",),
    "cocotb": ("make -f projects/cocotb/Makefile",),
    "quartus": ("quartus_sh -t projects/quartus/run.tcl compile",),
    "libero": ('libero SCRIPT:projects/libero/run.tcl "SCRIPT_ARGS:build"',),
    "radiant": ("radiantc projects/radiant/run.tcl build",),
    "diamond": ("diamondc projects/diamond/run.tcl build",),
}
"""What is called in the build's folder to make use of a project; those without are read by other tools."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A project that was asked for: with which part ("": its own choice), and whether by name or among all."""

    name: str
    part: str
    by_name: bool


def checked_projects(names: Sequence[str]) -> list[Wanted]:
    """Each project with the part that was asked for: `vivado`, or `vivado=xc7z020clg400-1`; "all" stands for all.

    Raises `ConfigError` for a name that no project has.

    >>> checked_projects(["vivado=xc7z020clg400-1"])
    [Wanted(name='vivado', part='xc7z020clg400-1', by_name=True)]
    """
    found: dict[str, Wanted] = {}
    for told in names:
        name, _, part = told.partition("=")
        for each in PROJECTS if name == "all" else [name]:
            if each not in PROJECTS:
                near = get_close_matches(each, PROJECTS, 1) or [", ".join(PROJECTS)]
                raise ConfigError(f"unknown project {each!r}", where="projects", remedy=f"did you mean {near[0]}?")
            before = found.get(each, Wanted(each, "", False))
            found[each] = Wanted(each, part or before.part, before.by_name or name != "all")
    return list(found.values())


def project_files(block: Block, names: Sequence[str]) -> tuple[dict[str, str], dict[str, Any]]:
    """The files of the projects named (paths start at the build's folder), and what the manifest says of each.

    A project that a design cannot have is refused where it was named, and left out with the reason told where "all"
    were asked for. Raises `ConfigError`.
    """
    files: dict[str, str] = {}
    record: dict[str, Any] = {}
    for wanted in checked_projects(names):
        part = part_of(wanted.name, block.device, wanted.part)
        try:
            files |= PROJECTS[wanted.name](block, part)
        except ConfigError as error:
            if wanted.by_name:
                raise
            record[wanted.name] = {"left_out": f"{error.what} ({error.why})" if error.why else error.what}
            continue
        words = {"name": block.name, "simulation": f"sim_{block.tops[-1].module}"}
        commands = [command.format(**words) for command in COMMANDS.get(wanted.name, ())]
        record[wanted.name] = {"part": part, "commands": commands}
    return files, record
