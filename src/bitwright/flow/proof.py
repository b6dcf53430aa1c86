"""`prove`: neurons of the emitted Verilog proved equal to the graph, for every input, by a SAT solver.

A neuron is one element of a map's or an output's tensor. Its reference is plain behavioral Verilog from the
graph; its hardware is the modules of the design's own Verilog that compute it, flip-flops taken as
wires. Both start from the last quantized numbers before it, which are assumed equal and within the
ranges that the graph proves: proofs of a layer rest on those of the layers before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bitwright.backends.verilog.behavior import Behavior, Cell, Element, behavioral
from bitwright.backends.verilog.netlist import Design as Modules
from bitwright.backends.verilog.netlist import LayerModule, layer_modules
from bitwright.core.errors import InvalidValue, Mismatch, StorageError
from bitwright.core.files import inside
from bitwright.core.progress import Progress
from bitwright.flow.compiled import Compiled
from bitwright.flow.vectors import corner_codes, random_codes
from bitwright.flow.verification import certify
from bitwright.flow.writing import emit
from bitwright.ir import graph as graphs
from bitwright.ir import netlist as netlists
from bitwright.ir.certificate import Certificate, NeuronProof
from bitwright.ir.graph.ops import Input, Map
from bitwright.numeric import IntArray, Interval
from bitwright.toolchain import Ports
from bitwright.toolchain.prove import Miter, Proof, Verdict, prove_all

__all__ = ["prove", "prove_design"]

_VECTORS = 256


def prove_design(
    design: Compiled, neurons: int | Sequence[tuple[str, int]], *, seed: int | None, timeout_s: float,
    folder: Path | None, progress: Progress,
) -> Certificate:  # fmt: skip
    """The design's certificate with a proof per neuron of the sample; see `Design.prove`."""
    found = prove(design, neurons, seed=seed, timeout_s=timeout_s, folder=folder, progress=progress)
    wrong = next((row for row in found if row.verdict == Verdict.REFUTED.value), None)
    if wrong is not None:
        raise Mismatch(
            f"neuron {wrong.element}: {wrong.why}", where=f"{design.name}, layer '{wrong.layer}'",
            remedy="write the files again; if it stays, report it as a bug",
        )  # fmt: skip
    return replace(design.certificate or certify(design, ()), neurons=found)


def prove(
    design: Compiled, neurons: int | Sequence[tuple[str, int]] = 8, *, seed: int | None = None,
    timeout_s: float = 10.0, folder: Path | None = None, progress: Progress,
) -> tuple[NeuronProof, ...]:  # fmt: skip
    """A verdict per neuron of the sample, refuted ones too; see `Design.prove`."""
    stalls = folder is not None and inside(folder, f"rtl/{design.name}_core.v").exists()
    hardware = _Hardware.of(design, stalls)
    chosen = hardware.chosen(neurons, design.options.seed if seed is None else seed)
    jobs = [_Job.of(hardware, element, number) for number, element in enumerate(chosen)]
    progress.step(f"prove {len(jobs)} neurons")
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        sources = _written(design, hardware, jobs, folder, Path(scratch))
        miters = [job.miter for job in jobs]
        found = prove_all(sources, miters, workdir=Path(scratch), timeout_s=timeout_s) if jobs else []
    rows = tuple(job.result(proofs[0]) for job, proofs in zip(jobs, found, strict=True))
    progress.done(f"{sum(row.verdict == Verdict.PROVED.value for row in rows)} of {len(rows)} proved")
    return rows


