"""Vivado without a project file: synthesis out of context, placement and routing, packaged IP."""

from __future__ import annotations

from bitwright.backends.projects.interface import Block
from bitwright.backends.projects.tcl import facts, library

__all__ = ["vivado"]


def vivado(block: Block, part: str) -> dict[str, str]:
    """`projects/vivado/`: `run.tcl` builds a module and reports, `package_ip.tcl` makes IP of one."""
    return {
        "projects/vivado/facts.tcl": facts(block, part),
        "projects/vivado/arguments.tcl": library("arguments.tcl"),
        "projects/vivado/run.tcl": library("vivado_run.tcl"),
        "projects/vivado/package_ip.tcl": library("vivado_package_ip.tcl"),
    }
