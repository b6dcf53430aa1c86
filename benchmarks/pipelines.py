"""Pipelined jet networks on ECP5: flip-flops, cycles, clock and nanoseconds, beside Alkaid's pipelines of the same.

Networks are integer matrices with biases; between them ReLUs that drop bits (floor), as many per neuron as HGQ's
training would leave, or saturating ones behind trained 6-bit weights; the HGQ tagger is as HGQ trained it, with its own
width for every input and neuron, saturating where that wraps. Alkaid compiles the same integers for the same
input range in a process of its own and cuts its pipeline at a latency cutoff; ours takes the fewest stages whose
routed clock is at least as fast. Both are simulated by Verilator (which also counts Alkaid's cycles), mapped by the
same yosys, and placed and routed by the same nextpnr between the same registers. Inputs come from registers
that are not counted, outputs are registered and counted, on both sides. Without Alkaid our flip-flops are shown beside
those of words that are computed as early as they can be. BENCH_ONLY (a regular expression) picks networks by name,
BENCH_PARTS (a folder) keeps the rows of each (`_parts`). A number of stages is given up once more than half of its
seeds stay below Alkaid's clock.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _hgq_tagger
from benchmarks._parts import part
from benchmarks._peers import python_of
from benchmarks._table import Claim, Outcome, at_least, at_most, equal, geometric_mean, main
from benchmarks.interpreter import DATA, trained
from bitwright.backends.verilog import emit, pack
from bitwright.core.origin import Origin
from bitwright.cost import predict
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, run
from bitwright.ir.graph.ops import Dense, Map
from bitwright.ir.netlist import Netlist
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.passes import Retime, Share, Synthesize, apply, unrolled
from bitwright.platforms import device
from bitwright.toolchain import Ports, Simulation, build, synthesize
from bitwright.toolchain.nextpnr import place_and_route

_ONE = Steps.of(1)
_ENDLESS = 1 << 40
CODE = (
    "src/bitwright/passes", "src/bitwright/cost", "src/bitwright/platforms", "src/bitwright/backends/verilog",
    "src/native", "benchmarks/pipelines.py", "benchmarks/_hgq_tagger.py",
)  # fmt: skip
"""What the rows depend on."""
_LOW, _HIGH = -128, 127


@dataclass(frozen=True)
class Layer:
    """z = h @ weights + bias; then h = clip(z >> shifts, 0, top), where shifts are given."""

    weights: IntArray
    bias: IntArray
    shifts: IntArray | None = None
    top: int | IntArray = _ENDLESS


@dataclass(frozen=True)
class Net:
    """A network of signed inputs, the device that holds it, Alkaid's cutoffs, how many seeds are routed, input bits."""

    name: str
    layers: Sequence[Layer]
    device: str
    cutoffs: tuple[int, ...]
    seeds: int = 5
    bits: Sequence[int] = (8,) * 16

    @property
    def half(self) -> IntArray:
        """Inputs lie in [-half, half)."""
        return 1 << np.array(self.bits) - 1

    def inputs(self, rows: int) -> IntArray:
        """Evenly drawn inputs, (rows, inputs)."""
        return np.random.default_rng(0).integers(-self.half, self.half, (rows, len(self.bits)))


def heterogeneous(widths: Sequence[int], density: float, bits: int, seed: int) -> list[Layer]:
    """Bell-shaped weights of `bits` bits, most of them zero; neurons keep 3 to 6 bits of what they usually reach."""
    random = np.random.default_rng(seed)
    h = np.rint(random.normal(0, 40, (2000, widths[0]))).clip(_LOW, _HIGH).astype(np.int64)
    layers: list[Layer] = []
    for inputs, units in pairwise(widths):
        most = (1 << bits - 1) - 1
        weights = np.rint(random.normal(0, most / 2.2, (inputs, units))).clip(-most, most).astype(np.int64)
        weights *= random.random(weights.shape) < density
        bias = random.integers(-64, 64, units)
        z = h @ weights + bias
        usual = np.maximum(3 * z.std(axis=0), 1).astype(np.int64)
        kept = random.integers(3, 7, units)
        shifts = np.maximum([int(u).bit_length() for u in usual] - kept, 0)
        layers.append(Layer(weights, bias, shifts))
        h = np.maximum(z, 0) >> shifts
    return [*layers[:-1], replace(layers[-1], shifts=None)]


