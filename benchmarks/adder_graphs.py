"""Constant matrices in LUTs: `bw.compile_matrix` beside Alkaid, whose ternary adders stand on true cells, and da4ml.

All through one yosys (`synth_xilinx -family xcup -flatten -noiopad`), with the same input formats; every mapped
netlist is evaluated on random and corner vectors. Ours may be as deep as Alkaid's result, at no depth limit and at the
least one that Alkaid takes. "cells": Alkaid's graph with each ternary adder as one LUT6_2
and a carry cell a bit, which is what the device has (yosys makes two adders of `a + b + c`); "kept": the same with
its two-operand adders kept as one carry chain each, as ours are (see `toolchain.sums`). A column of a carry chain
that only one signal enters needs no LUT cell, yet takes the LUT's place: "taken" counts these columns too. Depth is
in carry chains. "of ideal": bits that the adders remove, over two a LUT. Seconds are CPU time of the optimizers; where
a claim bounds ours, the quickest of three processes that had compiled nothing of the kind.
"""

from __future__ import annotations

import gc
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import numpy as np

import bitwright as bw
from benchmarks._cells import on_cells
from benchmarks._mapped import Mapped, PortMap, mapped
from benchmarks._matrices import Case, cases
from benchmarks._parts import part
from benchmarks._peers import Solved, python_of, solved, version_of
from benchmarks._table import Claim, Outcome, at_most, equal, geometric_mean, main
from bitwright.backends.verilog import emit
from bitwright.core.errors import InvalidValue
from bitwright.cost import predict
from bitwright.cost.chain import chain_of
from bitwright.ir.netlist import Netlist, run
from bitwright.ir.netlist.ops import Sum
from bitwright.numeric import IntArray
from bitwright.platforms import device

PEER_LIMIT_S = 240.0
_OURS = ("adder_graphs", "_cells", "_mapped", "_matrices", "_peers", "_peer_matrix")
CODE = ("src", *(f"benchmarks/{name}.py" for name in _OURS))
"""What a row depends on."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Mine:
    """Our netlist of a case and the CPU and wall seconds it took (two threads search)."""

    netlist: Netlist
    seconds: float
    wall: float

    @property
    def bits_removed(self) -> int:
        """Bits that go into the sums less those that come out."""
        nodes = self.netlist.nodes
        sums = (node for node in nodes if isinstance(node.op, Sum))
        return sum(sum(nodes[a].type.width for a in node.args) - node.type.width for node in sums)

    def mapped(self, folder: Path) -> Mapped:
        """Its Verilog, sums on cells, through yosys."""
        emitted = emit(self.netlist, name="mine", primitives=True)
        text = "\n".join(emitted.files[source] for source in emitted.sources)
        return mapped(text, emitted.top, folder, keep_sums=True)

    def differing(self, found: Mapped, x: IntArray, y: IntArray) -> int:
        """Outputs of the mapped netlist that are not `y` for the inputs `x`."""
        inputs, outputs = self.netlist.inputs[0], self.netlist.results[0]
        nodes = self.netlist.nodes
        return found.differing(
            _places("x", [nodes[word].type for word in inputs.words]),
            _places("y", [nodes[word].type for word in outputs.words]),
            x, y,
        )  # fmt: skip


def _places(port: str, words: list[Any]) -> PortMap:
    low, found = 0, list[tuple[str, int, int, bool]]()
    for word in words:
        found.append((port, low, word.width, word.signed))
        low += word.width
    return found


def optimized(case: Case, depth: int | None) -> Mine:
    """Our circuit with at most `depth` carry chains on a path, or the least depth where that is less than needed.

    The constant at a sum's end may take a chain beyond the sums that `max_depth` bounds: then one sum less is allowed.
    """
    inputs = [
        (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
        for signed, bits in case.formats.tolist()
    ]
    found: Mine | None = None
    for allowed in (depth, depth - 1) if depth is not None else (None,):
        try:
            found = _timed(case, inputs, allowed)
        except InvalidValue:
            break
        if depth is None or chains(found.netlist) <= depth:
            return found
    return found or _timed(case, inputs, None)


def _timed(case: Case, inputs: list[tuple[int, int]], depth: int | None) -> Mine:
    # What this process holds of other netlists is no part of the optimizer's time: the collector need not walk it.
    gc.collect()
    gc.freeze()
    cpu, wall = process_time(), perf_counter()
    design = bw.compile_matrix(case.weights, input_format=inputs, device="xcvu9p", max_depth=depth)
    netlist = design.combinational
    return Mine(netlist, process_time() - cpu, perf_counter() - wall)


def _quickest(case: Case) -> Row:
    """Our seconds for a case in a process of its own, the least of three: what a busy machine adds is not ours."""

    def measured() -> Iterator[Row]:
        alone = ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"), max_tasks_per_child=1)
        with alone as pool:
            tries = [pool.submit(_from_cold, case).result() for _ in range(3)]
        cpu, wall = min(tries, key=lambda seconds: seconds[1])
        yield {"ours s": cpu, "ours wall s": wall, "ours tries": " ".join(f"{wall:.2f}" for _, wall in tries)}

    (found,) = part(f"{case.name}, seconds", measured, CODE)
    return found


def _from_cold(case: Case) -> tuple[float, float]:
    bw.compile_matrix([[3, 5]]).combinational  # noqa: B018  imports are no part of the seconds
    made = optimized(case, None)
    return made.seconds, made.wall


def chains(netlist: Netlist) -> int:
    """Carry chains on the longest path."""
    depth: list[int] = []
    for node in netlist.nodes:
        own = 0
        if isinstance(node.op, Sum):
            own = 1 + (chain_of(node.op, node.type, [netlist.nodes[a].type for a in node.args]).rest != 0)
        depth.append(own + max((depth[a] for a in node.args), default=0))
    return max(depth, default=0)


def vectors(case: Case) -> IntArray:
    """Inputs within the formats: corners, the signs of the columns' weights and their opposites, random ones."""
    random, (signed, bits) = np.random.default_rng(1), case.formats.T
    low, high = np.where(signed, -(1 << bits - 1), 0), np.where(signed, (1 << bits - 1) - 1, (1 << bits) - 1)
    signs = case.weights.T[:100] > 0
    parts = [low[None], high[None], np.zeros_like(low)[None], np.where(signs, high, low), np.where(signs, low, high)]
    return np.concatenate([*parts, random.integers(low, high, (512, len(low)), endpoint=True)])


