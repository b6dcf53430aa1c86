"""Predicted area of streaming actors, channels, memories and whole networks beside yosys, and the fitted constants.

    python -m benchmarks.calibrate_actors [--quick] [--json FILE]

Ten small networks in foldings of every kind, and twelve of the actors that these leave out (recurrent cells, products
of two streams, ranking, shared multiplier blocks, several pixels at a time, digits), are placed, buffered and emitted;
one run of yosys a network maps every actor and channel as a block of its own, for all but the largest a second one the
whole. Memories of many sizes go through one more run. The
note at the end gives `cost.actors.rules.SLIDING` as these networks fit it (least squares of shares, none negative).
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from scipy.optimize import nnls

from benchmarks._stream_kinds import kinds
from benchmarks._streams import networks
from benchmarks._table import Claim, Outcome, at_least, at_most, equal, main
from benchmarks._yosys import yosys_version
from bitwright.backends.verilog.stream import emit_stream
from bitwright.core.naming import identifier
from bitwright.cost.actors import predict_stream, ram_area
from bitwright.cost.actors.rules import placed_words, sliding_sizes
from bitwright.cost.area import Area
from bitwright.ir.dataflow import Dataflow
from bitwright.ir.dataflow.ops import Actor, Memory, Rearrange, Source
from bitwright.platforms import device
from bitwright.toolchain import FAMILIES
from bitwright.toolchain.stage import scratch
from bitwright.toolchain.sums import KEEP, LEARN
from bitwright.toolchain.yosys import run_yosys

PART, CLOCK_MHZ = "xc7z020", 100.0
SIZES = (
    (36, 512), (36, 600), (18, 1024), (5, 4096), (72, 1000), (24, 1500), (3, 20000), (12, 1100),
    (100, 1025), (10, 1500),
)  # fmt: skip
"""Width and words of memories that are mapped one by one."""
WHOLE_LUTS = 2000
"""Networks of so many LUTs at most are mapped as a whole too."""
Cells = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Pair:
    """A part with what is predicted and what yosys counts; of a `Rearrange` also what it counts with, and its store.

    Cells are by type; `sizes` and `fixed` are bits and LUTs.
    """

    network: str
    kind: str
    name: str
    told: Area
    cells: Mapping[str, int]
    sizes: tuple[float, ...] = ()
    fixed: float = 0.0

    def row(self) -> dict[str, Any]:
        """The comparison as a row."""
        seen = FAMILIES["xc7"].counts(self.cells)
        blocks = self.cells.get("RAMB18E1", 0) + 2 * self.cells.get("RAMB36E1", 0)
        return {
            "network": self.network, "kind": self.kind, "name": self.name, "LUTs": round(self.told.luts),
            "yosys": seen.luts, "off": self.told.luts / max(seen.luts, 1) - 1, "FFs": round(self.told.ffs),
            "FFs yosys": seen.ffs, "DSPs": round(self.told.dsps), "DSPs yosys": seen.dsps,
            "BRAM18": round(self.told.bram18s), "BRAM18 yosys": blocks,
        }  # fmt: skip


def mapped(files: Mapping[str, str], top: str, kept: list[str]) -> Cells:
    """Cells by module of a design, the modules `kept` (patterns) as blocks of their own."""
    target = FAMILIES["xc7"]
    with tempfile.TemporaryDirectory() as root, scratch(Path(root), "actors") as folder:
        for path, text in files.items():
            (folder / path.rpartition("/")[2]).write_text(text)
        sources = [path.rpartition("/")[2] for path in files if path.endswith(".v") and not path.startswith("tb/")]
        script = LEARN + "".join(f"read_verilog {name}\n" for name in sources) + f"hierarchy -top {top}\n"
        script += "".join(f"setattr -mod -set keep_hierarchy 1 {name}\n" for name in kept)
        script += f"{KEEP}{target.command} {target.flat} {target.no_srl} -top {top}\ntee -q -o stat.txt stat\n"
        run_yosys(script, folder, 3600.0, note=f"{top} on xc7")
        text = (folder / "stat.txt").read_text()
    blocks = re.finditer(r"=== (.*?) ===(.*?)(?=\n===|\Z)", text, re.DOTALL)
    return {b[1]: {k: int(n) for k, n in re.findall(r"^ +(\S+) +(\d+)$", b[2], re.MULTILINE)} for b in blocks}


def parts_of(name: str, program: Dataflow) -> Iterator[Pair]:
    """Every actor, all channels together, and the whole of a small one."""
    emitted = emit_stream(program, name=name, primitives=True)
    told = predict_stream(program, device(PART))
    modules = {node.name: f"{name}_{identifier(node.name)}" for node in program.nodes}
    cells = mapped(emitted.files, name, [*modules.values(), "*bw_channel*", "*bw_sink*"])
    for node in program.nodes:
        if not isinstance(node.op, Source):
            given = name, type(node.op).__name__, node.name, told.actors[node.name], cells[modules[node.name]]
            yield Pair(*given, *_sliding(node.op, program.args_of(node)[0].type.bits))
    total: dict[str, int] = {}
    for kind, count in cells[name].items():
        if "bw_channel" in kind:
            for cell, number in cells[kind].items():
                total[cell] = total.get(cell, 0) + count * number
    yield Pair(name, "channels", "all", sum(told.channels.values(), Area()), total)
    if told.luts <= WHOLE_LUTS:
        yield Pair(name, "network", "whole", told.total, mapped(emitted.files, name, [])[name])


def _sliding(op: Actor, width: int) -> tuple[tuple[float, ...], float]:
    if not isinstance(op, Rearrange):
        return (), 0.0
    return sliding_sizes(op), ram_area(width, placed_words(op.depth, op.memory), op.memory).luts


def fitted(pairs: list[Pair]) -> str:
    """The constants of `bw_rearrange`, for what is counted beside its memory."""
    some = [pair for pair in pairs if pair.sizes]
    seen = np.array([FAMILIES["xc7"].counts(pair.cells).luts for pair in some], dtype=float)
    rest = np.array([n - pair.fixed for n, pair in zip(seen, some, strict=True)])
    found: Any = nnls(np.array([pair.sizes for pair in some]) / seen[:, None], rest / seen)[0]
    return "SLIDING = (" + ", ".join(f"{n:.1f}" for n in found) + ")"


def memories() -> Iterator[Pair]:
    """Memories of LUTs and of blocks, each a block of its own."""
    from bitwright.backends.verilog.stream.emit import library

    text, ports, inside, kept = "", ["input clk"], "", list[str]()
    for width, words in SIZES:
        name, top = f"m_{width}_{words}", (words - 1).bit_length() - 1
        kept.append(name)
        pins = f"input wr, rd, input [{top}:0] wp, rp, input [{width - 1}:0] d, output [{width - 1}:0] q"
        text += (
            f"module {name}(input clk, {pins});\nbw_memory #(.WIDTH({width}), .WORDS({words}), .BLOCK(1)) m(.clk(clk), "
            ".write(wr), .write_place(wp), .data(d), .read(rd), .blank(1'b0), .read_place(rp), .word(q));\nendmodule\n"
        )
        ports.append(re.sub(r"\b(wr|rd|wp|rp|d|q)\b", rf"{name}_\1", pins))
        joined = ", ".join(f".{p}({name}_{p})" for p in ("wr", "rd", "wp", "rp", "d", "q"))
        inside += f"{name} i_{name}(.clk(clk), {joined});\n"
    text += f"module all(\n{', '.join(ports)});\n{inside}endmodule\n"
    cells = mapped({**library("rtl", "bw_memory"), "all.v": text}, "all", kept)
    for width, words in SIZES:
        told = ram_area(width, words, Memory.BLOCK)
        yield Pair("memories", "memory", f"{width} x {words}", told, cells[f"m_{width}_{words}"])


def measure(quick: bool) -> Outcome:
    """Actors, channels, networks and memories."""
    pairs = list(memories())
    for name, program in chain(kinds(device(PART), CLOCK_MHZ, quick), networks(device(PART), CLOCK_MHZ, quick)):
        pairs += parts_of(name, program)
        sys.stderr.write(f"{name}\n")
    rows = [pair.row() for pair in pairs]
    return Outcome(
        rows, claims_of(rows, quick), [f"{yosys_version()}, {PART}, kernels for {CLOCK_MHZ:g} MHz", fitted(pairs)]
    )


def claims_of(rows: list[dict[str, Any]], quick: bool) -> list[Claim]:
    """The bounds of the issue."""
    actors = [abs(r["off"]) for r in rows if r["kind"] not in ("network", "channels", "memory")]
    sizable = [abs(r["off"]) for r in rows if r["kind"] not in ("network", "channels", "memory") and r["yosys"] >= 20]
    whole = [abs(r["off"]) for r in rows if r["kind"] == "network"]
    return [
        at_least("actors compared", len(actors), 10 if quick else 40),
        at_least("networks compared", len(whole), 2 if quick else 8),
        at_most("actors: median error of LUTs", median(actors), 0.07),
        at_most("actors of 20 LUTs and more: worst error", max(sizable), 0.20),
        at_most("networks: median error of LUTs", median(whole), 0.07),
        at_most("networks: worst error", max(whole), 0.20),
        equal("parts whose block memories differ", sum(r["BRAM18"] != r["BRAM18 yosys"] for r in rows), 0),
    ]


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy"]))
