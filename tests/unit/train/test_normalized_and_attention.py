"""QSoftmax, QLayerNormalization and QMultiHeadAttention: every value between their products is on a grid."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import bitwright.layers as bl
from bitwright.core.errors import BitwrightError
from bitwright.train.door import keras, ops

X = (np.random.default_rng(1).integers(-40, 41, size=(6, 4, 8)) / 16).astype(np.float32)
WEIGHTS = "quantized_bits(4,0,alpha=1)"
NONE = {
    f"{n}_quantizer": None
    for n in ("kernel", "bias", "query", "key", "value", "score", "exp", "inverse", "weight", "context")
}


def as_numpy(x: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(x))


def on_grid(x: np.ndarray, step: float) -> bool:
    return np.array_equal(np.rint(x / step) * step, x)


def test_softmax_is_an_exponential_an_inverse_and_their_product_each_rounded() -> None:
    y = as_numpy(bl.QSoftmax()(X))
    e = np.rint(np.exp(X - X.max(-1, keepdims=True)) * 128) / 128
    r = np.rint(1 / e.sum(-1, keepdims=True) * 512) / 512
    assert np.array_equal(y, np.minimum(np.rint(e * r * 256), 255) / 256)
    assert np.abs(y - as_numpy(ops.softmax(X))).max() < 0.02


def test_softmax_counts_masked_elements_as_nothing() -> None:
    mask = np.tril(np.ones((4, 8), bool), 2)
    y = as_numpy(bl.QSoftmax()(X, mask=ops.convert_to_tensor(mask)))
    assert not y[:, ~mask].any()
    for row in range(4):
        alone = as_numpy(bl.QSoftmax()(X[:, row : row + 1, : row + 3]))
        assert np.array_equal(y[:, row : row + 1, : row + 3], alone)
    nothing = as_numpy(bl.QSoftmax()(X, mask=ops.zeros((4, 8), "bool")))
    assert not nothing.any()


@pytest.mark.parametrize("axis", [-1, 1, [1, 2]])
def test_normalization_without_quantizers_is_the_plain_formula(axis: Any) -> None:
    layer = bl.QLayerNormalization(axis, mean_quantizer=None, inverse_quantizer=None)
    layer(X)
    gamma, beta = (np.random.default_rng(2).normal(size=w.shape) for w in layer.get_weights())
    layer.set_weights([gamma, beta])
    axes = tuple(axis) if isinstance(axis, list) else axis
    d = X - X.mean(axes, keepdims=True)
    shape = {-1: (8,), 1: (4, 1)}.get(axis if isinstance(axis, int) else 0, (4, 8))
    expected = d / np.sqrt((d**2).mean(axes, keepdims=True) + 1e-3) * gamma.reshape(shape) + beta.reshape(shape)
    assert np.allclose(as_numpy(layer(X)), expected, atol=1e-5)


def test_normalization_gives_values_of_mean_nearly_zero_and_deviation_nearly_one() -> None:
    layer = bl.QLayerNormalization(activation="quantized_bits(8,2,alpha=1)")
    y = as_numpy(layer(X))
    assert on_grid(y, 2.0**-5)
    assert np.abs(y.mean(-1)).max() < 0.1
    assert np.abs(y.std(-1) - 1).max() < 0.1


@pytest.mark.parametrize("causal", [False, True])
def test_attention_without_quantizers_is_that_of_keras(causal: bool) -> None:
    ours, theirs = bl.QMultiHeadAttention(2, 4, value_dim=3, **NONE), keras.layers.MultiHeadAttention(2, 4, value_dim=3)
    ours(X, X), theirs(X, X, return_attention_scores=True)
    ours.set_weights(theirs.get_weights())
    assert [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]
    told = {"use_causal_mask": causal, "return_attention_scores": True}
    for left, right in zip(ours(X, X[:, :3], **told), theirs(X, X[:, :3], **told), strict=True):
        assert np.allclose(as_numpy(left), as_numpy(right), atol=1e-5)


def test_attention_listens_to_masks() -> None:
    layer = bl.QMultiHeadAttention(2, 4, kernel_quantizer=WEIGHTS)
    mask = np.ones((6, 4, 4), bool)
    mask[:, :, 2:] = False
    whole = as_numpy(layer(X, X, attention_mask=ops.convert_to_tensor(mask)))
    assert np.array_equal(whole, as_numpy(layer(X, X[:, :2])))


def test_all_that_attention_multiplies_is_on_the_grids_of_its_quantizers() -> None:
    layer = bl.QMultiHeadAttention(2, 4, kernel_quantizer=WEIGHTS, bias_quantizer=WEIGHTS)
    y, weights = layer(X, X, return_attention_scores=True)
    assert on_grid(as_numpy(weights), 2.0**-8)
    assert on_grid(as_numpy(layer.query_dense(X)), 2.0**-5)
    assert on_grid(as_numpy(y), 2.0**-8)
    assert len(layer.get_prunable_weights()) == 4
    assert layer.get_quantization_config()["score_quantizer"] == "quantized_bits(8,3,0,alpha=1.0)"


LAYERS = [
    lambda x: bl.QSoftmax(axis=1, exp_quantizer="quantized_relu(6,1)")(x),
    lambda x: bl.QLayerNormalization(beta_quantizer="quantized_bits(4,0,alpha=1)", activation="quantized_tanh(5)")(x),
    lambda x: bl.QMultiHeadAttention(2, 3, kernel_quantizer=WEIGHTS, dropout=0.1, seed=1)(x, x, use_causal_mask=True),
]


@pytest.mark.parametrize("layer", LAYERS, ids=["softmax", "normalization", "attention"])
def test_it_trains_and_comes_back_from_its_file(layer: Any, tmp_path: Any) -> None:
    entry = keras.Input((4, 8))
    before = keras.layers.Dense(8)
    model = keras.Model(entry, layer(before(entry)))
    model.compile(keras.optimizers.Adam(0.02), "mse")
    first = model.get_weights()
    target = np.random.default_rng(3).uniform(0, 1, size=model(X).shape)
    losses = model.fit(X, target, epochs=10, verbose=0).history["loss"]
    assert min(losses) < losses[0]
    assert not np.array_equal(first[0], model.get_weights()[0])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    kind = model.layers[-1]
    config = json.loads(json.dumps(kind.get_config()))
    assert json.loads(json.dumps(type(kind).from_config(config).get_config())) == config


def test_what_has_no_quantized_form_is_refused_by_name() -> None:
    with pytest.raises(BitwrightError, match="use_gate"):
        bl.QMultiHeadAttention(2, 4, use_gate=True)
    with pytest.raises(BitwrightError, match="rms_scaling"):
        bl.QLayerNormalization(rms_scaling=True)
    with pytest.raises(BitwrightError, match=r"\(batch, tokens, features\)"):
        bl.QMultiHeadAttention(2, 4)(X[:, None], X[:, None])
