"""Projects: what drops a design into other tools and boards, written from its port table."""

from bitwright.backends.projects.constraints import constraint_files, constraints
from bitwright.backends.projects.golden import beats, golden_beats
from bitwright.backends.projects.interface import Block, Bus, Door, Lanes, Outside, Pin, Tensor, Top
from bitwright.backends.projects.table import ports_json, ports_page
from bitwright.backends.projects.wrapper import stream_wrapper
from bitwright.backends.projects.writers import PROJECTS, checked_projects, project_files

__all__ = [
    "PROJECTS",
    "Block",
    "Bus",
    "Door",
    "Lanes",
    "Outside",
    "Pin",
    "Tensor",
    "Top",
    "beats",
    "checked_projects",
    "constraint_files",
    "constraints",
    "golden_beats",
    "ports_json",
    "ports_page",
    "project_files",
    "stream_wrapper",
]
