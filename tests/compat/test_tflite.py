"""TFLite int8 files in: every integer that of TFLite's reference kernels."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.flow import load_model
from bitwright.frontends.tflite.arithmetic import multiplied, multiplied_once, multiplier

FILES = Path(__file__).parent / "tflite_files"
SHARED = Path(__file__).resolve().parents[2] / "../shared/data/reference_models/mlperf_tiny"
PAIRS, TINY = np.load(FILES / "pairs.npz"), np.load(FILES / "mlperf_tiny.npz")
MODELS = {path.stem: path for path in SHARED.glob("*.tflite") if path.stem in TINY}


def integers(path, x):
    """The 8-bit integers before the softmax, from real inputs."""
    model = load_model(path)
    last = model.operators[-1]
    zero_in = int(model.tensors[model.inputs[0]].zeros[0])
    scale = float(model.tensors[model.inputs[0]].scales[0])
    out = model.tensors[last.inputs[0] if last.kind == "SOFTMAX" else last.outputs[0]]
    design = bw.compile(path)
    return design.predict_codes(((x.astype(np.float64) - zero_in) * scale).astype(np.float32)) + int(out.zeros[0])


@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_a_converted_network_gives_the_integers_of_the_reference_kernels(name):
    assert np.array_equal(integers(FILES / f"{name}.tflite", PAIRS[f"{name}.x"]), PAIRS[f"{name}.y"])


@pytest.mark.skipif(not MODELS, reason="the reference models are not here")
@pytest.mark.parametrize(
    "name", [n if n.startswith("str") else pytest.param(n, marks=pytest.mark.long) for n in sorted(TINY)]
)
def test_a_model_of_mlperf_tiny_gives_the_integers_of_the_reference_kernels(name):
    model = load_model(MODELS[name])
    shape = model.tensors[model.inputs[0]].shape[1:]
    x = np.random.default_rng(2026).integers(-128, 128, size=(40, *shape))
    assert np.array_equal(integers(MODELS[name], x), TINY[name])


def test_a_softmax_at_the_end_is_a_float_head_on_exact_logits():
    design = bw.compile(FILES / "cnn.tflite")
    x = np.random.default_rng(0).normal(size=(5, 12, 10, 3)).astype(np.float32)
    assert np.allclose(design.predict(x).sum(axis=-1), 1)
    assert np.array_equal(design.predict(x).argmax(axis=-1), design.predict_codes(x).argmax(axis=-1))


@pytest.mark.long
def test_simulated_hardware_of_a_tflite_model_is_exact():
    bw.compile(FILES / "mlp.tflite").verify()


@pytest.mark.skipif(not MODELS, reason="the reference models are not here")
def test_a_float_model_is_refused_with_the_way_out():
    with pytest.raises(Unsupported, match="float32") as caught:
        bw.compile(SHARED / "ad01_fp32.tflite")
    assert "representative dataset" in str(caught.value)


def test_broken_files_are_invalid_models_and_nothing_else(tmp_path):
    whole = (FILES / "mlp.tflite").read_bytes()
    rng = np.random.default_rng(1)
    refused = 0
    for number in range(60):
        data = bytearray(whole[: rng.integers(0, len(whole))] if number % 2 else whole)
        for _ in range(8 if data else 0):
            data[rng.integers(0, len(data))] = rng.integers(0, 256)
        path = tmp_path / "broken.tflite"
        path.write_bytes(data)
        try:
            bw.compile(path)
        except (InvalidModel, Unsupported) as error:
            refused += bool(error.remedy)
    assert refused > 20


def test_multipliers_round_as_the_specification_says():
    mantissa, exponent = multiplier(0.25)
    assert (mantissa, exponent) == (1 << 30, -1)
    x, one = np.array([-6, -5, -2, 2, 5, 6]), (np.array(mantissa), np.array(exponent))
    # Twice: to a half first, then half away from 0, which makes 5/4 a 2. Once: half up.
    assert multiplied(x, *one).tolist() == [-2, -1, -1, 1, 2, 2]
    assert multiplied_once(x, *one).tolist() == [-1, -1, 0, 1, 1, 2]


@pytest.mark.skipif("BENCH_TFLITE" not in os.environ, reason="BENCH_TFLITE is not set: the interpreter is slow")
@pytest.mark.skipif(not MODELS, reason="the reference models are not here")
@pytest.mark.parametrize("name", sorted(TINY))
def test_a_thousand_random_inputs_agree_with_the_interpreter(name, tmp_path):
    told = [sys.executable, Path(__file__).with_name("tflite_oracle.py"), MODELS[name], "1000", tmp_path / "out.npz"]
    subprocess.run(told, check=True, capture_output=True)
    found = np.load(tmp_path / "out.npz")
    assert np.array_equal(integers(MODELS[name], found["x"]), found["y"])
