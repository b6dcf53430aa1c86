"""One Verilog module per layer of a netlist."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from bitwright.backends.verilog.layers import Layer, layers, word_names
from bitwright.backends.verilog.operand import Operand
from bitwright.backends.verilog.ports import OWN_NAMES
from bitwright.backends.verilog.primitives import row_cells, sum_cells
from bitwright.backends.verilog.tree import (
    Always,
    Assign,
    Comment,
    Concat,
    Expression,
    If,
    Instance,
    Item,
    Literal,
    Module,
    Net,
    PortDeclaration,
    Ref,
    Unary,
    Update,
)
from bitwright.backends.verilog.words import Functions, verilog
from bitwright.core.naming import Namer
from bitwright.cost.neighbors import tables_taken_in
from bitwright.ir.netlist.netlist import Netlist, stages
from bitwright.ir.netlist.ops import Register, Sum, Table
from bitwright.platforms import fabric

__all__ = ["Design", "LayerModule", "layer_modules", "sink"]


@dataclass(frozen=True, slots=True)
class Design:
    """A netlist with what every module of it needs to know, worked out once.

    `ports` are the names of the buses, `stalls` says whether the registers have a clock enable and
    `primitives` whether sums are instances of `bw_sum`. Per
    word: its name, its age (clock cycles since the input) and whether it is one number; such words are
    written as that number wherever they are read. Nothing else in a module may have a name in `taken`. `rows` are
    sums whose cells hold a table as well, and these tables.
    """

    netlist: Netlist
    name: str
    ports: tuple[str, ...]
    stalls: bool
    names: list[str]
    ages: list[int]
    constant: list[bool]
    layers: list[Layer]
    taken: frozenset[str]
    rows: dict[int, int]
    primitives: bool = False

    @classmethod
    def of(
        cls, netlist: Netlist, name: str, ports: tuple[str, ...], *, stalls: bool, primitives: bool = False
    ) -> Design:
        """The design of `netlist` under the top module `name`."""
        names = word_names(netlist, (*OWN_NAMES, *ports))
        ages = [max(age, 0) for age in stages(netlist)]
        constant = [node.type.low == node.type.high for node in netlist.nodes]
        taken = frozenset((*names, *ports))
        rows = tables_taken_in(netlist, fabric()) if primitives else {}
        parts = layers(netlist, constant)
        return cls(netlist, name, ports, stalls, names, ages, constant, parts, taken, rows, primitives)

    @property
    def latency_cycles(self) -> int:
        """Clock cycles from an input to the outputs that it determines."""
        return max((self.ages[o] for o in self.netlist.outputs), default=0)

    def operand(self, position: int) -> Operand:
        """A fresh operand for the word at `position`."""
        return Operand(self.names[position], self.netlist.nodes[position].type)

    def instance(self, of: str) -> str:
        """A name for the instance that stands for `of`."""
        name = f"u_{of}"
        while name in self.taken:
            name = f"u_{name}"
        return name

    def is_register(self, position: int) -> bool:
        """Whether the word is a flip-flop (a register of a number is that number)."""
        return isinstance(self.netlist.nodes[position].op, Register) and self.ages[position] > 0


@dataclass(frozen=True, slots=True)
class LayerModule:
    """A layer's module and the words at its edge, by position."""

    module: Module
    title: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    clocked: bool


def layer_modules(design: Design) -> list[LayerModule]:
    """A module for each layer; the one that computes a word comes before those that read it."""
    fresh = Namer()
    for name in ("", "_core", "_axis", "_tb", "_axis_tb"):
        fresh(design.name + name)
    edges = _edges(design)
    names = [fresh(f"{design.name}_{layer.name or 'logic'}") for layer in design.layers]
    return [_layer_module(design, layer, name, edges) for layer, name in zip(design.layers, names, strict=True)]


def _edges(design: Design) -> list[bool]:
    """For each word whether another module reads it, or the netlist's edge."""
    home = [-1] * len(design.netlist.nodes)
    for number, layer in enumerate(design.layers):
        for position in layer.words:
            home[position] = number
    crosses = [False] * len(home)
    for position, node in enumerate(design.netlist.nodes):
        if home[position] >= 0:
            for argument in node.args:
                crosses[argument] = crosses[argument] or home[argument] != home[position]
    for position in design.netlist.outputs:
        crosses[position] = True
    return crosses


def _layer_module(design: Design, layer: Layer, name: str, edges: list[bool]) -> LayerModule:
    scope = _Scope(design, layer)
    body = scope.body()
    outputs = tuple(p for p in layer.words if edges[p])
    scope.export(outputs)
    clocked = any(design.is_register(p) for p in layer.words)
    ports = _control(design, clocked) + scope.ports(outputs)
    dropped = sink(scope.unused(), "bits that rounding, saturation and proven ranges drop")
    items = (*scope.functions.all(), *scope.declared(edges, body), *dropped)
    about = _about(design, layer)
    return LayerModule(Module(name, about, ports, items), layer.title, scope.inputs, outputs, clocked)


def _control(design: Design, clocked: bool) -> tuple[PortDeclaration, ...]:
    names = ("clk", "ce") if design.stalls else ("clk",)
    return tuple(PortDeclaration("input", "wire", name, 1) for name in names) if clocked else ()


def sink(parts: list[Expression], reason: str) -> list[Item]:
    """A net that reads what nothing else reads, so that lint can tell dropped bits from forgotten ones."""
    if not parts:
        return []
    value = Unary("&", Concat((Literal(0, 1), *parts)))
    return [Comment(reason), Net("wire", "unused", 1, value=value)]


