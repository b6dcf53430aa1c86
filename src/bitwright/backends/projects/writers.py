"""All projects by name: who writes what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches

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

__all__ = ["COMMANDS", "PROJECTS", "checked_projects", "project_files", "project_record"]

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


def checked_projects(names: Sequence[str]) -> list[tuple[str, str]]:
    """Each project with the part that was asked for: `vivado`, or `vivado=xc7z020clg400-1`; "all" stands for all.

    >>> checked_projects(["vivado=xc7z020clg400-1"])
    [('vivado', 'xc7z020clg400-1')]
    """
    found: dict[str, str] = {}
    for told in names:
        name, _, part = told.partition("=")
        for each in PROJECTS if name == "all" else [name]:
            if each not in PROJECTS:
                near = get_close_matches(each, PROJECTS, 1) or [", ".join(PROJECTS)]
                raise ConfigError(f"unknown project {each!r}", where="projects", remedy=f"did you mean {near[0]}?")
            found[each] = part or found.get(each, "")
    return list(found.items())


def project_files(block: Block, names: Sequence[str]) -> dict[str, str]:
    """The files of the projects named; paths start at the build's folder.

    Raises `ConfigError` for a name that no project has, and for projects of streams where a design has none.
    """
    files: dict[str, str] = {}
    for name, part in checked_projects(names):
        files |= PROJECTS[name](block, part_of(name, block.device, part))
    return files


def project_record(block: Block, names: Sequence[str]) -> dict[str, dict[str, object]]:
    """For the manifest: each project with its part and commands."""
    record: dict[str, dict[str, object]] = {}
    for name, part in checked_projects(names):
        words = {"name": block.name, "simulation": f"sim_{block.tops[-1].module}"}
        commands = [command.format(**words) for command in COMMANDS.get(name, ())]
        record[name] = {"part": part_of(name, block.device, part), "commands": commands}
    return record
