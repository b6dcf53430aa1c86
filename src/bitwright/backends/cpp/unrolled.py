"""A netlist as HLS C++: one function per layer, a statement per word; `strategy` latency or distributed arithmetic."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from bitwright.backends.cpp.dialects import Dialect
from bitwright.backends.cpp.tree import Comment, Function, Item, Line, Statement, Struct
from bitwright.backends.cpp.words import Operand, Unit, hls
from bitwright.backends.verilog.layers import Layer, layers, word_names
from bitwright.core.naming import Namer, identifier
from bitwright.ir.netlist import Netlist
from bitwright.ir.netlist.netlist import Port
from bitwright.ir.netlist.ops import Input, Word

__all__ = ["Bus", "Unrolled", "unrolled_design"]


@dataclass(frozen=True, slots=True)
class Bus:
    """An array argument of the top function: its name, its elements' type and their number."""

    name: str
    type: str
    size: int
    word: Word

    def declared(self, const: bool) -> str:
        """As a parameter."""
        return f"{'const ' if const else ''}{self.type} {self.name}[{self.size}]"


@dataclass(frozen=True, slots=True)
class Unrolled:
    """The document: what stands before the top function, the top function's head and body, its arguments."""

    items: list[Item]
    top: Function
    inputs: list[Bus]
    outputs: list[Bus]
    includes: tuple[str, ...] = ()
    """What it needs of the library, each file behind those that it reads."""


def unrolled_design(netlist: Netlist, name: str, dialect: Dialect, initiation_cycles: int = 1) -> Unrolled:
    """`netlist` under the top function `name`; `initiation_cycles`: clock cycles from one sample to the next."""
    return _Writer(netlist, name, dialect).document(initiation_cycles)


_LONGEST = 1024
"""Statements of a function: compilers take time with the square of a function's length."""


