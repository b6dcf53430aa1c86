"""Place and route with nextpnr: the clock that a design reaches on a real chip, not a model of it.

A block has more bits at its edge than a chip has pins, and pins are slow. So it is placed between registers
of its own: its input bits are a shift register fed by one pin, its output bits are caught in flip-flops and
folded, four to one and a register behind every fold, into another pin. Every path of the block then lies
between flip-flops; the wrapper's own paths are a wire or a single LUT, and its cells are counted apart.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bitwright.core.errors import InvalidValue, ToolFailed
from bitwright.core.progress import Progress, Silent
from bitwright.toolchain.families import FAMILIES
from bitwright.toolchain.find import Tool, find_nextpnr, is_cold
from bitwright.toolchain.parts import Part, part_of
from bitwright.toolchain.ports import Ports
from bitwright.toolchain.process import Completed, Deadline, run
from bitwright.toolchain.stage import checked_name, read_sources, scratch, stage, storing
from bitwright.toolchain.sums import KEEP, LEARN
from bitwright.toolchain.yosys import run_yosys

__all__ = ["Routing", "bench_of", "place_and_route"]

_WRAPPER, _NETLIST, _REPORT, _PINS = "bw_between_registers", "netlist.json", "report.json", "pins.cst"
_FIRST_CALL_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """What nextpnr reached: `fmax_mhz` is the median over the seeds, `fmax_by_seed` holds each of them.

    `critical_path` are the steps of the slowest path of the median's seed, as (delay in ns, kind, where to).
    `used` counts the chip's cells, the wrapper's flip-flops and folds included (`wrapper_ffs`).
    """

    top: str
    device: str
    fmax_mhz: float
    fmax_by_seed: Mapping[int, float]
    critical_path: tuple[tuple[float, str, str], ...]
    used: Mapping[str, int]
    wrapper_ffs: int
    tool: str
    version: str
    synthesizer: str
    seconds: float


def place_and_route(
    sources: Sequence[Path],
    top: str,
    ports: Ports,
    *,
    workdir: Path,
    device: str = "lfe5u-45",
    seeds: Sequence[int] = (1, 2, 3),
    target_mhz: float = 400.0,
    needed_mhz: float = 0.0,
    timeout_s: float = 1800.0,
    progress: Progress | None = None,
) -> Routing:
    """Map, place and route `top` of the Verilog `sources` on `device`, once per seed, between registers.

    `target_mhz` is what the placer strives for: above what can be reached, so that it does its best. Missing it is
    no failure. No further seed is tried once more than half of them stay below `needed_mhz`: the median is that of the
    seeds tried then. Nothing stays in `workdir`.

    Raises `ToolMissing`, `ToolFailed`, `ToolTimeout`, `StorageError`, `ConfigError` (no open tool for the device).
    """
    part = part_of(device)
    if not ports.clock or not seeds:
        raise InvalidValue("no clock" if seeds else "no seeds", where=f"place and route of {top}", remedy="name one")
    checked_name(top, "top module")
    contents, deadline, listener = read_sources(sources), Deadline(timeout_s), progress or Silent()
    router = _warm(find_nextpnr(part.arch), listener)
    with scratch(workdir, "routing") as folder:
        staged = stage(contents, folder)
        with storing(folder):
            (folder / f"{_WRAPPER}.v").write_text(bench_of(top, ports))
            if part.pins:
                (folder / _PINS).write_text(_pins(part.pins))
        script = _script((*staged.verilog, f"{_WRAPPER}.v"), part)
        used, _ = run_yosys(script, folder, deadline.left_s, progress=progress, note=f"map {top} to {part.family}")
        reports: dict[int, dict[str, Any]] = {}
        for seed in seeds:
            listener.step(f"place and route {top} on {device}, seed {seed} ({router.name} {router.version})")
            done = _route(router, part, seed, target_mhz, folder, deadline)
            listener.done(f"{done.seconds:.1f} s")
            reports[seed] = _report(folder / _REPORT)
            if 2 * sum(_fmax(report) < needed_mhz for report in reports.values()) > len(seeds):
                break
    reached = {seed: _fmax(report) for seed, report in reports.items()}
    middle = statistics.median_low(reached.values())
    chosen = next(report for seed, report in reports.items() if reached[seed] == middle)
    return Routing(
        top=top,
        device=device,
        fmax_mhz=statistics.median(reached.values()),
        fmax_by_seed=reached,
        critical_path=_critical(chosen),
        used={kind: int(count["used"]) for kind, count in chosen["utilization"].items() if count["used"]},
        wrapper_ffs=_wrapper_ffs(ports),
        tool=router.name,
        version=router.version,
        synthesizer=f"{used.name} {used.version}",
        seconds=deadline.spent_s,
    )


def _warm(router: Tool, listener: Progress) -> Tool:
    """`router`, compiled where it is a WebAssembly build that never ran."""
    if is_cold(router):
        listener.step(f"compile {router.name} itself, once: this takes some minutes")
        done = run((*router.command, "--version"), Path.cwd(), _FIRST_CALL_S, name=router.name)
        listener.done(f"{done.seconds:.1f} s")
    return router


def bench_of(top: str, ports: Ports) -> str:
    """Verilog that holds `top` between a shift register and a registered fold of its outputs."""
    fed, seen = (sum(width for _, width in side) for side in (ports.inputs, ports.outputs))
    wires = [f".{ports.clock}(clk)"]
    for side, bus in ((ports.inputs, "fed"), (ports.outputs, "seen")):
        place = 0
        for name, width in side:
            wires.append(f".{name}({bus}[{place + width - 1}:{place}])")
            place += width
    lines = [
        f"module {_WRAPPER}(input wire clk, input wire in, output wire out);",
        f"  reg [{fed - 1}:0] fed;",
        f"  wire [{seen - 1}:0] seen;",
        f"  always @(posedge clk) fed <= {'in' if fed == 1 else f'{{fed[{fed - 2}:0], in}}'};",
        f"  {top} block({', '.join(wires)});",
        f"  reg [{seen - 1}:0] fold_0;",
        "  always @(posedge clk) fold_0 <= seen;",
    ]
    for level, width in enumerate(_folds(seen)[1:], 1):
        before = _folds(seen)[level - 1]
        lines.append(f"  reg [{width - 1}:0] fold_{level};")
        for place in range(width):
            high = min(4 * place + 3, before - 1)
            lines.append(f"  always @(posedge clk) fold_{level}[{place}] <= ^fold_{level - 1}[{high}:{4 * place}];")
    return "\n".join([*lines, f"  assign out = fold_{len(_folds(seen)) - 1}[0];", "endmodule", ""])


def _folds(width: int) -> list[int]:
    """The widths of the fold's registers, down to one bit."""
    found = [width]
    while found[-1] > 1:
        found.append(-(-found[-1] // 4))
    return found


def _wrapper_ffs(ports: Ports) -> int:
    return sum(width for _, width in ports.inputs) + sum(_folds(sum(width for _, width in ports.outputs)))


def _pins(pins: tuple[str, str, str]) -> str:
    return "".join(f'IO_LOC "{name}" {pin};\n' for name, pin in zip(("clk", "in", "out"), pins, strict=True))


def _script(verilog: Sequence[str], part: Part) -> str:
    reads = "\n".join(f"read_verilog {'-sv ' if name.endswith('.sv') else ''}{name}" for name in verilog)
    family = FAMILIES[part.family]
    words = " ".join(filter(None, (family.command.replace(" -noiopads", ""), family.flat, f"-top {_WRAPPER}")))
    # Nothing may know that the wrapper's registers hold each other's bits: shift registers stay flip-flops here.
    return f"{LEARN}{reads}\nhierarchy -top {_WRAPPER}\n{KEEP}{words} -json {_NETLIST}\n"


def _route(router: Tool, part: Part, seed: int, target_mhz: float, folder: Path, deadline: Deadline) -> Completed:
    words = [*router.command, *part.options, "--json", _NETLIST, "--report", _REPORT, "--seed", str(seed)]
    words += ["--freq", f"{target_mhz:g}", "--timing-allow-fail", "--quiet"]
    words += ["--vopt", f"cst={_PINS}"] if part.pins else []
    return run(
        words,
        folder,
        max(deadline.left_s, 0.001),
        name=router.name,
        missing=f"pip install yowasp-nextpnr-{part.arch}",
        remedy="read the lines above; a design that is too large for the device needs a larger one",
    )


def _report(path: Path) -> dict[str, Any]:
    try:
        found = cast(dict[str, Any], json.loads(path.read_text()))
        found["fmax"], found["utilization"]  # pyright: ignore[reportUnusedExpression]
    except (OSError, ValueError, KeyError) as error:
        remedy = "use nextpnr 0.4 or newer"
        raise ToolFailed("left no readable report", where="nextpnr", why=str(error), remedy=remedy) from error
    return found


def _fmax(report: dict[str, Any]) -> float:
    reached = [float(clock["achieved"]) for clock in report["fmax"].values()]
    if not reached:
        raise ToolFailed("it found no clock", where="nextpnr", remedy="give a design with registers")
    return min(reached)


def _critical(report: dict[str, Any]) -> tuple[tuple[float, str, str], ...]:
    """The slowest path between registers of one clock."""
    inside = [p for p in report.get("critical_paths", []) if p["from"] == p["to"] and "async" not in p["from"]]
    longest = max(inside, key=lambda p: sum(step["delay"] for step in p["path"]), default=None)
    if longest is None:
        return ()
    return tuple((float(s["delay"]), str(s["type"]), str(s["to"].get("cell", ""))) for s in longest["path"])
