"""Which of a design's modules compute a neuron, and from what: cones of the emitted hardware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bitwright.backends.verilog.behavior import Behavior, Cell, Element
from bitwright.backends.verilog.netlist import Design as Modules
from bitwright.backends.verilog.netlist import LayerModule, layer_modules
from bitwright.core.errors import InvalidValue
from bitwright.flow.compiled import Compiled
from bitwright.flow.vectors import corner_codes, random_codes
from bitwright.flow.writing import emit
from bitwright.ir import graph as graphs
from bitwright.ir import netlist as netlists
from bitwright.ir.graph.ops import Input, Map
from bitwright.numeric import IntArray, Interval

__all__ = ["Cone", "Hardware", "candidate_text", "given_cells", "placed"]

_VECTORS = 256


@dataclass(frozen=True)
class Hardware:
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
    def of(cls, design: Compiled, stalls: bool) -> Hardware:
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
class Cone:
    """The modules behind a word, back to words that are elements (`cuts`) of earlier nodes."""

    hardware: Hardware
    before: int
    cuts: dict[int, list[Element]] = field(default_factory=dict[int, list[Element]])
    modules: dict[int, set[int]] = field(default_factory=dict[int, set[int]])
    words: set[int] = field(default_factory=set[int])

    def add(self, word: int) -> None:
        """Take in `word` and all that it needs."""
        seen, pending = self.words, [word]
        seen.add(word)
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


def given_cells(hardware: Hardware, cone: Cone) -> dict[Element, Cell]:
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


def candidate_text(
    name: str, hardware: Hardware, modules: Mapping[int, set[int]], sources: Mapping[int, str], word: int,
    reference: Behavior,
) -> str:  # fmt: skip
    """A module with the reference's ports around those of the design's modules that compute `word` from `sources`."""
    nodes, (y,) = hardware.modules.netlist.nodes, reference.outputs
    heads = [f"    input  wire signed [{c.width - 1}:0] {c.name}" for c in reference.inputs]
    lines = [f"module {name} (", ",\n".join([*heads, f"    output wire signed [{y.width - 1}:0] y"]), ");"]
    for position, source in sources.items():
        lines.append(f"    wire signed [{nodes[position].type.width - 1}:0] w{position} = {source};")
    inner = {a for arguments in modules.values() for a in arguments} - set(sources) | {word}
    lines += [f"    wire [{nodes[p].type.width - 1}:0] w{p};" for p in sorted(inner)]
    lines += [placed(hardware, number, arguments, inner) for number, arguments in modules.items()]
    value = f"$signed(w{word})" if nodes[word].type.signed else f"$signed({{1'b0, w{word}}})"
    return "\n".join([*lines, f"    assign y = {value};", "endmodule", ""])


def placed(hardware: Hardware, number: int, arguments: set[int], inner: set[int]) -> str:
    """One layer's module: what the cone reads is connected, other inputs are zero."""
    layer, names = hardware.layers[number], hardware.modules.names
    idle = {p: f"{hardware.modules.netlist.nodes[p].type.width}'d0" for p in layer.inputs}
    pins = [f".{control}(1'b{value})" for control, value in (("clk", 0), ("ce", 1)) if _has(layer, control)]
    pins += [f".{names[p]}({f'w{p}' if p in arguments else idle[p]})" for p in layer.inputs]
    pins += [f".{names[p]}(w{p})" for p in layer.outputs if p in inner]
    return f"    {layer.module.name} u{number} ({', '.join(pins)});"


def _has(layer: LayerModule, port: str) -> bool:
    return any(p.name == port for p in layer.module.ports)