def _pieces(found: list[Layer]) -> list[Layer]:
    """Layers of many words in several pieces of their order."""
    pieces: list[tuple[str, tuple[int, ...]]] = []
    for layer in found:
        count = -(-len(layer.words) // _LONGEST)
        length = -(-len(layer.words) // max(count, 1))
        pieces += [(layer.name, layer.words[n * length : (n + 1) * length]) for n in range(count)]
    total, seen = Counter(name for name, _ in pieces), Counter[str]()
    made: list[Layer] = []
    for name, words in pieces:
        seen[name] += 1
        made.append(Layer(name, words, seen[name] if total[name] > 1 else 0))
    return made


class _Writer:
    def __init__(self, netlist: Netlist, name: str, dialect: Dialect) -> None:
        self.netlist, self.dialect, self.name = netlist, dialect, name
        self.nodes = netlist.nodes
        self.constant = [node.type.low == node.type.high for node in self.nodes]
        self.layers = _pieces(layers(netlist, self.constant))
        fresh = Namer()
        fresh(name)
        self.inputs = [self._bus(p, fresh) for p in netlist.inputs]
        self.outputs = [self._bus(p, fresh) for p in netlist.results]
        self.functions = [fresh(f"{name}_{layer.name or 'logic'}") for layer in self.layers]
        taken = [b.name for b in (*self.inputs, *self.outputs)] + [f"{f}_words" for f in self.functions]
        self.names = word_names(netlist, [*taken, *self.functions, name, "out"])
        self.home = {w: i for i, layer in enumerate(self.layers) for w in layer.words}
        self.place = self._places()
        self.leaving = self._leaving()
        self.unit = Unit(dialect, f"{name}_table")

    def _bus(self, port: Port, fresh: Namer) -> Bus:
        words = [self.nodes[w].type for w in port.words]
        hull = Word(min(w.low for w in words), max(w.high for w in words))
        return Bus(fresh(identifier(port.name)), self.dialect.integer(hull), len(words), hull)

    def _places(self) -> dict[int, tuple[int, int]]:
        """Which port and element an input word is."""
        return {w: (p, i) for p, port in enumerate(self.netlist.inputs) for i, w in enumerate(port.words)}

    def _leaving(self) -> list[list[int]]:
        """For each layer the words that others read."""
        out: list[dict[int, None]] = [{} for _ in self.layers]
        reads = [(self.home.get(i, -1), a) for i, node in enumerate(self.nodes) for a in node.args]
        for reader, word in (*reads, *((-1, o) for o in self.netlist.outputs)):
            home = self.home.get(word, -1)
            if home >= 0 and home != reader:
                out[home][word] = None
        return [sorted(words) for words in out]

    def _operand(self, word: int, layer: int) -> Operand:
        """How a word is read inside a layer's function (-1: in the top function)."""
        node = self.nodes[word]
        if self.constant[word]:
            return Operand(self.dialect.number(node.type.low, node.type), node.type)
        if isinstance(node.op, Input):
            port, element = self.place[word]
            bus = self.inputs[port]
            kind = self.dialect.integer(node.type)
            text = f"{bus.name}[{element}]"
            return Operand(text if kind == bus.type else f"{kind}({text})", node.type)
        home = self.home[word]
        text = self.names[word] if home == layer else f"{self.functions[home]}_words.{self.names[word]}"
        return Operand(text, node.type)

    def document(self, initiation_cycles: int) -> Unrolled:
        """All functions, and the top one that calls them in order."""
        layers = [item for i, layer in enumerate(self.layers) for item in self._layer(i, layer)]
        tables: list[Item] = list(self.unit.known.values())
        top = self._top(initiation_cycles)
        return Unrolled([*tables, *layers], top, self.inputs, self.outputs, ("bw_stored.h",) if tables else ())

    def _sources(self, index: int, layer: Layer) -> tuple[list[int], list[int]]:
        """The ports and the layers that a layer reads."""
        ports, others = set[int](), set[int]()
        for word in layer.words:
            for a in self.nodes[word].args:
                if self.constant[a]:
                    continue
                if isinstance(self.nodes[a].op, Input):
                    ports.add(self.place[a][0])
                elif self.home[a] != index:
                    others.add(self.home[a])
        return sorted(ports), sorted(others)

    def _layer(self, index: int, layer: Layer) -> list[Item]:
        """The struct of the words that leave it, and the function that computes them."""
        name, leaving = self.functions[index], self.leaving[index]
        members = defaultdict[str, list[str]](list)
        for word in leaving:
            members[self.dialect.integer(self.nodes[word].type)].append(self.names[word])
        struct = Struct(f"{name}_t", tuple(Line(f"{kind} {n};") for kind, names in members.items() for n in names))
        ports, others = self._sources(index, layer)
        given = [self.inputs[p].declared(const=True) for p in ports]
        given += [f"const {self.functions[o]}_t& {self.functions[o]}_words" for o in others]
        body: list[Statement] = []
        for word in layer.words:
            node = self.nodes[word]
            text = hls(node.op, [self._operand(a, index) for a in node.args], node.type, self.unit)
            body.append(Line(f"const {self.dialect.integer(node.type)} {self.names[word]} = {text};"))
        body.append(Line(f"{name}_t out;"))
        body += [Line(f"out.{self.names[w]} = {self.names[w]};") for w in leaving]
        body.append(Line("return out;"))
        head = f"static {name}_t {name}({', '.join(given)})"
        function = self.dialect.function(head, body, self.dialect.pragma("inline"), f"Layer {layer.title}.")
        return [struct, function]

    def _top(self, initiation_cycles: int) -> Function:
        d = self.dialect
        pragmas = [*d.pragma("top"), *d.pragma("pipeline", ii=initiation_cycles)]
        for bus in (*self.inputs, *self.outputs):
            pragmas += [*d.pragma("partition", variable=bus.name), *d.pragma("interface", port=bus.name)]
        body: list[Statement] = []
        for index, layer in enumerate(self.layers):
            ports, others = self._sources(index, layer)
            told = [self.inputs[p].name for p in ports] + [f"{self.functions[o]}_words" for o in others]
            name = self.functions[index]
            body.append(Line(f"const {name}_t {name}_words = {name}({', '.join(told)});"))
        for bus, port in zip(self.outputs, self.netlist.results, strict=True):
            body.append(Comment(f"Output {port.name}."))
            body += [Line(f"{bus.name}[{i}] = {self._operand(w, -1).text};") for i, w in enumerate(port.words)]
        given = [*(b.declared(const=True) for b in self.inputs), *(b.declared(const=False) for b in self.outputs)]
        return d.function(f"{d.top} {self.name}({', '.join(given)})", body, pragmas)
