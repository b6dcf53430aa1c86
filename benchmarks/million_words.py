"""A network of more than a million words from its graph to Verilog text and through the interpreter: seconds, memory.

28x28 pixels of 6 bits, two convolutions (5x5 to 8, 3x3 to 128 channels, 5-bit weights, 60 % of them not zero) with
quantized ReLUs, pooling, a dense layer; every window its own hardware. Times are CPU seconds of the process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from benchmarks._table import Outcome, at_least, at_most, equal, main, peak_memory_mib
from bitwright.backends.verilog import emit
from bitwright.core.origin import Origin
from bitwright.cost import predict
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.emulator import Emulator
from bitwright.ir.graph.ops import Conv, Dense, Map, MaxPool, Reshape
from bitwright.ir.netlist import check, machine_of, run
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.passes import Retime, Share, Synthesize, unrolled
from bitwright.platforms import device

T = TypeVar("T")
_ONE = Steps.of(1)
CLOCK_MHZ = 200


def weights(random: np.random.Generator, *shape: int) -> Ints:
    """Even over 5 bits, 60 % of them kept."""
    return Ints(random.integers(-15, 16, shape) * (random.random(shape) < 0.6))


def picture_network(side: int, filters: int) -> Graph:
    """The network for `side` x `side` pixels."""
    random, builder = np.random.default_rng(0), GraphBuilder()
    x = builder.input(TensorType((side, side, 1), Ints(0), Ints(63), _ONE), "x")
    relu = ShiftRoundSaturate(Ints([1]), Ints([0]), Ints([6]), Rounding.HALF_UP, Ints([0]), Ints([31]))
    for number, (kernel, inner, outer) in enumerate(((5, 1, 8), (3, 8, filters)), 1):
        matrix, bias = weights(random, kernel, kernel, inner, outer), Ints(random.integers(-200, 200, outer))
        conv = Conv(matrix, bias, (1, 1), ((0, 0), (0, 0)), (1, 1))
        x = builder.apply(conv, [x], step=_ONE, origin=Origin(f"conv{number}"))
        x = builder.apply(Map(relu, Ints(0)), [x], step=_ONE, origin=Origin(f"relu{number}"))
    x = builder.apply(MaxPool((4, 4), (4, 4), ((0, 0), (0, 0))), [x], origin=Origin("pool"))
    size = builder.type(x).size
    x = builder.apply(Reshape((size,)), [x], origin=Origin("flatten"))
    dense = Dense(weights(random, size, 10), Ints(np.zeros(10, dtype=np.int64)))
    return builder.graph("pictures", [builder.apply(dense, [x], step=_ONE, origin=Origin("fc"))])


@dataclass
class Stopwatch:
    """Rows of what was done, with its seconds and the memory so far."""

    rows: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def __call__(self, step: str, work: Callable[[], T]) -> T:
        """Do `work` and note what it took."""
        start, wall = time.process_time(), time.perf_counter()
        result = work()
        row = {"step": step, "CPU s": time.process_time() - start, "wall s": time.perf_counter() - wall}
        self.rows.append({**row, "peak MiB so far": peak_memory_mib()})
        return result


def measure(quick: bool) -> Outcome:
    """A row for each step of the way; a sixth of the picture for `quick`."""
    note, target = Stopwatch(), device("xcvu9p")
    graph = picture_network(12 if quick else 28, 32 if quick else 128)
    recipe = Synthesize(Share(operands=target.fabric.adder_operands), fabric=target.fabric)
    plain = note("synthesize", lambda: unrolled(graph, recipe))
    netlist = note("retime", lambda: Retime(target, CLOCK_MHZ)(plain))
    note("check", lambda: check(netlist))
    luts = note("predict", lambda: predict(netlist, target)).luts
    size = note("Verilog", lambda: sum(map(len, emit(netlist).files.values())))
    machine = note("flatten", lambda: machine_of(netlist))
    codes: IntArray = np.random.default_rng(1).integers(0, 64, (256, *graph.inputs[0].type.shape))
    found = note("run 256 samples", lambda: run(netlist, [codes]))[0]
    differing = int((found != Emulator(graph)([codes])[0]).sum())
    words, seconds = len(netlist), sum(row["CPU s"] for row in note.rows)
    claims = [
        at_most("CPU seconds from the graph to Verilog and results", seconds, 600.0),
        at_most("peak memory, MiB", peak_memory_mib(), 6144.0),
        equal("outputs that differ from the graph's", differing, 0),
    ]
    if not quick:
        claims.insert(0, at_least("words of the netlist", words, 1_000_000))
    steps = len(machine.code.steps)
    notes = [f"{words:,} words, {luts:,} LUTs predicted, {size / 1e6:.0f} MB of text, {steps:,} instructions"]
    return Outcome(note.rows, claims, notes)


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy"]))