def _written(
    design: Compiled, hardware: _Hardware, jobs: Sequence[_Job], folder: Path | None, scratch: Path
) -> list[Path]:
    """The modules that the jobs need, of `folder` or as emitted now, and the two sides of each job."""
    cells = folder is not None and inside(folder, "rtl/bw_sum.v").exists()
    emitted = emit(design, axis=hardware.stalls, primitives=cells)
    needed = {hardware.layers[number].module.name for job in jobs for number in job.modules}
    texts = {f"{Path(n).stem}.v": emitted.files[n] for n in emitted.sources if Path(n).stem in needed or "/bw_" in n}
    if folder is not None:
        texts = {name: _read(folder, f"rtl/{name}") for name in texts}
    for job in jobs:
        texts |= {f"{job.miter.reference}.v": job.reference.text, f"{job.miter.candidate}.v": job.candidate}
    for name, text in texts.items():
        (scratch / name).write_text(text)
    return [scratch / name for name in texts]


def _read(folder: Path, name: str) -> str:
    try:
        return inside(folder, name).read_text()
    except OSError as error:
        remedy = "name the folder that `write` made"
        raise StorageError(f"{name} cannot be read", where=str(folder), why=str(error), remedy=remedy) from error


@dataclass(frozen=True)
class _Hardware:
    """The layer modules of a design, and which of its words are which elements of its graph.

    A word is an element where both belong to one layer and agree on random and corner vectors, without being
    one number on all of them. `words` are a graph's elements at module edges, `elements` the reverse.
    """

    design: Compiled
    stalls: bool
    modules: Modules
    layers: list[LayerModule]
    owner: dict[int, int]
    elements: dict[int, list[Element]]
    words: dict[Element, int]

    @classmethod
    def of(cls, design: Compiled, stalls: bool) -> _Hardware:
        """The hardware of `design`; `stalls`: with the clock enable that the AXI4-Stream top needs."""
        emitted = emit(design, axis=stalls)
        modules = Modules.of(design.netlist, emitted.top, tuple(p.name for p in emitted.ports), stalls=stalls)
        layers = layer_modules(modules)
        owner = {p: number for number, layer in enumerate(modules.layers) for p in layer.words}
        elements = _matched(design)
        words = {e: w for layer in layers for w in layer.outputs for e in elements.get(w, ())}
        for position, port in zip(design.graph.outputs, design.netlist.results, strict=True):
            words |= {(position, i): w for i, w in enumerate(port.words) if w in owner}
        return cls(design, stalls, modules, layers, owner, elements, words)

    def chosen(self, neurons: int | Sequence[tuple[str, int]], seed: int) -> list[Element]:
        """The elements asked for by layer and index, or a seeded sample of that many."""
        nodes = self.design.graph.nodes
        if not isinstance(neurons, int):
            return [self._named(layer, index) for layer, index in neurons]
        results = set(self.design.graph.outputs)
        every = sorted(e for e in self.words if isinstance(nodes[e[0]].op, Map) or e[0] in results)
        picks = np.random.default_rng(seed).permutation(len(every))[:neurons]
        return [every[i] for i in sorted(picks.tolist())]

    def _named(self, layer: str, index: int) -> Element:
        nodes = self.design.graph.nodes
        found = [e for e in self.words if e[1] == index and nodes[e[0]].origin.layer == layer]
        if not found:
            raise InvalidValue(
                f"layer {layer!r} has no neuron {index} in the Verilog", where=self.design.name,
                why="it is one number, or no module of its own computes it", remedy="choose another, or give a number",
            )  # fmt: skip
        return max(found)


def _matched(design: Compiled) -> dict[int, list[Element]]:
    """For each word the elements of maps and inputs that it holds."""
    codes = [
        np.concatenate(pair) for pair in zip(
            random_codes(design.graph, _VECTORS, design.options.seed), corner_codes(design.graph, design.options.seed),
            strict=True,
        )
    ]  # fmt: skip
    known: dict[tuple[str, bytes], list[Element]] = {}
    for node, (origin, values) in enumerate(_boundaries(design, codes)):
        for index, column in enumerate(values):
            if (column != column[0]).any():
                known.setdefault((origin, column.tobytes()), []).append((node, index))
    found: dict[int, list[Element]] = {}
    for word, values in enumerate(netlists.trace(design.netlist, codes)):
        key = design.netlist.nodes[word].origin.layer, values.tobytes()
        if key in known:
            found[word] = known[key]
    for port, position in zip(design.netlist.inputs, _inputs(design), strict=True):
        found |= {word: [(position, i)] for i, word in enumerate(port.words)}
    return found


