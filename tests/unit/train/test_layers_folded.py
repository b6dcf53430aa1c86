"""Folded batch normalization: the same training as two layers, both modes, freezing, files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bitwright.core.errors import InvalidValue
from bitwright.layers import QConv2DBatchnorm, QDenseBatchnorm, QDepthwiseConv2DBatchnorm
from bitwright.train.door import keras, ops

MODES = ("ema_stats_folding", "batch_stats_folding")
KINDS = {
    "conv": (QConv2DBatchnorm, keras.layers.Conv2D, {"filters": 4, "kernel_size": 2}, (4, 4, 3)),
    "depthwise": (
        QDepthwiseConv2DBatchnorm, keras.layers.DepthwiseConv2D, {"kernel_size": 2, "depth_multiplier": 2}, (4, 4, 3)),
    "dense": (QDenseBatchnorm, keras.layers.Dense, {"units": 4}, (5,)),
}  # fmt: skip


def array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def made(kind="conv", mode=MODES[0], **more):
    folded, _, arguments, shape = KINDS[kind]
    layer = folded(**arguments, folding_mode=mode, **more)
    layer.build((None, *shape))
    rng = np.random.default_rng(3)
    for weight in layer.weights:
        if weight.name != "iteration":
            low = 0.3 if "variance" in weight.name else -0.7
            weight.assign(rng.uniform(low, 1.5, size=weight.shape).astype(np.float32))
    return layer, rng.normal(1, 2, size=(32, *shape)).astype(np.float32)


def trained(x, y, *layers):
    entry = keras.Input(x.shape[1:])
    out = entry
    for layer in layers:
        out = layer(out)
    out = keras.layers.Dense(1, kernel_initializer="ones")(keras.layers.Flatten()(out))
    model = keras.Model(entry, out)
    model.compile(keras.optimizers.SGD(0.01), "mse")
    model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    return model.predict(x, verbose=0)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", KINDS)
def test_without_quantizers_training_is_that_of_a_layer_and_a_batch_normalization(kind, mode):
    _, plain, arguments, shape = KINDS[kind]
    folded, x = made(kind, mode)
    kernel, bias, gamma, beta, _, mean, variance = folded.get_weights()
    first, second = plain(**arguments), keras.layers.BatchNormalization()
    first.build((None, *shape))
    second.build(first.compute_output_shape((None, *shape)))
    first.set_weights([kernel, bias])
    second.set_weights([gamma, beta, mean, variance])
    y = np.random.default_rng(1).normal(size=(len(x), 1)).astype(np.float32)
    np.testing.assert_allclose(trained(x, y, folded), trained(x, y, first, second), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(array(folded.moving_variance), array(second.moving_variance), rtol=1e-4)
    assert int(array(folded._iteration)) == 11


@pytest.mark.parametrize("mode", MODES)
def test_after_the_delay_the_statistics_stay_and_are_used(mode):
    layer, x = made("conv", mode, ema_freeze_delay=1, kernel_quantizer="quantized_bits(6,2,alpha=1)")
    means = []
    for _ in range(5):
        batch = array(layer(x, training=True))
        means.append(array(layer.moving_mean))
    # Steps -1, 0 and 1 move them.
    assert not np.array_equal(means[1], means[2])
    assert np.array_equal(means[2], means[4])
    np.testing.assert_allclose(batch, array(layer(x, training=False)), rtol=1e-5, atol=1e-5)


def test_the_two_modes_quantize_different_kernels_in_training_and_the_same_at_inference():
    (batch, x), (ema, _) = (made("conv", mode, kernel_quantizer="quantized_bits(3,1,alpha=1)") for mode in MODES[::-1])
    assert np.array_equal(array(batch(x)), array(ema(x)))
    assert not np.allclose(array(batch(x, training=True)), array(ema(x, training=True)), atol=1e-2)


def test_weights_stand_in_the_order_of_qkeras_and_the_counter_may_stand_elsewhere():
    layer, x = made("dense")
    names = [w.name for w in layer.weights]
    assert names == ["kernel", "bias", "gamma", "beta", "iteration", "moving_mean", "moving_variance"]
    weights = layer.get_weights()
    other, _ = made("dense")
    other.set_weights([*weights[:2], np.array(7), *weights[2:4], *weights[5:]])
    assert int(array(other._iteration)) == 7
    assert np.array_equal(array(other(x)), array(layer(x)))


def test_folded_weights_are_what_inference_quantizes():
    layer, x = made("dense", kernel_quantizer="quantized_bits(6,2,alpha=1)", bias_quantizer="quantized_bits(8,3)")
    kernel, bias = map(array, layer.get_folded_weights())
    gamma, beta = array(layer.gamma), array(layer.beta)
    inverse = gamma / np.sqrt(array(layer.moving_variance) + layer.epsilon)
    np.testing.assert_allclose(kernel, array(layer.kernel) * inverse, rtol=1e-6)
    np.testing.assert_allclose(bias, inverse * (array(layer.bias) - array(layer.moving_mean)) + beta, rtol=1e-5)
    quantized = layer.quantized_weights()
    assert np.array_equal(quantized["kernel"].z, array(layer.kernel_quantizer(kernel)))
    assert np.array_equal(quantized["bias"].z, array(layer.bias_quantizer(bias)))
    assert np.array_equal(array(layer(x)), array(layer.epilogue(layer.linear(x))))


def test_programs_read_the_batch_normalization_inside():
    layer, _ = made("conv", center=False, scale=False, use_bias=False, epsilon=0.1)
    assert layer.batchnorm.gamma is None
    assert layer.batchnorm.beta is None
    assert layer.batchnorm.epsilon == 0.1
    assert layer.batchnorm.moving_mean is layer.moving_mean
    assert [w.name for w in layer.weights] == ["kernel", "iteration", "moving_mean", "moving_variance"]


@pytest.mark.parametrize("kind", KINDS)
def test_files_and_configurations_keep_everything(kind, tmp_path):
    quantizer = "depthwise_quantizer" if kind == "depthwise" else "kernel_quantizer"
    layer, x = made(
        kind, MODES[1], **{quantizer: "quantized_bits(4,1)"}, bias_quantizer="quantized_bits(8,3)", momentum=0.5,
        ema_freeze_delay=3, activation="quantized_relu(5,2)", gamma_regularizer="l2", beta_initializer="ones",
    )  # fmt: skip
    entry = keras.Input(x.shape[1:])
    model = keras.Model(entry, layer(entry))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    config = json.loads(json.dumps(layer.get_config()))
    assert json.loads(json.dumps(again.layers[1].get_config())) == config
    assert config["folding_mode"] == MODES[1]
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))


def test_unknown_modes_and_axes_are_refused_by_name():
    with pytest.raises(InvalidValue, match="ema_stats_folding"):
        QDenseBatchnorm(2, folding_mode="folded")
    with pytest.raises(InvalidValue, match="axis=1"):
        QConv2DBatchnorm(2, 2, axis=1).build((None, 4, 4, 3))
    QConv2DBatchnorm(2, 2, axis=[3]).build((None, 4, 4, 3))


def test_a_frozen_layer_does_not_count_nor_move():
    layer, x = made("conv")
    layer.trainable = False
    before = layer.get_weights()
    assert np.array_equal(array(layer(x, training=True)), array(layer(x)))
    assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True))


def test_channels_first_gives_the_same_numbers():
    layer, x = made("conv")
    other = QConv2DBatchnorm(4, 2, data_format="channels_first")
    other.build((None, 3, 4, 4))
    other.set_weights(layer.get_weights())
    turned = np.moveaxis(x, -1, 1)
    for training in (False, True):
        ours = np.moveaxis(array(other(turned, training=training)), 1, -1)
        np.testing.assert_allclose(ours, array(layer(x, training=training)), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(array(other.moving_mean), array(layer.moving_mean), rtol=1e-5)
