"""Which module of the Verilog differs: every layer's module simulated alone, on the words that it reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.backends.verilog import PortBits, pack, unpack
from bitwright.backends.verilog.netlist import Design as Modules
from bitwright.backends.verilog.netlist import LayerModule, layer_modules
from bitwright.core.errors import StorageError
from bitwright.core.files import inside
from bitwright.flow.compiled import Compiled
from bitwright.flow.writing import emit
from bitwright.ir import netlist as netlists
from bitwright.numeric import IntArray
from bitwright.toolchain import Ports, build, combine, words

__all__ = ["diff_rtl"]


def diff_rtl(design: Compiled, codes: Sequence[IntArray], folder: Path | None = None) -> str | None:
    """The first module, in the order of the data, whose outputs differ from the netlist's words; None if none.

    `folder`: where `write` put the Verilog; without it, what the design emits now. One simulator holds
    all layers and the top, each fed with the netlist's own words one sample a cycle.
    """
    stalls = folder is not None and inside(folder, f"rtl/{design.name}_core.v").exists()
    cells = folder is not None and inside(folder, "rtl/bw_sum.v").exists()
    emitted = emit(design, axis=stalls, primitives=cells)
    texts = {Path(name).stem: _text(folder, name) or emitted.files[name] for name in emitted.sources}
    buses = tuple(p.name for p in emitted.ports)
    modules = Modules.of(design.netlist, emitted.top, buses, stalls=stalls)
    layers, edges = layer_modules(modules), _Edges(modules, emitted.ports, codes)
    benches = [edges.bench(layer) for layer in layers]
    parts = [(layer.module.name, bench.ports) for layer, bench in zip(layers, benches, strict=True)]
    both = combine([*parts, (emitted.top, edges.top)])
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        files = {f"{name}.v": text for name, text in texts.items()} | {f"{both.top}.v": both.text}
        for name, text in files.items():
            (Path(scratch) / name).write_text(text)
        with build([Path(scratch) / name for name in files], both.top, both.ports, Path(scratch) / "sim") as simulation:
            found = both.run(simulation, [*(b.fed for b in benches), edges.top_fed()])
    for layer, bench, seen in zip(layers, benches, found, strict=False):
        for name, (expected, age, signed, width) in bench.expected.items():
            values = words.unpack(seen[name][age : age + len(expected)], [width], signed)[:, 0]
            if (values != expected).any():
                return _words(f"layer '{layer.title}', module {layer.module.name}, word {name}", expected, values)
    return edges.top_difference(found[-1])


def _text(folder: Path | None, name: str) -> str | None:
    if folder is None:
        return None
    try:
        return inside(folder, name).read_text()
    except OSError as error:
        raise StorageError(
            f"{name} cannot be read", where=str(folder), why=str(error), remedy="name the folder that `write` made"
        ) from error


def _words(where: str, expected: IntArray, found: IntArray) -> str:
    sample = int(np.flatnonzero(expected != found)[0])
    return f"{where}, sample {sample}: netlist {int(expected[sample])}, RTL {int(found[sample])}"


@dataclass(frozen=True)
class _Bench:
    """Ports of a module, rows to feed, and per output (values, age in cycles, signed, width)."""

    ports: Ports
    fed: dict[str, NDArray[np.uint32]]
    expected: dict[str, tuple[IntArray, int, bool, int]]


class _Edges:
    """The netlist's words as rows of a simulation: sample r of a word of age a stands in row r + a."""

    def __init__(self, modules: Modules, buses: Sequence[PortBits], codes: Sequence[IntArray]) -> None:
        self.modules, self.netlist = modules, modules.netlist
        self.buses, self.codes = buses, codes
        self.count = len(codes[0])
        self.golden = netlists.run(self.netlist, codes)
        self.values = [np.broadcast_to(v, (self.count,)) for v in netlists.trace(self.netlist, codes)]
        ends = [tuple((p.name, p.bits) for p in self._side(d)) for d in ("input", "output")]
        self.top = Ports(ends[0], ends[1])

    def bench(self, layer: LayerModule) -> _Bench:
        """The module of one layer with what it reads and should yield."""
        declared = {p.name: p.width for p in layer.module.ports}
        names, ages = self.modules.names, self.modules.ages
        latest = self.modules.latency_cycles
        fed: dict[str, Any] = {}
        for word in layer.inputs:
            rows = np.pad(self.values[word], (ages[word], latest - ages[word]), mode="edge")
            fed[names[word]] = words.pack(rows[:, None], [declared[names[word]]])
        if "ce" in declared:
            fed["ce"] = np.ones((self.count + latest, 1), np.uint32)
        expected = {
            names[w]: (self.values[w], ages[w], self.netlist.nodes[w].type.signed, declared[names[w]])
            for w in layer.outputs
        }
        sides = [tuple((name, declared[name]) for name in side) for side in (fed, expected)]
        return _Bench(Ports(sides[0], sides[1], "clk" if layer.clocked else ""), fed, expected)

    def top_fed(self) -> dict[str, Any]:
        """Rows for the whole design."""
        latest = self.modules.latency_cycles
        pairs = zip(self._side("input"), self.codes, strict=True)
        return {p.name: np.pad(pack([c], [p]), ((0, latest), (0, 0)), mode="edge") for p, c in pairs}

    def top_difference(self, seen: dict[str, Any]) -> str | None:
        """The first output at which the whole differs while every part is right: the wiring."""
        latest = self.modules.latency_cycles
        for bus, expected in zip(self._side("output"), self.golden, strict=True):
            found = unpack(seen[bus.name][latest : latest + self.count], [bus])[0]
            if (found != expected).any():
                where = f"wiring between the layers, output {bus.name}"
                at = np.argwhere(found != expected)[0]
                column = (slice(None), *(int(i) for i in at[1:]))
                return _words(f"{where}, element {column[1:]}", expected[column], found[column])
        return None

    def _side(self, direction: str) -> list[PortBits]:
        return [p for p in self.buses if p.direction == direction]
