"""Arrows between programs: frozen dataclasses that you call; each keeps what `run` gives."""

from bitwright.passes.absorb import Absorb
from bitwright.passes.accumulate import Accumulate
from bitwright.passes.canonical import Canonical
from bitwright.passes.collapse import Collapse
from bitwright.passes.compose import Compose
from bitwright.passes.contest import Contest
from bitwright.passes.merge import Merge
from bitwright.passes.prune import Prune
from bitwright.passes.reassociate import Reassociate
from bitwright.passes.recipe import ARGMAX, RECODING, STANDARD, apply, unrolled
from bitwright.passes.retime import Retime
from bitwright.passes.share import AdderGraph, Share
from bitwright.passes.synthesize import Synthesize
from bitwright.passes.tabulate import Tabulate

__all__ = [
    "ARGMAX",
    "RECODING",
    "STANDARD",
    "Absorb",
    "Accumulate",
    "AdderGraph",
    "Canonical",
    "Collapse",
    "Compose",
    "Contest",
    "Merge",
    "Prune",
    "Reassociate",
    "Retime",
    "Share",
    "Synthesize",
    "Tabulate",
    "apply",
    "unrolled",
]
