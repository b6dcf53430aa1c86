"""A graph's elements as plain behavioral Verilog: products, sums and comparisons as the graph defines them.

The reference that emitted hardware is proved against. Nothing here looks at netlists, adder graphs or the
printer: weights are literals behind `*`, a map is its own formula, and every number has room to spare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from bitwright.backends.verilog.formulas import carry, number
from bitwright.core.errors import InvalidProgram
from bitwright.core.rules import Rules
from bitwright.ir.graph import Graph, evaluate
from bitwright.ir.graph.kernels import plain_conv, pool_windows, spread, windows
from bitwright.ir.graph.ops import (
    Add,
    Concat,
    Constant,
    Conv,
    ConvTranspose,
    Dense,
    GraphOp,
    Map,
    MatMul,
    Maximum,
    MaxPool,
    Minimum,
    Multiply,
    Pad,
    Reshape,
    Slice,
    Subtract,
    SumPool,
    TopK,
    Transpose,
    Upsample,
)
from bitwright.numeric import IntArray, Interval, ShiftRoundSaturate, Table, Thresholds

__all__ = ["Behavior", "Cell", "Element", "Reference", "behavior", "behavioral"]

Element = tuple[int, int]
"""(node, index in C order) of one number of a graph."""

_NOTHING = -1


@dataclass(frozen=True, slots=True)
class Cell:
    """A number in the reference: a signed wire, and the range that its formula cannot leave."""

    name: str
    range: Interval

    @property
    def width(self) -> int:
        """Bits of a signed number of this range."""
        low, high = self.range.low, self.range.high
        return max((-low - 1).bit_length() if low < 0 else 0, high.bit_length() if high > 0 else 0) + 1


@dataclass(frozen=True, slots=True)
class Behavior:
    """A module of plain Verilog-2005: its text, and the cells that are its inputs and outputs."""

    text: str
    inputs: tuple[Cell, ...]
    outputs: tuple[Cell, ...]


def behavioral(
    graph: Graph, name: str, given: Mapping[Element, Cell], wanted: Mapping[str, Element], *,
    always: Sequence[Cell] = (), least: int = 1, reference: Reference | None = None,
) -> Behavior:  # fmt: skip
    """A module `name` that computes the elements `wanted` (output name to element) from those `given`.

    Every path from a wanted element back must end in a given one (else `Unsupported`: there is no rule for
    an input); given elements that none meets are no ports, unless they are in `always`. A port is a signed
    number of as many bits as its range needs, an output of at least `least`. `reference` collects the lines.
    """
    text = reference or Reference(graph, dict(given))
    results = {port: text.cell(element) for port, element in wanted.items()}
    inputs = tuple(dict.fromkeys((*always, *(cell for element, cell in given.items() if element in text.met))))
    wide = Interval(-1 << (least - 1), (1 << (least - 1)) - 1)
    outputs = tuple(Cell(port, cell.range.hull(wide)) for port, cell in results.items())
    ports = [f"    input  wire signed {_bits(cell)} {cell.name}" for cell in inputs]
    ports += [f"    output wire signed {_bits(cell)} {cell.name}" for cell in outputs]
    assigns = [f"    assign {port} = {cell.name};" for port, cell in results.items()]
    lines = [f"module {name} (", ",\n".join(ports), ");", *text.lines, *assigns, "endmodule", ""]
    return Behavior("\n".join(lines), inputs, outputs)


def _bits(cell: Cell) -> str:
    return f"[{cell.width - 1}:0]"


class Reference:
    """The lines of the module, and the wire of every element that has one."""

    def __init__(self, graph: Graph, known: dict[Element, Cell]) -> None:
        self.graph = graph
        self.lines: list[str] = []
        self.sources: dict[int, NDArray[np.int64]] = {}
        self.met: set[Element] = set()
        self._known = known

    def cell(self, element: Element) -> Cell:
        """The wire that holds `element`."""
        if element not in self._known:
            node, index = element
            made = behavior(self.graph.nodes[node].op, self, node, index)
            if not isinstance(made, Cell):
                formula, range = made
                made = Cell(f"n{node}_{index}", range)
                self.wire(made, formula)
            self._known[element] = made
        self.met.add(element)
        return self._known[element]

    def wire(self, cell: Cell, formula: str) -> Cell:
        """Declare `cell` with the value `formula`."""
        self.lines.append(f"    wire signed {_bits(cell)} {cell.name} = {formula};")
        return cell

    def arg(self, node: int, place: int = 0) -> tuple[int, tuple[int, ...]]:
        """Position and shape of an argument of `node`."""
        position = self.graph.nodes[node].args[place]
        return position, self.graph.nodes[position].type.shape

    def index(self, node: int, make: Callable[[], NDArray[np.int64]]) -> NDArray[np.int64]:
        """`make()`, once per node."""
        if node not in self.sources:
            self.sources[node] = make()
        return self.sources[node]

    def sum(self, terms: Sequence[tuple[Element, int]], bias: int = 0) -> tuple[str, Interval]:
        """The weighted sum of elements as a formula."""
        parts, total = [number(bias)], Interval(bias, bias)
        for element, weight in terms:
            cell = self.cell(element)
            parts.append(f"{cell.name} * {number(weight)}")
            total = total + cell.range * Interval(weight, weight)
        return "\n        + ".join(parts), total

    def extreme(self, elements: Sequence[Element], better: str, label: str) -> Cell:
        """The largest (`>`) or smallest (`<`) of elements, compared one after the other."""
        best = self.cell(elements[0])
        for place, element in enumerate(elements[1:]):
            other = self.cell(element)
            range = best.range.hull(other.range)
            formula = f"{best.name} {better} {other.name} ? {best.name} : {other.name}"
            best = self.wire(Cell(f"{label}_{place}", range), formula)
        return best


Formula = Cell | tuple[str, Interval]

behavior: Rules[[Reference, int, int], Formula] = Rules("behavioral Verilog of a graph operator's element")
"""A formula and its range, or the wire of another element, for element `index` of node `node`."""


def _ids(shape: tuple[int, ...]) -> NDArray[np.int64]:
    return np.arange(prod(shape), dtype=np.int64).reshape(shape)


@behavior.on(Constant)
def _(op: Constant, text: Reference, node: int, index: int) -> Formula:
    value = int(op.values.array.ravel()[index])
    return number(value), Interval(value, value)


@behavior.on(Dense)
def _(op: Dense, text: Reference, node: int, index: int) -> Formula:
    position, _ = text.arg(node)
    inputs, units = op.weights.shape
    row, unit = divmod(index, units)
    column = op.weights.array[:, unit].tolist()
    terms = [((position, row * inputs + place), weight) for place, weight in enumerate(column) if weight]
    return text.sum(terms, int(op.bias.array[unit]))


def _window(op: Conv, sources: NDArray[np.int64], index: int) -> tuple[list[tuple[int, int]], int]:
    """(element, weight) of one filter at one place, and its bias; `sources` are the windows of element numbers."""
    rank = len(op.strides)
    inner, filters = op.weights.shape[rank], op.weights.shape[-1]
    place, unit = divmod(index, filters)
    group = unit // (filters // op.groups)
    window = sources.reshape(-1, *sources.shape[rank:])[place][group * inner : (group + 1) * inner]
    weights = np.moveaxis(op.weights.array[..., unit], -1, 0)
    pairs = zip(window.ravel().tolist(), weights.ravel().tolist(), strict=True)
    return [(source, weight) for source, weight in pairs if weight and source != _NOTHING], int(op.bias.array[unit])


@behavior.on(Conv)
def _(op: Conv, text: Reference, node: int, index: int) -> Formula:
    position, shape = text.arg(node)
    kernel = op.weights.shape[: len(op.strides)]
    make: Callable[[], IntArray] = lambda: windows(  # noqa: E731
        _ids(shape)[None], kernel, op.strides, op.pads, op.dilation, _NOTHING
    )[0]
    terms, bias = _window(op, text.index(node, make), index)
    return text.sum([((position, source), weight) for source, weight in terms], bias)


@behavior.on(ConvTranspose)
def _(op: ConvTranspose, text: Reference, node: int, index: int) -> Formula:
    position, shape = text.arg(node)
    plain, kernel = plain_conv(op), op.weights.shape[: len(op.strides)]

    def make() -> IntArray:
        apart = spread(op, _ids(shape)[None], _NOTHING)
        return windows(apart, kernel, plain.strides, plain.pads, plain.dilation, _NOTHING)[0]

    terms, bias = _window(plain, text.index(node, make), index)
    return text.sum([((position, source), weight) for source, weight in terms], bias)


def _pair(text: Reference, node: int, index: int) -> list[Element]:
    """The elements of both arguments that meet in element `index` of the result; shapes broadcast."""
    found: list[Element] = []
    for place in (0, 1):
        position, shape = text.arg(node, place)
        ids = np.broadcast_to(_ids(shape), text.graph.nodes[node].type.shape)
        found.append((position, int(ids.flat[index])))
    return found


@behavior.on(Add)
def _(op: Add, text: Reference, node: int, index: int) -> Formula:
    return text.sum([(element, 1) for element in _pair(text, node, index)])


@behavior.on(Subtract)
def _(op: Subtract, text: Reference, node: int, index: int) -> Formula:
    return text.sum(list(zip(_pair(text, node, index), (1, -1), strict=True)))


@behavior.on(Multiply)
def _(op: Multiply, text: Reference, node: int, index: int) -> Formula:
    a, b = (text.cell(element) for element in _pair(text, node, index))
    return f"{a.name} * {b.name}", a.range * b.range


@behavior.on(MatMul)
def _(op: MatMul, text: Reference, node: int, index: int) -> Formula:
    (left, left_shape), (right, right_shape) = text.arg(node, 0), text.arg(node, 1)
    shape = text.graph.nodes[node].type.shape
    *batch, row, column = np.unravel_index(index, shape)
    rows = np.broadcast_to(_ids(left_shape), (*shape[:-2], *left_shape[-2:]))[(*batch, row)]
    columns = np.broadcast_to(_ids(right_shape), (*shape[:-2], *right_shape[-2:]))[(*batch, slice(None), column)]
    parts, total = list[str](), Interval(0, 0)
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        a, b = text.cell((left, i)), text.cell((right, j))
        parts.append(f"{a.name} * {b.name}")
        total = total + a.range * b.range
    return "\n        + ".join(parts), total


@behavior.on(Maximum)
def _(op: Maximum, text: Reference, node: int, index: int) -> Formula:
    return text.extreme(_pair(text, node, index), ">", f"n{node}_{index}_larger")


@behavior.on(Minimum)
def _(op: Minimum, text: Reference, node: int, index: int) -> Formula:
    return text.extreme(_pair(text, node, index), "<", f"n{node}_{index}_smaller")


def _pool(op: SumPool | MaxPool, text: Reference, node: int, index: int) -> list[Element]:
    position, shape = text.arg(node)
    make: Callable[[], IntArray] = lambda: pool_windows(  # noqa: E731
        _ids(shape)[None], op.pool, op.strides, op.pads, _NOTHING
    )[0].reshape(-1, prod(op.pool))
    return [(position, source) for source in text.index(node, make)[index].tolist() if source != _NOTHING]


@behavior.on(SumPool)
def _(op: SumPool, text: Reference, node: int, index: int) -> Formula:
    return text.sum([(element, 1) for element in _pool(op, text, node, index)])


@behavior.on(MaxPool)
def _(op: MaxPool, text: Reference, node: int, index: int) -> Formula:
    return text.extreme(_pool(op, text, node, index), ">", f"n{node}_{index}_largest")


@behavior.on(TopK)
def _(op: TopK, text: Reference, node: int, index: int) -> Formula:
    """The place that as many others come before as its own number says, or the value there."""
    position, shape = text.arg(node)
    row, rank = divmod(index, op.count)
    cells = [text.cell((position, row * shape[-1] + i)) for i in range(shape[-1])]
    bits, found = len(cells).bit_length(), number(0)
    for i, cell in enumerate(cells):
        before = [f"({o.name} {'>=' if j < i else '>'} {cell.name} ? {bits + 1}'sd1 : {bits + 1}'sd0)"
                  for j, o in enumerate(cells) if j != i]  # fmt: skip
        told = " + ".join([f"{bits + 1}'sd0", *before])
        found = f"({told}) == {bits + 1}'sd{rank} ? {cell.name if op.values else number(i)} : {found}"
    ends = [cell.range for cell in cells] if op.values else [Interval(0, len(cells) - 1)]
    whole = Interval(min(0, *(e.low for e in ends)), max(0, *(e.high for e in ends)))
    return found, whole


@behavior.on(Reshape, Transpose, Slice, Pad, Upsample, Concat)
def _(op: GraphOp, text: Reference, node: int, index: int) -> Formula:
    """Wires: the operator itself moves the numbers of the elements about (0 is padding)."""

    def make() -> IntArray:
        starts = np.cumsum([0, *(prod(text.arg(node, place)[1]) for place in range(len(args)))])
        ids = [_ids(text.arg(node, place)[1])[None] + 1 + starts[place] for place in range(len(args))]
        return evaluate(op, ids).ravel()

    args = text.graph.nodes[node].args
    source = int(text.index(node, make)[index]) - 1
    if source == _NOTHING:
        return number(0), Interval(0, 0)
    for position in args:
        size = text.graph.nodes[position].type.size
        if source < size:
            return text.cell((position, source))
        source -= size
    raise InvalidProgram("an element comes from nowhere", where=text.graph.nodes[node].name)


@behavior.on(Map)
def _(op: Map, text: Reference, node: int, index: int) -> Formula:
    position, shape = text.arg(node)
    row = int(np.broadcast_to(op.rows.array, shape).flat[index])
    source, label = text.cell((position, index)), f"n{node}_{index}"
    return _map(op.form, text, source, row, label)


_map: Rules[[Reference, Cell, int, str], Formula] = Rules("behavioral Verilog of a map")


@_map.on(ShiftRoundSaturate)
def _(form: ShiftRoundSaturate, text: Reference, source: Cell, row: int, label: str) -> Formula:
    mul, add, shift, low, high = (
        int(a.array[row]) for a in (form.mul, form.add, form.shift, form.low, form.high)
    )  # fmt: skip
    range = source.range * Interval(mul, mul) + Interval(add, add)
    total = text.wire(Cell(f"{label}_total", range), f"{source.name} * {number(mul)} + {number(add)}")
    if shift:
        carried = Interval(range.low, range.high + (1 << shift))
        added = carry(form.rounding, total.name, shift)
        lifted = text.wire(Cell(f"{label}_carried", carried), f"{total.name} + {added}")
        dropped = carried.shifted(-shift)
        total = text.wire(Cell(f"{label}_rounded", dropped), f"{lifted.name} >>> {shift}")
    a = total.name
    formula = f"{a} < {number(low)} ? {number(low)} : {a} > {number(high)} ? {number(high)} : {a}"
    return formula, Interval(low, high)


@_map.on(Thresholds)
def _(form: Thresholds, text: Reference, source: Cell, row: int, label: str) -> Formula:
    values = form.values.array[row].tolist()
    steps = [t for t in form.thresholds.array[row].tolist() if t <= source.range.high]
    formula = number(values[0])
    for step, value in zip(steps, values[1 : len(steps) + 1], strict=True):
        formula = f"{source.name} >= {number(step)} ? {number(value)} : {formula}"
    return formula, Interval(min(values), max(values))


@_map.on(Table)
def _(form: Table, text: Reference, source: Cell, row: int, label: str) -> Formula:
    start, values = int(form.start.array[row]), form.values.array[row].tolist()
    range = Interval(min(values), max(values))
    head = f"function signed {_bits(Cell(label, range))} {label}_table;"
    text.lines += [f"    {head}", f"        input signed {_bits(source)} code;", "        case (code)"]
    for place, value in enumerate(values):
        if start + place in source.range:
            text.lines.append(f"            {number(start + place)}: {label}_table = {number(value)};")
    text.lines += [f"            default: {label}_table = {number(values[0])};", "        endcase", "    endfunction"]
    return f"{label}_table({source.name})", range
