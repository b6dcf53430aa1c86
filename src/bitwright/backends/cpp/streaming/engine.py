"""An engine program as HLS C++: one function, instructions in a ROM, netlists as functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitwright.backends.cpp.dialects import Dialect
from bitwright.backends.cpp.printer import remark
from bitwright.backends.cpp.streaming.document import Document, Memory, port_types
from bitwright.backends.cpp.streaming.kernels import Given, computed, unread
from bitwright.backends.cpp.streaming.parts import Weights, function, numbers_of, types_of
from bitwright.backends.cpp.streaming.vendors import CHANNELS
from bitwright.backends.cpp.tree import Item, Line, Pragma, Statement, Struct
from bitwright.backends.cpp.words import Unit
from bitwright.backends.verilog.stream.ports import StreamPort
from bitwright.core.rules import Rules
from bitwright.ir.dataflow import Stream
from bitwright.ir.engine import Engine, Place, Region
from bitwright.ir.engine.ops import Fetch, Load, Loop, Matrix, Store, Vector
from bitwright.ir.netlist import Word
from bitwright.numeric import Ints, Steps

__all__ = ["engine_document", "instruction"]

instruction: Rules[[Region], list[object]] = Rules("HLS C++ of an engine's instruction")
"""(op, region) -> the fields of `bw_engine::Instruction`."""

_ONE = [Loop()] * 6


def _fields(
    kind: str, region: Region, flags: Sequence[bool], walked: Sequence[int], loops: Sequence[Loop]
) -> list[object]:
    """Kind, flags (half even, shared, stepped, each), the region, where reading begins and what it reads, loops."""
    results = int(region.place is Place.RESULTS)
    rows, columns, _ = region.shape
    sizes = [region.address, *region.strides, rows, columns, region.depth]
    steps = [[loop.extent, loop.address, loop.row, loop.column] for loop in loops]
    return [f"bw_engine::{kind}", results, *map(int, flags), *sizes, *walked, steps]


@instruction.on(Load)
def _(op: Load, region: Region) -> list[object]:
    return _fields("LOAD", region, [False] * 4, [0] * 7, _ONE)


@instruction.on(Store)
def _(op: Store, region: Region) -> list[object]:
    return _fields("STORE", region, [False] * 4, [0] * 7, _ONE)


@instruction.on(Fetch)
def _(op: Fetch, region: Region) -> list[object]:
    return _fields("FETCH", region, [False] * 4, [0, 0, 0, 0, 0, op.first, 0], _ONE)


@instruction.on(Matrix, Vector)
def _(op: Matrix | Vector, region: Region) -> list[object]:
    kind, shared, weights = ("MATRIX", op.shared, op.weights) if isinstance(op, Matrix) else ("VECTOR", False, 0)
    start = op.walk.start
    walked = [start.address, start.row, start.column, *op.walk.grid, weights, op.parameters]
    return _fields(kind, region, [op.half_even, shared, op.stepped, op.each], walked, op.walk.loops)


def engine_document(program: Engine, name: str, dialect: Dialect, loadable: bool) -> Document:
    """`program` under the top function `name`; `loadable`: weights are an argument of it."""
    found, machine, words = Document(), program.machine, CHANNELS[dialect.name]
    ends = [("s_axis", program.inputs[0], "input"), ("m_axis", program.results[0], "output")]
    for prefix, node, direction in ends:
        port = StreamPort(prefix, node.name, direction, _stream(node.type))
        struct, kind = port_types(port, f"{prefix}_port", dialect)
        found.types.append(struct)
        found.ports.append((port, f"{prefix}_port", kind))
    codes = program.weights.array.transpose(0, 2, 1).reshape(program.weights.shape[0], -1)
    weight = dialect.integer(machine.weight)
    found.types.append(Line(f"typedef bw_stream::Vector<{weight}, {codes.shape[1]}> weight_word;"))
    found.memories.append(Memory("weights", "weight_word", Weights(np.ascontiguousarray(codes), weight)))
    unit = Unit(dialect, "table")
    about = f"{machine.lanes} x {machine.lanes} products a step, {len(program.nodes)} instructions a frame."
    machine_struct = Struct("machine", tuple(_members(program, unit)), about)
    found.tables = list(unit.known.values())
    found.items = [*_parameters(program, dialect), machine_struct, *_program(program)]
    given = [f"{kind}& {port.prefix}" for port, _, kind in found.ports]
    pragmas: list[Statement] = []
    told = [("top", ""), *(("port", port.prefix) for port, _, _ in found.ports)]
    if loadable:
        told.append(("external" if machine.external else "loadable", "weights"))
        given.append(found.memories[0].declared.replace("const ", f"const {name}_actors::", 1))
    for kind, label in told:
        text = words.directives.get(kind, "").format(name=label)
        pragmas += [Pragma(text)] if text else []
    body = [
        Line(f"using namespace {name}_actors;"),
        Line("bw_engine::run<machine>(program, weights, parameters, s_axis, m_axis);"),
    ]
    head = "component void" if words.tasks else "void"
    found.top = [dialect.function(f"{head} {name}({', '.join(given)})", body, pragmas)]
    found.includes = ("bw_engine.h",)
    return found


def _stream(region: Region) -> Stream:
    return Stream(region.shape, region.lanes, Ints(region.range.low), Ints(region.range.high), Steps.of(1))


def _members(program: Engine, unit: Unit) -> list[Item]:
    """Types, sizes and netlists of the machine."""
    machine, dialect = program.machine, unit.dialect
    kind = dialect.integer
    lanes = lambda word: f"bw_stream::Vector<{kind(word)}, {machine.lanes}>"  # noqa: E731
    sizes = {
        "LANES": machine.lanes, "FEATURES": max(machine.features, 1), "RESULTS": max(machine.results, 1),
        "BUFFERED": max(machine.buffered, 1), "INSTRUCTIONS": len(program.nodes),
    }  # fmt: skip
    return [
        *types_of(feature_t=lanes(machine.feature), result_t=lanes(machine.result), weight_t="weight_word"),
        *types_of(sum_t=kind(machine.total), total_t=lanes(machine.total)),
        *types_of(in_t="s_axis_port", out_t="m_axis_port"),
        *numbers_of(sizes),
        *numbers_of({"OUTSIDE": int(machine.external is not None)}, "bool"),
        function(f"{kind(machine.feature)} lowest()", [Line(f"return {machine.feature.low};")], dialect),
        _dot(program, unit),
        _post(program, unit),
    ]


def _dot(program: Engine, unit: Unit) -> Item:
    machine, kind = program.machine, unit.dialect.integer
    term = kind(machine.dot.nodes[machine.dot.outputs[0]].type)
    given = {
        "x": Given(lambda i: f"x.lane[{i}]", kind(machine.feature)),
        "w": Given(lambda i: f"w.lane[output * {machine.lanes} + {i}]", kind(machine.weight)),
    }
    body = [Line(f"{term} found;"), *computed(machine.dot, given, ["found"], unit)]
    body = [*unread(("x", "w", "output"), body), *body, Line("return found;")]
    return function(f"{term} dot(const feature_t& x, const weight_t& w, std::size_t output)", body, unit.dialect)


def _post(program: Engine, unit: Unit) -> Item:
    machine, kind = program.machine, unit.dialect.integer
    given = {
        "total": Given(lambda i: "total", kind(machine.total)),
        **{part: Given(lambda i, p=part: f"told.{p}", kind(getattr(machine, part))) for part in ("mul", "add")},
        **{part: Given(lambda i, p=part: f"told.{p}", kind(machine.result)) for part in ("low", "high")},
        "even": Given(lambda i: "step.half_even", "int"),
        "stepped": Given(lambda i: "step.stepped", "int"),
        "thresholds": Given(lambda i: f"told.thresholds[{i}]", kind(machine.threshold or Word(0, 0))),
    }
    result = kind(machine.result)
    body = [Line(f"{result} found;"), *computed(machine.post, given, ["found"], unit)]
    body = [*unread(("total", "told", "step"), body), *body, Line("return found;")]
    head = f"{result} post(const sum_t& total, const parameter& told, const bw_engine::Instruction& step)"
    return function(head, body, unit.dialect)


def _parameters(program: Engine, dialect: Dialect) -> list[Item]:
    """The numbers of every channel's last step."""
    machine = program.machine
    kinds = {"mul": machine.mul, "add": machine.add, "low": machine.result, "high": machine.result}
    fields = [f"{dialect.integer(word)} {part};" for part, word in kinds.items()]
    if machine.threshold is not None and machine.steps:
        fields.append(f"{dialect.integer(machine.threshold)} thresholds[{machine.steps}];")
    rows = [Line(f"  {{{{{', '.join(map(_parameter, word))}}}}},") for word in program.parameters.array.tolist()]
    return [
        Struct("parameter", tuple(Line(text) for text in fields), "The last step of a channel."),
        Line(),
        Line(f"typedef bw_stream::Vector<parameter, {machine.lanes}> parameter_word;"),
        Line(f"static const parameter_word parameters[{len(rows)}] = {{"),
        *rows,
        Line("};"),
    ]


def _parameter(numbers: Sequence[int]) -> str:
    told = [_number(n) for n in numbers]
    steps = ["{" + ", ".join(told[4:]) + "}"] if told[4:] else []
    return "{" + ", ".join([*told[:4], *steps]) + "}"


def _number(value: int) -> str:
    return f"{value}LL" if abs(value) >= 1 << 31 else str(value)


def _program(program: Engine) -> list[Item]:
    """The ROM, an instruction a line under its layer's name."""
    rows: list[Item] = []
    for node in program.nodes:
        *fields, loops = instruction(node.op, node.type)
        steps = ", ".join("{" + ", ".join(map(str, loop)) + "}" for loop in _lists(loops))
        rows.append(Line(f"  {{{', '.join(map(str, fields))}, {{{steps}}}}},  // {remark(node.name)}"))
    return [Line(f"static const bw_engine::Instruction program[{len(rows)}] = {{"), *rows, Line("};")]


def _lists(loops: object) -> list[list[int]]:
    assert isinstance(loops, list)
    return loops  # pyright: ignore[reportUnknownVariableType]
