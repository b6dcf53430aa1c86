"""Separable, transposed, scaled, adaptive and octave layers: exact sums, Keras's geometry, files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bitwright.core.errors import InvalidValue
from bitwright.layers import (
    OctaveConv2D,
    QAdaptiveActivation,
    QConv2DTranspose,
    QDepthwiseConv2DTranspose,
    QMobileNetSeparableConv2D,
    QOctaveConv2D,
    QScaleShift,
    QSeparableConv1D,
    QSeparableConv2D,
    QSeparableConv2DTranspose,
)
from bitwright.quantizers import quantized_bits
from bitwright.train.door import keras, ops
from bitwright.train.layers import deconv_output_length
from bitwright.train.layers.spread import spread, spread_pads

AUTO = "quantized_bits(4,0,1,alpha='auto')"
FIXED = "quantized_bits(4,0,1,alpha=1)"
CASES = {
    "transposed": (QConv2DTranspose(4, (2, 3), 2, "same", activation="quantized_relu(5,2)", kernel_quantizer=FIXED,
                                    bias_quantizer=FIXED), (3, 4, 2)),
    "transposed, a scale per filter": (
        QConv2DTranspose(4, 3, kernel_quantizer=quantized_bits(4, alpha="auto", scale_axis=2)), (3, 4, 2)),
    "transposed, a scale per channel": (QConv2DTranspose(4, 3, kernel_quantizer=AUTO), (3, 4, 2)),
    "transposed, channels first": (
        QConv2DTranspose(4, 3, data_format="channels_first", kernel_quantizer=FIXED), (2, 3, 4)),
    "separable": (QSeparableConv2D(4, 3, 2, "same", depthwise_quantizer=AUTO, pointwise_quantizer=AUTO,
                                   bias_quantizer=FIXED, activation="quantized_tanh(5)"), (6, 7, 3)),
    "separable, multiplied": (QSeparableConv2D(4, 2, depth_multiplier=2, depthwise_quantizer=AUTO), (5, 6, 3)),
    "separable, channels first": (
        QSeparableConv2D(4, 2, data_format="channels_first", pointwise_quantizer=FIXED), (3, 5, 6)),
    "separable in time": (
        QSeparableConv1D(4, 3, padding="causal", dilation_rate=2, depthwise_quantizer=FIXED,
                         pointwise_quantizer="ternary(alpha='auto')"), (9, 3)),
    "separable transposed": (
        QSeparableConv2DTranspose(4, 3, 2, depthwise_activation="quantized_relu(5,2)",
                                  pointwise_activation="quantized_bits(6,3,1)", depthwise_kernel_quantizer=AUTO,
                                  pointwise_kernel_quantizer=FIXED, bias_quantizer=FIXED), (3, 4, 2)),
    "separable transposed, plain": (
        QSeparableConv2DTranspose(4, 2, 2, "same", depthwise_kernel_quantizer=FIXED,
                                  pointwise_kernel_quantizer=FIXED), (3, 4, 2)),
    "separable transposed, channels first": (
        QSeparableConv2DTranspose(4, 2, 2, "same", data_format="channels_first",
                                  depthwise_kernel_quantizer=FIXED), (2, 3, 4)),
    "depthwise transposed": (
        QDepthwiseConv2DTranspose(2, 3, 1, 2, depthwise_activation="quantized_relu(5,2)",
                                  depthwise_kernel_quantizer=AUTO), (3, 4, 2)),
    "depthwise transposed, groups": (
        QDepthwiseConv2DTranspose(4, (2, 3), 2, (2, 1), "same", depthwise_kernel_quantizer=FIXED), (3, 4, 4)),
}  # fmt: skip
UNFACTORED = {"transposed, a scale per channel", "separable, multiplied"}


def array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def drawn(name):
    layer, shape = CASES[name]
    layer = type(layer).from_config(layer.get_config())
    layer.build((None, *shape))
    draws = np.random.default_rng(len(name))
    layer.set_weights([draws.normal(size=w.shape) * 0.4 for w in layer.get_weights()])
    return layer, draws.integers(-8, 8, size=(4, *shape)).astype(np.float32) / 8


def last(tensor, layer):
    first = getattr(layer, "data_format", None) == "channels_first" and len(tensor.shape) == 4
    return ops.moveaxis(tensor, 1, -1) if first else tensor


@pytest.mark.parametrize("name", CASES)
def test_the_output_is_the_epilogue_of_the_sum(name):
    layer, x = drawn(name)
    assert np.array_equal(array(last(layer(x), layer)), array(layer.epilogue(last(layer.linear(x), layer))))
    flat = ops.reshape(last(layer.linear(x), layer), (-1, 2 if name == "depthwise transposed" else 4))
    assert np.array_equal(array(layer.epilogue(flat)).ravel(), array(last(layer(x), layer)).ravel())


@pytest.mark.parametrize("name", [n for n in CASES if "channels first" not in n])
def test_the_sum_is_exact_integers_wherever_scales_factor_out(name):
    layer, x = drawn(name)
    assert layer.factored == (name not in UNFACTORED)
    if layer.factored:
        steps = array(layer.linear(x)).astype(np.float64) * 2**12
        assert np.array_equal(steps, np.round(steps))


@pytest.mark.parametrize("name", CASES)
def test_a_configuration_makes_an_equal_layer(name):
    layer, x = drawn(name)
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    again.build((None, *x.shape[1:]))
    again.set_weights(layer.get_weights())
    assert json.loads(json.dumps(again.get_config())) == config
    assert np.array_equal(array(again(x)), array(layer(x)))


@pytest.mark.parametrize("name", CASES)
def test_a_file_keeps_the_layer(name, tmp_path):
    layer, x = drawn(name)
    entry = keras.Input(x.shape[1:])
    model = keras.Model(entry, layer(entry))
    assert model.output_shape[1:] == tuple(layer(x).shape)[1:]
    model.save(tmp_path / "model.keras")
    assert np.array_equal(keras.models.load_model(tmp_path / "model.keras")(x), model(x))


GEOMETRIES = [
    (size, stride, padding, more, dilation)
    for size in (1, 2, 3, 4)
    for stride in (1, 2, 3)
    for padding in ("valid", "same")
    for dilation in ((1, 2) if stride == 1 else (1,))
    for more in (None, 0, stride - 1)
]


def test_the_spread_input_and_the_turned_kernel_give_keras_s_transposed_convolution():
    rng = np.random.default_rng(0)
    for size, stride, padding, more, dilation in GEOMETRIES:
        x, kernel = rng.normal(size=(2, 4, 3, 2)), rng.normal(size=(size, 2, 3, 2))
        try:
            layer = keras.layers.Conv2DTranspose(
                3, (size, 2), stride, padding, output_padding=more, dilation_rate=dilation, use_bias=False
            )
            layer.build(x.shape)
            layer.set_weights([kernel])
            theirs = array(layer(x.astype(np.float32)))
        except ValueError:  # Keras refuses some paddings beyond the stride
            continue
        turned = np.moveaxis(kernel[::-1, ::-1], -1, -2).astype(np.float32)
        wide = spread(ops.convert_to_tensor(x.astype(np.float32)), layer.strides, spread_pads(layer))
        ours = array(ops.conv(wide, turned, 1, "valid", dilation_rate=dilation))
        assert ours.shape == theirs.shape, (size, stride, padding, more, dilation)
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
        assert deconv_output_length(4, size, padding, more, stride, dilation) == theirs.shape[1]
    assert deconv_output_length(None, 3, "same", None, 2) is None


def test_without_quantizers_a_separable_convolution_is_keras_s():
    layer, x = drawn("separable, multiplied")
    ours = QSeparableConv2D(4, 2, depth_multiplier=2)
    plain = keras.layers.SeparableConv2D(4, 2, depth_multiplier=2)
    for other in (ours, plain):
        other.build(x.shape)
        other.set_weights(layer.get_weights())
    np.testing.assert_allclose(array(ours(x)), array(plain(x)), atol=1e-6)


def test_a_causal_convolution_looks_back_alone():
    layer, x = drawn("separable in time")
    later = x.copy()
    later[:, 5:] += 1
    assert np.array_equal(array(layer(later))[:, :5], array(layer(x))[:, :5])
    assert layer(x).shape == (4, 9, 4)


def test_groups_of_channels_do_not_meet():
    layer, x = drawn("depthwise transposed, groups")
    other = x.copy()
    other[..., 2:] += 1
    assert np.array_equal(array(layer(other))[..., :2], array(layer(x))[..., :2])
    kernel = layer.quantized_weights()["depthwise_kernel"].z
    one = np.zeros((1, 3, 4, 4), np.float32)
    one[0, 0, 0, 3] = 1
    assert np.array_equal(array(layer(one))[0, 0, 0, 2:], kernel[0, 1, 2:, 1])


def test_what_qkeras_ignores_is_ignored_with_a_warning():
    layer = QDepthwiseConv2DTranspose(3, 2)
    with pytest.warns(UserWarning, match="filters=3"):
        layer.build((None, 4, 4, 2))
    assert tuple(layer.compute_output_shape((None, 4, 4, 2))) == (None, 5, 5, 3)
    layer.set_weights([layer.get_weights()[0], np.full(3, 9.0)])
    assert array(layer(np.zeros((1, 4, 4, 2), np.float32))).max() == 0
    with pytest.warns(UserWarning, match="depth_multiplier=2"):
        QSeparableConv2DTranspose(3, 2, depth_multiplier=2)
    with pytest.warns(UserWarning, match="activation=relu"):
        QSeparableConv2DTranspose(3, 2, activation="relu")
    with pytest.warns(UserWarning, match="kernel_range"):
        QConv2DTranspose(3, 2, kernel_range=2.0)
    with pytest.raises(InvalidValue, match="groups of 2"):
        QDepthwiseConv2DTranspose(3, 2, group_size=2).build((None, 4, 4, 3))


def test_quantizers_are_listed_in_the_order_of_qkeras():
    layer, _ = drawn("separable transposed")
    assert [str(q) for q in layer.get_quantizers()][2:] == [
        "quantized_bits(4,0,1,alpha=1.0)", "quantized_relu(5,2)", "quantized_bits(6,3,1)",
    ]  # fmt: skip
    assert layer.get_prunable_weights() == [layer.depthwise_kernel, layer.pointwise_kernel, layer.bias]
    separable = QSeparableConv2D(3, 2, depthwise_quantizer="binary", pointwise_quantizer="quantized_bits(4)")
    assert [q.alpha for q in separable.get_quantizers()[:2]] == ["auto_po2", "auto_po2"]
    assert separable.get_quantization_config()["filters"] == "3"


def test_one_number_scales_and_another_shifts():
    layer = QScaleShift(FIXED, "quantized_bits(8,3,1,alpha=1)", activation="quantized_relu(6,3)")
    layer.build((None, 5))
    layer.set_weights([np.array([[0.6]]), np.array([[1.3]])])
    x = np.linspace(-3, 3, 10, dtype=np.float32).reshape(2, 5)
    assert np.array_equal(array(layer(x)), array(layer.activation(x * 0.625 + 1.3125)))
    again = QScaleShift.from_config(json.loads(json.dumps(layer.get_config())))
    assert again.get_config() == layer.get_config()
    bare = QScaleShift(use_bias=False)
    bare.build((None, 5))
    assert [tuple(w.shape) for w in bare.weights] == [(1, 1)]
    assert QScaleShift("quantized_bits(4)", "quantized_bits(4)").bias_quantizer.alpha == "auto_po2"


def adaptive(name="quantized_bits", bits=6, **more):
    return QAdaptiveActivation(name, bits, **more)


def test_integer_bits_follow_the_data_of_training_alone():
    layer, x = adaptive(ema_decay=0.5), np.array([[-2.4, 3.2], [0.3, 1.0]], np.float32)
    layer(x)
    assert array(layer.ema_max).tolist() == [0.0]
    for _ in range(8):
        layer(x, training=True)
    np.testing.assert_allclose(array(layer.ema_max), [3.2 * (1 - 0.5**8)], rtol=1e-5)
    np.testing.assert_allclose(array(layer.ema_min), [-2.4 * (1 - 0.5**8)], rtol=1e-5)
    assert array(layer.quantizer.integer).tolist() == [2]
    assert int(array(layer.step)) == 7
    assert np.array_equal(array(layer(x)), array(quantized_bits(6, 2, 1, alpha=1.0)(x)))
    assert str(layer.quantizer) == "quantized_bits(6,2,1,alpha=1.0)"


def test_each_channel_may_have_integer_bits_of_its_own():
    layer = adaptive("quantized_relu", 4, per_channel=True, ema_decay=0.0)
    x = np.array([[0.4, 1.7, 12.0], [-9.0, 0.2, 5.0]], np.float32)
    layer(x, training=True)
    assert array(layer.integer).tolist() == [0, 1, 4]
    y = array(layer(x))
    assert np.array_equal(y, np.array([[0.375, 1.75, 12.0], [0.0, 0.25, 5.0]]))
    assert layer.quantizer.grid().step == 1 / 16
    assert type(layer.quantizer).__name__ == "quantized_relu"


def test_quantization_waits_and_averages_freeze():
    layer = adaptive(quantization_delay=2, ema_freeze_delay=1, ema_decay=0.5)
    x = np.array([[0.333, -0.7]], np.float32)
    seen = []
    for _ in range(4):
        y = array(layer(x, training=True))
        seen.append((np.array_equal(y, x), float(array(layer.ema_max)[0])))
    assert [soft for soft, _ in seen] == [True, True, False, False]
    assert seen[0][1] < seen[1][1] == seen[3][1]
    assert not np.array_equal(array(layer(x)), x)


def test_the_step_may_be_the_program_s_own():
    step = keras.Variable(0, dtype="int32", trainable=False)
    layer = adaptive(current_step=step, quantization_delay=5)
    x = np.full((1, 2), 0.3, np.float32)
    assert np.array_equal(array(layer(x, training=True)), x)
    step.assign(5)
    assert not np.array_equal(array(layer(x, training=True)), x)
    assert int(array(step)) == 5


def test_an_adaptive_activation_trains_compiled_and_survives_a_file(tmp_path):
    keras.utils.set_random_seed(0)
    entry = keras.Input((6,))
    hidden = keras.layers.Dense(8)(entry)
    hidden = adaptive("quantized_relu", 5, ema_decay=0.9, relu_upper_bound=3.0)(hidden)
    model = keras.Model(entry, keras.layers.Dense(1)(hidden))
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32) * 3
    model.fit(x, x.sum(axis=1, keepdims=True), epochs=8, batch_size=16, verbose=0)
    layer = model.layers[2]
    assert int(array(layer.step)) == 31
    assert array(layer.integer)[0] >= 1
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    assert again.layers[2].get_config() == layer.get_config()
    assert array(layer(np.full((1, 8), 99.0, np.float32))).max() <= 3.0


def test_other_quantizers_are_refused_by_an_adaptive_activation():
    with pytest.raises(InvalidValue, match="quantized_tanh"):
        adaptive("quantized_tanh")


def names(model):
    return {layer.name: type(layer).__name__ for layer in model.layers if "input" not in layer.name}


@pytest.mark.parametrize("first", [False, True])
def test_a_mobile_block_is_made_of_layers_that_a_file_keeps(first, tmp_path):
    entry = keras.Input((6, 6, 2), name="input")
    block = QMobileNetSeparableConv2D(
        3, 3, strides=2, padding="same", depthwise_quantizer=FIXED, pointwise_quantizer=FIXED, activation="relu",
        depthwise_activation="quantized_relu(4)", depthwise_dropout_rate=0.1, pw_first=first, name="m",
    )  # fmt: skip
    model = keras.Model(entry, block(entry))
    order = ["m_pw", "m_dw_act", "m_dw_dropout", "m_dw"] if first else ["m_dw", "m_dw_act", "m_dw_dropout", "m_pw"]
    assert list(names(model)) == [*order, "m_pw_act"]
    model.save(tmp_path / "model.keras")
    x = np.ones((1, 6, 6, 2), np.float32)
    assert np.array_equal(keras.models.load_model(tmp_path / "model.keras")(x), model(x))


def test_an_octave_convolution_has_four_ways_between_two_resolutions():
    high, low = keras.Input((8, 8, 4), name="input_h"), keras.Input((4, 4, 4), name="input_l")
    octave = QOctaveConv2D(
        6, 3, 0.5, padding="same", name="o", depthwise_quantizer=FIXED, pointwise_quantizer=FIXED,
        acc_quantizer="quantized_bits(7,3,1)", activation="quantized_relu(4,2)",
    )  # fmt: skip
    model = keras.Model([high, low], octave([high, low]))
    assert [t.shape for t in model.outputs] == [(None, 8, 8, 3), (None, 4, 4, 3)]
    found = names(model)
    assert {n for n, kind in found.items() if kind == "QSeparableConv2D"} == {
        "o_c_h_to_h", "o_c_l_to_h", "o_c_l_to_l", "o_c_h_to_l"}  # fmt: skip
    assert {"o_avg_h_to_l", "o_u_l_to_h", "o_a_h", "o_a_l", "o_h_act_qr42", "o_c_h_to_l_act_qb731"} <= set(found)
    alone = keras.Model(high, OctaveConv2D(6, 3, 0.25, 2, "same", activation="relu", name="p")([high, None]))
    assert [t.shape for t in alone.outputs] == [(None, 4, 4, 4), (None, 2, 2, 2)]
    high_only = QOctaveConv2D(6, 3, 0.0, padding="same", use_separable=False, name="q")([high, low])
    assert high_only[0].shape == (None, 8, 8, 6)
    assert high_only[1] is None
