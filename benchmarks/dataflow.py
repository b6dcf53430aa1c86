"""Cycles of streaming designs: computed from the schedules, and simulated (Verilator), always ready and under pauses.

Every case is a network in one folding. Frames go in back to back; a word that differs from the integer graph, a frame
that ends in another cycle than computed, or a channel that could be a word shallower fails the claim.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._recurrent import attention, ranked, recurrent
from benchmarks._streams import Net, cnn, mixed, mlp
from benchmarks._table import Outcome, at_least, equal, main

FRAMES = 4


def strided(name: str) -> Any:
    """Strides of two, dilation of two, padding on one side, and a mean."""
    from bitwright.ir.graph.ops import Conv

    net = Net(name, (13, 11, 4), -8, 7, seed=3)
    net.conv("c1", 8, 3, stride=2, pad=1).relu("r1", 4)
    op = Conv(net.weights(3, 3, 2, 8, 6), net.weights(4, 6), (1, 1), ((2, 0), (0, 1)), (2, 2))
    net.put(op, "c2").relu("r2", 4).conv("c3", 8, 4, kernel=2, stride=3).relu("r3", 5).mean("mean")
    return net.relu("r4", 6).dense("d", 5, 4).graph()


def depthwise(name: str) -> Any:
    """A depthwise-separable block twice, pooled between."""
    net = Net(name, (12, 12, 3), 0, 15, seed=4)
    net.conv("c", 8, 4, stride=2, pad=1).relu("r0", 4)
    net.depthwise("dw1", 4).relu("r1", 4).conv("pw1", 12, 4, kernel=1).relu("r2", 4).pool("p")
    return net.depthwise("dw2", 3).relu("r3", 4).conv("pw2", 8, 3, kernel=1).relu("r4", 4).dense("d", 4, 4).graph()


def residual(name: str) -> Any:
    """Two residual blocks, one with a shorter path of its own convolution."""
    from bitwright.ir.graph.ops import Add

    net = Net(name, (10, 10, 4), -8, 7, seed=6)
    net.conv("c0", 8, 4, pad=1).thresholds("a0", 7)
    kept = net.at
    net.conv("c1", 8, 3, pad=1).thresholds("a1", 7).conv("c2", 8, 3, pad=1).thresholds("a2", 15, -8)
    net.put(Add(), "add1", kept).relu("r1", 4)
    start = net.at
    long = net.conv("c3", 12, 3, pad=1, stride=2).relu("r3", 4).conv("c4", 12, 3, pad=1).thresholds("a4", 15, -8).at
    net.at = start
    net.conv("short", 12, 3, kernel=1, stride=2).thresholds("as", 15, -8).put(Add(), "add2", long).relu("r5", 4)
    return net.mean("mean").relu("r6", 6).dense("d", 6, 4).graph()


def one_dimension(name: str) -> Any:
    """Convolutions over time."""
    from bitwright.ir.graph.ops import Conv, MaxPool

    net = Net(name, (32, 4), -16, 15, seed=7)
    net.put(Conv(net.weights(4, 5, 4, 8), net.weights(4, 8), (1,), ((2, 2),), (1,)), "c1").relu("r1", 4)
    net.put(MaxPool((2,), (2,), ((0, 0),)), "p1")
    net.put(Conv(net.weights(3, 3, 8, 8), net.weights(4, 8), (2,), ((1, 1),), (2,)), "c2").thresholds("a2", 3)
    return net.dense("d", 7, 4).graph()


def transposed(name: str) -> Any:
    """Down, and up again by a transposed convolution and by repetition."""
    from bitwright.ir.graph.ops import ConvTranspose, Upsample

    net = Net(name, (8, 8, 2), -8, 7, seed=8)
    net.conv("c1", 6, 4, stride=2, pad=1).relu("r1", 4)
    op = ConvTranspose(net.weights(3, 3, 3, 6, 4), net.weights(4, 4), (2, 2), ((0, 1), (0, 1)), (1, 1))
    return net.put(op, "up").relu("r2", 4).put(Upsample((1, 2, 1)), "twice").conv("c2", 3, 3).relu("r3", 4).graph()


def grouped(name: str) -> Any:
    """Convolutions in groups between concatenated branches."""
    from bitwright.ir.graph.ops import Concat, Conv

    net = Net(name, (9, 9, 6), -4, 3, seed=9)
    start = net.at
    net.put(Conv(net.weights(3, 3, 3, 3, 8), net.weights(3, 8), (1, 1), ((1, 1), (1, 1)), (1, 1), 2), "g1")
    left = net.relu("r1", 3).at
    net.at = start
    net.conv("k1", 4, 3, kernel=1).relu("r2", 3)
    net.put(Concat(2), "cat", left).pool("p", 3)
    net.put(Conv(net.weights(3, 2, 2, 4, 6), net.weights(3, 6), (1, 1), ((0, 0), (0, 0)), (1, 1), 3), "g2")
    return net.relu("r3", 4).dense("d", 5, 4).graph()


def graphs() -> Iterator[Any]:
    """All networks."""
    yield cnn("cnn_w1a1", 1, 1)
    yield cnn("cnn_w2a2", 2, 2)
    yield cnn("cnn_w4a4", 4, 4, 12)
    yield mlp("mlp_w6a6", 6, 6)
    yield mlp("mlp_w3a3", 3, 3, 32)
    for make in (mixed, strided, depthwise, residual, one_dimension, transposed, grouped):
        yield make(make.__name__)
    yield recurrent("lstm")
    yield recurrent("gru")
    yield recurrent("lstm", sequences=True)
    yield recurrent("gru_before")
    yield recurrent("gru_before", sequences=True)
    yield ranked("top_k")
    yield attention("attention")


def foldings(graph: Any, seed: int) -> Iterator[tuple[str, Any]]:
    """A slow and two fast paces, one legal folding at random, and one with unrolled layers.

    Recurrent layers come in each of their foldings instead of the paces.
    """
    from bitwright.core.errors import Unsupported
    from bitwright.ir.graph import Scan
    from bitwright.ir.graph.ops import Conv, Dense, Input
    from bitwright.passes.streaming import Fold, Kernel, legal_foldings

    fast = Fold(1 << 20)(graph)
    for node in graph.nodes:
        if isinstance(node.op, Scan):
            for told in legal_foldings(node.op, node, [a.type for a in graph.args_of(node)]):
                yield f"{told.kernel.value} by {told.lanes}", fast | {node.name: told}
            return
    for pace in (1 << 15, 1400, 300):
        try:
            slower, fast = fast, Fold(pace)(graph)
        except Unsupported:
            continue
        if fast != slower or pace == 1 << 15:
            yield f"pace {pace}", fast
    draw = random.Random(seed)
    legal = {n.name: legal_foldings(n.op, n, [a.type for a in graph.args_of(n)]) for n in graph.nodes}
    yield "random", {name: draw.choice(found) for name, found in legal.items() if found}
    small = [n for n in graph.nodes if isinstance(n.op, Conv | Dense) and n.op.weights.array.size < 400]
    if small:
        entries = {n.name: fast[n.name] for n in graph.nodes if isinstance(n.op, Input)}
        yield "unrolled", fast | entries | {n.name: replace(fast[n.name], kernel=Kernel.UNROLLED) for n in small}


def cases(quick: bool) -> Iterator[tuple[Any, list[tuple[str, Any, Any]]]]:
    """Each graph with its codes' source and (folding's name, program) of its foldings."""
    from bitwright.passes import apply
    from bitwright.passes.buffer import Buffer
    from bitwright.passes.streaming import Place, Recode, Roll
    from bitwright.platforms import device

    for number, source in enumerate(graphs()):
        if quick and number not in (0, 8):
            continue
        graph = Recode()(apply(Roll()(source)))
        made = [
            (name, told, Buffer()(Place(device("xc7z020"), 100.0, told)(graph)))
            for name, told in foldings(graph, number)
        ]
        yield source, made


def shallower_is_worse(program: Any) -> tuple[int, int]:
    """How many channels and memories there are, and how many could be one word shallower at no cost."""
    from bitwright.core.errors import InvalidProgram
    from bitwright.cost.timetable import timetable
    from bitwright.ir.dataflow.ops import Rearrange

    def harmless(changed: Any) -> bool:
        try:
            found = timetable(changed)
        except InvalidProgram:
            return False
        return found.rate <= told.rate and found.latency_cycles <= told.latency_cycles

    told, count, spare = timetable(program), 0, 0
    for i, channel in enumerate(program.channels):
        count += 1
        less = (*program.channels[:i], replace(channel, depth=channel.depth - 1), *program.channels[i + 1 :])
        spare += channel.depth > 1 and harmless(replace(program, channels=less))
    for i, node in enumerate(program.nodes):
        if isinstance(node.op, Rearrange):
            count += 1
            less = replace(node, op=replace(node.op, depth=node.op.depth - 1))
            nodes = (*program.nodes[:i], less, *program.nodes[i + 1 :])
            spare += node.op.depth > 1 and harmless(replace(program, nodes=nodes))
    return count, spare


def simulated(source: Any, made: list[tuple[str, Any, Any]], folder: Path) -> Iterator[dict[str, Any]]:
    """A row for each folding of one network."""
    from bitwright.cost.timetable import timetable
    from bitwright.flow.streams import StreamBatch
    from bitwright.flow.vectors import random_codes
    from bitwright.ir import graph as graphs_

    codes = random_codes(source, FRAMES, 1)
    golden = graphs_.run(source, codes)
    programs = [program for _, _, program in made]
    with StreamBatch(programs, workdir=folder, frames=FRAMES) as batch:
        ready = batch.run([codes] * len(made))
        paused = batch.run([codes] * len(made), source_ready=1, sink_ready=2)
    for (name, _, program), always, pauses in zip(made, ready, paused, strict=True):
        told = timetable(program, FRAMES)
        ends = [max(o[f] for o in told.ends) for f in range(FRAMES)]
        wrong = sum(
            int((a.reshape(b.shape) != b).sum())
            for run in (always, pauses) for a, b in zip(run.outputs, golden, strict=True)
        )  # fmt: skip
        channels, spare = shallower_is_worse(program)
        yield {
            "network": source.name,
            "folding": name,
            "actors": len(program.nodes),
            "initiation": told.initiation_cycles,
            "simulated initiation": always.initiation_cycles,
            "latency": told.latency_cycles,
            "simulated latency": always.latency_cycles,
            "frames that end elsewhere": int(np.sum(always.frame_ends != np.array(ends))),
            "codes that differ": wrong,
            "channels": channels,
            "too deep": spare,
        }


def total(rows: list[dict[str, Any]], column: str) -> int:
    """The sum of a column."""
    return sum(row[column] for row in rows)


def measure(quick: bool) -> Outcome:
    """All cases."""
    rows: list[dict[str, Any]] = []
    for source, made in cases(quick):
        with tempfile.TemporaryDirectory() as folder:
            rows += simulated(source, made, Path(folder))
    count = len(rows)
    claims = [
        at_least("network x folding cases", count, 6 if quick else 40),
        equal("frames that end in another cycle than computed", total(rows, "frames that end elsewhere"), 0),
        equal("codes that differ from the graph, with and without pauses", total(rows, "codes that differ"), 0),
        equal("channels and memories that could be a word shallower", total(rows, "too deep"), 0),
    ]
    return Outcome(rows, claims)


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy"]))