def saturating(file: str, names: Sequence[str]) -> list[Layer]:
    """A trained network with 6-bit weights and saturating 6-bit ReLUs."""
    found = trained("", file, names)
    shifts = [np.full(w.shape[1], s) for w, s in zip(found.weights, found.shifts(), strict=False)]
    ends: list[IntArray | None] = [*shifts, None]
    return [Layer(w, b, s, (1 << found.bits) - 1) for w, b, s in zip(found.weights, found.biases, ends, strict=True)]


def hgq(name: str, part: str, cutoffs: tuple[int, ...]) -> Net:
    """The tagger that HGQ trained, without what it never reads and without the quantizers of its scores."""
    tagger = _hgq_tagger.hgq_tagger()
    read, layers = tagger.input_bits > 0, list[Layer]()
    bits = tagger.input_bits[read]
    for layer in tagger.layers:
        alive = layer.alive
        weights, bias = layer.weights[np.ix_(read, alive)], layer.bias[alive]
        layers.append(Layer(weights, bias, layer.shift[alive], layer.top[alive]))
        read = alive
    return Net(name, [*layers[:-1], replace(layers[-1], shifts=None)], part, cutoffs, bits=tuple(bits.tolist()))


def nets(quick: bool) -> Iterator[Net]:
    """Small ones, which a router finishes in a minute, and whole taggers, the large ones routed with one seed."""
    yield Net("16-16-8-5, 30 %", heterogeneous((16, 16, 8, 5), 0.3, 5, 0), "lfe5u-25", (3,), 1 if quick else 5)
    if quick:
        return
    yield Net("16-24-16-5, 20 %", heterogeneous((16, 24, 16, 5), 0.2, 5, 1), "lfe5u-25", (2, 4))
    yield Net("16-32-16-16-5, 15 %", heterogeneous((16, 32, 16, 16, 5), 0.15, 5, 2), "lfe5u-25", (3,))
    yield Net("16-64-32-32-5, 10 %", heterogeneous((16, 64, 32, 32, 5), 0.1, 5, 3), "lfe5u-45", (3,), 1)
    if DATA.is_dir() and importlib.util.find_spec("h5py"):
        yield hgq("HGQ tagger", "lfe5u-25", (2, 4))
        names = ("fc1_relu", "fc2_relu", "fc3_relu", "output_softmax")
        layers = saturating("KERAS_3layer_70pruned_retrained_weights.h5", names)
        yield Net("jet tagger, 70 % pruned", layers, "lfe5u-85", (4,), 1)


def graph(net: Net) -> Graph:
    """The network as our graph."""
    builder = GraphBuilder()
    x = builder.input(TensorType(net.half.shape, Ints(-net.half), Ints(net.half - 1), _ONE), "x")
    for place, layer in enumerate(net.layers):
        dense = Dense(Ints(layer.weights), Ints(layer.bias))
        x = builder.apply(dense, [x], step=_ONE, origin=Origin(f"fc{place}"))
        if layer.shifts is not None:
            one = np.ones(len(layer.shifts), np.int64)
            parts = (Ints(one), Ints(0 * one), Ints(layer.shifts))
            form = ShiftRoundSaturate(*parts, Rounding.FLOOR, Ints(0 * one), Ints(layer.top * one))
            rows = Ints(np.arange(len(one)))
            x = builder.apply(Map(form, rows), [x], step=_ONE, origin=Origin(f"relu{place}"))
    return builder.graph("jets", [x])


