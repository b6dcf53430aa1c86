"""`module_of`: the module of an actor; most stand on a front of the library, others have a rule of their own."""

from __future__ import annotations

from bitwright.backends.verilog.stream.actor import ActorModule, actor_module
from bitwright.backends.verilog.stream.kernels import Workshop
from bitwright.core.rules import Rules
from bitwright.ir.dataflow import Dataflow, Stream
from bitwright.ir.dataflow.ops import Actor
from bitwright.ir.program import Node

__all__ = ["module_of"]

module_of: Rules[[Dataflow, Node[Actor, Stream], str, Workshop], ActorModule] = Rules("module of an actor")
"""(op, its program, its node, the module's name, where its kernels' files go) -> the module and its memory images."""


@module_of.on(Actor)
def _(op: Actor, program: Dataflow, node: Node[Actor, Stream], name: str, shop: Workshop) -> ActorModule:
    return actor_module(program, node, name, shop)
