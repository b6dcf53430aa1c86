"""Power-of-two scales that are trained, or found with the least squared error."""

from __future__ import annotations

import numpy as np
import pytest

import bitwright as bw
from bitwright.train.door import keras, ops
from bitwright.train.quantizers import quantized_bits_learnable_po2, quantized_bits_msqe_po2

# `make test` runs everything on JAX, `make test-backends` what is marked on the others.
pytestmark = [] if keras.backend.backend() == "jax" else [pytest.mark.backend]

RNG = np.random.default_rng(8)
W = (RNG.normal(size=(40, 3)) * [0.1, 1.0, 7.0]).astype(np.float32)


def values(quantizer, x=W):
    return ops.convert_to_numpy(quantizer(x))


def scales(quantizer):
    return np.ravel(ops.convert_to_numpy(quantizer.scale))


def error(x, exponent, top):
    step = 2.0**exponent
    return float(((np.clip(np.rint(x / step), -top, top) * step - x) ** 2).sum())


def test_the_msqe_scale_has_the_least_error_of_all_powers_of_two():
    quantizer = quantized_bits_msqe_po2(4, per_channel_scale=True, use_outlier_mask_msqe_weight=False)
    found = values(quantizer)
    for channel, scale in enumerate(scales(quantizer)):
        best = min(range(-12, 8), key=lambda e, c=channel: error(W[:, c].astype(np.float64), e, 7))
        assert scale == 2.0**best
        assert np.array_equal(found[:, channel] / scale, np.clip(np.rint(W[:, channel] / scale), -7, 7))


def test_one_scale_serves_all_channels_unless_each_gets_its_own():
    shared, own = quantized_bits_msqe_po2(4), quantized_bits_msqe_po2(4, per_channel_scale=True, scale_axis=1)
    shared(W), own(W)
    assert scales(shared).shape == (1,)
    assert len(set(scales(own))) == 3


def test_without_negatives_a_relu_comes_first():
    for quantizer in (quantized_bits_msqe_po2(3, False), quantized_bits_learnable_po2(3, False)):
        found = values(quantizer)
        assert (found[W <= 0] == 0).all()
        assert found.max() / scales(quantizer)[0] <= 7


def test_a_learned_scale_starts_at_three_deviations_of_the_first_tensor_and_stays():
    quantizer = quantized_bits_learnable_po2(4, use_po2_scale_msqe_round=False)
    assert not quantizer.elementwise
    values(quantizer)
    assert scales(quantizer)[0] == 2.0 ** np.ceil(np.log2(3 * W.std() / 7))
    assert quantizer.elementwise
    values(quantizer, W * 100)
    assert scales(quantizer)[0] == 2.0 ** np.ceil(np.log2(3 * W.std() / 7))


@pytest.mark.parametrize(("ceil", "scale"), [(True, 0.5), (False, 0.25)])
def test_the_exponent_is_rounded_up_or_to_the_nearest(ceil, scale):
    quantizer = quantized_bits_learnable_po2(4, init_scale=0.3, use_po2_scale_ceil=ceil, use_po2_scale_msqe_round=False)
    values(quantizer)
    assert scales(quantizer)[0] == scale


def test_rounding_for_the_error_chooses_the_better_neighbor():
    for x, scale in ((np.array([0.25, -0.5, 1.0]), 0.25), (np.array([4.0, -3.0, 3.5]), 0.5)):
        quantizer = quantized_bits_learnable_po2(4, init_scale=0.3, use_outlier_mask_msqe_weight=False)
        values(quantizer, x.astype(np.float32))
        assert scales(quantizer)[0] == scale


def test_the_gradient_is_that_of_trained_thresholds():
    quantizer = quantized_bits_learnable_po2(3, init_scale=0.5, use_po2_scale_msqe_round=False)
    layer = bw.QActivation(quantizer)
    x = np.array([[0.6, -0.9, 9.0, -9.0]], np.float32)
    model = keras.Sequential([keras.Input((4,)), layer])
    model.compile(keras.optimizers.SGD(1.0), "mean_absolute_error")
    (exponent,) = layer.trainable_variables
    start = float(ops.convert_to_numpy(exponent))
    target = model.predict(x, verbose=0) - 1.0  # so that the loss's gradient is 1/4 everywhere
    model.fit(x, target, verbose=0)
    inner = x / 0.5
    moved = np.where(np.abs(np.rint(inner)) <= 3, np.rint(inner) - inner, np.sign(inner) * 3)
    expected = np.log(2) * 0.5 * moved.sum() / 4
    assert abs(start - float(ops.convert_to_numpy(exponent)) - expected) < 1e-5


def network(per_channel):
    entry = keras.Input((3,))
    x = bw.QDense(4, kernel_quantizer=quantized_bits_learnable_po2(4, per_channel_scale=per_channel),
                  bias_quantizer=quantized_bits_msqe_po2(6), name="first")(entry)  # fmt: skip
    few = quantized_bits_learnable_po2(4, False, per_channel_scale=per_channel, use_po2_scale_msqe_round=False)
    x = bw.QActivation(few, name="few")(x)
    stable = quantized_bits_msqe_po2(5, use_stable_scale_exponent=True)
    return keras.Model(entry, bw.QDense(2, kernel_quantizer=stable, name="last")(x))


@pytest.mark.parametrize("per_channel", [False, True])
def test_layers_track_train_and_save_the_scales_of_their_quantizers(per_channel, tmp_path):
    model = network(per_channel)
    x = RNG.normal(size=(128, 3)).astype(np.float32)
    model.compile("adam", "mse")
    model.fit(x, x[:, :2] * 2, epochs=3, verbose=0)
    kernel, _, exponent = model.get_layer("first").trainable_variables
    assert tuple(kernel.shape) == (3, 4)
    assert tuple(exponent.shape) == ((1, 4) if per_channel else ())
    assert np.abs(ops.convert_to_numpy(exponent)).max() > 0
    before = model.predict(x, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(loaded.predict(x, verbose=0), before)
    assert loaded.get_layer("few").quantizer.elementwise


def test_a_stable_exponent_is_averaged_and_used_on_request():
    quantizer = quantized_bits_msqe_po2(4, use_stable_scale_exponent=True, stable_scale_ema_decay=0.5)
    stable, switch, update = quantizer.state[0].variable.values()
    values(quantizer)
    assert float(ops.convert_to_numpy(stable)) == 0.0
    first = np.log2(scales(quantizer)[0])
    update.assign(1.0)
    values(quantizer)
    assert float(ops.convert_to_numpy(stable)) == first / 2
    switch.assign(1.0)
    values(quantizer)
    assert np.log2(scales(quantizer)[0]) == np.rint(first / 2)