def _boundaries(design: Compiled, codes: list[IntArray]) -> Iterator[tuple[str, IntArray]]:
    """Layer and values (elements, vectors) of each node; none for nodes that no proof starts or ends at."""
    results = set(design.graph.outputs)
    traced = graphs.trace(design.graph, codes)
    for position, (node, values) in enumerate(zip(design.graph.nodes, traced, strict=True)):
        ends = isinstance(node.op, Map | Input) or position in results
        columns = np.ascontiguousarray(values.reshape(len(values), -1).T) if ends else np.zeros((0, 1), np.int64)
        yield node.origin.layer, columns


def _inputs(design: Compiled) -> list[int]:
    return [position for position, node in enumerate(design.graph.nodes) if isinstance(node.op, Input)]


@dataclass
class _Cone:
    """The modules behind a word, back to words that are elements (`cuts`) of earlier nodes."""

    hardware: _Hardware
    before: int
    cuts: dict[int, list[Element]] = field(default_factory=dict[int, list[Element]])
    modules: dict[int, set[int]] = field(default_factory=dict[int, set[int]])

    def add(self, word: int) -> None:
        """Take in `word` and all that it needs."""
        seen, pending = {word}, [word]
        while pending:
            position = pending.pop()
            home = self.hardware.owner[position]
            self.modules.setdefault(home, set())
            for argument in self._arguments(position):
                if self.hardware.owner.get(argument) != home:
                    self.modules[home].add(argument)
                    if self._is_cut(argument):
                        continue
                if argument not in seen:
                    seen.add(argument)
                    pending.append(argument)

    def _arguments(self, position: int) -> list[int]:
        modules = self.hardware.modules
        return [a for a in modules.netlist.nodes[position].args if not modules.constant[a]]

    def _is_cut(self, word: int) -> bool:
        found = [e for e in self.hardware.elements.get(word, ()) if e[0] < self.before]
        if found:
            self.cuts[word] = found
        return bool(found)


@dataclass(frozen=True)
class _Job:
    """One neuron: the module from the graph, the module around the emitted ones, and what is compared."""

    hardware: _Hardware
    element: Element
    names: Mapping[str, Element]
    reference: Behavior
    candidate: str
    modules: tuple[int, ...]
    miter: Miter

    @classmethod
    def of(cls, hardware: _Hardware, element: Element, number: int) -> _Job:
        """The job of `element`; `number` makes its modules' names its own."""
        graph, word = hardware.design.graph, hardware.words[element]
        cone = _Cone(hardware, element[0])
        cone.add(word)
        given = _given(hardware, cone)
        tops = f"bitwright_reference_{number}", f"bitwright_candidate_{number}"
        cuts = [given[elements[0]] for elements in cone.cuts.values()]
        least = hardware.modules.netlist.nodes[word].type.width + 1
        reference = behavioral(graph, tops[0], given, {"y": element}, always=cuts, least=least)
        sides = ((c.name, c.width) for c in reference.inputs), ((c.name, c.width) for c in reference.outputs)
        ports = Ports(tuple(sides[0]), tuple(sides[1]), clock="")
        ranges = {cell.name: (cell.range.low, cell.range.high) for cell in reference.inputs}
        names = {cell.name: e for e, cell in given.items()}
        candidate = _candidate(tops[1], hardware, cone, word, given, reference)
        return cls(hardware, element, names, reference, candidate, tuple(cone.modules), Miter(*tops, ports, ranges))

    def result(self, proof: Proof) -> NeuronProof:
        """The proof in the words of the model."""
        layer = self.hardware.design.graph.nodes[self.element[0]].origin.layer
        why = self._counterexample(proof) if proof.verdict is Verdict.REFUTED else ""
        tool = f"{proof.tool} {proof.version}"
        return NeuronProof(layer, self.element[1], proof.verdict.value, proof.limit_s, tool, why)

    def _counterexample(self, proof: Proof) -> str:
        nodes = self.hardware.design.graph.nodes
        widths = dict(self.miter.ports.inputs)
        given: list[str] = []
        for name, bits in proof.inputs.items():
            node, index = self.names[name]
            given.append(f"{nodes[node].origin.layer}[{index}] = {_signed(bits, widths[name])}")
        width = self.miter.ports.outputs[0][1]
        graph, verilog = (_signed(bits or 0, width) for bits in (proof.reference, proof.candidate))
        return f"graph {graph}, Verilog {verilog} at {', '.join(given)}"


