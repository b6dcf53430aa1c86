"""The module of `Execute`: an engine between the channels of a streaming design."""

from __future__ import annotations

from bitwright.backends.verilog.engine.emit import emit_engine
from bitwright.backends.verilog.netlist import sink
from bitwright.backends.verilog.stream.actor import ActorModule
from bitwright.backends.verilog.stream.kernels import Workshop
from bitwright.backends.verilog.stream.layout import Lanes
from bitwright.backends.verilog.stream.modules import module_of
from bitwright.backends.verilog.stream.ports import StreamPort
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
from bitwright.ir.dataflow import Dataflow, Execute, Stream
from bitwright.ir.dataflow.ops import Actor
from bitwright.ir.program import Node

__all__ = ["execute_module"]


@module_of.on(Execute)
def execute_module(
    op: Execute, program: Dataflow, node: Node[Actor, Stream], name: str, shop: Workshop
) -> ActorModule:  # fmt: skip
    """The module `name` around the engine's own top: lanes of the channels become those of its AXI4-Streams and back.

    A word leaves the engine in the cycle in which a place is kept for it: take and push are one flag.
    """
    made = emit_engine(op.program, name=shop.claim(f"{name}_engine"), header=shop.header, primitives=shop.primitives)
    shop.files |= {path: made.files[path] for path in made.sources}
    (given,), (taken,) = made.inputs, made.outputs
    items, dropped = _wires(made.top, given, taken, program.args_of(node)[0].type, node.type)
    items += sink(dropped, "what nothing needs here")
    about = (
        f"{program.name}: layers of {node.name} one after the other, by an engine of {op.program.machine.lanes} lanes\n"
        f"{given.words} words in, {taken.words} words out, {len(op.program)} instructions."
    )
    images = {path: made.files[path] for path in made.images}
    return ActorModule(Module(name, about, tuple(_heads(program, node)), tuple(items)), images)


def _heads(program: Dataflow, node: Node[Actor, Stream]) -> list[PortDeclaration]:
    """As every actor has them."""
    (argument,) = program.args_of(node)
    given = {"clk": 1, "rst": 1, "in_valid": 1, "in_head": argument.type.bits, "out_ready": 1}
    made = {"in_pop": 1, "out_take": 1, "out_push": 1, "out_data": node.type.bits}
    heads = [PortDeclaration("input", "wire", name, width) for name, width in given.items()]
    return heads + [PortDeclaration("output", "wire", name, width) for name, width in made.items()]


def _wires(
    engine: str, given: StreamPort, taken: StreamPort, argument: Stream, result: Stream
) -> tuple[list[Item], list[Expression]]:
    """The engine with its wires, and what nobody reads of them."""
    head, made = Lanes("in_head", argument.lane_words()), Lanes("made", taken.stream.lane_words())
    items: list[Item] = [Net("wire", "loaded", given.data_bits), Net("wire", "bytes", taken.data_bits)]
    items += [Net("wire", flag, 1) for flag in ("loads", "offers", "ends")]
    items.append(Comment("a word of the channel in the engine's lanes"))
    items.append(Assign(Ref("loaded"), _filled(head.to(given.stream.lane_words()), given)))
    joined: list[tuple[str, Expression]] = [("aclk", Ref("clk")), ("aresetn", Unary("~", Ref("rst")))]
    joined += [("s_axis_tdata", Ref("loaded")), ("s_axis_tvalid", Ref("in_valid")), ("s_axis_tready", Ref("loads"))]
    joined += [("s_axis_tlast", Literal(0, 1)), ("m_axis_tdata", Ref("bytes")), ("m_axis_tvalid", Ref("offers"))]
    joined += [("m_axis_tready", Ref("out_ready")), ("m_axis_tlast", Ref("ends"))]
    items.append(Instance(engine, "engine", tuple(joined)))
    items.append(Assign(Ref("in_pop"), Binary("&", Ref("loads"), Ref("in_valid"))))
    items.append(Assign(Ref("out_take"), Binary("&", Ref("offers"), Ref("out_ready"))))
    items.append(Assign(Ref("out_push"), Ref("out_take")))
    padded = taken.data_bits > taken.bits
    word = Part("bytes", taken.bits - 1, 0) if padded else Ref("bytes")
    items.append(Net("wire", "made", taken.bits, value=word))
    items.append(Assign(Ref("out_data"), made.to(result.lane_words())))
    dropped: list[Expression] = [*head.dropped, Ref("ends"), *made.dropped]
    if padded:
        dropped.append(Part("bytes", taken.data_bits - 1, taken.bits))
    return items, dropped


def _filled(word: Expression, port: StreamPort) -> Expression:
    """A word with zeros up to whole bytes."""
    return word if port.data_bits == port.bits else Concat((Literal(0, port.data_bits - port.bits), word))
