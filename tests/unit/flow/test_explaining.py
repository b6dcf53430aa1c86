"""`bitwright import FILE --explain` tells what becomes of each part, for every format that is read."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import pytest
from keras import layers as kl
from typer.testing import CliRunner

import bitwright as bw
from bitwright.core.errors import InvalidModel
from bitwright.flow.explaining import explain_model
from bitwright.frontends.grid.explained import Explained, Status
from bitwright.frontends.keras import explain

pytestmark = pytest.mark.usefixtures("cheap_first_weights")
COMPAT = Path(__file__).parents[2] / "compat"
Q = "quantized_bits(4,1,alpha=1)"


def statuses(told: Explained) -> dict[str, Status]:
    return {row.node: row.status for row in told.rows}


def network(*parts: Any, shape: tuple[int, ...] = (6, 6, 2)) -> Any:
    x = keras.Input(shape, name="x")
    y = x
    for part in parts:
        y = part(y)
    return keras.Model(x, y)


def test_keras_layers_are_told_with_what_they_become() -> None:
    told = explain(network(
        bw.QActivation(Q, name="entry"), kl.Dropout(0.1, name="drop"),
        bw.QConv2D(3, 3, kernel_quantizer=Q, name="conv"), bw.QActivation("quantized_relu(4)", name="relu"),
        kl.Flatten(name="flat"),
        bw.QDense(2, kernel_quantizer=Q, name="out"), kl.Softmax(name="soft"),
    ))  # fmt: skip
    into = {row.node: row.into for row in told.rows}
    assert not told.refused
    assert into["entry"] == "part of the input's encoder"
    assert into["drop"] == "nothing at run time"
    assert into["conv"].startswith("Conv")
    assert "Map" in into["relu"]
    assert into["out"].startswith(("Map + Dense", "Dense"))
    assert into["soft"] == "a float head outside hardware"


def test_a_refused_layer_stops_only_what_reads_it_and_says_what_to_do() -> None:
    x = keras.Input((4,), name="x")
    q = bw.QActivation(Q)(x)
    left = kl.Dense(3, name="floats", kernel_initializer=keras.initializers.Constant(0.1))(q)
    right = bw.QDense(3, kernel_quantizer=Q, name="fine")(q)
    told = explain(keras.Model(x, kl.Add(name="sum")([left, right])))
    assert statuses(told)["floats"] is Status.REFUSED
    assert statuses(told)["fine"] is Status.SUPPORTED
    assert statuses(told)["sum"] is Status.UNREACHED
    assert "bw.quantize" in next(r.remedy for r in told.refused)


def test_an_input_without_a_grid_is_named_and_the_rest_is_told_as_if_it_had_one() -> None:
    model = network(bw.QDense(2, kernel_quantizer=Q, name="out"), shape=(4,))
    (row,) = explain(model).refused
    assert (row.node, row.kind) == ("x", "input")
    assert "input_format" in row.remedy
    assert not explain(model, input_format="s8.4").refused


def test_nested_models_are_told_in_their_place() -> None:
    inner = network(bw.QDense(3, kernel_quantizer=Q, name="inner"), shape=(4,))
    told = explain(network(bw.QActivation(Q, name="entry"), inner, kl.Lambda(lambda x: x, name="own"), shape=(4,)))
    assert [row.node for row in told.rows] == ["entry", "inner", "own"]
    assert statuses(told)["own"] is Status.REFUSED


def test_a_file_of_hgq2_is_told_in_its_own_classes() -> None:
    told = explain_model(COMPAT / "hgq_files/conv1d.keras")
    assert {row.kind for row in told.rows} >= {"QConv1D", "QDense"}
    assert not told.refused
    assert all(row.status is Status.REWRITTEN and "QFixedPoint" in row.into for row in told.rows)


def test_a_class_of_hgq2_that_is_not_read_is_refused_with_the_others_still_told(tmp_path: Path) -> None:
    source = COMPAT / "hgq_files/conv1d.keras"
    path = tmp_path / "changed.keras"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "config.json":
                text = text.replace(b'"class_name": "QDense"', b'"class_name": "QSoftmax"')
                assert json.loads(text)
            new.writestr(name, text)
    told = explain_model(path)
    (row,) = told.refused
    assert row.kind == "QSoftmax"
    assert "logits" in row.remedy
    assert len(told.rows) > 3


def test_tflite_operators_are_told() -> None:
    told = explain_model(COMPAT / "tflite_files/cnn.tflite")
    assert not told.refused
    assert {row.kind: row.into for row in told.rows}["ADD"] == "3 Map + Add"
    assert {row.kind: row.status for row in told.rows}["PACK"] is Status.REWRITTEN


def test_an_onnx_lstm_of_brevitas_is_told_as_unrolled() -> None:
    told = explain_model(COMPAT / "brevitas_files/lstm.onnx")
    row = next(r for r in told.rows if r.kind == "QuantLSTMCell")
    assert row.status is Status.REWRITTEN
    assert "36 Dense" in row.into


def test_the_command_prints_the_table(tmp_path: Path) -> None:
    from bitwright.cli import app

    path = tmp_path / "model.keras"
    network(bw.QActivation(Q, name="entry"), bw.QDense(2, kernel_quantizer=Q, name="out"), shape=(4,)).save(path)
    result = CliRunner().invoke(app, ["import", str(path), "--explain"])
    assert result.exit_code == 0
    assert "2 supported" in result.output


def test_what_is_no_model_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(b"nothing")
    with pytest.raises(InvalidModel):
        explain_model(path)
