"""The graph level: tensors of integers, about twenty operators, and what they mean."""

from bitwright.ir.graph import choose
from bitwright.ir.graph.check import check
from bitwright.ir.graph.graph import Graph, GraphBuilder
from bitwright.ir.graph.infer import bounds, infer
from bitwright.ir.graph.run import evaluate, run, trace
from bitwright.ir.graph.scan import Scan
from bitwright.ir.graph.text import parse, show
from bitwright.ir.graph.types import TensorType

__all__ = [
    "Graph",
    "GraphBuilder",
    "Scan",
    "TensorType",
    "bounds",
    "check",
    "choose",
    "evaluate",
    "infer",
    "parse",
    "run",
    "show",
    "trace",
]
