"""A graph written as ONNX computes the same integers, in our executor and in onnxruntime, and comes back equal."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from tests.generate_graphs import random_graph
from tests.onnx_models import parsed
from tests.random_onnx import random_onnx

from bitwright.core.errors import BitwrightError
from bitwright.frontends.qonnx import Executor, parse_model, read_model
from bitwright.frontends.qonnx.write import Dialect, model_of
from bitwright.ir.graph import Graph, check, run
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")

# What an ONNX file may hold and an integer graph may not: outputs on several steps that share no grid.
MAY_REFUSE = ("common", "depends on no input", "over space", "no grid", "from element to element")


def floats(arrays: list[np.ndarray], nodes: Any) -> list[np.ndarray]:
    return [(a * n.type.step.floats()).astype(np.float32) for a, n in zip(arrays, nodes, strict=True)]


def same(found: list[np.ndarray], wanted: list[np.ndarray]) -> bool:
    return all(np.array_equal(np.broadcast_to(a, b.shape), b) for a, b in zip(found, wanted, strict=True))


def in_onnxruntime(data: bytes, x: list[np.ndarray]) -> list[np.ndarray]:
    options = runtime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(None, {i.name: a for i, a in zip(session.get_inputs(), x, strict=True)})


def sums(graph: Graph) -> list[Any]:
    return [node.op for node in graph if isinstance(node.op, Dense | Conv | ConvTranspose)]


def refused(told: str, reasons: tuple[str, ...], seed: int) -> None:
    """A refusal for one of the reasons there may be."""
    assert any(reason in told for reason in reasons), f"seed {seed}: {told}"


def comes_back(graph: Graph, dialect: Dialect, seed: int) -> Graph | None:
    """The graph that is read from what `graph` was written as; None where one of the two is refused for a reason."""
    rng = np.random.default_rng(seed)
    codes = [rng.integers(low, high + 1, (20, *n.type.shape)) for n in graph.inputs for low, high in [n.type.bounds()]]
    x, wanted = floats(codes, graph.inputs), floats(run(graph, codes), graph.results)
    try:
        data = model_of(graph, dialect).SerializeToString()
    except BitwrightError as error:
        return refused(error.remedy, ('dialect="qonnx"', "fewer bits", "an argmax"), seed)
    model = parse_model(data)
    assert same(Executor(model)(x), wanted), seed
    if dialect is Dialect.QDQ:
        assert same(in_onnxruntime(data, x), wanted), seed
    try:
        reading, _ = read_model(model)
    except BitwrightError as error:
        return refused(error.what, MAY_REFUSE, seed)
    found = run(check(reading.graph), [encoder(x[encoder.source]) for encoder in reading.encoders])
    assert same([d(y) for d, y in zip(reading.decoders, found, strict=True)], wanted), seed
    return reading.graph


def counted(graphs: list[tuple[int, Graph]]) -> tuple[int, int, int]:
    """(tried, come back, with equal sums)."""
    tried = [(graph, comes_back(graph, dialect, seed)) for seed, graph in graphs for dialect in Dialect]
    back = [(graph, found) for graph, found in tried if found is not None]
    equal = sum(sorted(map(repr, sums(graph))) == sorted(map(repr, sums(found))) for graph, found in back)
    return len(tried), len(back), equal


def of_keras(seed: int) -> Graph:
    from tests.random_models import random_model

    from bitwright.frontends.keras import read_model

    return read_model(random_model(seed)).graph


def test_graphs_of_any_operators_come_back_from_onnx() -> None:
    tried, back, _ = counted([(seed, random_graph(random.Random(seed))) for seed in range(20)])
    assert back > 0.6 * tried


def test_a_pool_behind_functions_that_differ_from_pixel_to_pixel_comes_back() -> None:
    assert counted([(736, random_graph(random.Random(736)))])[:2] == (2, 2)


def test_a_table_serves_codes_that_only_a_reader_holds_for_possible() -> None:
    """Inputs of a file have one range, those of this graph one for each element: the index seems to go below zero."""
    assert counted([(580, random_graph(random.Random(580)))])[:2] == (2, 2)


def of_onnx(seed: int) -> Graph | None:
    """The graph of a random network in the dialect of QONNX; None where the last layer lies on no grid."""
    try:
        return read_model(parsed(random_onnx(seed)))[0].graph
    except BitwrightError:
        return None


def test_networks_come_back_from_onnx_with_the_same_sums() -> None:
    found = [(seed, of_onnx(seed)) for seed in range(20)]
    tried, back, equal = counted([(seed, graph) for seed, graph in found if graph is not None])
    assert tried > 25
    assert back > 0.9 * tried
    assert equal > 0.7 * back


@pytest.mark.long
def test_hundreds_of_networks_come_back_from_onnx() -> None:
    found = [(seed, of_onnx(seed)) for seed in range(20, 600)]
    tried, back, equal = counted([(seed, graph) for seed, graph in found if graph is not None])
    assert back > 0.9 * tried
    assert equal > 0.7 * back


@pytest.mark.long
def test_hundreds_of_graphs_come_back_from_onnx() -> None:
    tried, back, _ = counted([(seed, random_graph(random.Random(seed))) for seed in range(20, 900)])
    assert back > 0.6 * tried


@pytest.mark.long
def test_hundreds_of_keras_models_come_back_from_onnx() -> None:
    tried, back, equal = counted([(seed, of_keras(seed)) for seed in range(150)])
    assert back == tried
    assert equal > 0.9 * back
