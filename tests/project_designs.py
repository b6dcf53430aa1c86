"""Small designs of the three architectures, without a model to train: what projects are written for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from tests.engine_graphs import perceptron

from bitwright.core.naming import identifier
from bitwright.core.origin import Origin
from bitwright.flow.engines import EngineDesign
from bitwright.flow.hls import Hls
from bitwright.flow.matrix import compile_matrix
from bitwright.flow.options import Options
from bitwright.flow.streamed import StreamDesign
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, check
from bitwright.ir.graph.ops import Add, Dense, Map, Subtract, Writable
from bitwright.ir.interface import Decoder, GridEncoder
from bitwright.numeric import Ints, Steps, Thresholds

__all__ = ["ARCHITECTURES", "HLS", "architecture", "made", "two_and_two", "write_everything"]

ARCHITECTURES = ("parallel", "dataflow", "engine")
HLS = {
    "parallel": Hls("smarthls", strategy="resource", reuse_factor={"y": 2}),
    "dataflow": Hls("catapult", loadable=True),
    "engine": Hls("vitis", part="xc7z020clg400-1"),
}


@cache
def architecture(name: str) -> Any:
    """A design of the architecture called `name`; "writable": streaming, weights behind AXI4-Lite;
    "external": an engine with weights behind AXI4.
    """
    if name == "parallel":
        return compile_matrix([[3, -5], [7, 1]], input_format="s4.0", name="two by two", device="xc7a35t")
    if name == "engine":
        return made(EngineDesign, perceptron(), architecture="engine", engine_lanes=4)
    if name == "external":
        return made(EngineDesign, perceptron(), architecture="engine", engine_lanes=4, engine_memory={})
    graph = _writable() if name == "writable" else perceptron()
    return made(StreamDesign, graph, architecture="dataflow")


def write_everything(name: str, folder: Path) -> Path:
    """A build of the architecture called `name` with all that can stand beside its Verilog."""
    return architecture(name).write(folder, vectors=3, projects=["all"], hls=HLS[name], emulator=True)


def _writable() -> Graph:
    """Two layers whose weights can be written, thresholds between them."""
    draws, builder, one = np.random.default_rng(2), GraphBuilder(), Steps.of(1)
    at = builder.input(TensorType((6,), Ints(-8), Ints(7), one), "x")
    for name, inputs, units in (("fc1", 6, 8), ("fc2", 8, 3)):
        weights, bias = draws.integers(-4, 4, (inputs, units)), draws.integers(-16, 16, units)
        op = Dense(Ints(weights), Ints(bias), Writable(-4, 3, 1, -16, 15))
        at = builder.apply(op, [at], step=one, name=name, origin=Origin(name))
        if name == "fc1":
            rises = np.sort(draws.integers(-40, 40, (units, 3)), axis=1)
            form = Thresholds(Ints(rises), Ints(np.tile([0, 1, 2, 3], (units, 1))))
            at = builder.apply(Map(form, Ints(np.arange(units))), [at], step=one, name="relu", origin=Origin("relu"))
    return check(builder.graph("loadable", [at]))


def two_and_two() -> Graph:
    """Two inputs of different widths, their sum and their difference."""
    builder, one = GraphBuilder(), Steps.of(1)
    left = builder.input(TensorType((3,), Ints([-8, 0, -1]), Ints([7, 3, 0]), one), "a")
    right = builder.input(TensorType((3,), Ints(0), Ints(15), one), "b")
    total = builder.apply(Add(), [left, right], step=one, name="sum")
    rest = builder.apply(Subtract(), [left, right], step=one, name="difference")
    return check(builder.graph("two and two", [total, rest]))


def made(kind: type[Any], graph: Graph, **told: Any) -> Any:
    """A design of a graph alone."""
    inputs = [node.type for node in graph.inputs]
    encoders = tuple(GridEncoder(k, t.step, t.low, t.high) for k, t in enumerate(inputs))
    decoders = tuple(Decoder(node.type.step) for node in graph.results)
    name = identifier(graph.name)
    design = kind(name, Options(device="xc7z020", name=name, **told), graph, graph, encoders, decoders)
    if isinstance(design, StreamDesign):
        design.foldings = {}  # each unit alone: no search is needed for these tests
    return design
