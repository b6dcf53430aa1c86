"""Recurrent layers: Keras's cells on quantized weights, with everything that Keras's layers can do."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import bitwright.layers as bl
import bitwright.qkeras as qkeras
from bitwright.core.errors import BitwrightError
from bitwright.train.door import keras, ops
from bitwright.train.quantizers import quantized_bits, quantized_tanh

WEIGHTS = "quantized_bits(4,0,1,alpha=1.0)"
QUANTIZED = {f"{w}_quantizer": WEIGHTS for w in ("kernel", "recurrent", "bias")} | {
    "state_quantizer": "quantized_bits(6,1,1)"
}
LAYERS = [bl.QSimpleRNN, bl.QLSTM, bl.QGRU]
# On a grid: then float32 adds without rounding, in whatever order.
X = (np.random.default_rng(3).integers(-40, 41, size=(6, 5, 3)) / 16).astype(np.float32)


def as_numpy(x: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(x))


def drawn(layer: Any, x: np.ndarray = X) -> Any:
    """The layer, built, with weights that use their formats."""
    layer(x)
    rng = np.random.default_rng(7)
    layer.set_weights([rng.normal(size=w.shape) * 0.5 for w in layer.get_weights()])
    return layer


def code(x: np.ndarray, bits: int, integer: int, symmetric: int = 1) -> np.ndarray:
    """quantized_bits with alpha=1, written down again."""
    step = 2.0 ** (integer - bits + 1)
    return np.clip(np.rint(x / step), symmetric - 2 ** (bits - 1), 2 ** (bits - 1) - 1) * step


def tanh8(x: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(np.clip(x, -1, 1) * 128), -128, 127) / 128


def sigmoid(x: np.ndarray) -> np.ndarray:
    return np.clip(0.5 * x + 0.5, 0, 1)


def test_an_lstm_step_reads_quantized_weights_and_states() -> None:
    layer = drawn(bl.QLSTM(2, return_state=True, **QUANTIZED))
    kernel, recurrent, bias = (code(w, 4, 0) for w in layer.get_weights())
    h = c = np.zeros((6, 2))
    for t in range(5):
        i, f, g, o = np.split(X[:, t] @ kernel + code(h, 6, 1) @ recurrent + bias, 4, axis=1)
        c = sigmoid(f) * code(c, 6, 1) + sigmoid(i) * tanh8(g)
        h = sigmoid(o) * tanh8(c)
    for ours, expected in zip(layer(X), (h, h, c), strict=True):
        assert np.allclose(as_numpy(ours), expected, atol=1e-6)


@pytest.mark.parametrize("reset_after", [False, True])
def test_a_gru_step_resets_before_or_after_the_product(reset_after: bool) -> None:
    layer = drawn(bl.QGRU(2, reset_after=reset_after, **QUANTIZED))
    kernel, recurrent, bias = (code(w, 4, 0) for w in layer.get_weights())
    inner, outer = bias if reset_after else (bias, 0 * bias)
    h = np.zeros((6, 2))
    for t in range(5):
        read = code(h, 6, 1)
        x = np.split(X[:, t] @ kernel + inner, 3, axis=1)
        past = np.split(read @ recurrent + outer, 3, axis=1)
        z, r = sigmoid(x[0] + past[0]), sigmoid(x[1] + past[1])
        last = r * past[2] if reset_after else (r * read) @ recurrent[:, 4:]
        h = z * read + (1 - z) * tanh8(x[2] + last)
    assert np.allclose(as_numpy(layer(X)), h, atol=1e-6)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(bl.QSimpleRNN, keras.layers.SimpleRNN), (bl.QLSTM, keras.layers.LSTM), (bl.QGRU, keras.layers.GRU)],
)
def test_without_quantizers_it_is_the_keras_layer(ours: Any, theirs: Any) -> None:
    told = {} if ours is bl.QSimpleRNN else {"recurrent_activation": "sigmoid"}
    told |= {"reset_after": True} if ours is bl.QGRU else {}
    left = drawn(ours(4, activation="tanh", return_sequences=True, **told))
    right = drawn(theirs(4, return_sequences=True))
    assert isinstance(left, theirs)
    assert np.allclose(as_numpy(left(X)), as_numpy(right(X)), atol=1e-6)


class Counting(quantized_bits):
    calls = 0

    def __call__(self, x: Any, training: bool | None = None) -> Any:
        Counting.calls += 1
        return super().__call__(x, training)


@pytest.mark.parametrize("kind", LAYERS)
def test_weights_are_quantized_once_a_call_and_not_once_a_step(kind: Any) -> None:
    layer = kind(2, unroll=True, kernel_quantizer=Counting(4, 0, 1, alpha=1.0))
    layer(X)
    Counting.calls = 0
    layer(X)
    assert Counting.calls == 1


@pytest.mark.parametrize("kind", LAYERS)
def test_unrolled_backwards_with_states_or_in_a_plain_rnn_it_computes_the_same(kind: Any) -> None:
    plain = drawn(kind(3, return_sequences=True, return_state=True, **QUANTIZED))
    sequence, *states = (as_numpy(y) for y in plain(X))
    weights = plain.get_weights()

    def same(layer: Any, x: np.ndarray = X) -> np.ndarray:
        layer(x)
        layer.set_weights(weights)
        return as_numpy(layer(x))

    assert np.array_equal(same(kind(3, unroll=True, **QUANTIZED)), sequence[:, -1])
    assert np.array_equal(same(kind(3, go_backwards=True, **QUANTIZED), X[:, ::-1]), sequence[:, -1])
    cell = kind.cell_class(3, **QUANTIZED)
    assert np.array_equal(same(keras.layers.RNN(cell)), sequence[:, -1])
    assert np.array_equal(states[0], sequence[:, -1])
    first, *between = plain(X[:, :2])
    rest = plain(X[:, 2:], initial_state=between)[0]
    assert np.array_equal(np.concatenate([as_numpy(first), as_numpy(rest)], axis=1), sequence)


@pytest.mark.parametrize("kind", LAYERS)
def test_masked_steps_leave_the_state_alone(kind: Any) -> None:
    layer = drawn(kind(3, **QUANTIZED))
    mask = np.ones((6, 5), bool)
    mask[:, 3:] = False
    assert np.array_equal(as_numpy(layer(X, mask=ops.convert_to_tensor(mask))), as_numpy(layer(X[:, :3])))


@pytest.mark.parametrize("kind", LAYERS)
def test_a_stateful_layer_goes_on_where_it_stopped(kind: Any) -> None:
    plain = drawn(kind(3, **QUANTIZED))
    layer = kind(3, stateful=True, **QUANTIZED)
    layer.build((6, 5, 3))
    for variable, value in zip(layer.trainable_variables, plain.get_weights(), strict=True):
        variable.assign(value)
    layer(X[:, :2])
    assert np.array_equal(as_numpy(layer(X[:, 2:])), as_numpy(plain(X)))
    layer.reset_state()
    assert np.array_equal(as_numpy(layer(X[:, 2:])), as_numpy(plain(X[:, 2:])))


@pytest.mark.parametrize("merge", ["concat", "sum", "ave", "mul", None])
def test_both_directions_have_quantizers_of_their_own(merge: str | None) -> None:
    layer = drawn(bl.QBidirectional(bl.QGRU(2, return_sequences=True, **QUANTIZED), merge_mode=merge))
    assert len(layer.get_quantizers()) == 8
    assert len(layer.get_prunable_weights()) == 4
    assert set(layer.get_quantization_config()) == {"layer", "backward_layer"}
    assert str(layer.activation).startswith("quantized_tanh")
    ahead, back = as_numpy(layer.forward_layer(X)), as_numpy(layer.backward_layer(X))[:, ::-1]
    expected = {
        "concat": np.concatenate([ahead, back], -1),
        "sum": ahead + back,
        "ave": (ahead + back) / 2,
        "mul": ahead * back,
    }.get(merge, (ahead, back))
    assert np.array_equal(keras.tree.map_structure(as_numpy, layer(X)), expected)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_layer_shows_what_its_cell_has(kind: Any) -> None:
    layer = kind(3, dropout=0.25, seed=4, **QUANTIZED)
    for name in ("kernel", "recurrent", "bias", "state"):
        held = getattr(layer.cell, f"{name}_quantizer")
        assert getattr(layer, f"{name}_quantizer") is held is getattr(layer, f"{name}_quantizer_internal")
    assert layer.get_quantizers() == layer.cell.get_quantizers()
    told = layer.get_quantization_config()
    assert told["state_quantizer"] == "quantized_bits(6,1,1)"
    assert ("recurrent_activation" in told) == (kind is not bl.QSimpleRNN)
    assert getattr(qkeras, kind.__name__) is kind


@pytest.mark.parametrize("kind", LAYERS)
def test_every_argument_survives_a_configuration(kind: Any) -> None:
    gate = {} if kind is bl.QSimpleRNN else {"recurrent_activation": "quantized_sigmoid(3)", "implementation": 2}
    layer = kind(
        3, activation="quantized_tanh(5)", go_backwards=True, unroll=True, dropout=0.1, recurrent_dropout=0.2, seed=5,
        zero_output_for_mask=True, name="mine", **gate, **QUANTIZED,
    )  # fmt: skip
    config = json.loads(json.dumps(layer.get_config()))
    again = kind.from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    assert again.seed == 5
    if gate:
        assert kind.from_config({**config, "implementation": 0}).implementation == 1


@pytest.mark.parametrize("kind", LAYERS)
def test_a_model_trains_and_comes_back_from_its_file(kind: Any, tmp_path: Any) -> None:
    entry = keras.Input((5, 3))
    y = bl.QBidirectional(kind(3, return_sequences=True, **QUANTIZED))(entry)
    y = keras.layers.RNN(kind.cell_class(2, **QUANTIZED))(y)
    model = keras.Model(entry, y)
    model.compile(keras.optimizers.Adam(0.02), "mse")
    before = model.get_weights()
    target = np.full((6, 2), 0.5, np.float32)
    losses = model.fit(X, target, epochs=8, batch_size=3, verbose=0).history["loss"]
    assert min(losses) < losses[0]
    assert sum(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)) == len(before)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("kind", LAYERS)
def test_stochastic_states_and_activations_train_inside_compiled_loops(kind: Any) -> None:
    rounding = {"use_stochastic_rounding": True}
    layer = kind(
        3,
        activation=quantized_tanh(3, **rounding),
        state_quantizer=quantized_bits(4, 1, 1, alpha=1.0, **rounding),
        kernel_quantizer=quantized_bits(3, 0, 1, alpha=1.0, **rounding),
    )
    model = keras.Sequential([keras.Input((5, 3)), layer])
    model.compile("adam", "mse")
    model.fit(X, np.ones((6, 3)), epochs=1, verbose=0)
    draws = [as_numpy(layer(X, training=True)) for _ in range(3)]
    assert not (np.array_equal(draws[0], draws[1]) and np.array_equal(draws[1], draws[2]))
    assert np.array_equal(as_numpy(layer(X)), as_numpy(layer(X)))


def test_the_hard_sigmoid_is_that_of_qkeras() -> None:
    x = np.linspace(-3, 3, 13, dtype=np.float32)
    assert np.allclose(as_numpy(bl.QLSTM(2).recurrent_activation(x)), sigmoid(x))


def test_time_major_sequences_are_refused_by_name() -> None:
    with pytest.raises(BitwrightError, match=r"(?s)time_major.*batch axis first"):
        bl.QLSTM(2, time_major=True)
