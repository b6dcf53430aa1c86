"""QTools: the data types that a quantized network needs, and its energy.

Two rule sets ("2021", as in Nature Machine Intelligence 3, 675, and "latest") and two coverages: "compatible"
costs exactly what google/qkeras costs, "complete" also what it leaves at zero.
"""

from __future__ import annotations

from bitwright.cost.qtools.energy import INCLUDE, Energy, LayerEnergy, Memory, MemorySettings, energy, included
from bitwright.cost.qtools.mapping import WrongInputs, type_map
from bitwright.cost.qtools.processes import HOROWITZ, Process, process_of
from bitwright.cost.qtools.report import energy_table, operand_table, type_table
from bitwright.cost.qtools.roofline import Roofline, ace, output_bytes, roofline, weight_bytes
from bitwright.cost.qtools.rulesets import Coverage, RuleSet, coverage_of, named_operand, rules_of
from bitwright.cost.qtools.typed import LayerTypes, Settings, TypeMap, UnknownQuantizer

__all__ = [
    "HOROWITZ",
    "INCLUDE",
    "Coverage",
    "Energy",
    "LayerEnergy",
    "LayerTypes",
    "Memory",
    "MemorySettings",
    "Process",
    "Roofline",
    "RuleSet",
    "Settings",
    "TypeMap",
    "UnknownQuantizer",
    "WrongInputs",
    "ace",
    "coverage_of",
    "energy",
    "energy_table",
    "included",
    "named_operand",
    "operand_table",
    "output_bytes",
    "process_of",
    "roofline",
    "rules_of",
    "type_map",
    "type_table",
    "weight_bytes",
]
