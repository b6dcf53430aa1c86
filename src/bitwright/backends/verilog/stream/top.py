"""The top of a streaming design: actors, the channels between them, AXI4-Stream on both ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bitwright.backends.verilog.netlist import sink
from bitwright.backends.verilog.stream.actor import argument_names
from bitwright.backends.verilog.stream.control import control_items, control_ports, memory_nets
from bitwright.backends.verilog.stream.fronts import BLOCK
from bitwright.backends.verilog.stream.ports import StreamPort
from bitwright.backends.verilog.stream.registers import ControlMap
from bitwright.backends.verilog.tree import (
    Assign,
    Binary,
    Comment,
    Concat,
    Expression,
    Instance,
    Item,
    Literal,
    Module,
    Net,
    Part,
    PortDeclaration,
    Ref,
    Unary,
)
from bitwright.core.naming import Namer
from bitwright.ir.dataflow import SINK, Channel, Dataflow, Edge
from bitwright.ir.dataflow.ops import Source

__all__ = ["top_module"]


def top_module(
    program: Dataflow, name: str, modules: Sequence[str], ports: Sequence[StreamPort], control: ControlMap
) -> Module:
    """The module `name`; `modules` are those of the actors by position (empty for a source)."""
    wiring = _Wiring.of(program, modules, ports, control)
    items: list[Item] = [Net("wire", "rst", 1, value=Unary("~", Ref("aresetn")))]
    for position in range(len(program.nodes)):
        items += wiring.actor(position)
    for number in range(len(program.outputs)):
        items += wiring.sink(number)
    items += control_items(control, wiring.actors, [p for p in ports if p.direction == "output"])
    heads = [PortDeclaration("input", "wire", control, 1) for control in ("aclk", "aresetn")]
    for port in ports:
        heads += _axis(port)
    heads += control_ports(control)
    return Module(name, _about(program, name, ports), tuple(heads), tuple(items))


def _about(program: Dataflow, name: str, ports: Sequence[StreamPort]) -> str:
    lines = [f"{name}: a streaming network of {len(program.nodes) - len(program.inputs)} actors."]
    lines += [f"    {_said(port)}" for port in ports]
    lines.append("Words carry elements in C order, the first one lowest, without gaps; TLAST ends a frame. The reset")
    lines.append("is synchronous and active low; it clears counters and flags, not data. See docs/streams.md.")
    return "\n".join(lines)


def _said(port: StreamPort) -> str:
    shape = " x ".join(str(n) for n in port.stream.shape) or "scalar"
    return f"{port.prefix}: {shape}, words of {port.stream.lanes} elements ({port.bits} bits), {port.words} a frame"


def _axis(port: StreamPort) -> list[PortDeclaration]:
    away, back = ("input", "output") if port.direction == "input" else ("output", "input")
    return [
        PortDeclaration(away, "wire", f"{port.prefix}_tdata", port.data_bits),
        PortDeclaration(away, "wire", f"{port.prefix}_tvalid", 1),
        PortDeclaration(back, "wire", f"{port.prefix}_tready", 1),
        PortDeclaration(away, "wire", f"{port.prefix}_tlast", 1),
    ]


def _all(nets: Sequence[Expression]) -> Expression:
    """The conjunction of flags."""
    if len(nets) < 3:
        return Binary("&", nets[0], nets[1]) if len(nets) == 2 else nets[0] if nets else Literal(1, 1)
    return Unary("&", Concat(tuple(nets)))


@dataclass
class _Wiring:
    """Names of nets: `actors` by position, `channels` in order; the streams outside."""

    program: Dataflow
    modules: Sequence[str]
    ports: Sequence[StreamPort]
    control: ControlMap
    actors: list[str]
    channels: list[str]

    @classmethod
    def of(
        cls, program: Dataflow, modules: Sequence[str], ports: Sequence[StreamPort], control: ControlMap
    ) -> _Wiring:
        """Actors by their names, channels by the two that they join."""
        fresh = Namer()
        actors = [fresh(node.name) for node in program.nodes]

        def ends(edge: Edge) -> str:
            return f"{actors[edge.producer]}_to_{'sink' if edge.consumer == SINK else actors[edge.consumer]}"

        return cls(program, modules, ports, control, actors, [fresh(ends(c.edge)) for c in program.channels])

    def actor(self, position: int) -> list[Item]:
        """An actor (or source) and the channels of its result."""
        node, base = self.program.nodes[position], self.actors[position]
        named = zip(self.program.channels, self.channels, strict=True)
        behind = [(channel, name) for channel, name in named if channel.edge.producer == position]
        items: list[Item] = [Comment(f"{type(node.op).__name__} {node.name}")]
        items += [Net("wire", f"{name}_ready", 1) for _, name in behind]
        if isinstance(node.op, Source):
            number = sum(isinstance(other.op, Source) for other in self.program.nodes[:position])
            items += self._source(base, self.ports[number], behind)
        else:
            items += self._instance(position, behind)
        for channel, name in behind:
            items += self._channel(channel, name, base)
        return items

    def _source(self, base: str, port: StreamPort, behind: list[tuple[Channel, str]]) -> list[Item]:
        if not behind:
            pins = sink([Ref(f"{port.prefix}_{n}") for n in ("tdata", "tvalid", "tlast")], "nobody reads it")
            return [Assign(Ref(f"{port.prefix}_tready"), Literal(1, 1)), *pins]
        data = f"{port.prefix}_tdata"
        items: list[Item] = [Net("wire", f"{base}_{n}", 1) for n in ("ready", "take", "push")]
        items.append(Net("wire", f"{base}_data", port.bits))
        items.append(Assign(Ref(f"{base}_ready"), _all([Ref(f"{name}_ready") for _, name in behind])))
        joined: list[tuple[str, Expression]] = [("clk", Ref("aclk")), ("rst", Ref("rst"))]
        joined += [(f"s_{n}", Ref(f"{port.prefix}_{n}")) for n in ("tvalid", "tready")]
        joined.append(("s_tdata", Part(data, port.bits - 1, 0)))
        joined += [(n, Ref(f"{base}_{n}")) for n in ("ready", "take", "push", "data")]
        items.append(Instance("bw_source", f"{base}_source", tuple(joined), (("WIDTH", port.bits),)))
        spare: list[Expression] = [Ref(f"{port.prefix}_tlast")]
        if port.data_bits > port.bits:
            spare.append(Part(data, port.data_bits - 1, port.bits))
        return [*items, *_unused(spare, f"{base}_spare", "frames are counted, and the last byte is filled")]

    def _instance(self, position: int, behind: list[tuple[Channel, str]]) -> list[Item]:
        base, node = self.actors[position], self.program.nodes[position]
        nets = (("ready", 1), ("take", 1), ("push", 1), ("data", node.type.bits))
        items: list[Item] = [Net("wire", f"{base}_{n}", width) for n, width in nets]
        items.append(Assign(Ref(f"{base}_ready"), _all([Ref(f"{name}_ready") for _, name in behind])))
        joined: list[tuple[str, Expression]] = [("clk", Ref("aclk")), ("rst", Ref("rst"))]
        for port, argument in enumerate(argument_names(len(node.args))):
            edge = Edge(node.args[port], position, port)
            channel = next(n for c, n in zip(self.program.channels, self.channels, strict=True) if c.edge == edge)
            joined += [(f"{argument}_{end}", Ref(f"{channel}_{end}")) for end in ("valid", "head", "pop")]
        joined += [(f"out_{n}", Ref(f"{base}_{n}")) for n, _ in nets]
        written, pins = memory_nets(base, self.control.of(position))
        items, joined = items + written, joined + pins
        items.append(Instance(self.modules[position], f"{base}_actor", tuple(joined)))
        if not behind:
            items += _unused([Ref(f"{base}_{n}") for n, _ in nets[1:]], f"{base}_spare", "nobody reads it")
        return items

    def _channel(self, channel: Channel, name: str, producer: str) -> list[Item]:
        width = self.program.nodes[channel.edge.producer].type.bits
        nets = [Net("wire", f"{name}_valid", 1), Net("wire", f"{name}_head", width), Net("wire", f"{name}_pop", 1)]
        joined = [("clk", Ref("aclk")), ("rst", Ref("rst")), ("ready", Ref(f"{name}_ready"))]
        joined += [(n, Ref(f"{producer}_{n}")) for n in ("take", "push", "data")]
        joined += [(n, Ref(f"{name}_{n}")) for n in ("valid", "head", "pop")]
        sizes = (("WIDTH", width), ("DEPTH", channel.depth), ("BLOCK", BLOCK[channel.memory]))
        return [*nets, Instance("bw_channel", f"{name}_channel", tuple(joined), sizes)]

    def sink(self, number: int) -> list[Item]:
        """An output: the head of its channel is offered, TLAST comes by counting."""
        outputs = [p for p in self.ports if p.direction == "output"]
        port, edge = outputs[number], Edge(self.program.outputs[number], SINK, number)
        name = next(n for c, n in zip(self.program.channels, self.channels, strict=True) if c.edge == edge)
        joined: list[tuple[str, Expression]] = [("clk", Ref("aclk")), ("rst", Ref("rst"))]
        joined += [(n, Ref(f"{name}_{n}")) for n in ("valid", "head", "pop")]
        joined += [(f"m_{n}", Ref(f"{port.prefix}_{n}")) for n in ("tvalid", "tready", "tlast")]
        joined.append(("m_tdata", Part(f"{port.prefix}_tdata", port.bits - 1, 0)))
        sizes = (("WIDTH", port.bits), ("WORDS", port.words))
        items: list[Item] = [Comment(f"output {port.actor}"), Instance("bw_sink", f"{name}_end", tuple(joined), sizes)]
        if port.data_bits > port.bits:
            rest = Part(f"{port.prefix}_tdata", port.data_bits - 1, port.bits)
            items.append(Assign(rest, Literal(0, port.data_bits - port.bits)))
        return items


def _unused(parts: list[Expression], name: str, reason: str) -> list[Item]:
    """Like `sink`, with a name of its own; lint knows nets that end in `unused`."""
    value = Unary("&", Concat((Literal(0, 1), *parts)))
    return [Comment(reason), Net("wire", f"{name}_unused", 1, value=value)]
