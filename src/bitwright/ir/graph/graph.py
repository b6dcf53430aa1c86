"""`Graph`: a program of tensor operators, and the builder that infers its types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bitwright.core.origin import Origin
from bitwright.ir.graph.infer import infer
from bitwright.ir.graph.ops import GraphOp, Input
from bitwright.ir.graph.types import TensorType
from bitwright.ir.program import Builder, Node, Program
from bitwright.numeric import Steps

__all__ = ["Graph", "GraphBuilder"]


@dataclass(frozen=True, slots=True)
class Graph(Program[GraphOp, TensorType]):
    """A network over integer codes: tensors, about twenty operators, one meaning (`run`)."""

    @property
    def inputs(self) -> list[Node[GraphOp, TensorType]]:
        """The Input nodes, in the order in which `run` takes their arrays."""
        return [node for node in self.nodes if isinstance(node.op, Input)]

    @property
    def results(self) -> list[Node[GraphOp, TensorType]]:
        """The nodes whose values are the outputs."""
        return [self.nodes[i] for i in self.outputs]


class GraphBuilder(Builder[GraphOp, TensorType]):
    """Builds a graph; the type of a node is inferred, only its step may have to be told."""

    def input(self, type: TensorType, name: str) -> int:
        """A new input of the given type."""
        return self.add(Input(), (), type, name, Origin(name))

    def apply(
        self,
        op: GraphOp,
        args: Sequence[int],
        *,
        step: Steps | None = None,
        name: str = "",
        origin: Origin | None = None,
    ) -> int:
        """Append `op`; shape and exact range are inferred, `step` where the operator fixes none."""
        return self.add(op, args, infer(op, [self.type(a) for a in args], step), name, origin)

    def graph(self, name: str, outputs: Sequence[int]) -> Graph:
        """The finished graph."""
        return Graph(*self.finish(name, outputs))
