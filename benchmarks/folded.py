"""Published folded accelerators against ours: frames per second computed and simulated, LUTs and memories by yosys.

Weights are random. FINN's figures (whole designs with DMA, PYNQ-Z1, Vivado 2018.2) and hls4ml's tutorial figures are
the published ones; TFC (MNIST's pixels) and the jet tagger stand without one. Foldings are the optimum of
`bitwright.explore` under the reference's own LUTs and block memories, or stated here. Two frames are simulated and
compared with the integer graph; cycles must be those computed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

from benchmarks._table import Claim, Outcome, at_least, at_most, equal, main

FINN = {"cnv": (26072, 124, 3052), "lfc": (28360, 110, 195312)}
"""LUT, BRAM36, frames per second at 100 MHz."""
HLS4ML = (1028, 1044, 119_000)
"""Initiation, latency in cycles, LUT of the SVHN network."""


@dataclass(frozen=True)
class Case:
    """A network, the part and clock, and how it is folded: `plan(graph, device)` gives graph and foldings.

    `counted`: "whole" (one run of yosys) or "actor by actor" (`benchmarks._by_actor`).
    """

    name: str
    device: str
    clock_mhz: float
    options: dict[str, Any]
    plan: Callable[[Any, Any], tuple[Any, Any]]
    counted: str = "whole"


def explored(luts: float, brams: float, fps: float, widen: dict[str, int] | None = None) -> Callable[[Any, Any], Any]:
    """The least area that keeps the pace within a reference's own resources."""

    def plan(graph: Any, device: Any) -> tuple[Any, Any]:
        from bitwright.explore import explore_graph
        from bitwright.passes.streaming import Widen

        wider = Widen(widen)(graph) if widen else graph
        budget = {"luts": luts, "bram18s": 2.0 * brams}
        return wider, explore_graph(wider, device, clock_mhz=100, target_fps=fps, budget=budget).foldings

    return plan


def one_pixel_a_cycle(graph: Any, device: Any) -> tuple[Any, Any]:
    """Convolutions and the last layers unrolled; the first dense layer takes a pixel at a time."""
    from bitwright.passes.streaming import Folding, Kernel

    unrolled = Folding(kernel=Kernel.UNROLLED)
    told = dict.fromkeys(("conv1", "conv2", "conv3", "fc2", "logits"), unrolled)
    told |= {"quantize": Folding(3), "pool1": Folding(16), "pool2": Folding(16), "pool3": Folding(24)}
    return graph, told | {"fc1": Folding(24, 42)}


def cases(quick: bool) -> list[Case]:
    """All cases; the quick one is the smallest."""
    bits = {"weight_bits": 1, "activation_bits": 1}
    pixels = {"weight_bits": 5, "activation_bits": 5}
    luts, brams, fps = FINN["cnv"]
    cnv = Case("cnv", "xc7z020", 100, bits, explored(luts, brams, 2 * fps + 1))
    luts, brams, fps = FINN["lfc"]
    lfc = Case("lfc", "xc7z020", 100, bits | {"input_format": "u1.1"}, explored(luts, brams, 1.3 * fps, {"fc2": 1029}))
    # One run over all of its adder graphs was stopped after 24 CPU minutes.
    svhn = Case("svhn_cnn", "xcvu9p", 200, pixels, one_pixel_a_cycle, "actor by actor")
    tfc = Case("tfc", "xc7z020", 100, bits | {"input_format": "u1.1"}, explored(20000, 100, 1e6))
    jets = Case("jet_tagger", "xc7z020", 100, {}, explored(20000, 100, 2e7))
    return [tfc] if quick else [tfc, jets, lfc, cnv, svhn]


