"""The engine level: one machine, a program of instructions, regions of memory, constants."""

from bitwright.ir.engine.check import check
from bitwright.ir.engine.cycles import Cycles, cycles, frame_ends, steps
from bitwright.ir.engine.engine import Engine, Machine
from bitwright.ir.engine.external import addresses, ahead
from bitwright.ir.engine.run import execute, places, run
from bitwright.ir.engine.text import parse, show
from bitwright.ir.engine.types import External, Place, Region

__all__ = [
    "Cycles",
    "Engine",
    "External",
    "Machine",
    "Place",
    "Region",
    "addresses",
    "ahead",
    "check",
    "cycles",
    "execute",
    "frame_ends",
    "parse",
    "places",
    "run",
    "show",
    "steps",
]
