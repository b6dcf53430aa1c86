"""Proofs by parts: sums by exact algebra and word by word, then only what is behind the sums by SAT.

A SAT solver does not see that two orders of adding many products are one sum. So the words of a neuron that
are linear in its inputs get their coefficients from the netlist by integer algebra, which must be those of the
graph; that the Verilog adds them so is proved word by word; and the rest, from the sums to the neuron's
code, is proved with each sum as a free number within its range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

from bitwright.backends.verilog.behavior import Behavior, Cell, Element, Reference, behavior, behavioral
from bitwright.flow.proofs.cones import Cone, Hardware, candidate_text, placed
from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    Conv,
    ConvTranspose,
    Dense,
    Pad,
    Reshape,
    Slice,
    Subtract,
    SumPool,
    Transpose,
    Upsample,
)
from bitwright.ir.netlist import Netlist
from bitwright.ir.netlist import ops as words
from bitwright.numeric import Interval
from bitwright.toolchain import Ports
from bitwright.toolchain.prove import Miter

__all__ = ["Algebra", "Form", "Parted", "Parts", "parts", "word_form", "word_text"]

_LINEAR = (
    Dense | Conv | ConvTranspose | Add | Subtract | SumPool
    | Constant | Reshape | Transpose | Slice | Pad | Upsample | Concat
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """sum(coefficient * cell) + constant; `terms` are sorted and without zeros."""

    terms: tuple[tuple[Cell, int], ...]
    constant: int = 0

    @classmethod
    def of(cls, parts: Mapping[Cell, int], constant: int = 0) -> Form:
        """The form of these coefficients."""
        live = ((cell, weight) for cell, weight in parts.items() if weight)
        return cls(tuple(sorted(live, key=lambda pair: pair[0].name)), constant)

    @property
    def range(self) -> Interval:
        """The exact range over its cells' ranges."""
        total = Interval(self.constant, self.constant)
        for cell, weight in self.terms:
            total = total + cell.range * Interval(weight, weight)
        return total

    @property
    def content(self) -> int:
        """The greatest common divisor of the coefficients, with the sign of the first one; 0 for a number."""
        common = gcd(*(weight for _, weight in self.terms)) if self.terms else 0
        return -common if self.terms and self.terms[0][1] < 0 else common

    @property
    def primitive(self) -> Form:
        """The same direction without a common factor and without a constant."""
        return Form(tuple((cell, weight // self.content) for cell, weight in self.terms))

    @property
    def text(self) -> str:
        """As a Verilog formula on 64-bit signed numbers."""
        return " + ".join([*(f"{cell.name} * {_wide(weight)}" for cell, weight in self.terms), _wide(self.constant)])

    def plus(self, other: Form, factor: int) -> Form:
        """self + other * factor."""
        total = dict(self.terms)
        for cell, weight in other.terms:
            total[cell] = total.get(cell, 0) + weight * factor
        return Form.of(total, self.constant + other.constant * factor)


def _addends(op: words.WordOp) -> tuple[tuple[int, ...], tuple[int, ...], int] | None:
    """Shifts and signs of the arguments and the constant of a linear operator."""
    match op:
        case words.Add(left, right):
            return (left, right), (1, 1), 0
        case words.Subtract(left, right):
            return (left, right), (1, -1), 0
        case words.Sum(shifts, signs, constant):
            return shifts, signs, constant
        case words.Shift(left) if left >= 0:
            return (left,), (1,), 0
        case words.Register():
            return (0,), (1,), 0
        case _:
            return None


def word_form(netlist: Netlist, position: int, known: Mapping[int, Form]) -> Form | None:
    """The form of a word from those of its arguments; None where it is not linear, or may leave its range."""
    type, total = netlist.nodes[position].type, _added(netlist, position, known)
    inside = total is not None and type.low <= total.range.low and total.range.high <= type.high
    return total if inside else None


def _added(netlist: Netlist, position: int, known: Mapping[int, Form]) -> Form | None:
    """The form of a word, whatever its range."""
    node = netlist.nodes[position]
    addends = _addends(node.op)
    if addends is None:
        return None
    total = Form((), addends[2])
    for argument, shift, sign in zip(node.args, addends[0], addends[1], strict=True):
        type = netlist.nodes[argument].type
        form = Form((), type.low) if type.low == type.high else known.get(argument)
        if form is None:
            return None
        total = total.plus(form, sign << shift)
    return total


def word_text(netlist: Netlist, position: int, names: Mapping[int, str]) -> str:
    """A linear word as a formula on wide signed numbers, from its arguments' nets."""
    node = netlist.nodes[position]
    addends = _addends(node.op)
    assert addends is not None
    text = _wide(addends[2])
    for argument, shift, sign in zip(node.args, addends[0], addends[1], strict=True):
        type = netlist.nodes[argument].type
        if type.low == type.high:
            value = _wide(type.low)
        else:
            value = f"$signed({names[argument]})" if type.signed else f"$signed({{1'b0, {names[argument]}}})"
        text += f" {'+' if sign > 0 else '-'} ({value} <<< {shift})"
    return text


def _wide(value: int) -> str:
    return f"-64'sd{-value}" if value < 0 else f"64'sd{value}"


class Algebra(Reference):
    """Elements of a graph as forms: the graph's own rules for sums and wires, asked for terms instead of text."""

    def __init__(self, graph: Graph, given: Mapping[Element, Cell]) -> None:
        super().__init__(graph, {})
        self._forms: dict[Element, Form | None] = {e: Form(((cell, 1),)) for e, cell in given.items()}
        self._asked: list[tuple[Element, int]] = []
        self._bias = 0

    def form(self, element: Element) -> Form | None:
        """The form of an element, None where it is not linear in the given ones."""
        if element not in self._forms:
            self._forms[element] = self._made(element)
        return self._forms[element]

    def _made(self, element: Element) -> Form | None:
        op = self.graph.nodes[element[0]].op
        if not isinstance(op, _LINEAR):
            return None
        self._asked, self._bias = [], 0
        made = behavior(op, self, *element)
        bias = made[1].low if isinstance(op, Constant) and isinstance(made, tuple) else self._bias
        total = Form((), bias)
        for source, weight in self._asked:
            form = self.form(source)
            if form is None:
                return None
            total = total.plus(form, weight)
        return total

    def cell(self, element: Element) -> Cell:
        """Where a wire comes from."""
        self._asked = [(element, 1)]
        return Cell("", Interval(0, 0))

    def sum(self, terms: Sequence[tuple[Element, int]], bias: int = 0) -> tuple[str, Interval]:
        """What a sum is made of."""
        self._asked, self._bias = list(terms), bias
        return "", Interval(0, 0)


class Parted(Reference):
    """A reference whose sums are free numbers: `variables` are cells, one per direction of a sum.

    `inner` are directions that the hardware adds up from such variables: a form, and the same in variables.
    """

    def __init__(self, graph: Graph, given: Mapping[Element, Cell]) -> None:
        super().__init__(graph, dict(given))
        self.variables: list[Cell] = []
        self.inner: dict[Form, tuple[Form, Form]] = {}
        self._algebra = Algebra(graph, given)
        self.sums: dict[Element, Cell] = {}
        self._own = set(given)
        self._directions: dict[Form, Cell] = {}

    def value(self, form: Form) -> tuple[str, Interval]:
        """A form as a multiple of its direction's variable."""
        if not form.terms:
            return _wide(form.constant), Interval(form.constant, form.constant)
        direction = form.primitive
        if direction not in self._directions and direction in self.inner:
            own, over = self.inner[direction]
            if form.content % own.content == 0:
                factor = form.content // own.content
                return Form((), form.constant - own.constant * factor).plus(over, factor).text, form.range
        if direction not in self._directions:
            plain = direction.terms[0][0] if len(direction.terms) == 1 else None
            self._directions[direction] = plain or Cell(f"v{len(self.variables)}", direction.range)
            self.variables.append(self._directions[direction])
        return self.over(form).text, form.range

    def over(self, form: Form) -> Form:
        """A form in the variable of its direction, which there is."""
        if not form.terms:
            return form
        return Form(((self._directions[form.primitive], form.content),), form.constant)

    def cell(self, element: Element) -> Cell:
        """The wire that holds `element`: of a sum, a multiple of its variable."""
        form = None if element in self._own else self._algebra.form(element)
        if form is not None and element not in self.sums:
            formula, range = self.value(form)
            self.sums[element] = self.wire(Cell(f"n{element[0]}_{element[1]}", range), formula)
        return self.sums[element] if form is not None else super().cell(element)


@dataclass(frozen=True, slots=True)
class Parts:
    """The two halves of a neuron's proof: `sums` and `model` must be alike, and `miter` proved.

    `texts` are the modules by name. No `miter`: the neuron is a sum itself, and algebra has shown which.
    """

    texts: Mapping[str, str]
    sums: str
    model: str
    miter: Miter | None


def parts(
    hardware: Hardware, element: Element, cone: Cone, given: Mapping[Element, Cell], number: int
) -> Parts | None:
    """The parts of a neuron's proof; None where its sums are not in modules of their own, or not the graph's."""
    forms = _forms(hardware, cone, given)
    linear = {home for home in cone.modules if all(w in forms for w in cone.words if hardware.owner[w] == home)}
    word = hardware.words[element]
    heads = [w for home, needs in cone.modules.items() if home not in linear for w in needs if w not in cone.cuts]
    if not linear or any(hardware.owner[w] not in linear for w in heads if w in forms):
        return None
    ends = [word] if word in forms else sorted({w for w in heads if w in forms})
    if not ends:
        return None
    names = f"bitwright_sums_{number}", f"bitwright_model_{number}"
    texts = dict(zip(names, _sides(hardware, cone, given, linear, ends, names), strict=True))
    if word in forms:
        same = forms[word] == Algebra(hardware.design.graph, given).form(element)
        return Parts(texts, *names, None) if same else None
    behind = {home: needs for home, needs in cone.modules.items() if home not in linear}
    reference, candidate, miter = _rest(hardware, element, cone, given, forms, behind, number)
    return Parts(texts | {miter.reference: reference.text, miter.candidate: candidate}, *names, miter)


def _forms(hardware: Hardware, cone: Cone, given: Mapping[Element, Cell]) -> dict[int, Form]:
    """The forms of the cone's words, in the netlist's order."""
    known = {word: Form(((given[elements[0]], 1),)) for word, elements in cone.cuts.items()}
    for position in sorted(cone.words):
        form = word_form(hardware.modules.netlist, position, known)
        if form is not None:
            known[position] = form
    return known


def _sides(
    hardware: Hardware, cone: Cone, given: Mapping[Element, Cell], linear: set[int], ends: list[int],
    tops: tuple[str, str],
) -> tuple[str, str]:  # fmt: skip
    """The linear modules as emitted, and their words as formulas with the same names; both end in `ends`."""
    netlist = hardware.modules.netlist
    inputs = sorted({w for home in linear for w in cone.modules[home] if w in cone.cuts})
    heads = [f"    input  wire [{netlist.nodes[w].type.width - 1}:0] c{w}" for w in inputs]
    heads += [f"    output wire [{netlist.nodes[w].type.width - 1}:0] y{w}" for w in ends]
    inner = {w for home in linear for w in cone.modules[home]} - set(inputs) | set(ends)
    between = [f"    wire [{netlist.nodes[w].type.width - 1}:0] w{w};" for w in sorted(inner)]
    between += [f"    wire [{netlist.nodes[w].type.width - 1}:0] w{w} = c{w};" for w in inputs]
    results = [f"    assign y{w} = w{w};" for w in ends]
    places = [placed(hardware, home, cone.modules[home], inner) for home in cone.modules if home in linear]
    model: list[str] = []
    names = {w: f"w{w}" for w in (*inner, *inputs)}
    for w in sorted(w for w in cone.words if hardware.owner[w] in linear):
        width = netlist.nodes[w].type.width
        if w not in names:
            names[w] = f"\\u{hardware.owner[w]}.{hardware.modules.names[w]} "
            model.append(f"    wire [{width - 1}:0] {names[w]};")
        model.append(f"    wire signed [63:0] t{w} = {word_text(netlist, w, names)};")
        model.append(f"    assign {names[w]} = t{w}[{width - 1}:0];")
    both = [",\n".join(heads), ");", *between]
    sides = [f"module {tops[0]} (", *both, *places, *results], [f"module {tops[1]} (", *both, *model, *results]
    emitted, modelled = ("\n".join([*side, "endmodule", ""]) for side in sides)
    return emitted, modelled


def _rest(
    hardware: Hardware, element: Element, cone: Cone, given: Mapping[Element, Cell], forms: Mapping[int, Form],
    behind: Mapping[int, set[int]], number: int,
) -> tuple[Behavior, str, Miter]:  # fmt: skip
    """What is behind the sums: both sides from the sums' variables."""
    graph, word = hardware.design.graph, hardware.words[element]
    tops = f"bitwright_behind_{number}", f"bitwright_emitted_{number}"
    text = Parted(graph, given)
    ends = {w for needs in behind.values() for w in needs if w in forms}
    sources = {w: text.value(forms[w])[0] for w in sorted(ends)}
    assume = _inner_sums(hardware, text, cone, forms, behind, ends)
    least = hardware.modules.netlist.nodes[word].type.width + 1
    reference = behavioral(graph, tops[0], given, {"y": element}, always=text.variables, least=least, reference=text)
    candidate = candidate_text(tops[1], hardware, behind, sources, word, reference)
    sides = ((c.name, c.width) for c in reference.inputs), ((c.name, c.width) for c in reference.outputs)
    ports = Ports(tuple(sides[0]), tuple(sides[1]), clock="")
    ranges = {cell.name: (cell.range.low, cell.range.high) for cell in reference.inputs}
    return reference, candidate, Miter(*tops, ports, ranges, assume)


def _inner_sums(
    hardware: Hardware, text: Parted, cone: Cone, forms: Mapping[int, Form], behind: Mapping[int, set[int]],
    ends: set[int],
) -> tuple[str, ...]:  # fmt: skip
    """Tells `text` which sums the modules behind add up from its variables; what is known of their ranges."""
    netlist, known, assume = hardware.modules.netlist, dict[int, Form](), list[str]()
    for word in ends:
        known[word] = text.over(forms[word])
    for word in sorted(w for w in cone.words if w in forms and hardware.owner[w] in behind):
        over = _added(netlist, word, known)
        if over is not None and forms[word].terms:
            known[word] = over
            text.inner.setdefault(forms[word].primitive, (forms[word], over))
            low, high = forms[word].range.low, forms[word].range.high
            assume.append(f"({over.text} >= {_wide(low)}) & ({over.text} <= {_wide(high)})")
    return tuple(assume)
