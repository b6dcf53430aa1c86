"""Activations, normalization and scaling: found by calling the layers on the grid, never by formula."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl
from tests.keras_models import dense, exact, quantized, randomize

import bitwright as bw
from bitwright.ir.graph.ops import Map

pytestmark = pytest.mark.usefixtures("cheap_first_weights")

QUANTIZERS = [
    "quantized_bits(4,1,1,alpha=1)", "quantized_bits(5,2,keep_negative=0,alpha=1)", "quantized_bits(5,1,alpha=0.25)",
    "quantized_relu(4,2)", "quantized_relu(5,2,negative_slope=0.25)", "quantized_tanh(5,symmetric=1)",
    "quantized_tanh(4,use_real_tanh=1)", "quantized_sigmoid(5)", "quantized_sigmoid(4,use_real_sigmoid=1)",
    "binary(alpha=1)", "binary(use_01=1,alpha=1)", "ternary(alpha=1)", "quantized_po2(4,2)", "quantized_relu_po2(4,2)",
    "hard_tanh", "hard_sigmoid", "binary_tanh",
]  # fmt: skip
FUNCTIONS = [
    kl.ReLU(), kl.ReLU(max_value=1.5), kl.ReLU(negative_slope=0.125, threshold=0.25), kl.LeakyReLU(0.3), kl.ELU(),
    kl.ELU(-0.5), kl.Activation("relu6"), kl.Activation("softplus"), kl.Activation("gelu"), kl.Activation("swish"),
    kl.Activation("hard_sigmoid"), kl.Activation("tanh"), kl.Activation("sigmoid"), kl.Rescaling(0.37, 0.11),
    kl.Rescaling(-2.0), kl.Rescaling([0.5, -0.3, 1.7]), kl.Rescaling(0.7, [0.5, -0.3, 1.7]),
    kl.Activation(bw.quantized_relu(4, 1)), kl.Activation(lambda value: value * value),
]  # fmt: skip


def test_every_quantizer_is_exact_behind_a_sum() -> None:
    x = keras.Input((4,))
    y = dense(3)(quantized(x))
    exact(x, [bw.QActivation(quantizer)(y) for quantizer in QUANTIZERS], floats=True)


def test_float_functions_between_quantizers_are_one_exact_map_each() -> None:
    x = keras.Input((4,))
    y = dense(3)(quantized(x))
    design = exact(x, [bw.QActivation("quantized_bits(6,2,alpha=1)")(layer(y)) for layer in FUNCTIONS])
    assert sum(isinstance(node.op, Map) for node in design.source.nodes) == len(FUNCTIONS)


def test_what_only_training_sees_is_ignored() -> None:
    x = keras.Input((4, 2))
    y = dense(3)(quantized(x))
    for name in ("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout"):
        y = getattr(kl, name)(0.3)(y)
    design = exact(x, kl.Identity()(kl.ActivityRegularization(l2=0.1)(y)), floats=True)
    assert len(design.graph.nodes) == 2


def test_batch_normalization_is_exact_for_gammas_of_both_signs() -> None:
    x = keras.Input((4,))
    norm = kl.BatchNormalization()
    y = norm(dense(6)(quantized(x)))
    design = exact(x, bw.QActivation("quantized_bits(6,2,alpha=1)")(y))
    gamma = norm.get_weights()[0]
    assert (gamma < 0).any()
    assert (gamma > 0).any()
    assert sum(isinstance(node.op, Map) for node in design.graph.nodes) == 1


def test_a_gamma_of_zero_leaves_a_constant_channel() -> None:
    x = keras.Input((4,))
    norm = kl.BatchNormalization()
    model_out = bw.QActivation("quantized_bits(6,2,alpha=1)")(norm(dense(3)(quantized(x))))
    model = randomize(keras.Model(x, model_out))
    gamma, *rest = norm.get_weights()
    norm.set_weights([gamma * [1, 0, 1], *rest])
    exact(model.input, model.output, keep=True)


def test_batch_normalization_over_images_and_without_scale_or_center() -> None:
    x = keras.Input((3, 3, 2))
    y = kl.BatchNormalization(scale=False, center=False)(kl.BatchNormalization(axis=3)(dense(3)(quantized(x))))
    exact(x, bw.QActivation("quantized_relu(5,2)")(y))


def test_quantized_batch_normalization_is_exact() -> None:
    x = keras.Input((4,))
    y = bw.QBatchNormalization()(dense(5)(quantized(x)))
    exact(x, bw.QActivation("quantized_bits(6,2,alpha=1)")(y))


def test_a_batch_normalization_tail_comes_out_on_the_format_that_is_asked_for() -> None:
    x = keras.Input((4,))
    y = kl.BatchNormalization()(dense(3)(quantized(x)))
    design = exact(x, y, output_format="s16.10")
    assert all(str(d.step.uniform) == "1/1024" for d in design.decoders)


def test_wide_sums_are_bisected_not_enumerated() -> None:
    x = keras.Input((8,))
    y = dense(3, "wide", kernel_quantizer="quantized_bits(8,0,alpha=1)", bias_quantizer=None)(quantized(x, 12, 3))
    for layer in (kl.BatchNormalization(), kl.ReLU(max_value=9.7)):
        design = exact(x, bw.QActivation("quantized_bits(7,3,alpha=1)", name="after")(layer(y)), exempt=True)
        node = next(n for n in design.source.nodes if isinstance(n.op, Map))
        before = design.source.nodes[node.args[0]].type
        assert int(before.high.array.max() - before.low.array.min()) > 1 << 16


def test_a_wide_sum_under_a_function_that_turns_is_refused() -> None:
    x = keras.Input((8,))
    y = dense(3, kernel_quantizer="quantized_bits(8,0,alpha=1)")(quantized(x, 12, 3))
    for layer in (kl.ELU(-0.5, name="turns"), kl.Activation("swish", name="turns")):
        with pytest.raises(bw.BitwrightError, match="is not monotone"):
            exact(x, bw.QActivation("quantized_bits(6,2,alpha=1)")(layer(y)))


def test_a_users_function_is_not_taken_for_its_namesake() -> None:
    def relu(value: Any) -> Any:
        return keras.ops.abs(value)

    def softmax(value: Any) -> Any:
        return keras.ops.negative(value)

    x = keras.Input((4,))
    y = kl.Activation(softmax)(kl.Activation(relu)(dense(3)(quantized(x))))
    design = exact(x, y)
    found = np.asarray(design.predict(np.ones((1, 4), np.float32)))
    assert (found <= 0).all()


def test_activations_inside_a_layer_and_behind_it_are_the_same_integers() -> None:
    x = keras.Input((4,))
    inside = dense(3, "a", activation="quantized_relu(4,1)")
    behind = dense(3, "b")
    q = quantized(x)
    model = randomize(keras.Model(x, [inside(q), bw.QActivation("quantized_relu(4,1)")(behind(q))]))
    behind.set_weights(inside.get_weights())
    design = exact(model.input, model.outputs, keep=True)
    one, two = design.predict_codes(np.random.default_rng(0).normal(size=(50, 4)))
    assert np.array_equal(one, two)