def row(case: Case, folder: Path) -> dict[str, Any]:
    """One network: built, simulated, synthesized."""
    from bitwright import zoo
    from bitwright.cost.actors import predict_stream
    from bitwright.cost.timetable import timetable
    from bitwright.flow.compiling import compile_model
    from bitwright.flow.streams import simulate_stream
    from bitwright.flow.vectors import random_codes
    from bitwright.ir import graph as graphs
    from bitwright.passes.buffer import Buffer
    from bitwright.passes.streaming import Place
    from bitwright.platforms import device as device_named

    device = device_named(case.device)
    model = zoo.build(case.name, **case.options)
    design: Any = compile_model(model, device=case.device, clock_mhz=case.clock_mhz, architecture="dataflow")
    graph, foldings = case.plan(design.streamed, device)
    program = Buffer()(Place(device, case.clock_mhz, foldings, design.share)(graph))
    told, predicted = timetable(program), predict_stream(program, device)
    codes = random_codes(graph, 2, 1)
    found = simulate_stream(program, codes, workdir=folder / "simulation")
    wrong = sum(
        int((a.reshape(b.shape) != b).sum())
        for a, b in zip(found.outputs, graphs.run(design.graph, codes), strict=True)
    )
    count = synthesized if case.counted == "whole" else by_actor
    measured = count(program, device.fabric.family, folder)
    return {
        "network": case.name,
        "device": case.device,
        "MHz": case.clock_mhz,
        "initiation": told.initiation_cycles,
        "simulated": found.initiation_cycles,
        "latency": told.latency_cycles,
        "simulated latency": found.latency_cycles,
        "frames/s": round(case.clock_mhz * 1e6 / told.initiation_cycles),
        "codes that differ": wrong,
        "counted": case.counted,
        "LUT": measured.luts,
        "predicted LUT": predicted.luts,
        "FF": measured.ffs,
        "predicted FF": predicted.ffs,
        "BRAM36": measured.brams,
        "predicted BRAM18": predicted.bram18s,
        "DSP": measured.dsps,
    }


def synthesized(program: Any, family: str, folder: Path) -> Any:
    """What yosys counts."""
    from bitwright.backends.verilog.stream import emit_stream
    from bitwright.core.files import write_atomic
    from bitwright.toolchain import synthesize

    emitted = emit_stream(program, primitives=True)
    for name, text in emitted.files.items():
        write_atomic(folder / name, text)
    sources = [folder / name for name in (*emitted.sources, *emitted.images)]
    return synthesize(sources, emitted.top, workdir=folder, family=family, timeout_s=7200, flatten=False)


def by_actor(program: Any, family: str, folder: Path) -> Any:
    """What yosys counts, each actor in a run of its own."""
    from benchmarks._by_actor import ByActor

    return ByActor(family, folder)(program).total


def claims(rows: list[dict[str, Any]]) -> list[Claim]:
    """What the rows are held against."""
    found: list[Claim] = [
        equal("cycles that differ from those computed", sum(r["initiation"] != r["simulated"] for r in rows), 0),
        equal("codes that differ from the graph", sum(r["codes that differ"] for r in rows), 0),
    ]
    for row in rows:
        if row["network"] in FINN:
            luts, brams, fps = FINN[row["network"]]
            name, times = row["network"].upper(), {"cnv": 2.0, "lfc": 1.3}[row["network"]]
            faster = round(row["frames/s"] / fps, 3)
            found.append(at_least(f"{name} W1A1: frames per second over FINN's", faster, times))
            found.append(at_most(f"{name} W1A1: LUTs", row["LUT"], luts))
            found.append(at_most(f"{name} W1A1: BRAM36", row["BRAM36"], brams))
        if row["network"] == "svhn_cnn":
            initiation, latency, luts = HLS4ML
            found.append(at_most("SVHN: initiation in cycles", row["simulated"], initiation))
            found.append(at_most("SVHN: latency in cycles", row["simulated latency"], latency))
            found.append(at_most("SVHN: LUTs, actor by actor", row["LUT"], luts))
    return found


def measure(quick: bool) -> Outcome:
    """All cases."""
    rows: list[dict[str, Any]] = []
    for case in cases(quick):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(case, Path(folder)))
            print({k: v for k, v in rows[-1].items() if k in ("network", "frames/s", "LUT", "BRAM36")}, flush=True)
    return Outcome(rows, claims(rows))


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "numpy"]))
