"""The second opinion in float64: a process of its own that may fail, and maps compared code by code."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tests.keras_models import dense, quantized, randomize, tiny

import bitwright as bw
from bitwright.core.errors import InvalidModel
from bitwright.frontends.keras import precise
from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import Map
from bitwright.numeric import Ints, Table


def _graph() -> Graph:
    x = keras.Input((3,), name="x")
    y = bw.QActivation("quantized_tanh(4,use_real_tanh=1)", name="act")(dense(2, "sum")(quantized(x)))
    return bw.compile(randomize(keras.Model(x, y, name="net"))).source


def test_maps_are_compared_code_by_code_and_row_by_row() -> None:
    graph = _graph()
    at = next(i for i, n in enumerate(graph.nodes) if isinstance(n.op, Map))
    node = graph.nodes[at]
    op: Any = node.op
    low, high = (int(b.min()) for b in graph.nodes[node.args[0]].type.bounds())
    high = int(graph.nodes[node.args[0]].type.high.array.max())
    codes = np.arange(low, high + 1)
    values = op.form(codes, np.array(0))
    values[[3, 17]] += 1
    nodes = list(graph.nodes)
    nodes[at] = replace(node, op=Map(Table(Ints([low]), Ints(values[None])), Ints(0)))
    other = replace(graph, nodes=tuple(nodes))
    assert precise.map_differences(graph, graph) == {}
    assert precise.map_differences(graph, other) == {at: ((0, int(codes[3])), (0, int(codes[17])))}


@pytest.mark.parametrize(
    "error", [subprocess.TimeoutExpired("python", 900), OSError(12, "Cannot allocate memory")], ids=["time", "memory"]
)
def test_a_second_process_that_cannot_end_is_an_error_with_a_way_out(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fails)
    with pytest.raises(InvalidModel, match=r"does not run in float64(?s:.*)try: verify with float64=False"):
        precise.graph_in_float64(tiny())


def test_a_second_process_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precise, "sys", type("Fake", (), {"executable": "/bin/false"}))
    with pytest.raises(InvalidModel, match="ended with status 1"):
        precise.graph_in_float64(tiny())


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX's own cache")
def test_what_one_such_process_compiled_serves_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"):
        monkeypatch.delenv(name, raising=False)
    precise._kept.cache_clear()
    model = tiny()
    first = precise.graph_in_float64(model)
    folder = Path(precise._kept().name)
    kept = sorted(file.name for file in folder.glob("*-cache"))
    assert kept
    assert precise.graph_in_float64(model) == first
    assert sorted(file.name for file in folder.glob("*-cache")) == kept
