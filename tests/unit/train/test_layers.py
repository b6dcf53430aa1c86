"""What each quantized layer promises: exact sums, epilogues, configurations, training."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest

from bitwright.core.errors import InvalidModel, InvalidValue
from bitwright.layers import (
    Clip,
    QActivation,
    QAveragePooling2D,
    QBatchNormalization,
    QConv1D,
    QConv2D,
    QDense,
    QDepthwiseConv2D,
    QGlobalAveragePooling2D,
    QInitializer,
)
from bitwright.quantizers import binary, quantized_bits, quantized_relu, ternary
from bitwright.train.door import keras, ops

AUTO = "quantized_bits(4,0,1,alpha='auto')"
CASES = {
    "dense": (QDense(5, "quantized_relu(4,2)", kernel_quantizer=AUTO, bias_quantizer="quantized_bits(6,1)"), (7,)),
    "dense on images": (QDense(5, kernel_quantizer="ternary(alpha='auto')"), (3, 3, 2)),
    "dense in float": (QDense(5), (7,)),
    "dense, one scale": (QDense(5, kernel_quantizer=quantized_bits(4, 0, alpha=0.3)), (7,)),
    "dense, one scale per input": (QDense(5, kernel_quantizer=quantized_bits(4, alpha="auto", scale_axis=0)), (7,)),
    "conv1d": (QConv1D(4, 3, padding="causal", dilation_rate=2, kernel_quantizer="binary(alpha='auto')"), (9, 2)),
    "conv2d": (QConv2D(4, (2, 3), 2, "same", activation="quantized_tanh(4)", kernel_quantizer=AUTO), (6, 7, 3)),
    "conv2d, groups": (QConv2D(4, 3, groups=2, kernel_quantizer=AUTO, use_bias=False), (6, 6, 4)),
    "conv2d, mask": (QConv2D(4, 2, kernel_quantizer="binary(alpha=1)", mask=[[1, 0], [0, 1]]), (6, 6, 2)),
    "conv2d, channels first": (QConv2D(4, 2, data_format="channels_first", kernel_quantizer=AUTO), (2, 6, 6)),
    "depthwise": (QDepthwiseConv2D(3, depth_multiplier=2, depthwise_quantizer=AUTO), (6, 6, 3)),
    "depthwise, a scale per channel": (
        QDepthwiseConv2D(2, depthwise_quantizer=quantized_bits(4, alpha="auto", scale_axis=2)), (6, 6, 3)),
    "average": (QAveragePooling2D(3, average_quantizer="quantized_bits(6,0,alpha=1)"), (6, 7, 3)),
    "average, same": (QAveragePooling2D(3, 2, "same", activation="quantized_relu(5,1)"), (6, 7, 3)),
    "average, channels first": (QAveragePooling2D((2, 3), data_format="channels_first"), (3, 6, 7)),
    "global average": (QGlobalAveragePooling2D(average_quantizer=AUTO, activation="quantized_relu(5,1)"), (5, 6, 3)),
    "global average, kept": (QGlobalAveragePooling2D(keepdims=True), (5, 6, 3)),
}  # fmt: skip
UNFACTORED = {"dense, one scale per input", "average, same"}


def drawn(name):
    layer, shape = CASES[name]
    layer = type(layer).from_config(layer.get_config())
    layer.build((None, *shape))
    draws = np.random.default_rng(len(name))
    layer.set_weights([draws.normal(size=w.shape) * 0.4 for w in layer.get_weights()])
    x = draws.integers(-8, 8, size=(4, *shape)).astype(np.float32) / 8
    return layer, x


def array(tensor):
    return np.asarray(ops.convert_to_numpy(tensor))


def last(tensor, layer):
    first = getattr(layer, "data_format", None) == "channels_first" and len(tensor.shape) == 4
    return ops.moveaxis(tensor, 1, -1) if first else tensor


@pytest.mark.parametrize("name", CASES)
def test_the_output_is_the_epilogue_of_the_sum(name):
    layer, x = drawn(name)
    assert np.array_equal(array(last(layer(x), layer)), array(layer.epilogue(last(layer.linear(x), layer))))
    # The epilogue knows channels alone: any leading shape will do.
    flat = ops.reshape(last(layer.linear(x), layer), (-1, layer(x).shape[1 if "first" in name else -1]))
    assert np.array_equal(array(layer.epilogue(flat)).ravel(), array(last(layer(x), layer)).ravel())


@pytest.mark.parametrize("name", CASES)
def test_the_sum_is_exact_integers_wherever_scales_factor_out(name):
    layer, x = drawn(name)
    assert layer.factored == (name not in UNFACTORED)
    if layer.factored and "float" not in name:
        steps = array(layer.linear(x)).astype(np.float64) * 2**12
        assert np.array_equal(steps, np.round(steps))


@pytest.mark.parametrize("name", [n for n in CASES if hasattr(CASES[n][0], "kernel_quantizer")])
def test_the_kernel_that_is_read_is_the_kernel_that_is_used(name):
    layer, x = drawn(name)
    weights = layer.quantized_weights()
    kernel = weights["kernel"]
    assert ("bias" in weights) == layer.use_bias
    used = kernel.z if kernel.scale is None else kernel.z * kernel.scale
    expected = layer.kernel_quantizer(layer.kernel) if layer.kernel_quantizer else layer.kernel
    mask = getattr(layer, "mask", None)
    expected = array(expected) * (1 if mask is None else mask[:, :, None, None])
    assert np.array_equal(used.astype(np.float32), expected)
    if name == "dense":
        total = x.astype(np.float64) @ kernel.z.astype(np.float64)
        assert np.array_equal(array(layer.linear(x)), total)


@pytest.mark.parametrize("name", CASES)
def test_a_configuration_makes_an_equal_layer(name):
    layer, x = drawn(name)
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    again.build((None, *x.shape[1:]))
    again.set_weights(layer.get_weights())
    assert json.loads(json.dumps(again.get_config())) == config
    assert np.array_equal(array(again(x)), array(layer(x)))


def test_weights_are_never_left_quantized():
    layer, x = drawn("dense")
    before = [w.copy() for w in layer.get_weights()]
    layer(x)
    assert isinstance(layer.kernel, keras.Variable)
    assert layer.use_bias
    assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True))


def test_weights_are_themselves_again_after_a_call_that_failed():
    layer, _ = drawn("conv2d")
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the backend raises
        layer.linear(np.ones((1, 2), np.float32))
    assert isinstance(layer.kernel, keras.Variable)
    assert layer.use_bias


def test_qkeras_programs_find_the_attributes_they_read():
    layer = QDense(
        3, activation="quantized_relu(4)", kernel_quantizer=quantized_bits(4), bias_quantizer=binary(alpha=1)
    )
    assert layer.kernel_quantizer_internal.alpha == "auto_po2"
    assert layer.kernel_quantizer_internal.symmetric == 1
    assert layer.get_quantizers() == [layer.kernel_quantizer_internal, layer.bias_quantizer_internal]
    assert layer.get_quantization_config() == {
        "kernel_quantizer": "quantized_bits(4,0,1,alpha='auto_po2')",
        "bias_quantizer": "binary(alpha=1.0)",
        "activation": "quantized_relu(4,0)",
        "units": "3",
    }
    assert QActivation("quantized_relu(4)").quantizer.bits == 4
    layer.build((None, 2))
    assert layer.get_prunable_weights() == [layer.kernel]


def test_a_quantizer_shared_with_an_activation_is_not_changed_by_the_kernel():
    shared = quantized_bits(4)
    QDense(3, kernel_quantizer=shared)
    assert shared.alpha is None


def test_alpha_one_keeps_a_kernel_in_plain_fixed_point():
    assert QDense(3, kernel_quantizer=quantized_bits(4, alpha=1)).kernel_quantizer.grid() is not None
    assert QDense(3, bias_quantizer=quantized_bits(4)).bias_quantizer.alpha is None
    assert QActivation(quantized_bits(4)).quantizer.alpha is None


def test_weights_stay_within_their_quantizers_range():
    layer = QDense(3, kernel_quantizer=quantized_bits(4, 1, alpha=1), kernel_constraint="non_neg")
    assert isinstance(layer.kernel_constraint, Clip)
    assert array(layer.kernel_constraint(np.array([-3.0, 0.5, 3.0], np.float32))).tolist() == [0.0, 0.5, 2.0]
    again = keras.constraints.deserialize(keras.constraints.serialize(layer.kernel_constraint))
    assert again.get_config() == layer.kernel_constraint.get_config()


def test_initial_weights_are_widened_where_all_would_round_to_zero():
    keras.utils.set_random_seed(1)
    layer = QDense(8, kernel_quantizer=quantized_bits(2, 0, alpha=1))
    assert isinstance(layer.kernel_initializer, QInitializer)
    layer.build((None, 4096))
    plain = keras.initializers.HeNormal(seed=1)((4096, 8))
    assert float(ops.std(layer.kernel)) > 2 * float(ops.std(plain))
    assert float(ops.max(ops.abs(layer.kernel))) <= 1.0


def test_batch_normalization_with_quantized_parameters_computes_its_formula():
    layer = QBatchNormalization()
    layer.build((None, 3))
    draws = np.random.default_rng(0)
    gamma, beta, mean, variance = draws.uniform(0.3, 2, size=(4, 3)).astype(np.float32)
    layer.set_weights([gamma, beta, mean, variance])
    x = draws.normal(size=(5, 3)).astype(np.float32)
    g, b, m, v = (array(q(w)) for q, w in zip(layer.get_quantizers()[:4], (gamma, beta, mean, variance), strict=True))
    np.testing.assert_allclose(array(layer(x)), (x - m) * g / np.sqrt(v + 1e-3) + b, rtol=1e-5, atol=1e-5)
    assert all(np.log2(abs(p)).is_integer() for p in (*g, *b, *m, *v))


def test_batch_normalization_follows_its_batches_in_training():
    layer = QBatchNormalization(momentum=0.5, **dict.fromkeys(
        ["beta_quantizer", "gamma_quantizer", "mean_quantizer", "variance_quantizer"]))  # fmt: skip
    plain = keras.layers.BatchNormalization(momentum=0.5)
    x = np.random.default_rng(0).normal(2, 3, size=(64, 3)).astype(np.float32)
    np.testing.assert_allclose(array(layer(x, training=True)), array(plain(x, training=True)), atol=1e-5)
    for ours, theirs in zip(layer.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_quantizing_a_part_and_the_whole_of_the_inverse_is_refused():
    with pytest.raises(InvalidValue, match="twice"):
        QBatchNormalization(inverse_quantizer="quantized_bits(8,3)")


def test_a_global_average_needs_a_known_area_for_its_epilogue():
    layer = QGlobalAveragePooling2D()
    layer.build((None, None, None, 3))
    with pytest.raises(InvalidModel, match="image size"):
        layer.epilogue(np.ones(3, np.float32))
    assert array(layer(np.ones((1, 2, 2, 3), np.float32))).tolist() == [[1.0, 1.0, 1.0]]


def test_a_network_of_all_layers_trains():
    keras.utils.set_random_seed(0)
    entry = keras.Input((8, 8, 2))
    x = QActivation("quantized_relu(4,0)")(entry)
    x = QConv2D(4, 3, kernel_quantizer=ternary(), bias_quantizer="quantized_bits(6,1,1)")(x)
    x = QBatchNormalization()(x)
    x = QActivation(quantized_relu(4, 2, use_stochastic_rounding=True))(x)
    x = QDepthwiseConv2D(2, depthwise_quantizer="quantized_bits(4,0,alpha=1)", activation="quantized_relu(4,2)")(x)
    x = QAveragePooling2D(2, average_quantizer="quantized_bits(6,0,1)")(x)
    x = QDense(2, kernel_quantizer="quantized_bits(4,0,use_stochastic_rounding=True)")(keras.layers.Flatten()(x))
    model = keras.Model(entry, keras.layers.Softmax()(x))
    draws = np.random.default_rng(0)
    images = draws.uniform(size=(512, 8, 8, 2)).astype(np.float32)
    labels = (images[..., 0].mean(axis=(1, 2)) > images[..., 1].mean(axis=(1, 2))).astype(np.int64)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(images, labels, epochs=12, batch_size=64, verbose=0).history
    assert history["loss"][-1] < 0.9 * history["loss"][0]
    assert history["accuracy"][-1] > 0.6


def test_quantization_noise_held_in_a_variable_acts_in_a_compiled_model_and_is_saved(tmp_path):
    noisy = quantized_relu(2, 1, qnoise_factor=0.0, use_variables=True)
    entry = keras.Input((3,))
    x = QDense(2, kernel_quantizer=quantized_bits(2, alpha=1, qnoise_factor=0.0, use_variables=True))(entry)
    model = keras.Model(entry, QActivation(noisy)(x))
    data = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    soft = model.predict(data, verbose=0)
    for layer in model.layers[1:]:
        (layer.quantizer if hasattr(layer, "quantizer") else layer.kernel_quantizer).update_qnoise_factor(1.0)
    hard = model.predict(data, verbose=0)
    assert not np.array_equal(soft, hard)
    assert set(np.unique(hard)) <= {0.0, 0.5, 1.0, 1.5}
    model.save(tmp_path / "noisy.keras")
    assert np.array_equal(keras.models.load_model(tmp_path / "noisy.keras").predict(data, verbose=0), hard)


def test_saved_models_name_stable_modules_and_plain_layers_may_use_our_quantizers(tmp_path):
    entry = keras.Input((3,))
    x = keras.layers.Dense(4, activation=quantized_relu(3, 1))(QActivation(binary())(entry))
    x = QDense(2, "hard_sigmoid", kernel_quantizer=ternary(alpha=1))(x)
    model = keras.Model(entry, x)
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        text = archive.read("config.json").decode()
    assert "bitwright.layers" in text
    assert "bitwright.quantizers" in text
    assert "bitwright.train" not in text
    data = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    again = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(again.predict(data, verbose=0), model.predict(data, verbose=0))
    assert again.layers[2].activation.get_config() == quantized_relu(3, 1).get_config()


@pytest.mark.parametrize("alpha", ["auto", "auto_po2", 1.0, 0.3])
@pytest.mark.parametrize("kind", [quantized_bits, ternary, binary])
def test_compiled_and_eager_evaluation_quantize_weights_to_the_same_bits(kind, alpha):
    options = {"bits": 4} if kind is quantized_bits else {}
    layer = QDense(7, kernel_quantizer=kind(alpha=alpha, **options), use_bias=False)
    model = keras.Sequential([keras.Input((33,)), layer])
    layer.set_weights([np.random.default_rng(2).normal(size=(33, 7)) * 0.3])
    kernel = layer.quantized_weights()["kernel"]
    used = kernel.z if kernel.scale is None else kernel.z * kernel.scale
    assert np.array_equal(model.predict(np.eye(33, dtype=np.float32), verbose=0), used)


def test_arguments_may_be_given_in_the_order_of_qkeras():
    two = QConv2D(4, 3, 2, "same", "channels_last", 1, "quantized_relu(4)", False)
    assert (two.strides, two.padding, two.use_bias, str(two.activation)) == (
        (2, 2),
        "same",
        False,
        "quantized_relu(4,0)",
    )
    one = QConv1D(4, 3, 1, "causal", 2, "quantized_relu(4)", False)
    assert (one.padding, one.dilation_rate, one.use_bias) == ("causal", (2,), False)
    deep = QDepthwiseConv2D(3, 2, "SAME", 2, "channels_last", "quantized_relu(4)", False)
    assert (deep.padding, deep.depth_multiplier, deep.use_bias) == ("same", 2, False)
    with pytest.warns(UserWarning, match="activation=relu"):
        norm = QBatchNormalization([1], 0.9, 0.1, True, False, "relu", "ones")
    assert (norm.axis, norm.momentum, norm.epsilon, norm.scale) == (1, 0.9, 0.1, False)
    assert isinstance(norm.beta_initializer, keras.initializers.Ones)


def test_ranges_of_old_programs_are_ignored_with_a_warning():
    with pytest.warns(UserWarning, match="bias_range is ignored"):
        layer = QDense(3, bias_quantizer="quantized_bits(4)", bias_range=2.0)
    assert QDense(3, kernel_range=None).quantizers == [None, None]
    assert layer.quantizers == layer.get_quantizers()
