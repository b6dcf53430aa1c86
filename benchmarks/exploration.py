"""Exploration of deep networks: how long the proof of the best folding takes, and what FINN's greedy rule reaches.

Chains of 30 layers and networks of the zoo, weights random. `candidates` are foldings, kernels and memories over all
layers; `building` is finding them with their cycles and areas, `solving` the bisection over paces with its proofs
(chains by labels, the others by HiGHS), and both are seconds of processor time on one thread. `area` is the sum of the
shares of what a device allows. Layers of a chain are alike, so that one sample prices all that is unrolled of them;
those of MobileNet are not.
Two questions: the highest pace that fits (`initiation`, beside what the greedy rule ends at), and the least area at
the greedy rule's pace (`share`, beside the greedy rule's). All of it is planned: nothing is synthesized here.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks._table import Claim, Outcome, at_most, equal, main

CLOCK_MHZ = 100.0
DEEP = 30
"""Layers of the chains."""
MOST_S = 10.0
"""Building and solving together."""
ONE_BIT = {"weight_bits": 1, "activation_bits": 1}
CHAINS = (
    ("dense", 12, "xc7z020"),
    ("convolution", 8, "xczu7ev"),
    ("convolution", 16, "xcvu9p"),
    ("dense", 64, "xczu7ev"),
)
"""Kind, features or channels, device."""
ZOO: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    ("tfc", ONE_BIT, ("xc7z020", "xczu3eg")),
    ("resnet8", {}, ("xc7z020", "xczu3eg")),
    ("cnv", ONE_BIT, ("xc7z020", "xczu7ev")),
    ("mobilenet_v1", {}, ("xcvu9p",)),
)
"""A network, its options, devices."""


def chain(kind: str, size: int, layers: int) -> Any:
    """Layers one after the other, with weights of three bits and a ReLU of four: `size` features, or 8x8x`size`."""
    from bitwright.ir.graph import GraphBuilder, TensorType
    from bitwright.ir.graph.ops import Conv, Dense
    from bitwright.numeric import Ints, Steps

    draw, builder, one = np.random.default_rng(3), GraphBuilder(), Steps.of(1)
    shape = (size,) if kind == "dense" else (8, 8, size)
    x = builder.input(TensorType(shape, Ints(0), Ints(15), one), "x")
    for layer in range(layers):
        bias = Ints(draw.integers(-4, 5, size))
        if kind == "dense":
            op: Any = Dense(Ints(draw.integers(-3, 4, (size, size))), bias)
        else:
            op = Conv(Ints(draw.integers(-3, 4, (3, 3, size, size))), bias, (1, 1), ((1, 1), (1, 1)), (1, 1))
        x = relu(builder, builder.apply(op, [x], step=one, name=f"layer_{layer}"), f"relu_{layer}")
    return builder.graph("deep", [x])


def relu(builder: Any, x: int, name: str) -> int:
    """An eighth of it, in [0, 15]."""
    from bitwright.ir.graph.ops import Map
    from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps

    one, zero, shift, low, high = (Ints([n]) for n in (1, 0, 3, 0, 15))
    form = ShiftRoundSaturate(one, zero, shift, Rounding.FLOOR, low, high)
    return builder.apply(Map(form, Ints(0)), [x], step=Steps.of(1), name=name)


def seconds(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and its processor time."""
    start = time.process_time()
    return work(), time.process_time() - start


def row(name: str, graph: Any, part: str) -> dict[str, Any]:
    """The fastest folding and the greedy one, and the least area at the greedy pace."""
    from bitwright.explore import Objective, best_plan, greedy_plan, task_of
    from bitwright.platforms import device

    task, building = seconds(lambda: task_of(graph, device(part), CLOCK_MHZ))
    best, solving = seconds(lambda: best_plan(task, Objective.MAX_THROUGHPUT))
    greedy = greedy_plan(task)
    least = best_plan(task, Objective.MIN_AREA, greedy.fps * (1 - 1e-9))
    shares = [sum(plan.binding.shares.values()) for plan in (least, greedy)]
    return {
        "network": name, "device": part, "layers": len(task.stages),
        "candidates": sum(len(stage.candidates) for stage in task.stages),
        "building": round(building, 2), "solving": round(solving, 2), "proved": best.proved and least.proved,
        "initiation": best.initiation_cycles, "greedy initiation": greedy.initiation_cycles,
        "LUT": round(best.area.luts), "BRAM18": round(best.area.bram18s), "DSP": round(best.area.dsps),
        "share": round(shares[0], 4), "greedy share": round(shares[1], 4),
        "better by the greedy rule": greedy.initiation_cycles < best.initiation_cycles or shares[1] < shares[0] - 1e-6,
        "binds": best.binding.resource or "foldings end",
    }  # fmt: skip


def claims(rows: Sequence[dict[str, Any]]) -> list[Claim]:
    """What the rows are held against."""
    told = [
        at_most(
            f"{r['network']} on {r['device']}: seconds of processor time until the optimum is proved",
            round(r["building"] + r["solving"], 2), MOST_S,
        )
        for r in rows if r["layers"] >= DEEP
    ]  # fmt: skip
    worse = sum(r["better by the greedy rule"] for r in rows)
    unproved = sum(not r["proved"] for r in rows)
    return [
        *told,
        equal("plans without a proof", unproved, 0),
        equal("foldings of the greedy rule that are better", worse, 0),
    ]


def measure(quick: bool) -> Outcome:
    """Chains and networks of the zoo; the quick case is the chain of dense layers."""
    rows = [
        row(f"{DEEP} x {kind}, {size}", chain(kind, size, DEEP), part)
        for kind, size, part in CHAINS[: 1 if quick else len(CHAINS)]
    ]
    if not quick:
        rows += [found for name, told, parts in ZOO for found in network(name, told, parts)]
    return Outcome(rows, claims(rows), [f"the machine's pace: {pace():.2f} s for ten million rounds of an empty loop"])


def pace() -> float:
    """Seconds of processor time for an empty loop: the same machine has been twice as fast at other hours."""

    def loop() -> None:
        for _ in range(10_000_000):
            pass

    return seconds(loop)[1]


def network(name: str, told: dict[str, Any], parts: Sequence[str]) -> list[dict[str, Any]]:
    """A network of the zoo on several devices."""
    from bitwright import zoo
    from bitwright.flow.exploring import stream_graph

    graph = stream_graph(zoo.build(name, **told), {})
    return [row(name, graph, part) for part in parts]


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "highspy"]))