def compared(case: Case, limit: int, folder: Path) -> Row:
    """One row: a case at one depth limit of Alkaid's (-1: none, 0: its least)."""
    x = vectors(case)
    y = x @ case.weights
    row: Row = {"matrix": case.name, "depth limit": "none" if limit < 0 else "least"}
    if case.planned:
        return row | planned(case, x, y)
    depth = None
    alkaid = (
        solved("alkaid", case.weights, case.formats, limit, folder / "alkaid", PEER_LIMIT_S)
        if python_of("alkaid")
        else None
    )
    if alkaid:
        cells = mapped(on_cells(alkaid.sources), "peer", folder, keep_sums=False)
        depth = cells.depth
        row |= _columns("Alkaid", cells, alkaid, alkaid.differing(cells, x, y))
        if not case.large and limit < 0:
            row |= _alternatives(alkaid, folder, x, y)
    if limit < 0 and not case.large and python_of("da4ml"):
        row |= _da4ml(case, folder, x, y)
    ours = optimized(case, depth)
    found = ours.mapped(folder)
    columns = _columns("ours", found, ours, ours.differing(found, x, y)) | {"ours wall s": ours.wall}
    return row | columns | _ratios(row, found)


def planned(case: Case, x: IntArray, y: IntArray) -> Row:
    """A matrix that yosys maps for too long: our LUTs as planned, our seconds, our netlist evaluated."""
    ours = optimized(case, None)
    return {
        "ours planned LUT": predict(ours.netlist, device("xcvu9p")).luts,
        "ours depth": chains(ours.netlist),
        "ours s": ours.seconds,
        "ours wall s": ours.wall,
        "ours differing": int((run(ours.netlist, [x])[0] != y).sum()),
    }


def _columns(who: str, found: Mapped, made: Solved | Mine, differing: int) -> Row:
    columns, passed = found.columns
    return {
        f"{who} LUT": found.luts,
        f"{who} taken": found.luts + passed,
        f"{who} carry bits": columns,
        f"{who} depth": found.depth,
        f"{who} of ideal": made.bits_removed / (2 * max(found.luts, 1)),
        f"{who} s": made.seconds,
        f"{who} differing": differing,
    }


def _alternatives(alkaid: Solved, folder: Path, x: IntArray, y: IntArray) -> Row:
    kept = mapped(on_cells(alkaid.sources), "peer", folder, keep_sums=True)
    plain = mapped("\n".join(alkaid.sources), "peer", folder, keep_sums=False)
    return {
        "Alkaid kept LUT": kept.luts,
        "Alkaid kept taken": kept.luts + kept.columns[1],
        "Alkaid RTL LUT": plain.luts,
        "alternatives differing": alkaid.differing(kept, x, y) + alkaid.differing(plain, x, y),
    }


