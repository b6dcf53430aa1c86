"""Real data sets, the networks that go with them, and quiet, repeatable training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bitwright.core.errors import BitwrightError, InvalidModel, InvalidValue
from bitwright.train import zoo
from bitwright.train.data import Dataset, digits, load
from bitwright.train.door import keras
from bitwright.train.fit import accuracy, fit

SHARED = Path(__file__).resolve().parents[3] / "../shared/data"


class Heard:
    """A listener that remembers."""

    def __init__(self):
        self.advanced = 0

    def step(self, name, total=None):
        pass

    def advance(self, amount=1):
        self.advanced += amount

    def done(self, note=""):
        pass


def written(folder, name, **changed):
    draws = np.random.default_rng(0)
    shape = (28, 28) if name == "mnist" else (16,)
    arrays = {
        "x_train": draws.integers(0, 255, size=(20, *shape)).astype(np.uint8),
        "y_train": np.arange(20, dtype=np.uint8) % 5,
        "x_test": draws.integers(0, 255, size=(10, *shape)).astype(np.uint8),
        "y_test": np.arange(10, dtype=np.uint8) % 5,
        **changed,
    }
    file = {"mnist": "mnist.npz", "jets": "jets_hlf_pythia.npz"}[name]
    np.savez(folder / file, **{k: v for k, v in arrays.items() if v is not None})
    return folder


def test_digits_are_exact_sixteenths_and_no_test_image_is_trained_on():
    data = digits()
    assert data.shape == (64,)
    assert len(data.x_train) + len(data.x_test) == 1797
    assert np.array_equal(data.x_train * 16, np.round(data.x_train * 16))
    assert set(data.y_test) == set(range(10))
    seen = {x.tobytes() for x in data.x_train}
    assert not any(x.tobytes() in seen for x in data.x_test)


def test_jets_are_scaled_by_the_training_set_alone(tmp_path):
    data = load(written(tmp_path, "jets"))
    assert data.name == "jets"
    np.testing.assert_allclose(data.x_train.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(data.x_train.std(axis=0), 1, atol=1e-6)
    assert abs(data.x_test.mean()) > 1e-6
    assert data.x_train.dtype == np.float32


def test_mnist_is_pooled_to_196_exact_values_below_one(tmp_path):
    data = load(written(tmp_path, "mnist"))
    assert data.shape == (196,)
    assert np.array_equal(data.x_train * 1024, np.round(data.x_train * 1024))
    assert data.x_train.min() >= 0
    assert data.x_train.max() < 1


def test_a_file_may_be_named_itself(tmp_path):
    assert load(written(tmp_path, "mnist") / "mnist.npz").name == "mnist"


def test_a_folder_without_data_is_refused_with_what_it_should_hold(tmp_path):
    with pytest.raises(InvalidValue, match=r"mnist\.npz.*\n?.*try:"):
        load(tmp_path)


def test_a_broken_or_incomplete_file_is_named(tmp_path):
    whole = (written(tmp_path, "mnist") / "mnist.npz").read_bytes()
    for broken in (b"not a zip file", whole[:200], whole[:300] + b"#" * 40 + whole[340:]):
        (tmp_path / "mnist.npz").write_bytes(broken)
        with pytest.raises(BitwrightError, match=r"mnist\.npz"):
            load(tmp_path)
    written(tmp_path, "mnist", y_test=None)
    with pytest.raises(BitwrightError, match="y_test"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["jets_hlf_pythia", "mnist"])
def test_the_real_files_load(name):
    if not (SHARED / name).is_dir():
        pytest.skip("the data is not here")
    data = load(SHARED / name)
    assert len(data.x_test) >= 10000
    assert len(data.class_names) == len(set(data.y_train))
    assert np.isfinite(data.x_train).all()


def small():
    draws = np.random.default_rng(0)
    x = draws.normal(size=(400, 6)).astype(np.float32)
    y = (x[:, 0] > x[:, 1]).astype(np.int64)
    return Dataset("small", x[:300], y[:300], x[300:], y[300:], ("no", "yes"))


def network():
    keras.utils.set_random_seed(7)
    return zoo.quantized_mlp(6, (8, 2), "small", input_quantizer="quantized_bits(6,2,alpha=1)")


def test_training_learns_tells_its_epochs_and_repeats_itself():
    told = Heard()
    first, second = network(), network()
    result = fit(first, small(), epochs=8, batch_size=32, seed=3, learning_rate=0.02, progress=told)
    assert told.advanced == 8
    assert result.test_accuracy > 0.85
    assert result.losses[-1] < result.losses[0]
    assert fit(second, small(), epochs=8, batch_size=32, seed=3, learning_rate=0.02) == result
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), second.get_weights(), strict=True))
    assert accuracy(first, small().x_test, small().y_test) == result.test_accuracy


def test_a_loss_that_is_no_number_stops_training_and_says_when():
    data = small()
    data.x_train[0] = np.nan
    model = zoo.mlp(6, (4, 2), "small")
    with pytest.raises(InvalidModel, match="after epoch 1"):
        fit(model, data, epochs=2, batch_size=64)


@pytest.mark.parametrize(
    ("build", "inputs", "outputs"), [(zoo.jet_tagger, 16, 5), (zoo.digits, 64, 10), (zoo.mnist_pooled, 196, 10)]
)
@pytest.mark.parametrize("softmax", [True, False])
def test_zoo_networks_have_the_bits_that_were_asked_for(build, inputs, outputs, softmax):
    model = build(5, softmax=softmax)
    assert model.input_shape == (None, inputs)
    assert model.output_shape == (None, outputs)
    assert isinstance(model.layers[-1], keras.layers.Softmax) == softmax
    widths = {layer.kernel_quantizer.bits for layer in model.layers if hasattr(layer, "kernel_quantizer")}
    assert widths <= {4, 5}
    assert 5 in widths


def test_widths_may_differ_by_layer():
    model = zoo.jet_tagger(6, weight_bits=(6, 5, 4, 3))
    widths = [layer.kernel_quantizer.bits for layer in model.layers if hasattr(layer, "kernel_quantizer")]
    assert widths == [6, 5, 4, 3]
    with pytest.raises(InvalidValue, match="one per layer"):
        zoo.jet_tagger(6, weight_bits=(6, 5))


def test_an_unknown_recipe_names_the_known_ones():
    with pytest.raises(InvalidValue, match="digits"):
        zoo.recipe("cats")


def test_importing_the_room_chooses_jax_unless_told_otherwise(tmp_path):
    script = "import os, bitwright.train; print(os.environ.get('KERAS_BACKEND'))"
    bare = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}

    def chosen(**extra):
        environment = {**bare, "KERAS_HOME": str(tmp_path), **extra}
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
        return done.stdout.strip()

    assert chosen() == "jax"
    assert chosen(KERAS_BACKEND="torch") == "torch"
    (tmp_path / "keras.json").write_text('{"backend": "torch"}')
    assert chosen() == "None"
    # Keras writes this one itself.
    (tmp_path / "keras.json").write_text('{"backend": "tensorflow"}')
    assert chosen() == "jax"
