"""Quantizers that draw: only in training, from seeded generators, under compilation, with the right odds."""

from __future__ import annotations

import numpy as np
import pytest

import bitwright as bw
from bitwright.train.door import keras, ops
from bitwright.train.quantizers import (
    bernoulli,
    binary,
    get_weight_scale,
    quantized_bits,
    quantized_hswish,
    quantized_linear,
    quantized_po2,
    quantized_relu,
    quantized_relu_po2,
    quantized_sigmoid,
    quantized_tanh,
    stochastic_binary,
    stochastic_round,
    stochastic_round_po2,
    stochastic_ternary,
    ternary,
)

# `make test` runs everything on JAX, `make test-backends` what is marked on the others.
pytestmark = [] if keras.backend.backend() == "jax" else [pytest.mark.backend]

STOCHASTIC = [
    quantized_bits(4, 0, use_stochastic_rounding=True),
    quantized_bits(4, 0, alpha="auto", use_stochastic_rounding=True),
    quantized_linear(4, 0, use_stochastic_rounding=True),
    quantized_linear(4, 0, alpha="auto_po2", use_stochastic_rounding=True),
    quantized_linear(1, 0, use_stochastic_rounding=True),
    quantized_hswish(5, 1, use_stochastic_rounding=True),
    quantized_relu(4, 0, use_stochastic_rounding=True),
    quantized_tanh(4, use_stochastic_rounding=True),
    quantized_sigmoid(4, use_stochastic_rounding=True),
    quantized_po2(4, use_stochastic_rounding=True),
    quantized_relu_po2(4, use_stochastic_rounding=True),
    binary(use_stochastic_rounding=True),
    ternary(alpha="auto", use_stochastic_rounding=True),
    stochastic_binary(),
    stochastic_binary(alpha="auto", use_real_sigmoid=False),
    stochastic_ternary(alpha="auto_po2"),
    stochastic_ternary(alpha=0.5, threshold=0.4),
]
X = np.linspace(-0.9, 0.9, 4000, dtype=np.float32).reshape(-1, 4)


def values(quantizer, x=X, **options):
    return np.asarray(ops.convert_to_numpy(quantizer(x, **options)))


@pytest.mark.parametrize("quantizer", STOCHASTIC, ids=str)
def test_chance_acts_in_training_only(quantizer):
    assert np.array_equal(values(quantizer), values(quantizer, training=False))
    first, second = values(quantizer, training=True), values(quantizer, training=True)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("quantizer", STOCHASTIC, ids=str)
def test_what_is_drawn_lies_on_the_same_grid_as_what_is_not(quantizer):
    grid = quantizer.grid()
    drawn = values(quantizer, training=True)
    if grid is None:
        z, scale = quantizer.factor(X, training=True)
        z = ops.convert_to_numpy(z)
        assert len(np.unique(z)) <= 2**6
        assert scale is None or ops.convert_to_numpy(scale).shape == (1, 4)
        return
    codes = drawn.astype(np.float64) / float(grid.step)
    # quantized_relu draws between half steps, as QKeras does.
    fine = 2 if isinstance(quantizer, quantized_relu) else 1
    assert np.array_equal(codes * fine, np.round(codes * fine))
    assert grid.low <= codes.min()
    assert codes.max() <= grid.high


@pytest.mark.parametrize("quantizer", [STOCHASTIC[0], STOCHASTIC[2], STOCHASTIC[7], STOCHASTIC[9]], ids=str)
def test_stochastic_rounding_keeps_the_mean(quantizer):
    keras.utils.set_random_seed(3)
    fresh = type(quantizer).from_config(quantizer.get_config())
    x = np.full(20000, 0.3, np.float32)
    # Five standard errors of a two-point distribution at most one step (1/8, for po2 1/4) wide.
    assert abs(values(fresh, x, training=True).mean() - 0.3) < 5 * 0.125 / np.sqrt(20000)


def test_rounding_functions_draw_neighbors_and_keep_the_mean():
    keras.utils.set_random_seed(5)
    x = np.full(20000, -0.3, np.float32)
    seed = keras.random.SeedGenerator(1)
    for function, ends in ((lambda x: stochastic_round(x, 0.5, seed), {-0.5, 0.0}),
                           (lambda x: stochastic_round_po2(x, seed), {-0.5, -0.25})):  # fmt: skip
        drawn = values(function, x)
        assert set(np.unique(drawn).tolist()) == ends
        assert abs(drawn.mean() + 0.3) < 5 * 0.25 / np.sqrt(20000)


def test_equal_seeds_draw_equal_values():
    drawn = []
    for _ in range(2):
        keras.utils.set_random_seed(11)
        drawn.append(values(stochastic_binary(), training=True))
    assert np.array_equal(*drawn)


def test_signs_are_drawn_with_the_sigmoid_of_x_over_its_deviation():
    keras.utils.set_random_seed(2)
    column = np.array([-1.0, -0.2, 0.0, 0.2, 1.0], np.float32)
    x = np.tile(column, (4000, 1))
    odds = 1 / (1 + np.exp(-6.0 * column / x.std()))
    error = 5 * 0.5 / np.sqrt(4000)
    assert np.abs(values(bernoulli(), x).mean(0) - odds).max() < error
    assert np.abs((values(stochastic_binary(alpha=1.0), x, training=True).mean(0) + 1) / 2 - odds).max() < error


def test_three_levels_are_drawn_from_two_signs_around_the_threshold():
    keras.utils.set_random_seed(2)
    column = np.array([-1.0, -0.2, 0.0, 0.2, 1.0], np.float32)
    x = np.tile(column, (4000, 1))
    sigmoid = [1 / (1 + np.exp(-8.0 * (column + side) / x.std())) for side in (-0.4, 0.4)]
    found = values(stochastic_ternary(alpha=1.0, threshold=0.4), x, training=True)
    assert set(np.unique(found)) <= {-1.0, 0.0, 1.0}
    assert np.abs(found.mean(0) - (sum(sigmoid) - 1)).max() < 5 / np.sqrt(4000)


def test_the_scales_of_drawn_signs_are_those_of_the_deterministic_twin():
    for drawn, settled in ((stochastic_binary(alpha="auto"), binary(alpha="auto")),
                           (stochastic_ternary(alpha="auto_po2"), ternary(alpha="auto_po2"))):  # fmt: skip
        drawn(X, training=True)
        settled(X)
        np.testing.assert_allclose(get_weight_scale(drawn), get_weight_scale(settled), rtol=1e-6)


def test_bernoulli_draws_at_inference_too():
    quantizer = bernoulli()
    assert not np.array_equal(values(quantizer), values(quantizer))
    assert not quantizer.elementwise


@pytest.mark.parametrize("activation", [STOCHASTIC[0], STOCHASTIC[13], bernoulli()], ids=str)
def test_models_that_draw_train_compiled_and_predict_as_their_kind_says(activation):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            bw.QDense(8, kernel_quantizer=stochastic_ternary(alpha="auto_po2"), activation=activation),
            bw.QDense(1, kernel_quantizer=binary(use_stochastic_rounding=True)),
        ]
    )
    model.compile("sgd", "mse")
    model.fit(X[:64], X[:64, :1], epochs=2, verbose=0)
    same = np.array_equal(model.predict(X[:64], verbose=0), model.predict(X[:64], verbose=0))
    assert same == (not isinstance(activation, bernoulli))
