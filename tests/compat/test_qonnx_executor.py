"""Graphs written as QONNX give the same outputs in qonnx's own executor.

qonnx needs an older onnx than ours and runs in an environment of its own: BENCH_QONNX_PYTHON names its Python.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.generate_graphs import random_graph
from tests.onnx_models import parsed
from tests.random_onnx import random_onnx

from bitwright.core.errors import BitwrightError
from bitwright.frontends.qonnx import Executor, read_model
from bitwright.frontends.qonnx.write import model_of
from bitwright.ir.graph import Graph, run

PYTHON = os.environ.get("BENCH_QONNX_PYTHON")
pytestmark = [pytest.mark.long, pytest.mark.skipif(not PYTHON, reason="BENCH_QONNX_PYTHON is not set")]


def read_back(graphs: dict[str, Graph], folder: Path) -> int:
    """How many of `graphs` were written; qonnx's executor gives their outputs, bit for bit."""
    wanted: dict[str, list[np.ndarray]] = {}
    for number, (name, graph) in enumerate(graphs.items()):
        rng = np.random.default_rng(number)
        codes = [rng.integers(a, b + 1, (4, *n.type.shape)) for n in graph.inputs for a, b in [n.type.bounds()]]
        try:
            proto = model_of(graph, "qonnx")
        except BitwrightError:
            continue
        (folder / f"{name}.onnx").write_bytes(proto.SerializeToString())
        x = [(c * n.type.step.floats()).astype(np.float32) for c, n in zip(codes, graph.inputs, strict=True)]
        np.savez(folder / f"{name}.npz", **{f"x{i}": a for i, a in enumerate(x)})  # pyright: ignore[reportArgumentType]
        values = zip(run(graph, codes), graph.results, strict=True)
        wanted[name] = [(y * n.type.step.floats()).astype(np.float32) for y, n in values]
    assert PYTHON
    script = Path(__file__).with_name("qonnx_runs.py")
    subprocess.run([PYTHON, str(script), str(folder)], check=True, capture_output=True)
    for name, values in wanted.items():
        with np.load(folder / f"{name}_out.npz") as found:
            assert all(np.array_equal(found[f"y{i}"], y) for i, y in enumerate(values)), name
    return len(wanted)


def test_thousands_of_random_networks_give_the_same_in_our_executor(tmp_path: Path) -> None:
    """The quantized half of the differential fuzzing; scales are powers of two, so that float32 holds every sum."""
    wanted: dict[str, np.ndarray] = {}
    for seed in range(2000):
        proto = random_onnx(seed)
        executor = Executor(parsed(proto))
        x = np.random.default_rng(seed).normal(size=(2, *executor.model.inputs[0].shape[1:])) * 2  # type: ignore
        x = x.astype(np.float32)
        wanted[f"f{seed}"] = executor([x])[0]
        (tmp_path / f"f{seed}.onnx").write_bytes(proto.SerializeToString())
        np.savez(tmp_path / f"f{seed}.npz", x0=x)
    assert PYTHON
    script = Path(__file__).with_name("qonnx_runs.py")
    subprocess.run([PYTHON, str(script), str(tmp_path)], check=True, capture_output=True)
    for name, values in wanted.items():
        with np.load(tmp_path / f"{name}_out.npz") as found:
            assert found["y0"].shape == values.shape, name
            np.testing.assert_allclose(found["y0"], values, rtol=1e-6, atol=1e-6, err_msg=name)


def test_graphs_of_any_operators_give_the_same_outputs(tmp_path: Path) -> None:
    # Some of the 120 end in the values of top-k, which export refuses by name.
    assert read_back({f"g{s}": random_graph(random.Random(s)) for s in range(120)}, tmp_path) > 100


def test_networks_give_the_same_outputs(tmp_path: Path) -> None:
    graphs: dict[str, Graph] = {}
    for seed in range(80):
        try:
            graphs[f"n{seed}"] = read_model(parsed(random_onnx(seed)))[0].graph
        except BitwrightError:
            continue
    assert read_back(graphs, tmp_path) > 60
