"""Networks on the time-shared engine: cycles computed and simulated, codes compared with the integer graph.

Weights are random. `busy` is the share of the matrix unit's products that the network asks for. `weights`: on the chip,
or in external memory over AXI4 (64 bits, latency 32, a beat a cycle, unless it says otherwise), double-buffered; `maps`
outside go there and come back. Cycles hold for that memory; codes are compared once more with ends and memory that
pause at random. Frames per second at 200 MHz, which is modelled; LUTs are predicted.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

from benchmarks._table import Claim, Outcome, equal, main

_BINARY = {"weight_bits": 1, "activation_bits": 1}
_WIDE = {"data_bits": 128, "buffer_words": 150}
CASES: tuple[tuple[str, dict[str, Any], int, dict[str, Any] | None], ...] = (
    ("tfc", _BINARY, 16, None),
    ("tfc", _BINARY, 32, None),
    ("tfc", _BINARY, 16, {"buffer_words": 50}),
    ("resnet8", {}, 16, None),
    ("resnet8", {}, 16, {"buffer_words": 60}),
    ("resnet8", {}, 16, {"buffer_words": 60, "feature_words": 1500}),
    ("cnv", _BINARY, 32, None),
    ("cnv", _BINARY, 32, _WIDE),
)
"""Network, its widths, lanes of the engine, external memory."""


def row(name: str, widths: dict[str, Any], lanes: int, memory: dict[str, Any] | None, folder: Path) -> dict[str, Any]:
    """One network: scheduled and simulated for two frames."""
    from bitwright import zoo
    from bitwright.flow.compiling import compile_model
    from bitwright.flow.streams import StreamBatch
    from bitwright.flow.vectors import random_codes
    from bitwright.ir import graph as graphs

    model = zoo.build(name, **widths)
    options: dict[str, Any] = {"device": "xcvu9p", "clock_mhz": 200, "engine_lanes": lanes, "engine_memory": memory}
    design: Any = compile_model(model, architecture="engine", **options)
    told = design.estimate()
    codes = random_codes(design.graph, 2, 1)
    golden = graphs.run(design.graph, codes)
    shaped = [c.reshape(2, *node.type.shape) for c, node in zip(codes, design.program.inputs, strict=True)]
    with StreamBatch([design.program], workdir=folder, frames=2) as batch:
        (found,) = batch.run([shaped])
        (paused,) = batch.run([shaped], source_ready=1, sink_ready=2, memory_ready=3)
    wrong = sum(
        int((a.reshape(b.shape) != b).sum())
        for run in (found, paused) for a, b in zip(run.outputs, golden, strict=True)
    )  # fmt: skip
    products = zoo.operations(model).operations // 2
    ends = design.frame_ends(2)
    return {
        "network": name,
        "lanes": lanes,
        "weights": _where(told, memory),
        "maps": "outside" if memory and "feature_words" in memory else "inside",
        "cycles between frames": ends[1] - ends[0],
        "simulated": found.initiation_cycles,
        "latency": ends[0],
        "simulated latency": found.latency_cycles,
        "frames/s": round(told.frames_per_second),
        "busy": round(products / (told.initiation_cycles * lanes * lanes), 3),
        "codes that differ": wrong,
        "weights on chip kbit": told.weight_bits // 1024,
        "features kbit": told.feature_bits // 1024,
        "fetched a frame kbit": told.fetched_bits // 1024,
        "LUTs": told.luts,
    }


def _where(told: Any, memory: dict[str, Any] | None) -> str:
    if not memory:
        return "inside"
    bits = memory.get("data_bits", 64)
    return f"outside, {bits} bits" if told.fetched_bits else f"fetched once, {bits} bits"


def claims(rows: list[dict[str, Any]]) -> list[Claim]:
    """What the rows are held against."""
    pairs = [(r["cycles between frames"], r["simulated"], r["latency"], r["simulated latency"]) for r in rows]
    return [
        equal("networks whose cycles differ from those computed", sum(a != b or c != d for a, b, c, d in pairs), 0),
        equal("codes that differ, with and without pauses", sum(r["codes that differ"] for r in rows), 0),
    ]


def measure(quick: bool) -> Outcome:
    """All cases; the quick ones are the perceptrons."""
    rows: list[dict[str, Any]] = []
    for case in CASES[: 3 if quick else len(CASES)]:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(*case, Path(folder)))
            sys.stderr.write(f"{rows[-1]}\n")
    return Outcome(rows, claims(rows))


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "numpy"]))