@dataclass(frozen=True)
class Block:
    """Verilog of one pipeline: files, top, buses; cycles where they are known."""

    sources: Sequence[Path]
    top: str
    ports: Ports
    cycles: int = 0

    def counts(self, folder: Path) -> dict[str, Any]:
        """LUTs and flip-flops on ECP5."""
        found = synthesize(self.sources, self.top, workdir=folder, family="ecp5", timeout_s=3600)
        return {"LUT": found.luts, "FF": found.ffs}

    def routed_mhz(self, folder: Path, part: str, seeds: Sequence[int], needed_mhz: float = 0.0) -> float:
        """The clock that nextpnr reaches, the median over the seeds, or over those that show it below `needed_mhz`."""
        told = {"device": part, "seeds": seeds, "needed_mhz": needed_mhz, "timeout_s": 7200}
        routed = place_and_route(self.sources, self.top, self.ports, workdir=folder, **told)
        return routed.fmax_mhz

    def simulation(self, folder: Path) -> Simulation:
        """The pipeline in a simulator."""
        return build(self.sources, self.top, self.ports, folder)


class Ours:
    """One network through our passes, pipelined in any number of stages."""

    def __init__(self, net: Net, folder: Path) -> None:
        self.part, self.folder = device(net.device), folder
        self.graph = graph(net)
        fabric = self.part.fabric
        share = Share(operands=fabric.adder_operands)
        self.plain: Netlist = unrolled(apply(self.graph), Synthesize(share, fabric=fabric))

    def pipeline(self, stages: int) -> Netlist:
        """The netlist with the fastest clock for so many stages."""
        return Retime(self.part, None, stages)(self.plain)

    def block(self, stages: int) -> Block:
        """The Verilog with `stages` cycles of latency."""
        emitted = emit(self.pipeline(stages), name=f"ours_{stages}")
        sources: list[Path] = []
        for name in emitted.sources:
            sources.append(self.folder / f"ours_{stages}" / Path(name).name)
            sources[-1].parent.mkdir(exist_ok=True)
            sources[-1].write_text(emitted.files[name])
        sides = [tuple((p.name, p.bits) for p in emitted.ports if p.direction == d) for d in ("input", "output")]
        return Block(sources, emitted.top, Ports(sides[0], sides[1]), emitted.latency_cycles)

    def differing(self, block: Block, x: IntArray) -> int:
        """Simulated rows that differ from the graph's."""
        emitted = emit(self.pipeline(block.cycles), name=block.top)
        expected = pack(run(self.graph, [x]), [p for p in emitted.ports if p.direction == "output"])
        given = pack([x], [p for p in emitted.ports if p.direction == "input"])
        with block.simulation(self.folder) as simulation:
            (name, _), (seen, _) = block.ports.inputs[0], block.ports.outputs[0]
            rows = np.pad(given, ((0, block.cycles), (0, 0)), mode="edge")
            found = simulation.run({name: rows})[seen][block.cycles :]
        return int((found != expected).any(axis=1).sum())

    def first(self, mhz: float) -> int:
        """The fewest stages that the delay model expects to reach `mhz`."""
        stages = 1
        while predict(self.pipeline(stages), self.part).fmax_mhz < mhz and stages < 40:
            stages += 1
        return stages


