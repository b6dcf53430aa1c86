"""Formal equivalence of combinational Verilog: two modules with equal ports, output by output, by yosys's SAT solver.

Flip-flops of both sides become wires first, so that a pipeline of fixed latency is compared as the
function that it computes; Xilinx cells are what yosys's models of them say. A verdict is final or honest:
proved for every input within the ranges, refuted with an input that shows it, or undecided within the time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from bitwright.core.errors import ToolFailed, ToolTimeout
from bitwright.core.progress import Progress
from bitwright.toolchain.find import Tool, find_yosys
from bitwright.toolchain.ports import Ports
from bitwright.toolchain.stage import checked_name, read_sources, scratch, stage, storing
from bitwright.toolchain.yosys import run_yosys

__all__ = ["Miter", "Proof", "Verdict", "alike", "prove", "prove_all"]

_READ_S = 60.0
_WIRES = """(* techmap_celltype = "$dff $dffe" *)
module bitwright_wire(CLK, EN, D, Q);
  parameter WIDTH = 1;
  parameter CLK_POLARITY = 1;
  parameter EN_POLARITY = 1;
  input CLK, EN;
  input [WIDTH-1:0] D;
  output [WIDTH-1:0] Q;
  assign Q = D;
endmodule
"""


class Verdict(Enum):
    """What a proof attempt ended with."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Proof:
    """One output: equal for all inputs, or an input on which the two differ, or neither within `limit_s`.

    `inputs` is the counterexample by input port; `reference` and `candidate` are what the two answer to
    it. All are bit patterns (unsigned).
    """

    output: str
    verdict: Verdict
    limit_s: float
    tool: str
    version: str
    inputs: Mapping[str, int] = field(default_factory=dict[str, int])
    reference: int | None = None
    candidate: int | None = None


@dataclass(frozen=True, slots=True)
class Miter:
    """Two modules with the ports of `ports` (a clock, if named, drives the candidate alone).

    `ranges` (input name to lowest and highest value, as signed numbers) are the assumptions, and `assume`:
    Verilog conditions on the inputs.
    """

    reference: str
    candidate: str
    ports: Ports
    ranges: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    assume: tuple[str, ...] = ()

    def text(self, name: str) -> str:
        """A module whose output `differ_<y>` is 1 where the sides differ at `y` within the ranges."""
        outputs = self.ports.outputs
        heads = [f"  input wire signed [{w - 1}:0] {n}" for n, w in self.ports.inputs]
        heads += [f"  output wire differ_{n}" for n, _ in outputs]
        wires = [f"  wire [{w - 1}:0] {side}_{n};" for side in ("reference", "candidate") for n, w in outputs]
        bounds = [self._inside(n, w) for n, w in self.ports.inputs if n in self.ranges]
        valid = " & ".join(filter(None, (*bounds, *self.assume))) or "1'b1"
        differ = [f"  assign differ_{n} = valid & (reference_{n} != candidate_{n});" for n, _ in outputs]
        sides = [self._side("reference", self.reference, ""), self._side("candidate", self.candidate, self.ports.clock)]
        head = f"module {name} (\n" + ",\n".join(heads) + "\n);"
        return "\n".join([head, *wires, f"  wire valid = {valid};", *sides, *differ, "endmodule", ""])

    def _inside(self, name: str, width: int) -> str:
        low, high = self.ranges[name]
        checks: list[str] = []
        if low > -1 << (width - 1):
            checks.append(f"({name} >= {_number(low)})")
        if high < (1 << (width - 1)) - 1:
            checks.append(f"({name} <= {_number(high)})")
        return " & ".join(checks)

    def _side(self, side: str, module: str, clock: str) -> str:
        pins = [f".{n}({n})" for n, _ in self.ports.inputs] + [f".{n}({side}_{n})" for n, _ in self.ports.outputs]
        pins += [f".{clock}(1'b0)"] if clock else []
        return f"  {checked_name(module, 'module')} side_{side} ({', '.join(pins)});"


def _number(value: int) -> str:
    width = value.bit_length() + 2
    return f"-{width}'sd{-value}" if value < 0 else f"{width}'sd{value}"


def prove(
    sources: Sequence[Path], miter: Miter, *, workdir: Path, timeout_s: float = 10.0,
    tool: Tool | None = None, progress: Progress | None = None,
) -> tuple[Proof, ...]:  # fmt: skip
    """Whether the two modules of `miter` agree at every output: a `Proof` per output, in order.

    `sources` hold both; `timeout_s` is the limit of each output. Raises `ToolMissing`, `ToolFailed` (the
    Verilog cannot be read, or is not combinational once its flip-flops are wires) and `StorageError`.
    """
    return prove_all(sources, [miter], workdir=workdir, timeout_s=timeout_s, tool=tool, progress=progress)[0]


def prove_all(
    sources: Sequence[Path], miters: Sequence[Miter], *, workdir: Path, timeout_s: float = 10.0,
    tool: Tool | None = None, progress: Progress | None = None,
) -> list[tuple[Proof, ...]]:  # fmt: skip
    """`prove` for many pairs of modules out of the same sources, in one run of yosys."""
    contents = read_sources(sources)
    jobs = [(number, output) for number, miter in enumerate(miters) for output, _ in miter.ports.outputs]
    with scratch(workdir, "proof") as folder:
        staged = stage(contents, folder)
        with storing(folder):
            (folder / "bitwright_wires.v").write_text(_WIRES)
            for number, miter in enumerate(miters):
                (folder / f"bitwright_miter_{number}.v").write_text(miter.text(f"bitwright_miter_{number}"))
        cells = any(b"LUT6_2" in content for content in contents.values())
        script = _script(staged.verilog, miters, timeout_s, cells)
        used, late = _solved(script, folder, _READ_S + 1.5 * timeout_s * len(jobs) + 5, tool, progress)
        logs = {job: _log(folder / _name(*job), late) for job in jobs}
    found = {
        (number, output): _proof(miters[number], output, logs[number, output], timeout_s, used)
        for number, output in jobs
    }
    return [tuple(found[number, name] for name, _ in miter.ports.outputs) for number, miter in enumerate(miters)]


