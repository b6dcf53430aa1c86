"""Small designs of the three architectures, without a model to train: what projects are written for."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.engine_graphs import perceptron

from bitwright.flow.engines import EngineDesign
from bitwright.flow.framed import Framed
from bitwright.flow.matrix import compile_matrix
from bitwright.flow.options import Options
from bitwright.flow.streamed import StreamDesign
from bitwright.ir.interface import Decoder, GridEncoder

__all__ = ["ARCHITECTURES", "architecture"]

ARCHITECTURES = ("parallel", "dataflow", "engine")


@cache
def architecture(name: str) -> Any:
    """A design of the architecture called `name`."""
    if name == "parallel":
        return compile_matrix([[3, -5], [7, 1]], input_format="s4.0", name="two by two", device="xc7a35t")
    return _framed(StreamDesign, architecture="dataflow") if name == "dataflow" else _framed(EngineDesign, architecture="engine", engine_lanes=4)


def _framed(kind: type[Framed], **told: Any) -> Framed:
    graph = perceptron()
    inputs = [node.type for node in graph.inputs]
    encoders = tuple(GridEncoder(k, t.step, t.low, t.high) for k, t in enumerate(inputs))
    decoders = tuple(Decoder(node.type.step) for node in graph.results)
    options = Options(device="xc7z020", name=graph.name, **told)
    design = kind(graph.name, options, graph, graph, encoders, decoders)
    if isinstance(design, StreamDesign):
        design.foldings = {}  # each unit alone: no search is needed for these tests
    return design