class Alkaid:
    """The same network through Alkaid: one block for each cutoff."""

    def __init__(self, net: Net, folder: Path, x: IntArray) -> None:
        self.folder = folder
        parts: dict[str, IntArray] = {"x": x, "cutoffs": np.array(net.cutoffs), "bits": np.array(net.bits)}
        for place, layer in enumerate(net.layers):
            parts |= {f"w{place}": layer.weights, f"b{place}": layer.bias}
            if layer.shifts is not None:
                parts |= {f"s{place}": layer.shifts, f"t{place}": np.array(layer.top)}
        np.savez(folder / "network.npz", allow_pickle=False, **parts)
        command = [str(python_of("alkaid")), "-c", _ALKAID, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        self.told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        self.found: IntArray = np.load(folder / "y.npy")

    def block(self, cutoff: int) -> Block:
        """Its Verilog; cycles are counted in the simulation."""
        root = self.folder / f"alkaid_{cutoff}" / "src"
        sources = sorted(p for p in root.rglob("*.v") if "wrapper" not in p.name)
        for source in sources:  # its notes to a newer Verilator stop an older one
            source.write_text(re.sub(r"/\* *verilator.*?\*/", "", source.read_text()))
        ports = Ports((("model_inp", self.told["in"]),), (("model_out", self.told["out"]),))
        block = Block(sources, "alkaid", ports)
        return replace(block, cycles=self._cycles(block))

    def _cycles(self, block: Block) -> int:
        """Rows from a change of the inputs to outputs that stay, the most over some changes."""
        changes, held = 20, 100
        words = -(-self.told["in"] // 32)
        rows = np.random.default_rng(3).integers(0, 1 << 32, (changes, words), dtype=np.uint32)
        rows[:, -1] &= np.uint32((1 << (self.told["in"] - 1) % 32 + 1) - 1)
        with block.simulation(self.folder) as simulation:
            found = simulation.run({"model_inp": np.repeat(rows, held, axis=0)})["model_out"]
        stays = [(part == part[-1]).all(axis=1) for part in np.split(found, changes)]
        return max(held - int(np.argmin(same[::-1])) for same in stays if not same.all())


_ALKAID = """
import json, sys
from pathlib import Path
import numpy as np
from alkaid.codegen import RTLModel
from alkaid.trace import FVArrayInput, to_pipeline, trace
folder = Path(sys.argv[1])
told = np.load(folder / "network.npz")
x = told["x"].astype(np.float64)
inp = FVArrayInput((x.shape[1],))
h = inp.quantize(np.ones_like(told["bits"]), told["bits"] - 1, np.zeros_like(told["bits"]))
place = 0
while f"w{place}" in told:
    h = h @ told[f"w{place}"].astype(np.float64) + told[f"b{place}"].astype(np.float64)
    if f"s{place}" in told:
        shifts = told[f"s{place}"]
        top = np.array([int(t).bit_length() for t in np.broadcast_to(told[f"t{place}"], shifts.shape)])
        if (top > 40).all():
            h = h.relu(f=-shifts) * 2.0 ** -shifts
        else:
            h = (h * 2.0 ** -shifts).quantize(0 * top, top, 0 * top, "SAT", "TRN")
    place += 1
network = trace(inp, h)
np.save(folder / "y.npy", network.predict(x, n_threads=1))
for cutoff in told["cutoffs"].tolist():
    cut = to_pipeline(network, latency_cutoff=cutoff, verbose=False, reg_inp=False, reg_out=True)
    RTLModel(cut, str(folder / f"alkaid_{cutoff}"), prj_name="alkaid", print_latency=False).write()
text = (folder / f"alkaid_{cutoff}" / "src" / "alkaid.v").read_text()
sides = [int(text.split(f"] {name}")[0].rsplit("[", 1)[1].split(":")[0]) + 1 for name in ("model_inp", "model_out")]
print(json.dumps({"in": sides[0], "out": sides[1]}))
"""


def beside_alkaid(net: Net, quick: bool, folder: Path) -> Iterator[dict[str, Any]]:
    """Two rows for each cutoff: Alkaid's pipeline, and ours that is as fast."""
    x = net.inputs(500 if quick else 3000)
    ours = Ours(net, folder)
    peer = Alkaid(net, folder, x)
    expected = run(ours.graph, [x])[0]
    for cutoff in net.cutoffs:
        block = peer.block(cutoff)
        theirs = _row(net, f"Alkaid, cutoff {cutoff}", block, folder)
        yield theirs | {"differing": int((peer.found != expected).any(axis=1).sum())}
        stages = max(ours.first(theirs["MHz"]) - 1, 1)
        while True:
            mine = ours.block(stages)
            row = _row(net, f"bitwright for cutoff {cutoff}", mine, folder, theirs["MHz"])
            if row["MHz"] >= theirs["MHz"] or stages > 40:
                break
            stages += 1
        row["FF ratio"], row["ns ratio"] = row["FF"] / theirs["FF"], row["ns"] / theirs["ns"]
        row["MHz ratio"], row["LUT ratio"] = row["MHz"] / theirs["MHz"], row["LUT"] / theirs["LUT"]
        yield row | {"differing": ours.differing(mine, x)}


def _row(net: Net, who: str, block: Block, folder: Path, needed_mhz: float = 0.0) -> dict[str, Any]:
    mhz = block.routed_mhz(folder, net.device, range(1, net.seeds + 1), needed_mhz)
    row = {"network": net.name, "who": who, "cycles": block.cycles, **block.counts(folder), "MHz": mhz}
    return row | {"ns": block.cycles / mhz * 1e3}


def alone(net: Net, folder: Path) -> Iterator[dict[str, Any]]:
    """Without Alkaid: flip-flops by stages, beside words that are computed as early as they can be."""
    ours = Ours(net, folder)
    for stages in (2, 4, 8):
        early = Retime(ours.part, None, stages, most_words=0)(ours.plain)
        least = predict(ours.pipeline(stages), ours.part)
        row = {"network": net.name, "who": "bitwright", "cycles": stages, "LUT": least.luts, "FF": least.ffs}
        yield row | {"FF, earliest": predict(early, ours.part).ffs, "modelled MHz": least.fmax_mhz}


def claims(rows: Sequence[dict[str, Any]]) -> Iterator[Claim]:
    """What must hold for the rows at hand."""
    pairs = [row for row in rows if "FF ratio" in row]
    if not pairs:
        share = geometric_mean(row["FF"] / row["FF, earliest"] for row in rows)
        yield at_most("flip-flops over those of earliest stages, geometric mean", share, 1.0)
        return
    yield equal("simulated samples that differ from the graph, ours and Alkaid's", sum(r["differing"] for r in rows), 0)
    yield at_least("clock over Alkaid's, least", min(row["MHz ratio"] for row in pairs), 1.0)
    yield at_most("flip-flops over Alkaid's, geometric mean", geometric_mean(r["FF ratio"] for r in pairs), 0.6)
    yield at_most("latency in ns over Alkaid's, geometric mean", geometric_mean(r["ns ratio"] for r in pairs), 0.7)
    yield at_most("LUTs over Alkaid's, geometric mean", geometric_mean(r["LUT ratio"] for r in pairs), 1.0)


def measured(net: Net, quick: bool, has_peer: bool) -> Iterator[dict[str, Any]]:
    """The rows of a network."""
    with tempfile.TemporaryDirectory(prefix="bitwright-") as scratch:
        folder = Path(scratch)
        for row in beside_alkaid(net, quick, folder) if has_peer else alone(net, folder):
            print(row, file=sys.stderr, flush=True)
            yield row


def measure(quick: bool) -> Outcome:
    """Rows per network and cutoff."""
    only, rows = os.environ.get("BENCH_ONLY", ""), list[dict[str, Any]]()
    has_peer = python_of("alkaid") is not None
    for net in nets(quick):
        if re.search(only, net.name):
            rows += part(f"{net.name}{' quick' * quick}", partial(measured, net, quick, has_peer), CODE)
    seeds = "1 seed" if quick else "the median of 5 seeds (whole taggers: 1)"
    notes = [f"only the networks that match {only!r}"] if only else []
    return Outcome(rows, list(claims(rows)), [*notes, f"clocks: nextpnr-ecp5, speed grade 6, {seeds}"])


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "alkaid"]))