class _Scope:
    """The words of one layer's module while its items are made."""

    def __init__(self, design: Design, layer: Layer) -> None:
        self.design = design
        self.layer = layer
        self.functions = Functions(design.taken)
        self.cells: dict[int, Instance] = {}
        self._inside = frozenset(layer.words)
        self._operands: dict[int, Operand] = {p: design.operand(p) for p in layer.words}
        self._outside: dict[int, Operand] = {}

    @property
    def inputs(self) -> tuple[int, ...]:
        """Words of other modules that this one reads, in the netlist's order."""
        return tuple(sorted(p for p, word in self._outside.items() if word.value is None))

    def _operand(self, position: int) -> Operand:
        found = self._operands.get(position)
        if found is None:
            found = self._operands[position] = self._outside[position] = self.design.operand(position)
        return found

    def body(self) -> dict[int, Expression]:
        """The value of every word of the layer, by position; words that an instance drives are in `cells`."""
        values: dict[int, Expression] = {}
        for position in self.layer.words:
            node = self.design.netlist.nodes[position]
            args = [self._operand(a) for a in node.args]
            if self.design.primitives and isinstance(node.op, Sum) and self._placed(position, node.op, args):
                continue
            values[position] = verilog(node.op, args, node.type, self.functions)
        return values

    def _placed(self, position: int, op: Sum, args: list[Operand]) -> bool:
        """Whether the sum is an instance now."""
        target, type = self.design.names[position], self.design.netlist.nodes[position].type
        table = self.design.rows.get(position)
        if table is None:
            made = sum_cells(op, args, type, target, self.design.instance(target))
        else:
            node = self.design.netlist.nodes[table]
            assert isinstance(node.op, Table)
            code = self._operand(node.args[0])
            made = row_cells(op, args, node.op, code, type, target, self.design.instance(target))
        if made is not None:
            self.cells[position] = made
        return made is not None

    def export(self, outputs: tuple[int, ...]) -> None:
        """Count words at the module's edge as read."""
        for position in outputs:
            self._operands[position].used = -1

    def unused(self) -> list[Expression]:
        """Bits of nets that no expression reads."""
        words = [word for _, word in sorted(self._operands.items()) if word.value is None]
        return [bits for word in words for bits in word.unused]

    def ports(self, outputs: tuple[int, ...]) -> tuple[PortDeclaration, ...]:
        """The words at the module's edge as ports of the same names."""
        ports: list[PortDeclaration] = []
        for position in (*self.inputs, *outputs):
            word = self._operands[position]
            direction = "output" if position in self._inside else "input"
            kind = "reg" if direction == "output" and self.design.is_register(position) else "wire"
            ports.append(PortDeclaration(direction, kind, word.name, word.width, word.signed))
        return tuple(ports)

    def declared(self, edges: list[bool], values: dict[int, Expression]) -> list[Item]:
        """Stage by stage: the registers that begin it, then its logic."""
        by_age: dict[int, list[int]] = defaultdict(list)
        for position in self.layer.words:
            by_age[self.design.ages[position]].append(position)
        items: list[Item] = []
        for age in sorted(by_age):
            items.append(Comment(f"stage {age}"))
            items += self._stage(by_age[age], edges, values)
        return items

    def _stage(self, words: list[int], edges: list[bool], values: dict[int, Expression]) -> list[Item]:
        registers = [p for p in words if self.design.is_register(p)]
        logic = [p for p in words if not self.design.is_register(p)]
        items: list[Item] = []
        for position in registers:
            if not edges[position]:
                items.append(self._net("reg", position, None))
        if registers:
            updates = tuple(Update(self._operands[p].name, values[p]) for p in registers)
            items.append(Always("clk", (If(Ref("ce"), updates),) if self.design.stalls else updates))
        for position in logic:
            if position in self.cells:
                items += [] if edges[position] else [self._net("wire", position, None)]
                items.append(self.cells[position])
            elif edges[position]:
                items.append(Assign(Ref(self._operands[position].name), values[position]))
            else:
                items.append(self._net("wire", position, values[position]))
        return items

    def _net(self, kind: str, position: int, value: Expression | None) -> Net:
        word = self._operands[position]
        return Net("reg" if kind == "reg" else "wire", word.name, word.width, word.signed, value)


def _about(design: Design, layer: Layer) -> str:
    """What an engineer wants to know before reading the module."""
    nodes = design.netlist.nodes
    ages = [design.ages[p] for p in layer.words]
    counts = Counter(type(nodes[p].op).__name__ for p in layer.words)
    parts = ", ".join(f"{count} {_plural(kind, count)}" for kind, count in sorted(counts.items()))
    passes = dict.fromkeys(name for p in layer.words for name in nodes[p].origin.passes)
    lines = [f"{design.name}: layer {layer.title}", f"Words: {parts}."]
    if passes:
        lines.append(f"Made by: {', '.join(passes)}.")
    first, last = min(ages), max(ages)
    when = f"{first} to {last}" if last > first else f"{first}"
    lines.append(f"Stage{'s' if last > first else ''} {when} (clock cycles after the design's input).")
    return "\n".join(lines)


_NAMES = {
    "Add": ("adder", "adders"),
    "AtLeast": ("comparison", "comparisons"),
    "Bits": ("bit selection", "bit selections"),
    "Clip": ("saturation", "saturations"),
    "Constant": ("number", "numbers"),
    "Multiply": ("multiplier", "multipliers"),
    "Mux": ("multiplexer", "multiplexers"),
    "Register": ("register", "registers"),
    "Shift": ("shift", "shifts"),
    "Subtract": ("subtractor", "subtractors"),
    "Sum": ("sum", "sums"),
    "Table": ("table", "tables"),
}


def _plural(kind: str, count: int) -> str:
    return _NAMES.get(kind, (kind, kind))[count != 1]
