"""What goes together goes together; what costs the hardware most for what it does goes first."""

from __future__ import annotations

import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.numeric import signed_digits
from bitwright.train.door import keras
from bitwright.train.pruning import dense_weights, prunable_weights

kl = keras.layers


def dense(kernel, quantizer=None):
    """A model of one inner layer with this kernel and one more behind it."""
    kernel = np.asarray(kernel, np.float32)
    made = bw.QDense(kernel.shape[1], kernel_quantizer=quantizer, name="inner")
    model = keras.Sequential([keras.Input((kernel.shape[0],)), made, kl.Dense(2, name="outer")])
    made.kernel.assign(kernel)
    return model


def kernel_of(model, name="inner"):
    return next(one.values() for one in prunable_weights(model) if one.layer.name == name)


def test_neurons_go_as_a_whole_and_take_bias_and_normalization_with_them():
    model = keras.Sequential(
        [keras.Input((4,)), kl.Dense(6, bias_initializer="ones", name="fc"), kl.BatchNormalization(name="bn"),
         kl.ReLU(), kl.Dense(2, name="out")]
    )  # fmt: skip
    model.get_layer("bn").beta.assign(np.ones(6))
    bw.prune_now(model, 0.5, structure=bw.Neurons())
    kernel = kernel_of(model, "fc")
    gone = ~kernel.any(axis=0)
    assert gone.sum() == 3
    for variable in (model.get_layer("fc").bias, model.get_layer("bn").gamma, model.get_layer("bn").beta):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable) == 0, gone)
    assert kernel_of(model, "out").all()
    inner = keras.Model(model.inputs, model.get_layer("bn").output)
    assert not inner.predict(np.ones((3, 4)), verbose=0)[:, gone].any()


def test_a_neuron_of_a_folded_layer_takes_the_normalization_within_with_it():
    made = bw.QDenseBatchnorm(6, kernel_quantizer="quantized_bits(6,0,1)", name="folded")
    model = keras.Sequential([keras.Input((4,)), made, kl.Dense(2, name="out")])
    made.beta.assign(np.ones(6))
    pruned = bw.prune_now(model, 0.5, structure=bw.Neurons())
    gone = ~pruned.masks["folded/gamma"]
    assert gone.sum() == 3
    values = keras.ops.convert_to_numpy(made(np.ones((3, 4), np.float32)))
    np.testing.assert_array_equal(values.any(axis=0), ~gone)
    with dense_weights(model, pruned):
        assert (keras.ops.convert_to_numpy(made.beta) == 1).all()


@pytest.mark.long
def test_filters_of_every_convolution_are_neurons():
    model = keras.Sequential(
        [keras.Input((6, 6, 2)), bw.QConv2D(4, 3, name="conv"), kl.DepthwiseConv2D(2, name="depth"),
         kl.SeparableConv2D(4, 2, name="separable"), kl.Conv2DTranspose(6, 2, name="spread"),
         kl.Flatten(), kl.Dense(3, name="out")]
    )  # fmt: skip
    bw.prune_now(model, 0.5, structure=bw.Neurons())
    assert (~kernel_of(model, "conv").any(axis=(0, 1, 2))).sum() == 2
    assert (~kernel_of(model, "depth").any(axis=(0, 1))).sum() == 2
    assert (~kernel_of(model, "spread").any(axis=(0, 1, 3))).sum() == 3
    told = {one.name: (one.neurons, one.empty_neurons) for one in bw.sparsity(model).weights}
    assert told["separable/pointwise_kernel"] == (4, 2)
    assert told["spread/kernel"] == (6, 3)
    assert told["out/kernel"] == (3, 0)


def test_blocks_go_as_a_whole_and_edges_may_be_smaller():
    kernel = np.abs(np.random.default_rng(0).normal(size=(7, 5))) + 1
    kernel[0:3, 2:4] = 0.1
    kernel[6:, 4:] = 0.2
    model = dense(kernel)
    bw.prune_now(model, 7 / 35, structure=bw.Blocks((3, 2)), layers="inner")
    zero = kernel_of(model) == 0
    expected = np.zeros((7, 5), bool)
    expected[0:3, 2:4] = expected[6:, 4:] = True
    np.testing.assert_array_equal(zero, expected)


def test_n_of_every_m_stay_along_the_inputs():
    model = dense(np.random.default_rng(0).normal(size=(10, 6)))
    before = kernel_of(model)
    bw.prune_now(model, structure=bw.NofM(2, 4), layers="inner")
    kernel = kernel_of(model)
    stay = (kernel != 0).sum(axis=0)
    np.testing.assert_array_equal(stay, 2 + 2 + 2)
    for start in (0, 4):
        part, full = kernel[start : start + 4], np.abs(before[start : start + 4])
        np.testing.assert_array_equal((part != 0).sum(axis=0), 2)
        np.testing.assert_array_equal(np.sort(np.abs(part), axis=0)[2:], np.sort(full, axis=0)[2:])
    np.testing.assert_array_equal(kernel[8:], before[8:])


def test_n_of_m_runs_along_the_input_channels_of_a_convolution():
    model = keras.Sequential([keras.Input((5, 5, 4)), kl.Conv2D(3, 2, name="conv"), kl.Flatten(), kl.Dense(2)])
    bw.prune_now(model, structure=bw.NofM(1, 4), layers="conv")
    np.testing.assert_array_equal((kernel_of(model, "conv") != 0).sum(axis=2), 1)


