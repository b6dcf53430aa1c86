"""External tools as functions: synthesis, simulation and lint, with typed results and clear errors.

Everything here works on Verilog files; nothing knows where they come from.
"""

from bitwright.toolchain.combine import Combined, combine
from bitwright.toolchain.families import FAMILIES, Counts, Family, has_sum_cells
from bitwright.toolchain.find import (
    Tool,
    ToolStatus,
    find_compiler,
    find_iverilog,
    find_make,
    find_verilator,
    find_vvp,
    find_yosys,
    survey,
)
from bitwright.toolchain.icarus import run_bench
from bitwright.toolchain.ports import Ports, word_count
from bitwright.toolchain.postsynthesis import mapped
from bitwright.toolchain.process import Completed, run
from bitwright.toolchain.prove import Miter, Proof, Verdict, prove
from bitwright.toolchain.simulate import Built, Simulation, build
from bitwright.toolchain.verilator import LintWarning, lint
from bitwright.toolchain.words import from_int, pack, to_int, unpack
from bitwright.toolchain.yosys import Synthesis, synthesize

__all__ = [
    "FAMILIES",
    "Built",
    "Combined",
    "Completed",
    "Counts",
    "Family",
    "LintWarning",
    "Miter",
    "Ports",
    "Proof",
    "Simulation",
    "Synthesis",
    "Tool",
    "ToolStatus",
    "Verdict",
    "build",
    "combine",
    "find_compiler",
    "find_iverilog",
    "find_make",
    "find_verilator",
    "find_vvp",
    "find_yosys",
    "from_int",
    "has_sum_cells",
    "lint",
    "mapped",
    "pack",
    "prove",
    "run",
    "run_bench",
    "survey",
    "synthesize",
    "to_int",
    "unpack",
    "word_count",
]
