"""The second opinion in float64: a process of its own that may fail, and maps compared code by code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
from tests.keras_models import dense, quantized, randomize, tiny

import bitwright as bw
from bitwright.core.errors import InvalidModel
from bitwright.frontends.keras import double, double_server, precise
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


@pytest.fixture
def alone() -> Iterator[None]:
    """No process that was asked before, and none that stays."""
    double.end()
    yield
    double.end()


def _pid() -> int:
    (process,) = double.kept.values()
    return process.process.pid


@pytest.mark.usefixtures("alone")
def test_a_second_process_that_cannot_start_is_an_error_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(subprocess, "Popen", fails)
    with pytest.raises(InvalidModel, match=r"does not run in float64(?s:.*)try: verify with float64=False"):
        precise.graph_in_float64(tiny())


@pytest.mark.usefixtures("alone")
def test_a_second_process_that_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(double, "_TIMEOUT_S", 0.01)
    with pytest.raises(InvalidModel, match=r"did not answer in 0.01 s"):
        precise.graph_in_float64(tiny())


@pytest.mark.usefixtures("alone")
def test_a_second_process_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(double, "sys", type("Fake", (), {"executable": "/bin/false"}))
    with pytest.raises(InvalidModel, match="ended with status 1"):
        precise.graph_in_float64(tiny())


@pytest.mark.usefixtures("alone")
def test_one_process_answers_all_questions_the_wrong_ones_too() -> None:
    model = tiny()
    first = precise.graph_in_float64(model)
    pid = _pid()
    with pytest.raises(InvalidModel, match="nonsense"):
        precise.graph_in_float64(model, input_format="nonsense")
    assert precise.graph_in_float64(model) == first
    assert _pid() == pid


@pytest.mark.usefixtures("alone")
def test_a_process_that_went_home_ended_or_has_answered_enough_is_followed_by_another() -> None:
    model = tiny()
    first = precise.graph_in_float64(model)
    (process,) = double.kept.values()
    process.process.kill()
    process.process.wait()
    assert precise.graph_in_float64(model) == first
    (another,) = double.kept.values()
    assert another is not process
    another.left = 0
    assert precise.graph_in_float64(model) == first
    assert not another.lives


def test_a_process_that_nobody_asks_goes_home() -> None:
    code = f"import {double_server.__name__} as server; server._IDLE_S = 0.1; server._serve()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as server:
        assert server.wait(timeout=60) == 0