def _signed(bits: int, width: int) -> int:
    return bits - (bits >> (width - 1) << width)


def _given(hardware: _Hardware, cone: _Cone) -> dict[Element, Cell]:
    """A cell for every element at which the cone ends, and for the elements of all inputs."""
    given: dict[Element, Cell] = {}
    nodes, words = hardware.design.graph.nodes, hardware.modules.netlist.nodes
    for word, elements in cone.cuts.items():
        if elements[0] in given:
            continue  # the same number some cycles later
        bounds = [(words[word].type.low, words[word].type.high)]
        for node, index in elements:
            low, high = nodes[node].type.bounds()
            bounds.append((int(low.flat[index]), int(high.flat[index])))
        range = Interval(max(low for low, _ in bounds), min(high for _, high in bounds))
        cell = Cell(f"c{elements[0][0]}_{elements[0][1]}", range)
        given |= dict.fromkeys(elements, cell)
    for position in _inputs(hardware.design):
        low, high = nodes[position].type.bounds()
        for index, ends in enumerate(zip(low.ravel().tolist(), high.ravel().tolist(), strict=True)):
            given.setdefault((position, index), Cell(f"c{position}_{index}", Interval(*ends)))
    return given


def _candidate(
    name: str, hardware: _Hardware, cone: _Cone, word: int, given: Mapping[Element, Cell], reference: Behavior
) -> str:
    """A module with the reference's ports around those of the design's modules that compute `word`."""
    nodes, (y,) = hardware.modules.netlist.nodes, reference.outputs
    heads = [f"    input  wire signed [{c.width - 1}:0] {c.name}" for c in reference.inputs]
    lines = [f"module {name} (", ",\n".join([*heads, f"    output wire signed [{y.width - 1}:0] y"]), ");"]
    for position, elements in cone.cuts.items():
        width = nodes[position].type.width
        lines.append(f"    wire signed [{width - 1}:0] w{position} = {given[elements[0]].name};")
    inner = {a for arguments in cone.modules.values() for a in arguments} - set(cone.cuts) | {word}
    lines += [f"    wire [{nodes[p].type.width - 1}:0] w{p};" for p in sorted(inner)]
    for number, arguments in cone.modules.items():
        lines.append(_instance(hardware, number, arguments, inner))
    value = f"$signed(w{word})" if nodes[word].type.signed else f"$signed({{1'b0, w{word}}})"
    return "\n".join([*lines, f"    assign y = {value};", "endmodule", ""])


def _instance(hardware: _Hardware, number: int, arguments: set[int], inner: set[int]) -> str:
    """One layer's module: what the cone reads is connected, other inputs are zero."""
    layer, names = hardware.layers[number], hardware.modules.names
    idle = {p: f"{hardware.modules.netlist.nodes[p].type.width}'d0" for p in layer.inputs}
    pins = [f".{control}(1'b{value})" for control, value in (("clk", 0), ("ce", 1)) if _has(layer, control)]
    pins += [f".{names[p]}({f'w{p}' if p in arguments else idle[p]})" for p in layer.inputs]
    pins += [f".{names[p]}(w{p})" for p in layer.outputs if p in inner]
    return f"    {layer.module.name} u{number} ({', '.join(pins)});"


def _has(layer: LayerModule, port: str) -> bool:
    return any(p.name == port for p in layer.module.ports)
