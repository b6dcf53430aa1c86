"""What QKeras's utilities print and read, through the door."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

import bitwright as bw
from bitwright import layers as bl
from bitwright.core.errors import InvalidModel, ParseError
from bitwright.qkeras import estimate, utils

EXACT = "quantized_bits(6,1,1,alpha=1)"


def network():
    entry = keras.Input((4,), name="input")
    x = bl.QDense(3, kernel_quantizer=EXACT, bias_quantizer=EXACT, activation="quantized_relu(4,2)", name="d")(entry)
    model = keras.Model(entry, bl.QDense(2, kernel_quantizer="ternary(alpha=1)", use_bias=False, name="out")(x))
    draws = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(draws.normal(size=weight.shape) * 0.6)
    return model


X = np.random.default_rng(1).normal(size=(5, 4)).astype("f")


@pytest.mark.parametrize("compile", [True, False])
def test_a_saved_model_comes_back_compiled_or_not(tmp_path, compile):
    model = network()
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    again = bw.load_qmodel(tmp_path / "m.keras", compile=compile)
    assert again.compiled is compile
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_custom_objects_reach_the_file_and_what_cannot_be_read_is_named(tmp_path):
    class Twice(keras.layers.Layer):
        def call(self, x):
            return x * 2

    entry = keras.Input((4,))
    model = keras.Model(entry, Twice(name="twice")(entry))
    model.save(tmp_path / "m.keras")
    again = bw.load_qmodel(str(tmp_path / "m.keras"), custom_objects={"Twice": Twice})
    assert np.array_equal(again.predict(X, verbose=0), 2 * X)
    with pytest.raises(InvalidModel, match=r"m\.keras"):
        bw.load_qmodel(tmp_path / "m.keras")
    with pytest.raises(InvalidModel, match=r"none\.keras: no such file"):
        bw.load_qmodel(tmp_path / "none.keras")


def test_a_model_is_made_from_its_json():
    text = network().to_json()
    again = bw.quantized_model_from_json(text)
    assert again.to_json() == text
    assert str(again.get_layer("d").activation) == "quantized_relu(4,2)"
    with pytest.raises(ParseError, match="no JSON"):
        bw.quantized_model_from_json("{")
    with pytest.raises(InvalidModel):
        bw.quantized_model_from_json(text.replace("QDense", "QDanse"))


def test_the_json_of_a_qkeras_program_is_read_as_well():
    dense = {"name": "fc", "units": 2, "activation": {"class_name": "quantized_relu", "config": {"bits": 3}},
             "use_bias": True, "kernel_quantizer": {"class_name": "quantized_bits", "config": {"bits": 4, "alpha": 1}},
             "bias_quantizer": None, "kernel_initializer": {"class_name": "HeNormal", "config": {}}}  # fmt: skip
    layers = [
        {"class_name": "InputLayer", "config": {"batch_input_shape": [None, 4], "dtype": "float32", "name": "i"}},
        {"class_name": "QDense", "config": dense},
    ]
    old = {"class_name": "Sequential", "config": {"name": "old", "layers": layers}, "keras_version": "2.15.0"}
    model = bw.quantized_model_from_json(json.dumps(old))
    assert type(model.get_layer("fc")) is bl.QDense
    assert model.get_layer("fc").kernel_quantizer.bits == 4


def test_statistics_are_printed(capsys):
    assert bw.print_qstats(network()) is None
    printed = capsys.readouterr().out
    assert "    d                             :    12 (smult_6_8)\n" in printed
    assert "    out_weights                    :     6 (2-bit unit)\n" in printed
    assert f"    {'Total Bits':30} : {12 * 6 + 3 * 6 + 6 * 2:5}\n" in printed
    bw.print_model_sparsity(network())
    assert capsys.readouterr().out.startswith("Model Sparsity Summary (functional")


def test_a_look_inside_is_printed_and_written(capsys, tmp_path):
    assert bw.quantized_model_debug(network(), X) is None
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["input", "d", "out"]
    files = bw.quantized_model_dump(network(), X, str(tmp_path), ["out"])
    assert files == [tmp_path / "out.bin"]
    assert str(files[0]) in capsys.readouterr().out


def test_accumulators_are_counted_in_bits_and_shown_on_request(capsys):
    model = network()
    found = estimate.analyze_accumulator_from_sample(model, X)
    assert set(found) == {"d", "out"}
    assert all(isinstance(bits, int) for bits in found.values())
    assert capsys.readouterr().out == ""
    sampled = estimate.analyze_accumulator_from_sample(model, X, mode="sampled", verbose=True)
    assert all(sampled[name] <= found[name] for name in found)
    assert f"{sampled['d']} bits" in capsys.readouterr().out
    assert bw.analyze_accumulator(model, {"d": (-1, 1), "out": (0, 4)})["out"] >= 1


def test_scales_are_frozen_in_a_model_from_a_file(tmp_path):
    entry = keras.Input((4,))
    layer = bl.QDense(2, kernel_quantizer="quantized_bits(4,0,1)", name="d")
    model = keras.Model(entry, layer(entry))
    model.save(tmp_path / "m.keras")
    copy, saved = bw.clone_model_and_freeze_auto_po2_scale(None, tmp_path / "m.keras")
    assert np.array_equal(copy.predict(X, verbose=0), model.predict(X, verbose=0))
    assert saved["d"]["scales"][0].shape == (1, 2)


def test_custom_objects_of_qkeras_programs_are_filled():
    objects = {}
    utils._add_supported_quantized_objects(objects)
    assert objects["QDense"] is bl.QDense
    assert objects["quantized_bits"].__name__ == "quantized_bits"
