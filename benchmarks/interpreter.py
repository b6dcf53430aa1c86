"""Samples a second of the netlist interpreter, one thread, beside Alkaid's own on the same integer networks.

Each network is a chain of integer matrices with biases; between them ReLUs that drop bits (floor) and saturate.
Both compile it their own way, run it on the same floats and must give the same integers. Trained weights are
rounded to 6 bits; their rows need the folder named by BITWRIGHT_DATA, or ../shared/data. Times are CPU seconds of
the process, the best of several calls, floats in and out included on both sides.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._peers import python_of, version_of
from benchmarks._table import Claim, Outcome, at_least, equal, geometric_mean, main, peak_memory_mib
from bitwright.core.interpreter import IS_NATIVE, Interpreter
from bitwright.core.origin import Origin
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, run
from bitwright.ir.graph.ops import Dense, Map
from bitwright.ir.netlist.machine import flattened
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.passes import Share, Synthesize

DATA = Path(os.environ.get("BITWRIGHT_DATA", "../shared/data")) / "reference_models" / "hls4ml_example_models"
Floats = NDArray[np.float64]
_ONE = Steps.of(1)
_TOP = 31
"""Weights lie in [-31, 31]: 6 bits."""


@dataclass(frozen=True)
class Network:
    """y = h @ weights + bias layer by layer; between layers h = clip(y >> shift, 0, 2**bits - 1).

    Inputs are signed codes of `input_bits` bits, or unsigned ones.
    """

    name: str
    weights: Sequence[IntArray]
    biases: Sequence[IntArray]
    input_bits: int = 8
    signed: bool = True
    bits: int = 6

    @property
    def low(self) -> int:
        """The least input code."""
        return -(1 << self.input_bits - 1) if self.signed else 0

    def shifts(self) -> list[int]:
        """Bits that each ReLU drops: so many that a column of large inputs just saturates."""
        scales = [np.sqrt((w.astype(float) ** 2).sum(axis=0)).mean() for w in self.weights]
        bits = [self.input_bits, *[self.bits] * len(scales)]
        return [max(0, round(float(np.log2(s)) + b - self.bits)) for s, b in zip(scales[:-1], bits, strict=False)]

    def inputs(self, count: int) -> IntArray:
        """Evenly drawn codes, (count, inputs)."""
        random = np.random.default_rng(0)
        return random.integers(self.low, self.low + (1 << self.input_bits), (count, len(self.weights[0])))


def graph(network: Network) -> Graph:
    """The network as our graph."""
    builder = GraphBuilder()
    high = network.low + (1 << network.input_bits) - 1
    x = builder.input(TensorType((len(network.weights[0]),), Ints(network.low), Ints(high), _ONE), "x")
    shifts = [*network.shifts(), -1]
    for place, (weights, bias, shift) in enumerate(zip(network.weights, network.biases, shifts, strict=True)):
        x = builder.apply(Dense(Ints(weights), Ints(bias)), [x], step=_ONE, origin=Origin(f"fc{place}"))
        if shift >= 0:
            ends = Ints([0]), Ints([(1 << network.bits) - 1])
            form = ShiftRoundSaturate(Ints([1]), Ints([0]), Ints([shift]), Rounding.FLOOR, *ends)
            x = builder.apply(Map(form, Ints(0)), [x], step=_ONE, origin=Origin(f"relu{place}"))
    return builder.graph("network", [x])


def chain(name: str, widths: Sequence[int], density: float, **told: Any) -> Network:
    """Bell-shaped weights, a share of them zero."""
    random = np.random.default_rng(1)
    pairs = list(pairwise(widths))
    weights = [np.rint(random.normal(0, _TOP / 2.5, p)).clip(-_TOP, _TOP).astype(np.int64) for p in pairs]
    kept = [w * (random.random(w.shape) < density) for w in weights]
    return Network(name, kept, [random.integers(-200, 200, p[1]) for p in pairs], **told)


def trained(name: str, file: str, layers: Sequence[str], **told: Any) -> Network:
    """Weights of a trained model, the largest of each layer at 31; biases on the same grid."""
    import h5py

    weights: list[IntArray] = []
    biases: list[IntArray] = []
    with h5py.File(DATA / file) as stored:
        for layer in layers:
            kernel, bias = (np.asarray(stored[f"{layer}/{layer}/{part}:0"]) for part in ("kernel", "bias"))
            step = np.abs(kernel).max() / _TOP
            weights.append(np.rint(kernel / step).astype(np.int64))
            biases.append(np.rint(bias / step * 16).astype(np.int64))
    return Network(name, weights, biases, **told)


def networks(quick: bool) -> Iterator[Network]:
    """Two of each kind, or those that compile at once."""
    yield chain("jets 16-64-32-32-5, dense", (16, 64, 32, 32, 5), 1.0)
    yield chain("jets 16-64-32-32-5, 20 %", (16, 64, 32, 32, 5), 0.2)
    if DATA.is_dir() and importlib.util.find_spec("h5py"):
        float_names = ("fc1_relu", "fc2_relu", "fc3_relu", "output_softmax")
        yield trained("jet tagger, 70 % pruned", "KERAS_3layer_70pruned_retrained_weights.h5", float_names)
        yield trained("jet tagger, QKeras", "qkeras_3layer_weights.h5", ("fc1", "fc2", "fc3", "output"))
        if not quick:
            file, layers = "qkeras_mnist_dense_weights.h5", ("q_dense_2", "q_dense_3")
            yield trained("MNIST 784-20-10, QKeras", file, layers, input_bits=4, signed=False)
    if not quick:
        yield chain("MNIST 784-32-10, 20 %", (784, 32, 10), 0.2, input_bits=4, signed=False)


def best_s(call: Callable[[], Any], times: int) -> float:
    """CPU seconds of the fastest of `times` calls."""
    call()
    found: list[float] = []
    for _ in range(times):
        start = time.process_time()
        call()
        found.append(time.process_time() - start)
    return min(found)


def floats(machine: Interpreter, x: Floats) -> Floats:
    """Codes as floats in and out, converted in parts that stay in the cache."""
    parts = [machine(x[start : start + 512].astype(np.int64)) for start in range(0, len(x), 512)]
    return np.concatenate(parts).astype(np.float64)


def measured(network: Network, count: int) -> tuple[dict[str, Any], IntArray]:
    """Our row, and the outputs."""
    tensors, codes = graph(network), network.inputs(count)
    code = flattened(Synthesize(Share(operands=3))(tensors))
    machine = Interpreter(code, threads=1)
    x = codes.astype(np.float64)
    seconds = best_s(lambda: floats(machine, x), 7)
    found = machine(codes)
    row = {
        "network": network.name,
        "instructions": len(code.steps),
        "lane bits": code.lane_bits,
        "ksamples/s": count / seconds / 1e3,
        "differing": int((found != run(tensors, [codes])[0]).sum()),
    }
    return row, found


def beside_alkaid(network: Network, count: int, expected: IntArray) -> dict[str, Any]:
    """The same network through Alkaid's tracer and interpreter, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.npz"
        parts = {f"w{i}": w for i, w in enumerate(network.weights)} | {f"b{i}": b for i, b in enumerate(network.biases)}
        shape = [network.input_bits, int(network.signed), network.bits, *network.shifts()]
        np.savez(path, x=network.inputs(count), shape=np.array(shape), **parts)
        command = [str(python_of("alkaid")), "-c", _ALKAID, str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return {"Alkaid": done.stderr.strip().splitlines()[-1]}
        told = json.loads(done.stdout.splitlines()[-1])
        differing = int((np.load(Path(folder) / "y.npy") != expected).sum())
    rate = count / told["seconds"] / 1e3
    return {"Alkaid operations": told["operations"], "Alkaid ksamples/s": rate, "Alkaid differing": differing}


_ALKAID = """
import json, sys, time
from pathlib import Path
import numpy as np
from alkaid.trace import FVArrayInput, trace
told = np.load(sys.argv[1])
x, (bits, signed, inner, *shifts) = told["x"].astype(np.float64), told["shape"].tolist()
inp = FVArrayInput((x.shape[1],))
h = inp.quantize(signed, bits - signed, 0)
for i in range(len(shifts) + 1):
    h = h @ told[f"w{i}"].astype(np.float64) + told[f"b{i}"].astype(np.float64)
    if i < len(shifts):
        h = (h * 2.0 ** -shifts[i]).quantize(0, inner, 0, "SAT", "TRN")
network = trace(inp, h)
np.save(Path(sys.argv[1]).with_name("y.npy"), network.predict(x, n_threads=1))
best = float("inf")
for _ in range(5):
    start = time.process_time()
    network.predict(x, n_threads=1)
    best = min(best, time.process_time() - start)
print(json.dumps({"seconds": best, "operations": len(network.ops)}))
"""


def claims(rows: Sequence[dict[str, Any]]) -> Iterator[Claim]:
    """What must hold for the rows at hand."""
    yield equal("outputs that differ from the graph's", sum(row["differing"] for row in rows), 0)
    ratios = {row["network"]: row["ratio"] for row in rows if row.get("ratio")}
    if ratios:
        yield equal("outputs that differ between the two", sum(row["Alkaid differing"] for row in rows), 0)
        yield at_least("samples a second over Alkaid's, least", min(ratios.values()), 1.0)
        yield at_least("samples a second over Alkaid's, geometric mean", geometric_mean(ratios.values()), 1.0)


def measure(quick: bool) -> Outcome:
    """A row per network."""
    rows: list[dict[str, Any]] = []
    for network in networks(quick):
        count = 20_000 if len(network.weights[0]) > 100 else 100_000
        row, expected = measured(network, count)
        if python_of("alkaid"):
            row |= beside_alkaid(network, count, expected)
            peer = row.get("Alkaid ksamples/s")
            row["ratio"] = row["ksamples/s"] / peer if peer else None
        rows.append(row)
    notes = [f"compiled: {'yes' if IS_NATIVE else 'no'}", f"peak memory {peak_memory_mib():.0f} MiB"]
    notes += [version_of("alkaid")] if python_of("alkaid") else []
    return Outcome(rows, list(claims(rows)), notes)


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "alkaid"]))