def _da4ml(case: Case, folder: Path, x: IntArray, y: IntArray) -> Row:
    da4ml = solved("da4ml", case.weights, case.formats, -1, folder / "da4ml", PEER_LIMIT_S)
    if da4ml is None:
        return {}
    found = mapped("\n".join(da4ml.sources), "peer", folder, keep_sums=False)
    return {"da4ml LUT": found.luts, "da4ml s": da4ml.seconds, "da4ml differing": da4ml.differing(found, x, y)}


def _ratios(row: Row, found: Mapped) -> Row:
    if "Alkaid LUT" not in row:
        return {}
    ratios = {"ratio": found.luts / row["Alkaid LUT"]}
    taken = found.luts + found.columns[1]
    ratios["taken ratio"] = taken / row["Alkaid taken"]
    if "Alkaid kept LUT" in row:
        ratios["kept ratio"] = found.luts / row["Alkaid kept LUT"]
        ratios["kept taken ratio"] = taken / row["Alkaid kept taken"]
    return ratios


def claims(rows: list[Row], allowed: dict[str, float]) -> Iterator[Claim]:
    """What must hold for the rows at hand."""
    yield equal(
        "outputs of mapped netlists that differ",
        sum(v for row in rows for k, v in row.items() if k.endswith("differing")),
        0,
    )
    beside = [row for row in rows if "ratio" in row]
    if beside:
        yield at_most(
            "LUT cells over Alkaid's graph on cells, geometric mean", geometric_mean(r["ratio"] for r in beside), 0.85
        )
        worst = max(beside, key=lambda row: row["ratio"])
        yield at_most(f"the same, worst ({worst['matrix']})", worst["ratio"], 1.0)
        deeper = max(row["ours depth"] - row["Alkaid depth"] for row in beside)
        yield at_most("chains deeper than Alkaid's at the same limit, worst", deeper, 0)
    for row in rows:
        if allowed.get(row["matrix"]) and row["depth limit"] == "none":
            yield at_most(f"{row['matrix']}: seconds on two cores", row["ours wall s"], allowed[row["matrix"]])


def notes(rows: list[Row]) -> Iterator[str]:
    """Means that no claim is about, and who was missing."""
    for name in ("kept ratio", "taken ratio", "kept taken ratio"):
        if found := [row[name] for row in rows if name in row]:
            yield f"{name}: geometric mean {geometric_mean(found):.3f}, worst {max(found):.3f}"
    if missing := [peer for peer in ("alkaid", "da4ml") if python_of(peer) is None]:
        yield f"not installed: {', '.join(missing)}"
    yield ", ".join(version_of(peer) for peer in ("alkaid", "da4ml") if python_of(peer))


def _row(job: tuple[Case, int]) -> Row:
    def measured() -> Iterator[Row]:
        with TemporaryDirectory(prefix="bitwright-") as scratch:
            yield compared(*job, Path(scratch))

    (found,) = part(f"{job[0].name}, {'least' if job[1] == 0 else 'none'}", measured, CODE)
    print(found, file=sys.stderr, flush=True)
    return found


def measure(quick: bool) -> Outcome:
    """All cases at both depth limits, or the quick ones; BENCH_ONLY (a regular expression) picks by name, BENCH_PARTS
    (a folder) keeps each row (`_parts`).
    """
    only = os.environ.get("BENCH_ONLY", "")
    chosen = [case for case in cases(quick) if re.search(only, case.name)]
    both = not quick and python_of("alkaid") is not None
    jobs = [(case, limit) for case in chosen for limit in ((-1, 0) if both and not case.large else (-1,))]
    # Cases whose seconds are claimed are timed one at a time, before the machine is busy with the rest.
    seconds = {case.name: _quickest(case) for case in chosen if case.seconds}
    jobs.sort(key=lambda job: not job[0].seconds)
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("spawn")) as pool:
        rows = [
            row | (seconds.get(row["matrix"], {}) if row["depth limit"] == "none" else {})
            for row in pool.map(_row, jobs)
        ]
    allowed = {case.name: case.seconds for case in chosen}
    picked = [f"only the cases that match {only!r}"] if only else []
    return Outcome(rows, list(claims(rows, allowed)), [*picked, *notes(rows)])


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "alkaid", "da4ml"]))
