"""Real files: trained networks of other people, and the configurations that QKeras itself wrote for each layer."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.compat.keras2_files import entry, functional, layer, outputs, write_h5

import bitwright as bw
from bitwright.flow import load_model

SHARED = Path(__file__).parents[2] / "../shared/data"
REAL = SHARED / "reference_models/hls4ml_example_models"
ORACLES = SHARED / "oracles/qkeras/layers"
INDEX = json.loads((ORACLES / "index.json").read_text()) if ORACLES.is_dir() else {}
real = pytest.mark.skipif(not REAL.is_dir(), reason="the reference models are not here")


def mnist() -> tuple[np.ndarray, np.ndarray]:
    with np.load(SHARED / "mnist/mnist.npz") as data:
        return data["x_test"].astype(np.float32) / np.float32(256), data["y_test"]


def right(design: Any, x: np.ndarray, y: np.ndarray) -> float:
    return float((design.predict(x).argmax(axis=-1) == y).mean())


@real
def test_every_real_file_loads_and_runs_or_is_refused_by_name() -> None:
    files = [*REAL.glob("*.json"), *REAL.glob("*.h5"), *REAL.glob("*.keras")]
    files = [file for file in sorted(files) if not file.stem.endswith("_weights")]
    assert len(files) >= 9
    for file in files:
        model = load_model(file)
        found = outputs(model, np.zeros((2, *model.input_shape[1:]), np.float32))[0]
        assert found.shape[-1] in (5, 10)
        assert np.isfinite(found).all()


@real
def test_other_weights_may_be_put_into_a_real_model() -> None:
    pruned = load_model(REAL / "KERAS_3layer.json", weights=REAL / "KERAS_3layer_70pruned_retrained_weights.h5")
    kernels = np.concatenate([layer.kernel.numpy().ravel() for layer in pruned.layers[1:]])
    assert 0.65 < (kernels == 0).mean() < 0.75


@real
def test_the_jet_tagger_is_one_network_in_the_formats_of_qkeras_and_of_qkeras_v3() -> None:
    x = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    first, second = (load_model(REAL / name) for name in ("qkeras_3layer.json", "qkeras-v3_3layer.keras"))
    assert np.array_equal(outputs(first, x)[0], outputs(second, x)[0])


@real
@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "options"),
    [("KERAS_3layer_binary_smaller.json", {"output_format": "s16.10"}), ("qkeras_3layer.json", {}),
     ("KERAS_3layer_ternary_small.json", {"output_format": "s16.10"})],
)  # fmt: skip
def test_the_jet_taggers_are_exact_down_to_the_netlist(name: str, options: dict[str, str]) -> None:
    x = np.random.default_rng(0).normal(size=(500, 16))
    on_grid = (np.clip(np.rint(x * 16), -128, 127) / 16).astype(np.float32)
    certificate = bw.compile(REAL / name, input_format="s8.4", **options).verify(on_grid, rtl=False)
    assert len(certificate.comparisons) == 15
    assert all(row.differences == row.exempt == 0 for row in certificate.comparisons)


@real
def test_the_dense_mnist_file_scores_and_is_exact_down_to_the_netlist() -> None:
    x, y = mnist()
    design = bw.compile(REAL / "qkeras_mnist_dense.json")
    x = x.reshape(-1, 784)
    assert right(design, x, y) == pytest.approx(0.9425)
    assert right(design, x * np.float32(256 / 255), y) == pytest.approx(0.9429)
    certificate = design.verify(x[:500], rtl=False)
    assert all(layer.exact for layer in certificate.layers)
    assert {"netlist", "pipelined netlist"} <= {row.after for row in certificate.comparisons}


@real
def test_the_convolutional_mnist_file_scores_and_is_exact_down_to_the_graph() -> None:
    x, y = mnist()
    design = bw.compile(REAL / "qkeras_mnist_cnn.json", input_format=("u8.0", Fraction(1, 256)))
    x = x[..., None]
    assert right(design, x, y) == pytest.approx(0.9886)
    certificate = design.verify(x[:300], netlist=False)
    assert all(layer.exact for layer in certificate.layers)
    assert [row.after for row in certificate.comparisons].count("emulator") == 3
    assert "netlist" not in json.dumps(certificate.hashes)


@pytest.mark.parametrize("identity", INDEX)
def test_every_layer_reads_from_the_configuration_that_qkeras_wrote(identity: str, tmp_path: Path) -> None:
    told = INDEX[identity]
    # JSON of the oracles says "<function linear>" where Keras wrote "linear".
    config = {key: "linear" if value == "<function linear>" else value for key, value in told["config"].items()}
    item = layer(told["class"], identity, "x", **{**config, "name": identity})
    with np.load(ORACLES / told["file"]) as stored:
        x, y = stored[f"{identity}/x"], stored[f"{identity}/y"]
        weights = [(f"{w['key']}/{w['name']}:0", stored[f"{identity}/{w['key']}"]) for w in told["weights"]]
    weights += [(f"{identity}/{name}:0", np.array(told["state"][name], np.float32)) for name in told.get("state", {})
                if name.startswith("ema")]  # fmt: skip
    network = functional([entry("x", *x.shape[1:]), item])
    model = load_model(write_h5(tmp_path / "one.h5", network, {"x": [], identity: weights}, "2.15.0"))
    if "state" in told:  # QKeras sets the integer bits at the next training step; from its averages they follow now
        assert model.get_layer(identity).integer.numpy().tolist() == told["state"]["integer_after"]
        return
    np.testing.assert_allclose(outputs(model, x)[0], y, atol=1e-5 * max(1.0, float(np.abs(y).max())))
