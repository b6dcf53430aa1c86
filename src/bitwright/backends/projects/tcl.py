"""Tcl for the vendors' tools: static scripts of the library, and the design's facts that they read."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources

from bitwright.backends.projects.interface import Block, Top

__all__ = ["facts", "library", "words"]


def words(values: Sequence[str]) -> str:
    """A Tcl list of words without special characters.

    >>> words(["a.v", "b.v"])
    '{a.v b.v}'
    """
    return "{" + " ".join(values) + "}"


def facts(block: Block, part: str, tops: Sequence[Top] | None = None) -> str:
    """`facts.tcl`: name, part, clock, and for each module its files (paths from the build's folder)."""
    chosen = block.tops if tops is None else tops
    lines = [
        f"# {block.about}",
        f"set name {block.name}",
        f"set part {part}",
        f"set clock_mhz {block.clock_mhz:g}",
        f"set tops {words([top.module for top in chosen])}",
    ]
    for top in chosen:
        streams = top.buses if top.streams else []
        told = {"clock": top.clock, "reset": top.reset or "{}", "buses": words(streams)}
        told |= {"sources": words(top.sources), "images": words(top.images)}
        lines += [f"set {key}({top.module}) {value}" for key, value in told.items()]
    return "\n".join(lines) + "\n"


def library(name: str) -> str:
    """A static file, byte for byte."""
    return (resources.files(__package__ or "") / "library" / name).read_text(encoding="utf-8")
