"""QEinsumDense, QEmbedding, QPReLU and thermometers: Keras's layers with quantized weights."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import bitwright.layers as bl
from bitwright.core.errors import BitwrightError
from bitwright.qkeras.b2t import BinaryToThermometer
from bitwright.train.door import keras, ops
from bitwright.train.layers.einsum import Equation
from bitwright.train.spec import get_quantizer

X = (np.random.default_rng(1).integers(-40, 41, size=(6, 4, 3)) / 16).astype(np.float32)
PLAIN, AUTO = "quantized_bits(4,0,alpha=1)", "quantized_bits(4,0,alpha='auto')"
EQUATIONS = [
    ("abc,cd->abd", (None, 5), "d"), ("...x,xy->...y", 5, "y"), ("abc,cde->abde", (None, 2, 5), "de"),
    ("abc,cde->adbe", (2, None, 5), "de"), ("abc,bcd->ad", 5, "d"), ("abc,bcd->ad", 5, None),
]  # fmt: skip


def as_numpy(x: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(x))


@pytest.mark.parametrize("quantizer", [PLAIN, AUTO, None])
@pytest.mark.parametrize(("equation", "shape", "bias"), EQUATIONS)
def test_an_einsum_multiplies_by_the_quantized_kernel(equation: str, shape: Any, bias: Any, quantizer: Any) -> None:
    ours = bl.QEinsumDense(equation, shape, bias_axes=bias, kernel_quantizer=quantizer, bias_quantizer=PLAIN)
    theirs = keras.layers.EinsumDense(equation, shape, bias_axes=bias)
    ours(X), theirs(X)
    weights = [np.random.default_rng(2).normal(size=w.shape).astype(np.float32) * 0.4 for w in theirs.get_weights()]
    ours.set_weights(weights)
    kernel = get_quantizer(quantizer)
    held = [weights[0] if kernel is None else as_numpy(kernel(weights[0]))]
    theirs.set_weights(held + [as_numpy(get_quantizer(PLAIN)(b)) for b in weights[1:]])
    assert np.allclose(as_numpy(ours(X)), as_numpy(theirs(X)), atol=1e-5)
    assert np.allclose(as_numpy(ours.epilogue(ours.linear(X))), as_numpy(ours(X)), atol=1e-6)
    config = json.loads(json.dumps(ours.get_config()))
    assert json.loads(json.dumps(bl.QEinsumDense.from_config(config).get_config())) == config


def test_an_equation_knows_what_is_summed_made_and_kept() -> None:
    labels = Equation.parse("abc, bcd -> abd")
    assert (labels.summed, labels.made, labels.kept, labels.shared) == ("c", "d", "a", "b")
    assert Equation.parse("...x,xy->...y") == Equation("x", "xy", "y", True)


def test_an_embedding_gives_rows_of_its_quantized_table() -> None:
    layer = bl.QEmbedding(10, 3, embeddings_quantizer=PLAIN)
    indices = np.array([[1, 2], [9, 0]])
    found = as_numpy(layer(indices))
    table = as_numpy(get_quantizer(PLAIN)(layer.get_weights()[0]))
    assert np.array_equal(found, table[indices])
    assert np.array_equal(layer.quantized_weights()["embeddings"].z, table)
    assert str(layer.get_quantizers()[0]).startswith("quantized_bits(4,0")


def test_slopes_are_quantized() -> None:
    layer = bl.QPReLU(alpha_quantizer=PLAIN, shared_axes=[1])
    layer(X)
    layer.set_weights([np.array([[0.3, -0.2, 0.05]], np.float32)])
    alpha = np.array([0.25, -0.25, 0.0])
    assert np.array_equal(as_numpy(layer(X)), np.where(X > 0, X, alpha * X).astype(np.float32))


@pytest.mark.parametrize("merge", [False, True])
def test_a_thermometer_is_hot_at_the_part_of_the_range_that_it_lies_in(merge: bool) -> None:
    x = np.array([[0.0, 2.5], [3.0, 7.5]], np.float32)
    hot = np.eye(5, dtype=np.float32)
    plain = np.stack([[hot[0], hot[1]], [hot[1], hot[3]]])[..., :4]
    rest = plain * np.array([[0, 0.25], [0.5, 0.75]], np.float32)[..., None]
    split = np.stack([[hot[0], 0.75 * hot[1] + 0.25 * hot[2]], [(hot[1] + hot[2]) / 2, 0.25 * hot[3] + 0.75 * hot[4]]])
    cases = [(False, False, plain), (True, False, plain + rest), (True, True, split)]
    for residue, two, expected in cases:
        found = as_numpy(BinaryToThermometer(x, 4, 8, residue, merge, two))
        assert np.array_equal(found, expected.reshape(2, -1) if merge else expected)
    assert as_numpy(BinaryToThermometer(x, 4, 8, False, merge, True)).shape[-1] == (10 if merge else 5)


def test_a_thermometer_in_a_model_is_a_layer_of_it(tmp_path: Any) -> None:
    entry = keras.Input((3,))
    model = keras.Model(entry, bl.BinaryToThermometer(entry, 3, 10, with_residue=True, use_two_hot_encoding=True))
    assert model.output_shape == (None, 3, 4)
    model.save(tmp_path / "model.keras")
    x = np.arange(9, dtype=np.float32).reshape(3, 3)
    again = keras.models.load_model(tmp_path / "model.keras").predict(x, verbose=0)
    assert np.array_equal(again, model.predict(x, verbose=0))
    assert np.allclose(again.sum(-1), 1)


def test_a_thermometer_without_classes_is_refused() -> None:
    with pytest.raises(BitwrightError, match="0 classes"):
        bl.Thermometer(0, 8)


LAYERS = [
    bl.QEmbedding(8, 2, embeddings_quantizer=AUTO),
    bl.QPReLU(alpha_quantizer=PLAIN, alpha_initializer="ones", activation="quantized_bits(6,3,alpha=1)"),
    bl.QEinsumDense("ab,bc->ac", 2, kernel_quantizer=PLAIN),
]


@pytest.mark.parametrize("layer", LAYERS, ids=["embedding", "prelu", "einsum"])
def test_it_trains_and_comes_back_from_its_file(layer: Any, tmp_path: Any) -> None:
    x = np.random.default_rng(4).integers(0, 8, size=(16, 3)).astype(np.float32)
    x = x if isinstance(layer, bl.QEmbedding) else x - 4
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    losses = model.fit(x, np.ones(model(x).shape), epochs=5, verbose=0).history["loss"]
    assert min(losses) < losses[0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