def alike(
    sources: Sequence[Path], reference: str, candidate: str, *, workdir: Path, timeout_s: float = 60.0,
    tool: Tool | None = None,
) -> bool:  # fmt: skip
    """Whether two modules with equal ports are proved equal net by net: a chain of many easy proofs.

    Nets of one name (that of a flattened instance has its instance's name and a dot before it) are compared
    given that all others are right, which closes over the whole (yosys's `equiv_simple`). False: not proved.
    `bw_sum` counts as its plain form. Raises `ToolMissing`, `ToolFailed`, `StorageError`.
    """
    contents = read_sources(sources)
    with scratch(workdir, "alike") as folder:
        staged = stage(contents, folder)
        with storing(folder):
            (folder / "bitwright_wires.v").write_text(_WIRES)
        lines = [*(f"read_verilog -nosynthesis {name}" for name in staged.verilog), "design -save sources"]
        for name, top in (("gate", candidate), ("gold", reference)):
            lines += ["design -load sources", f"hierarchy -check -top {top}", "proc", "flatten", "memory"]
            lines += ["techmap -map bitwright_wires.v", "opt_clean", f"rename -top {name}", f"design -stash {name}"]
        lines += [f"design -copy-from {name} -as {name} {name}" for name in ("gate", "gold")]
        lines += ["equiv_make gold gate equiv", "hierarchy -top equiv", "opt -full", "wreduce", "equiv_simple -short"]
        lines += ["tee -q -o status.log equiv_status", ""]
        try:
            run_yosys("\n".join(lines), folder, timeout_s, tool=tool, note="prove by parts")
        except ToolTimeout:
            return False
        return "Equivalence successfully proven!" in _log(folder / "status.log", late=False)


def _name(number: int, output: str) -> str:
    return f"proof_{number}_{output}.log"


def _script(verilog: Sequence[str], miters: Sequence[Miter], timeout_s: float, cells: bool) -> str:
    lines = ["read_verilog -nosynthesis +/xilinx/cells_sim.v"] if cells else []
    lines += [f"read_verilog {'-sv ' if name.endswith('.sv') else ''}{name}" for name in verilog]
    lines.append("design -save sources")
    for number, miter in enumerate(miters):
        top = f"bitwright_miter_{number}"
        lines += [
            "design -load sources", f"read_verilog {top}.v", f"hierarchy -check -top {top}", "proc",
            "flatten", "memory", "techmap -map bitwright_wires.v", "opt -full", "check -assert", "wreduce", "opt_clean",
        ]  # fmt: skip
        for output, _ in miter.ports.outputs:
            cone = f"w:differ_{output} %ci* w:reference_{output} w:candidate_{output}"
            shows = f"-show-inputs -show reference_{output} -show candidate_{output}"
            limit = max(round(timeout_s), 1)
            lines += [
                f"tee -q -o {_name(number, output)} sat -timeout {limit} {shows} "
                f"-prove differ_{output} 0 {cone}"
            ]
    return "\n".join([*lines, ""])


def _solved(
    script: str, folder: Path, limit_s: float, tool: Tool | None, progress: Progress | None
) -> tuple[Tool, bool]:
    """The tool, and whether it was ended before its last proof (the WebAssembly build knows no alarm)."""
    used = tool or find_yosys()
    try:
        run_yosys(script, folder, limit_s, tool=used, progress=progress, note="prove")
    except ToolTimeout:
        return used, True
    return used, False


def _log(path: Path, late: bool) -> str:
    try:
        return path.read_text()
    except OSError as error:
        if late:
            return ""
        remedy = "use yosys 0.23 or newer"
        raise ToolFailed("left no proof log", where="yosys", why=str(error), remedy=remedy) from error


def _proof(miter: Miter, output: str, log: str, limit_s: float, tool: Tool) -> Proof:
    facts = (limit_s, tool.name, tool.version)
    if "no model found: SUCCESS" in log:
        return Proof(output, Verdict.PROVED, *facts)
    if "model found: FAIL" not in log:
        return Proof(output, Verdict.UNDECIDED, *facts)
    shown = _shown(log)
    names = [name for name, _ in miter.ports.inputs]
    missing = [n for n in (f"reference_{output}", f"candidate_{output}") if n not in shown]
    if missing:
        raise ToolFailed(f"its counterexample lacks {missing[0]}", where="yosys", remedy="use yosys 0.23 or newer")
    inputs = {name: shown.get(name, 0) for name in names}
    return Proof(
        output, Verdict.REFUTED, *facts, inputs, shown[f"reference_{output}"], shown[f"candidate_{output}"]
    )  # fmt: skip


def _shown(log: str) -> dict[str, int]:
    """Signal name to value from yosys's table; x bits (they do not matter) read as 0."""
    rows = re.findall(r"^\s*\\(\S+)\s+\S+\s+\S+\s+([01x]+)\s*$", log, re.MULTILINE)
    return {name: int(bits.replace("x", "0"), 2) for name, bits in rows}
