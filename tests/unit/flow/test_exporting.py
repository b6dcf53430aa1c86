"""`to_onnx`: models, designs, files and graphs go out, and the files compute what the design predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from typer.testing import CliRunner

import bitwright as bw
from bitwright.cli import app
from bitwright.core.errors import StorageError

pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def small() -> Any:
    """A Keras model with a softmax at the end."""
    keras.utils.set_random_seed(3)
    x = entry = keras.Input((6,), name="x")
    x = bw.QActivation("quantized_bits(6,2,alpha=1)", name="entry")(x)
    x = bw.QDense(5, kernel_quantizer="quantized_bits(4,0,alpha=1)", bias_quantizer="quantized_bits(4,0,alpha=1)")(x)
    x = bw.QActivation("quantized_relu(4,1)")(x)
    x = bw.QDense(3, kernel_quantizer="ternary(alpha=1)", bias_quantizer="quantized_bits(4,0,alpha=1)")(x)
    return keras.Model(entry, keras.layers.Softmax()(x), name="small")


@pytest.mark.parametrize("dialect", ["qonnx", "qdq"])
def test_a_keras_model_predicts_the_same_as_a_file(small: Any, dialect: str, tmp_path: Path) -> None:
    design = bw.compile(small)
    path = bw.to_onnx(design, tmp_path / "out/small.onnx", dialect)
    x = np.random.default_rng(0).normal(size=(100, 6)).astype(np.float32) * 3
    again = bw.compile(path)
    assert np.array_equal(again.predict_codes(x), design.predict_codes(x))
    assert np.array_equal(again.predict(x), design.predict(x))
    if dialect == "qdq":
        session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        np.testing.assert_allclose(session.run(None, {"x": x})[0], design.predict(x), rtol=1e-5, atol=1e-6)


def test_files_and_graphs_go_out_as_models_do(small: Any, tmp_path: Path) -> None:
    design = bw.compile(small)
    small.save(tmp_path / "small.keras")
    paths = [
        bw.to_onnx(told, tmp_path / f"{name}.onnx", "qdq")
        for name, told in (("model", small), ("file", tmp_path / "small.keras"), ("graph", design.source))
    ]
    bw.to_onnx(paths[0], tmp_path / "other.onnx", "qonnx")
    codes = [bw.compile(p).predict_codes(np.ones((1, 6), np.float32)) for p in [*paths, tmp_path / "other.onnx"]]
    assert all(np.array_equal(c, codes[0]) for c in codes)


def test_only_onnx_files_are_written(small: Any, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"ending in '\.pb'"):
        bw.to_onnx(small, tmp_path / "small.pb")


def test_the_command_line_exports(small: Any, tmp_path: Path) -> None:
    small.save(tmp_path / "small.keras")
    told = [str(tmp_path / "small.keras"), "-o", str(tmp_path / "small.onnx"), "--dialect", "qdq"]
    found = CliRunner().invoke(app, ["export", *told])
    assert found.exit_code == 0, found.output
    assert (tmp_path / "small.onnx").stat().st_size > 0
