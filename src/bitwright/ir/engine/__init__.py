"""The engine level: one machine, a program of instructions, regions of memory, constants."""

from bitwright.ir.engine.check import check
from bitwright.ir.engine.cycles import Cycles, cycles, steps
from bitwright.ir.engine.engine import Engine, Machine
from bitwright.ir.engine.run import execute, places, run
from bitwright.ir.engine.text import parse, show
from bitwright.ir.engine.types import Place, Region

__all__ = [
    "Cycles",
    "Engine",
    "Machine",
    "Place",
    "Region",
    "check",
    "cycles",
    "execute",
    "parse",
    "places",
    "run",
    "show",
    "steps",
]
