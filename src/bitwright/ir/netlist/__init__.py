"""The netlist level: add, subtract, shift, clip, compare, select, table, register on single words."""

from bitwright.ir.netlist.check import check
from bitwright.ir.netlist.infer import infer
from bitwright.ir.netlist.machine import instruction, machine_of
from bitwright.ir.netlist.netlist import Netlist, NetlistBuilder, Port, latency_cycles, stages
from bitwright.ir.netlist.ops import Word
from bitwright.ir.netlist.run import evaluate, evaluated, run, trace
from bitwright.ir.netlist.text import parse, show

__all__ = [
    "Netlist",
    "NetlistBuilder",
    "Port",
    "Word",
    "check",
    "evaluate",
    "evaluated",
    "infer",
    "instruction",
    "latency_cycles",
    "machine_of",
    "parse",
    "run",
    "show",
    "stages",
    "trace",
]
