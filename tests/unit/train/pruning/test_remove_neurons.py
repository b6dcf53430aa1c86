"""`remove_neurons`: fewer neurons, the same outputs bit for bit."""

from __future__ import annotations

import numpy as np
import pytest

import bitwright as bw
from bitwright.train.door import keras

kl = keras.layers
BITS = "quantized_bits(6,1,1,alpha=1)"


def dense(units, name, **options):
    return bw.QDense(units, kernel_quantizer=BITS, bias_quantizer=BITS, name=name, **options)


def random_weights(model, seed=0):
    draws = np.random.default_rng(seed)
    model.set_weights([np.abs(draws.normal(size=w.shape)) + 0.1 if "var" in v.name else draws.normal(size=w.shape)
                       for v, w in zip(model.weights, model.get_weights(), strict=True)])  # fmt: skip


def assert_same(before, after, shape):
    x = (np.random.default_rng(5).integers(-32, 33, size=(50, *shape)) / 16).astype(np.float32)
    told = [keras.ops.convert_to_numpy(model(x, training=False)) for model in (before, after)]
    np.testing.assert_array_equal(*told)
    assert told[0].any()


def sizes(model):
    return {layer.name: layer.kernel.shape[-1] for layer in model.layers if hasattr(layer, "kernel")}


def mlp(**norm):
    layers = [keras.Input((8,)), dense(12, "one"), bw.QActivation("quantized_relu(6,3)"), dense(10, "two")]
    layers += [kl.BatchNormalization(**norm), bw.QActivation("quantized_relu(6,3)"), dense(4, "three")]
    model = keras.Sequential(layers)
    random_weights(model)
    return model


def test_pruned_neurons_are_removed_and_the_outputs_stay_the_same():
    model = mlp()
    bw.prune_now(model, 0.5, structure=bw.Neurons())
    smaller = bw.remove_neurons(model)
    assert sizes(smaller) == {"one": 6, "two": 5, "three": 4}
    assert smaller.count_params() < model.count_params() / 2
    assert_same(model, smaller, (8,))
    assert sizes(model) == {"one": 12, "two": 10, "three": 4}


def test_neurons_that_nobody_reads_go_and_those_before_them_too():
    model = mlp()
    kernel = model.get_layer("three").kernel
    kernel.assign(np.array(kernel) * (np.arange(10) < 3)[:, None])
    two = model.get_layer("two").kernel
    values = np.array(two)
    values[:4, :3] = 0
    two.assign(values)
    smaller = bw.remove_neurons(model)
    assert sizes(smaller) == {"one": 8, "two": 3, "three": 4}
    assert_same(model, smaller, (8,))


@pytest.mark.long
def test_a_neuron_that_leaves_a_constant_behind_stays():
    model = mlp()
    bw.prune_now(model, 0.5, structure=bw.Neurons(bias=False))
    assert [one.empty_neurons for one in bw.sparsity(model).weights[:2]] == [6, 5]
    smaller = bw.remove_neurons(model)
    # A bias below 0 ends at the ReLU: such neurons go.
    constant = (np.array(model.get_layer("one").bias) > 0.03) & (np.array(model.get_layer("one").kernel) == 0).all(0)
    assert sizes(smaller)["one"] == 6 + constant.sum() > 6
    assert_same(model, smaller, (8,))


@pytest.mark.long
def test_filters_are_removed_through_pooling_and_flattening():
    def conv(filters, name):
        return bw.QConv2D(filters, 3, kernel_quantizer=BITS, bias_quantizer=BITS, name=name)

    entry = keras.Input((8, 8, 2))
    x = kl.MaxPooling2D(2)(bw.QActivation("quantized_relu(6,3)")(conv(6, "one")(entry)))
    x = bw.QActivation("quantized_relu(6,3)")(conv(4, "two")(kl.ZeroPadding2D(1)(x)))
    model = keras.Model(entry, dense(3, "out")(kl.Dropout(0.5)(kl.Flatten()(x))))
    random_weights(model)
    bw.prune_now(model, 0.5, structure=bw.Neurons())
    smaller = bw.remove_neurons(model)
    assert sizes(smaller) == {"one": 3, "two": 2, "out": 3}
    assert_same(model, smaller, (8, 8, 2))


def test_channels_that_meet_others_stay():
    entry = keras.Input((4,))
    x = kl.ReLU()(dense(6, "one")(entry))
    y = kl.ReLU()(dense(6, "two")(entry))
    model = keras.Model(entry, dense(2, "out")(kl.Add()([x, y])))
    random_weights(model)
    bw.prune_now(model, 0.5, structure=bw.Neurons())
    assert sizes(bw.remove_neurons(model)) == sizes(model)


@pytest.mark.long
@pytest.mark.parametrize("alpha", ["'auto'", "'auto_po2'"])
def test_a_scale_that_the_layer_finds_itself_does_not_change(alpha):
    kernel = f"quantized_bits(4,0,1,alpha={alpha})"
    layers = [bw.QDense(units, kernel_quantizer=kernel, name=name) for units, name in ((16, "one"), (3, "out"))]
    model = keras.Sequential([keras.Input((8,)), layers[0], bw.QActivation("quantized_relu(6,3)"), layers[1]])
    random_weights(model)
    bw.prune_now(model, 0.5, structure=bw.Neurons())
    assert_same(model, bw.remove_neurons(model), (8,))


def test_models_without_anything_to_remove_are_copied():
    model = mlp(scale=False)
    assert_same(model, bw.remove_neurons(model), (8,))


def test_what_is_left_is_never_nothing():
    model = mlp()
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.get_layer("three").bias.assign(np.ones(4))
    smaller = bw.remove_neurons(model)
    assert sizes(smaller) == {"one": 1, "two": 1, "three": 4}
    assert_same(model, smaller, (8,))
