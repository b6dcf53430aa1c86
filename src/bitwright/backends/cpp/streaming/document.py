"""A dataflow program as HLS C++: a function for each actor, streams between them, AXI4-Streams at the edge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bitwright.backends.cpp.dialects import Dialect, stored
from bitwright.backends.cpp.streaming.kernels import lanes_type
from bitwright.backends.cpp.streaming.parts import Described, Weights, described
from bitwright.backends.cpp.streaming.vendors import CHANNELS, Channels
from bitwright.backends.cpp.tree import Block, Function, Item, Line, Pragma, Statement, Struct
from bitwright.backends.cpp.words import Unit
from bitwright.backends.verilog.stream.ports import StreamPort, stream_ports
from bitwright.core.errors import ConfigError
from bitwright.core.naming import Namer
from bitwright.ir.dataflow import SINK, Dataflow, Edge, Execute, Stream
from bitwright.ir.dataflow.ops import Source

__all__ = ["Document", "Memory", "document", "port_types"]

_LEAST = 2


@dataclass(frozen=True)
class Memory:
    """Weights under their name; `word` is the type of a word of them, `given`: they are an argument of the top."""

    name: str
    word: str
    weights: Weights
    given: bool = False

    @property
    def declared(self) -> str:
        """As a parameter."""
        return f"const {self.word} {self.name}[{len(self.weights.codes)}]"

    @property
    def constant(self) -> str:
        """As a constant, in the types in which constants lie in memory."""
        codes, kind = self.weights.codes, self.weights.kind
        words = f"bw_stream::Vector<{stored(kind, (int(codes.min()), int(codes.max())))}, {codes.shape[1]}>"
        return f"const {words} {self.name}[{len(codes)}]"


@dataclass
class Document:
    """The parts of a streaming design.

    types: words and ports, for the header. tables, items: what stands before the top function. top: the function.
    ports: each with its description's name and its type. memories: weights. outside: what the top function is given
    to write into, (name, type of a word, words). depths: of the channels.
    """

    types: list[Item] = field(default_factory=list[Item])
    items: list[Item] = field(default_factory=list[Item])
    top: list[Function] = field(default_factory=list[Function])
    ports: list[tuple[StreamPort, str, str]] = field(default_factory=list[tuple[StreamPort, str, str]])
    memories: list[Memory] = field(default_factory=list[Memory])
    outside: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    depths: dict[str, int] = field(default_factory=dict[str, int])
    tables: list[Item] = field(default_factory=list[Item])
    includes: tuple[str, ...] = ("bw_stream.h",)


def document(program: Dataflow, name: str, dialect: Dialect, loadable: bool = False) -> Document:
    """`program` under the top function `name`; `loadable`: weights are arguments of it."""
    return _Writer(program, name, dialect, loadable).made()


def _port_struct(name: str, stream: Stream, data: str, dialect: Dialect, beat: str) -> Struct:
    """How a word of a stream lies in a beat: lane 0 lowest, each in exactly its width."""
    words = stream.lane_words()
    kinds = [dialect.integer(word) for word in words]
    places = [sum(w.width for w in words[:i]) for i in range(len(words))]
    packs = [
        Line(f"data |= data_t({dialect.wide(w.width, False)}(word.lane[{i}])) << {place};")
        for i, (w, place) in enumerate(zip(words, places, strict=True))
    ]
    cuts = zip(kinds, places, strict=True)
    unpacks = [Line(f"word.lane[{i}] = {kind}(data >> {place});") for i, (kind, place) in enumerate(cuts)]
    pack = [Line("data_t data = 0;"), *packs, Line("return data;")]
    unpack = [Line("word_t word;"), *unpacks, Line("return word;")]
    members: list[Item] = [
        Line(f"typedef {lanes_type(dialect, words)} word_t;"),
        Line(f"typedef {data} data_t;"),
        *([Line(f"typedef {beat} beat_t;")] if beat else []),
        Line(f"static const std::size_t WORDS = {stream.words};"),
        Line(f"static const std::size_t LANES = {stream.lanes};"),
        dialect.function("static data_t pack(const word_t& word)", pack, dialect.pragma("inline")),
        dialect.function("static word_t unpack(const data_t& data)", unpack, dialect.pragma("inline")),
    ]
    about = f"{stream.words} words of {' x '.join(map(str, stream.shape)) or 'a scalar'}, {stream.bits} bits each."
    return Struct(name, tuple(members), about)


def port_types(port: StreamPort, name: str, dialect: Dialect) -> tuple[Struct, str]:
    """The description of an AXI4-Stream at the edge, and the type of the argument that it is."""
    words = CHANNELS[dialect.name]
    data = dialect.wide(port.data_bits, False)
    beat = words.beat.format(data=data, bits=port.data_bits)
    form = words.receives if port.direction == "input" else words.sends
    inner = words.stream.format(word=beat, depth=_LEAST) if beat else ""
    return _port_struct(name, port.stream, data, dialect, beat), form.format(stream=inner, data=data)


class _Writer:
    def __init__(self, program: Dataflow, name: str, dialect: Dialect, loadable: bool) -> None:
        self.program, self.name, self.dialect, self.loadable = program, name, dialect, loadable
        self.words: Channels = CHANNELS[dialect.name]
        self.fresh = Namer()
        for taken in (name, "std", "bw_hls", "bw_stream", "x", "y", "in", "out", "phase", "x_t", "y_t"):
            self.fresh(taken)
        self.names = [self.fresh(node.name) for node in program.nodes]
        self.ports = stream_ports(program)
        self.edges = program.edges()
        told = {c.edge: c.depth for c in program.channels}
        self.depths = {edge: max(told.get(edge, _LEAST), self._frame(edge)) for edge in self.edges}
        self.channels = {edge: self.fresh(self._channel(edge)) for edge in self.edges}
        self.unit = Unit(dialect, "table")

    def _frame(self, edge: Edge) -> int:
        """Words that an edge to the outside holds where inputs and results of a frame wait in it."""
        outer = edge.consumer == SINK or isinstance(self.program.nodes[edge.producer].op, Source)
        return self.program.nodes[edge.producer].type.words if self.words.tasks and outer else 1

    def _channel(self, edge: Edge) -> str:
        given = self.names[edge.producer]
        if edge.consumer == SINK:
            return f"{given}_out"
        same = [e for e in self.edges if (e.producer, e.consumer) == (edge.producer, edge.consumer)]
        return f"{given}_to_{self.names[edge.consumer]}" + (f"_{edge.port}" if len(same) > 1 else "")

    def made(self) -> Document:
        """All parts."""
        found = Document()
        for node, name in zip(self.program.nodes, self.names, strict=True):
            found.types.append(Line(f"typedef {lanes_type(self.dialect, node.type.lane_words())} {name}_word;"))
        found.ports = [self._port(found, port) for port in self.ports]
        if self.words.tasks:
            found.items += [Line(self._declared(edge)) for edge in self.edges]
        found.depths = {self.channels[e]: self.depths[e] for e in self.edges}
        actors = [i for i, node in enumerate(self.program.nodes) if not isinstance(node.op, Source)]
        tasks = [self._actor(position, found) for position in actors]
        feeds, drains = self._edge_calls(found)
        calls = [*feeds, *(tasks if not self.words.tasks else self._launched(tasks)), *drains]
        found.tables = list(self.unit.known.values())
        if any(isinstance(node.op, Execute) for node in self.program.nodes):
            found.includes = ("bw_engine.h",)
        found.top = [self._top(found, calls)]
        return found

    def _port(self, found: Document, port: StreamPort) -> tuple[StreamPort, str, str]:
        """The port with its description's name and its type; the description goes into the header."""
        name = self.fresh(f"{port.prefix}_port")
        struct, kind = port_types(port, name, self.dialect)
        found.types.append(struct)
        return port, name, kind

    def _outs(self, position: int) -> list[Edge]:
        return [edge for edge in self.edges if edge.producer == position]

    def _kind(self, edge: Edge) -> str:
        return self.words.stream.format(word=f"{self.names[edge.producer]}_word", depth=self.depths[edge])

    def _declared(self, edge: Edge) -> str:
        name = self.channels[edge]
        told = self.words.declared.format(name=name, depth=self.depths[edge])
        return f"{'static ' if self.words.static else ''}{self._kind(edge)} {name}{told};"

    def _actor(self, position: int, found: Document) -> str:
        """Writes the description and the function of an actor; its call in the top function."""
        node, name = self.program.nodes[position], self.names[position]
        args = [self.program.nodes[a].type for a in node.args]
        told: Described = described(node.op, node.type, args, self.unit)
        layer = f" of layer {node.origin.layer}" if node.origin.layer not in ("", name) else ""
        what = f": {told.about}" if told.about else ""
        steps = f"{told.steps} step{'s' * (told.steps > 1)} a frame"
        about = f"{type(node.op).__name__} {name}{layer}{what}; {steps}."
        found.items.append(Struct(f"{name}_unit", tuple(told.members), about))
        ins = [edge for edge in self.edges if edge.consumer == position]
        outs, own = self._outs(position), self.words.tasks
        memories = [self._memory(found, name, weights) for weights in told.memories]
        names = {e: self.channels[e] if own else self._local(e, ins, outs) for e in (*ins, *outs)}
        given = [] if own else [f"{self._kind(e)}& {names[e]}" for e in (*ins, *outs)]
        given = [*(memory.declared for memory in memories if memory.given), *given]
        body = _calls(name, told, [names[e] for e in ins], [names[e] for e in outs], [m.name for m in memories])
        head = f"static void {name}({', '.join(given)})"
        found.items.append(self.dialect.function(head, body, self._pragma("actor")))
        passed = [] if own else [self.channels[e] for e in (*ins, *outs)]
        return f"{name}({', '.join([*(memory.name for memory in memories if memory.given), *passed])})"

    def _memory(self, found: Document, name: str, weights: Weights) -> Memory:
        """A memory of an actor."""
        word, given = self.fresh(f"{name}_{weights.label[:-1]}"), self.loadable or weights.written
        if given and self.words.tasks:
            raise ConfigError(
                "weights that are written at run time", where=f"vendor {self.dialect.name!r}",
                why="its tasks have no memories as arguments here",
                remedy="compile without `writable`, or take another vendor",
            )  # fmt: skip
        found.types.append(Line(f"typedef bw_stream::Vector<{weights.kind}, {weights.codes.shape[1]}> {word};"))
        found.memories.append(Memory(self.fresh(f"{name}_{weights.label}"), word, weights, given))
        return found.memories[-1]

    @staticmethod
    def _local(edge: Edge, ins: Sequence[Edge], outs: Sequence[Edge]) -> str:
        """What a channel is called inside an actor's function."""
        label, side = ("in", ins) if edge in ins else ("out", outs)
        return label if len(side) == 1 else f"{label}{side.index(edge)}"

    def _pragma(self, kind: str, **fields: object) -> list[Statement]:
        text = self.words.directives.get(kind, "")
        return [Pragma(text.format(**fields))] if text else []

    def _edge_calls(self, found: Document) -> tuple[list[str], list[str]]:
        """The calls that take frames from the ports and give them to ports."""
        sources = [i for i, node in enumerate(self.program.nodes) if isinstance(node.op, Source)]
        feeds, drains = list[str](), list[str]()
        inner = iter(sources)
        sinks = iter([edge for edge in self.edges if edge.consumer == SINK])
        for port, struct, kind in found.ports:
            if port.direction == "input":
                edges = self._outs(next(inner))
                feeds.append(self._edge(found, "receive", struct, kind, port.prefix, edges))
            else:
                drains.append(self._edge(found, "send", struct, kind, port.prefix, [next(sinks)]))
        return feeds, drains

    def _edge(self, found: Document, verb: str, struct: str, kind: str, port: str, edges: Sequence[Edge]) -> str:
        names = [self.channels[e] for e in edges]
        told = [port, *names] if verb == "receive" else [*names, port]
        if self.words.tasks:
            return f"bw_stream::{verb}<{struct}>({', '.join(told)})"
        kinds = {port: kind} | {self.channels[e]: self._kind(e) for e in edges}
        name = self.fresh(f"{verb}_{port}")
        given = ", ".join(f"{kinds[label]}& {label}" for label in told)
        body = [Line(f"bw_stream::{verb}<{struct}>({', '.join(told)});")]
        found.items.append(self.dialect.function(f"static void {name}({given})", body, self._pragma("actor")))
        return f"{name}({', '.join(told)})"

    @staticmethod
    def _launched(tasks: Sequence[str]) -> list[str]:
        names = [task.split("(")[0] for task in tasks]
        return [f"ihc::{verb}<{name}>()" for verb in ("launch", "collect") for name in names]

    def _top(self, found: Document, calls: Sequence[str]) -> Function:
        given = [f"{kind}& {port.prefix}" for port, _, kind in found.ports]
        pragmas = [*self._pragma("top")]
        for port, _, _ in found.ports:
            pragmas += self._pragma("port", name=port.prefix)
        for memory in found.memories:
            if memory.given:
                pragmas += self._pragma("loadable", name=memory.name)
                given.append(memory.declared.replace("const ", f"const {self.name}_actors::", 1))
        pragmas += self._pragma("dataflow")
        body: list[Statement] = [Line(f"using namespace {self.name}_actors;")]
        for edge in [] if self.words.tasks else self.edges:
            body.append(Line(self._declared(edge)))
            body += self._pragma("depth", name=self.channels[edge], depth=self.depths[edge])
        body += [Line(f"{call};") for call in calls]
        head = "component void" if self.words.tasks else "void"
        return self.dialect.function(f"{head} {self.name}({', '.join(given)})", body, pragmas)


def _calls(
    name: str, told: Described, ins: Sequence[str], outs: Sequence[str], memories: Sequence[str]
) -> list[Statement]:  # fmt: skip
    """The statements of an actor's function."""
    if told.turns:
        calls = [
            Line(f"bw_stream::turn<{name}_unit, {call.split(', ')[1]}>({', '.join(['phase', ins[ports[0]], *outs])});")
            for call, ports in told.calls
        ]
        head = f"for (std::size_t round = 0; round < {told.rounds}; ++round)"
        return [Line("std::size_t phase = 0;"), Block(head, tuple(calls))]
    ((call, ports),) = told.calls
    given = [*memories, *(ins[p] for p in ports), *outs]
    return [Line(f"bw_stream::{call}<{name}_unit>({', '.join(given)});")]
