"""Initiation above one: unrolled layers that take their inputs some bits at a time, area against pace.

The jet tagger with random weights, folded by `initiation_cycles`: every row is the least area that the explorer proves
for that pace. "folded alone" leaves the explorer the kernels with weights in memories, and none in turns. Two frames of
each are simulated and compared with the integer graph; cycles must be those computed. LUTs are predicted; with
BENCH_SYNTHESIZE=1 in the environment yosys counts them for three paces, which takes half an hour.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

from benchmarks._table import Claim, Outcome, at_most, equal, main
from benchmarks.folded import synthesized

CLOCK_MHZ = 200.0


def row(model: Any, initiation: int, folder: Path, *, measured: bool) -> dict[str, Any]:
    """The design that keeps a pace."""
    from bitwright.cost.actors import predict_stream
    from bitwright.cost.timetable import timetable
    from bitwright.explore import Objective
    from bitwright.explore.explore import best_plan, task_of
    from bitwright.flow.compiling import compile_model
    from bitwright.flow.streams import simulate_stream
    from bitwright.flow.vectors import random_codes
    from bitwright.ir import graph as graphs
    from bitwright.passes.buffer import Buffer
    from bitwright.passes.streaming import Kernel, Place
    from bitwright.platforms import device as device_named

    device = device_named("xcvu9p")
    design: Any = compile_model(model, device="xcvu9p", clock_mhz=CLOCK_MHZ, architecture="dataflow")
    graph, fps = design.streamed, CLOCK_MHZ * 1e6 / initiation

    def planned(kernels: set[Kernel]) -> Any:
        task = task_of(graph, device, CLOCK_MHZ, None, None)
        kept = [
            replace(stage, candidates=tuple(c for c in stage.candidates if c.folding.kernel in kernels))
            for stage in task.stages
        ]
        found = best_plan(replace(task, stages=kept), Objective.MIN_AREA, fps)
        return Buffer()(Place(device, CLOCK_MHZ, found.foldings, design.share)(graph)), found.foldings

    program, foldings = planned(set(Kernel))
    told, predicted = timetable(program), predict_stream(program, device)
    codes = random_codes(graph, 3, 1)
    found = simulate_stream(program, codes, workdir=folder / "simulation")
    wrong = sum(
        int((a.reshape(b.shape) != b).sum())
        for a, b in zip(found.outputs, graphs.run(design.graph, codes), strict=True)
    )
    without = predict_stream(planned({Kernel.FOLDED})[0], device).luts if initiation > 1 else None
    counted = synthesized(program, device.fabric.family, folder) if measured else None
    return {
        "initiation": told.initiation_cycles,
        "simulated": found.initiation_cycles,
        "latency": told.latency_cycles,
        "simulated latency": found.latency_cycles,
        "codes that differ": wrong,
        "turns": " ".join(f"{name}:{f.digits}" for name, f in foldings.items() if f.kernel.value == "unrolled"),
        "predicted LUT": predicted.luts,
        "predicted FF": predicted.ffs,
        "folded alone, predicted LUT": without,
        "LUT": counted and counted.luts,
        "FF": counted and counted.ffs,
    }


def measure(quick: bool) -> Outcome:
    """All paces."""
    import keras

    from bitwright import zoo

    keras.utils.set_random_seed(0)
    model = zoo.build("jet_tagger", weight_bits=6, activation_bits=6)
    rows: list[dict[str, Any]] = []
    synthesized_at = (1, 2, 6) if os.environ.get("BENCH_SYNTHESIZE") else ()
    for initiation in (1, 2) if quick else (1, 2, 3, 6, 8):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(model, initiation, Path(folder), measured=initiation in synthesized_at))
            print(rows[-1], flush=True)
    return Outcome(rows, claims(rows))


def claims(rows: list[dict[str, Any]]) -> list[Claim]:
    """What the rows are held against."""
    first = rows[0]
    found: list[Claim] = [
        equal("cycles that differ from those computed", sum(r["initiation"] != r["simulated"] for r in rows), 0),
        equal("codes that differ from the graph", sum(r["codes that differ"] for r in rows), 0),
    ]
    for row in rows[1:]:
        measured = "LUT" if row["LUT"] and first["LUT"] else "predicted LUT"
        name = f"{row['initiation']} cycles: {measured} over one cycle's"
        found.append(at_most(name, round(row[measured] / first[measured], 4), 0.85 if row["initiation"] == 2 else 0.7))
    return found


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "numpy"]))