def test_n_of_m_comes_in_steps_of_the_schedule():
    model = dense(np.random.default_rng(0).normal(size=(8, 3)))
    model.compile("sgd", "mse")
    schedule = bw.PolynomialDecay(0.25, 0.75, 0, 4, power=1.0, frequency=2)
    seen = []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if hasattr(model, "jax_state_sync"):
                model.jax_state_sync()
            seen.append((kernel_of(model) != 0).sum())

    x = np.ones((6, 8))
    prune = bw.Prune(schedule, structure=bw.NofM(1, 4), layers="inner")
    model.fit(x, x[:, :2], batch_size=1, verbose=0, callbacks=[prune, Watch()])
    assert [seen[0], seen[2], seen[4]] == [18, 12, 6]


@pytest.mark.long
def test_recurrent_kernels_and_projections_are_pruned_but_have_no_neurons():
    entry = keras.Input((4, 6))
    x = kl.Bidirectional(kl.LSTM(3, return_sequences=True), name="float")(entry)
    x = bw.QGRU(4, kernel_quantizer="quantized_bits(4,0,1)", recurrent_quantizer="quantized_bits(4,0,1)",
                return_sequences=True, name="gru")(x)  # fmt: skip
    x = bw.QMultiHeadAttention(2, 3, kernel_quantizer="quantized_bits(4,0,1)", name="attention")(x, x)
    model = keras.Model(entry, kl.Dense(2, name="out")(kl.TimeDistributed(kl.Dense(4), name="each")(x)))
    names = [one.name for one in prunable_weights(model)]
    assert len(names) == len(set(names)) == 4 + 2 + 4 + 1 + 1
    bw.prune_now(model, 0.5)
    for one in prunable_weights(model):
        assert (one.values() == 0).mean() == pytest.approx(0.5, abs=0.03)
        assert one.quantizer is not None or one.layer.name in ("float", "each", "out")
    bw.prune_now(model, structure=bw.NofM(1, 3))
    with pytest.raises(Unsupported, match=r"layer 'gru'.*several kernels"):
        bw.prune_now(model, 0.5, structure=bw.Neurons(), layers="gru")


def test_savings_take_the_dearest_weight_for_its_magnitude_first():
    # 21, 5 and 4 sixteenths: three, two and one signed digits. Alone 21/16 costs more than thrice as much for less.
    model = dense([[0.3125, 0.25], [0.65625, 0.0]], "quantized_bits(7,1,1,alpha=1)")
    one = prunable_weights(model)[0]
    np.testing.assert_array_equal(one.codes(), [[10, 8], [21, 0]])
    np.testing.assert_array_equal(bw.LutSavings()(one), [[8, 4], [12, 0]])
    bw.prune_now(model, 0.5, criterion=bw.Savings(), layers="inner")
    np.testing.assert_array_equal(kernel_of(model), np.float32([[0, 0.25], [0.65625, 0]]))


def test_the_luts_of_a_weight_are_its_signed_digits_times_half_its_inputs_width():
    kernel = np.random.default_rng(0).integers(-31, 32, size=(6, 5)) / 32
    model = dense(kernel, "quantized_bits(6,0,1,alpha=1)")
    digits = [[len(signed_digits(int(32 * v))) for v in row] for row in kernel]
    one = prunable_weights(model)[0]
    np.testing.assert_array_equal(bw.LutSavings({"inn*": 6})(one), np.array(digits) * 3)
    np.testing.assert_array_equal(bw.LutSavings(6, operands=2)(one), np.array(digits) * 6)


def test_any_callable_tells_savings():
    model = dense(np.ones((4, 4)))
    wanted = np.arange(16.0).reshape(4, 4)
    bw.prune_now(model, 0.25, criterion=bw.Savings(lambda one: wanted), layers="inner")
    np.testing.assert_array_equal(kernel_of(model) == 0, wanted >= 12)
    with pytest.raises(InvalidValue, match="layer 'inner'"):
        bw.prune_now(model, 0.25, criterion=bw.Savings(lambda one: np.ones(3)), layers="inner")


def test_savings_lose_less_magnitude_for_as_many_digits():
    """Hardware-aware pruning keeps more of the weights' magnitude than magnitude does, at the same digits left."""
    kernel = np.random.default_rng(2).normal(size=(40, 30)) * 0.2
    left: dict[str, list[tuple[float, float]]] = {}
    for name, criterion in (("magnitude", bw.Magnitude()), ("savings", bw.Savings())):
        for share in np.linspace(0.0, 0.9, 19):
            model = dense(kernel, "quantized_bits(8,0,1,alpha=1)")
            bw.prune_now(model, float(share), criterion=criterion, layers="inner")
            one = prunable_weights(model)[0]
            point = float(bw.LutSavings()(one).sum()), float(np.abs(one.quantized()).sum())
            left.setdefault(name, []).append(point)
    luts, kept = np.array(left["magnitude"])[::-1].T
    for cost, magnitude in left["savings"][2:-1]:
        assert magnitude >= np.interp(cost, luts, kept) - 1e-6


@pytest.mark.parametrize("made", [lambda: bw.NofM(4, 4), lambda: bw.NofM(0, 4), lambda: bw.Blocks((0, 2))])
def test_shapes_are_checked(made):
    with pytest.raises(InvalidValue):
        made()
