"""An HLS project: header, source, a test bench with golden vectors, and the scripts of the vendor's tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import resources

from bitwright.backends.cpp.dialects import Dialect, dialect
from bitwright.backends.cpp.folded import folded_design
from bitwright.backends.cpp.printer import printed, remark
from bitwright.backends.cpp.tree import Line
from bitwright.backends.cpp.unrolled import Bus, Unrolled, unrolled_design
from bitwright.core.errors import InvalidValue
from bitwright.core.naming import identifier
from bitwright.ir.graph import Graph
from bitwright.ir.netlist import Netlist
from bitwright.numeric import IntArray

__all__ = [
    "HlsFiles",
    "Target",
    "Vectors",
    "commands",
    "folded_project",
    "golden",
    "hls_project",
    "library",
    "parallel_project",
    "scripts",
]

Vectors = tuple[Sequence[IntArray], Sequence[IntArray]]
"""Golden codes in and out: int64 (n, *shape) per port."""


@dataclass(frozen=True)
class Target:
    """What the scripts name: vendor, part and clock, and clock cycles from one sample to the next."""

    vendor: str = "vitis"
    part: str = "xcvu9p"
    clock_mhz: float = 200.0
    initiation_cycles: int = 1


@dataclass(frozen=True)
class HlsFiles:
    """The emitted files by name, and the top function."""

    top: str
    vendor: str
    files: dict[str, str]


def parallel_project(
    netlist: Netlist, target: Target, *, name: str = "", vectors: Vectors | None = None, header: str = ""
) -> HlsFiles:
    """The project of an unrolled network: straight-line expressions, one function per layer.

    `netlist` without registers (the HLS compiler places its own). `vectors`: golden codes for the bench.
    """
    label = identifier(name or netlist.name)
    design = unrolled_design(netlist, label, dialect(target.vendor), target.initiation_cycles)
    return hls_project(design, label, target, vectors, header)


def folded_project(
    graph: Graph, target: Target, *, reuse: int | Mapping[str, int] = 1, name: str = "", vectors: Vectors | None = None,
    header: str = "",
) -> HlsFiles:  # fmt: skip
    """The project of a graph with loops; `reuse`: how often a multiplier works for one sample, by layer or for all."""
    label = identifier(name or graph.name)
    design = folded_design(graph, label, dialect(target.vendor), reuse)
    made = hls_project(design, label, target, vectors, header)
    source = made.files[f"{label}.cpp"].replace("detail::", "bw_hls::")
    return replace(made, files=made.files | {f"{label}.cpp": source})


def library(name: str) -> str:
    """A file of the library."""
    return (resources.files(__package__ or "") / "library" / name).read_text(encoding="utf-8")


def hls_project(design: Unrolled, name: str, target: Target, vectors: Vectors | None, header: str = "") -> HlsFiles:
    """`<name>.h`, `<name>.cpp`; with `vectors` the bench, its data and the tool's scripts."""
    words = dialect(target.vendor)
    top = f"// {remark(header) or name}\n"
    files = {f"{name}.h": top + _header(design, name, words), f"{name}.cpp": top + _source(design, name)}
    files |= {file: library(file) for file in design.includes}
    if vectors is not None:
        files |= _bench(design, name, vectors)
        files |= scripts(name, target, words)
    return HlsFiles(name, target.vendor, files)


def _parameters(design: Unrolled) -> str:
    inputs = [b.declared(const=True) for b in design.inputs]
    return ", ".join([*inputs, *(b.declared(const=False) for b in design.outputs)])


def _header(design: Unrolled, name: str, words: Dialect) -> str:
    guard = f"{name.upper()}_H"
    result = words.top.removeprefix("component ")
    return (
        f"#ifndef {guard}\n#define {guard}\n\n{words.include}\n\n"
        + printed([Line(f"{result} {name}({_parameters(design)});")])
        + "\n#endif\n"
    )


def _source(design: Unrolled, name: str) -> str:
    includes = "".join(f'#include "{file}"\n' for file in design.includes[-1:])
    return f'#include "{name}.h"\n{includes}\n' + printed([*design.items, design.top])


def _bench(design: Unrolled, name: str, vectors: Vectors) -> dict[str, str]:
    text = library("bench.cpp")
    given, wanted = (_loops(name, side, read) for side, read in ((design.inputs, "in"), (design.outputs, "out")))
    arrays = [f"static {b.type} {b.name}[{b.size}];" for b in (*design.inputs, *design.outputs)]
    call = f"{name}({', '.join(b.name for b in (*design.inputs, *design.outputs))});"
    filled = (
        text.replace("@NAME@", name)
        .replace("@ARRAYS@", "\n  ".join(arrays))
        .replace("@READ@", "\n    ".join(given))
        .replace("@CALL@", call)
        .replace("@CHECK@", "\n    ".join(wanted))
    )
    return {f"{name}_tb.cpp": filled, **golden(name, vectors)}


def _loops(name: str, buses: Sequence[Bus], side: str) -> list[str]:
    """Statements that read a sample's inputs, or compare its outputs."""
    if side == "in":
        return [f"for (int i = 0; i < {b.size}; ++i) {b.name}[i] = {name}_next(in);" for b in buses]
    return [f"for (int i = 0; i < {b.size}; ++i) bad += {name}_next(out) != {name}_number({b.name}[i]);" for b in buses]


def golden(name: str, vectors: Vectors) -> dict[str, str]:
    """The data files of a bench; raises `InvalidValue` without vectors."""
    counts = {len(a) for side in vectors for a in side}
    if len(counts) != 1 or 0 in counts:
        raise InvalidValue(f"arrays of {sorted(counts)} vectors", where=name, remedy="give one golden vector at least")
    return {f"{name}_{tail}.dat": _data(side) for tail, side in zip(("in", "out"), vectors, strict=True)}


def _data(arrays: Sequence[IntArray]) -> str:
    """A line per sample."""
    rows = zip(*(a.reshape(len(a), -1).tolist() for a in arrays), strict=True)
    return "\n".join(" ".join(str(v) for part in row for v in part) for row in rows) + "\n"


def scripts(name: str, target: Target, words: Dialect, directives: Sequence[str] = ()) -> dict[str, str]:
    """The script of the vendor's tool, with `directives` where it takes any; it cannot be run without the tool."""
    text = library(_SCRIPTS[words.name])
    fields = {
        "@DIRECTIVES@": "\n".join(directives),
        "@NAME@": name, "@PART@": target.part, "@PERIOD@": f"{1000 / target.clock_mhz:.4g}", "@TOOL@": words.tool,
    }  # fmt: skip
    for key, value in fields.items():
        text = text.replace(key, value)
    return {_SCRIPTS[words.name].removeprefix(f"{words.name}_"): text}


_SCRIPTS = {
    "vitis": "run_hls.tcl",
    "vivado": "run_hls.tcl",
    "catapult": "catapult_run.tcl",
    "intel": "intel_Makefile",
    "smarthls": "smarthls_Makefile",
}


def commands(vendor: str) -> tuple[str, ...]:
    """What the vendor's tool is called with, in the project's folder: C simulation, synthesis, cosimulation, export."""
    return _COMMANDS[dialect(vendor).name]


_COMMANDS = {
    "vitis": ("vitis_hls -f run_hls.tcl -tclargs csim csynth cosim export",),
    "vivado": ("vivado_hls -f run_hls.tcl -tclargs csim csynth cosim export",),
    "catapult": ("catapult -shell -file run.tcl",),
    "intel": ("make test", "make rtl"),
    "smarthls": ("shls sw_compile", "shls hw", "shls cosim"),
}
