"""An engine program as HLS C++: one function, instructions in a ROM, netlists as functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bitwright.backends.cpp.dialects import Dialect, stored
from bitwright.backends.cpp.printer import remark
from bitwright.backends.cpp.streaming.document import Document, Memory, port_types
from bitwright.backends.cpp.streaming.kernels import Given, computed, lanes_type, unread
from bitwright.backends.cpp.streaming.parts import Described, Weights, described, function, numbers_of, types_of
from bitwright.backends.cpp.streaming.vendors import CHANNELS, Channels
from bitwright.backends.cpp.tree import Function, Item, Line, Pragma, Statement, Struct
from bitwright.backends.cpp.words import Unit
from bitwright.backends.verilog.stream.ports import StreamPort
from bitwright.core.rules import Rules
from bitwright.ir.dataflow import Execute, Stream
from bitwright.ir.engine import Engine, Machine, Place, Region
from bitwright.ir.engine import steps as engine_steps
from bitwright.ir.engine.external import map_bursts
from bitwright.ir.engine.ops import Bring, Fetch, Load, Loop, Matrix, Send, Store, Vector
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


@instruction.on(Send, Bring)
def _(op: Send | Bring, region: Region) -> list[object]:
    kind = "SEND" if isinstance(op, Send) else "BRING"
    return _fields(kind, region, [False] * 4, [0] * 7, _ONE)


def engine_document(program: Engine, name: str, dialect: Dialect, loadable: bool) -> Document:
    """`program` under the top function `name`; `loadable`: weights are an argument of it."""
    found, machine, words = Document(), program.machine, CHANNELS[dialect.name]
    ends = [("s_axis", program.inputs[0], "input"), ("m_axis", program.results[0], "output")]
    for prefix, node, direction in ends:
        port = StreamPort(prefix, node.name, direction, _stream(node.type))
        struct, kind = port_types(port, f"{prefix}_port", dialect)
        found.types.append(struct)
        found.ports.append((port, f"{prefix}_port", kind))
    weights = _weights(program, dialect)
    found.types.append(Line(f"typedef bw_stream::Vector<{weights.kind}, {weights.codes.shape[1]}> weight_word;"))
    found.memories.append(Memory("weights", "weight_word", weights, loadable))
    if count := _map_words(program):
        found.types.append(Line(f"typedef {_lanes(program, machine.feature, dialect)} map_word;"))
        found.outside.append(("maps", "map_word", count))
    unit = Unit(dialect, "table")
    told = {"in_t": "s_axis_port", "out_t": "m_axis_port", "ends_t": "bw_engine::Beats"}
    found.items = [Struct("machine", tuple(_members(program, unit, told)), _about(program))]
    found.tables = list(unit.known.values())
    found.top = [_top(found, program, name, dialect, words)]
    found.includes = ("bw_engine.h",)
    return found


def _about(program: Engine) -> str:
    lanes = program.machine.lanes
    return f"{lanes} x {lanes} products a step, {len(program.nodes)} instructions a frame."


def _top(found: Document, program: Engine, name: str, dialect: Dialect, words: Channels) -> Function:
    """The function between AXI4-Streams, with what it reads from and writes to memories of others."""
    given = [f"{kind}& {port.prefix}" for port, _, kind in found.ports]
    told = [("top", ""), *(("port", port.prefix) for port, _, _ in found.ports)]
    for memory in found.memories:
        if memory.given:
            told.append(("external" if program.machine.external else "loadable", memory.name))
            given.append(memory.declared.replace("const ", f"const {name}_actors::", 1))
    for label, word, count in found.outside:
        told.append(("external", label))
        given.append(f"{name}_actors::{word} {label}[{count}]")
    pragmas: list[Statement] = []
    for kind, label in told:
        text = words.directives.get(kind, "").format(name=label)
        pragmas += [Pragma(text)] if text else []
    maps = [] if found.outside else [Line("bw_stream::Nothing maps;")]
    call = Line("bw_engine::run<machine>(weights, maps, s_axis, m_axis);")
    body = [Line(f"using namespace {name}_actors;"), *maps, call]
    head = "component void" if words.tasks else "void"
    return dialect.function(f"{head} {name}({', '.join(given)})", body, pragmas)


def _weights(program: Engine, dialect: Dialect) -> Weights:
    codes = program.weights.array.transpose(0, 2, 1).reshape(program.weights.shape[0], -1)
    return Weights(np.ascontiguousarray(codes), dialect.integer(program.machine.weight))


@described.on(Execute)
def _(op: Execute, result: Stream, args: list[Stream], unit: Unit) -> Described:
    """A machine of its own for the actor; channels carry the words of its regions."""
    weights = _weights(op.program, unit.dialect)
    ends: list[Item] = []
    for name, stream in (("in", args[0]), ("out", result)):
        kind = lanes_type(unit.dialect, stream.lane_words())
        told = [*types_of(word_t=kind), *numbers_of({"WORDS": stream.words, "LANES": stream.lanes})]
        ends.append(Struct(f"{name}_t", tuple(told)))
    word = f"bw_stream::Vector<{weights.kind}, {weights.codes.shape[1]}>"
    members = [*types_of(weight_word=word), *ends, *_members(op.program, unit, {"ends_t": "bw_engine::Words"})]
    steps = sum(engine_steps(node.op, node.type) for node in op.program.nodes)
    return Described(members, [("execute", (0,))], steps, memories=(weights,), about=_about(op.program))


def _burst_words(machine: Machine) -> int:
    """Words of feature memory between two bursts outside: at least what one holds."""
    return -(-machine.external.burst_beats // machine.feature_beats) if machine.external else 0


def _map_words(program: Engine) -> int:
    """Words of feature memory that are needed outside."""
    return map_bursts(program) * _burst_words(program.machine)


def _stream(region: Region) -> Stream:
    return Stream(region.shape, region.lanes, Ints(region.range.low), Ints(region.range.high), Steps.of(1))


def _lanes(program: Engine, word: Word, dialect: Dialect) -> str:
    """The type of a word of the machine."""
    return f"bw_stream::Vector<{dialect.integer(word)}, {program.machine.lanes}>"


def _members(program: Engine, unit: Unit, ends: Mapping[str, str]) -> list[Item]:
    """Types, sizes, program and netlists of the machine; `ends`: what its words come and go as."""
    machine, dialect = program.machine, unit.dialect
    kind = dialect.integer
    sizes = {
        "LANES": machine.lanes, "FEATURES": max(machine.features, 1), "RESULTS": max(machine.results, 1),
        "BUFFERED": max(machine.buffered, 1), "INSTRUCTIONS": len(program.nodes),
    }  # fmt: skip
    return [
        *types_of(feature_t=_lanes(program, machine.feature, dialect)),
        *types_of(result_t=_lanes(program, machine.result, dialect), weight_t="weight_word"),
        *types_of(sum_t=kind(machine.total), total_t=_lanes(program, machine.total, dialect), **ends),
        *numbers_of(sizes),
        *numbers_of({"OUTSIDE": int(machine.external is not None)}, "bool"),
        *_parameters(program, dialect),
        _program(program, dialect),
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

    def read(text: str, word: Word) -> Given:  # from the type in which it lies in memory
        return Given(lambda i: f"{kind(word)}({text.format(i)})", kind(word))

    given = {
        "total": Given(lambda i: "total", kind(machine.total)),
        **{part: read(f"told.{part}", getattr(machine, part)) for part in ("mul", "add")},
        **{part: read(f"told.{part}", machine.result) for part in ("low", "high")},
        "even": Given(lambda i: "step.half_even", "int"),
        "stepped": Given(lambda i: "step.stepped", "int"),
        "thresholds": read("told.thresholds[{}]", machine.threshold or Word(0, 0)),
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
    lies = {part: stored(dialect.integer(word), (word.low, word.high)) for part, word in kinds.items()}
    fields = [f"{kind} {part};" for part, kind in lies.items()]
    if (word := machine.threshold) is not None and machine.steps:
        fields.append(f"{stored(dialect.integer(word), (word.low, word.high))} thresholds[{machine.steps}];")
    rows = [Line(f"  {{{{{', '.join(map(_parameter, word))}}}}},") for word in program.parameters.array.tolist()]
    body = [Line("static const parameter_word values[] = {"), *rows, Line("};"), Line("return values[n];")]
    return [
        Struct("parameter", tuple(Line(text) for text in fields), "The last step of a channel."),
        Line(f"typedef bw_stream::Vector<parameter, {machine.lanes}> parameter_word;"),
        Function("static parameter_word parameters(std::size_t n)", tuple(body)),
    ]


def _parameter(numbers: Sequence[int]) -> str:
    told = [_number(n) for n in numbers]
    steps = ["{" + ", ".join(told[4:]) + "}"] if told[4:] else []
    return "{" + ", ".join([*told[:4], *steps]) + "}"


def _number(value: int) -> str:
    return f"{value}LL" if abs(value) >= 1 << 31 else str(value)


def _program(program: Engine, dialect: Dialect) -> Item:
    """The ROM, an instruction a line under its layer's name."""
    body: list[Statement] = [Line("static const bw_engine::Instruction values[] = {")]
    for node in program.nodes:
        *fields, loops = instruction(node.op, node.type)
        if isinstance(node.op, Send | Bring):
            # Where a row begins outside, and how far the next one is: in words, where the Verilog counts bursts.
            each, (_, _, bursts) = _burst_words(program.machine), program.machine.runs(node.type)
            fields[-2:] = [node.op.burst * each, bursts * each]
        steps = ", ".join("{" + ", ".join(map(str, loop)) + "}" for loop in _lists(loops))
        body.append(Line(f"  {{{', '.join(map(str, fields))}, {{{steps}}}}},  // {remark(node.name)}"))
    body += [Line("};"), Line("return values[n];")]
    return Function("static bw_engine::Instruction instruction(std::size_t n)", tuple(body))


def _lists(loops: object) -> list[list[int]]:
    assert isinstance(loops, list)
    return loops  # pyright: ignore[reportUnknownVariableType]
