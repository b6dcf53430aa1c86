"""Brevitas 0.13.4's QuantLSTM, as its exporter writes it, with the outputs of PyTorch beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bitwright as bw
from bitwright.frontends.qonnx import Executor, explain, read_file, read_model
from bitwright.ir.graph import run

pytest.importorskip("onnx")

FILES = Path(__file__).parent / "brevitas_files"
NAMES = ["lstm", "lstm_both", "lstm_coupled_time_first"]


@pytest.mark.parametrize("name", NAMES)
def test_the_executor_gives_what_pytorch_gives(name: str) -> None:
    with np.load(FILES / "pairs.npz") as pairs:
        x, wanted = pairs[f"{name}.x"], pairs[f"{name}.y"]
    (found,) = Executor(read_file(FILES / f"{name}.onnx"))([x])
    assert np.abs(found - wanted).max() <= 1e-6 * np.abs(wanted).max()


@pytest.mark.parametrize("name", NAMES)
def test_the_integers_are_those_of_the_executor(name: str) -> None:
    model = read_file(FILES / f"{name}.onnx")
    assert not explain(model).refused
    reading, truth = read_model(model)
    x = np.random.default_rng(3).normal(size=(500, 5, 3)).astype(np.float32)
    (found,) = run(reading.graph, [reading.encoders[0](x)])
    (values,) = truth.logits([x])
    assert np.array_equal(np.rint(reading.decoders[0].codes(values)), found)
    assert len(np.unique(found)) > 100


@pytest.mark.long
@pytest.mark.tool("verilator")
def test_the_unrolled_cell_verifies_in_simulated_rtl() -> None:
    with np.load(FILES / "pairs.npz") as pairs:
        assert bw.compile(FILES / "lstm.onnx", effort=0).verify(pairs["lstm.x"]).differences == 0
