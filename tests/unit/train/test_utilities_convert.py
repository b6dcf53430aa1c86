"""model_quantize beyond what the oracles hold: nesting, sharing, folding, custom objects, bad dictionaries."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from bitwright import layers as bl
from bitwright.core.errors import ConfigError, ParseError, Unsupported
from bitwright.quantizers import quantized_bits
from bitwright.train.door import keras
from bitwright.train.rewrite import every_layer, rebuilt, same
from bitwright.train.utilities.dictionary import get_config, model_quantize, quantize_activation
from bitwright.train.utilities.folding import (
    convert_folded_layer_to_unfolded,
    convert_to_folded_model,
    foldable,
    unfold_model,
)

kl = keras.layers
KERNEL = {"kernel_quantizer": "quantized_bits(8,2,alpha=1)", "bias_quantizer": "quantized_bits(8,2)"}
DENSE = {"QDense": KERNEL}


def drawn(model, seed=0):
    draws = np.random.default_rng(seed)
    for weight in model.weights:
        positive = "variance" in weight.path or "gamma" in weight.path
        weight.assign(draws.normal(size=weight.shape) * 0.3 + positive)
    return model


def nested():
    inner = keras.Sequential([keras.Input((6,)), kl.Dense(6, activation="relu", name="in1")], name="inner")
    x = entry = keras.Input((6,), name="input")
    shared = kl.Dense(6, name="shared")
    x = shared(inner(shared(x)))
    return drawn(keras.Model(entry, inner(x), name="outer"))


def convolutional():
    x = entry = keras.Input((8, 8, 2), name="input")
    x = kl.BatchNormalization(name="b1", momentum=0.7, epsilon=0.01)(kl.Conv2D(3, 2, name="c1")(x))
    x = kl.DepthwiseConv2D(2, name="d1", use_bias=False)(kl.Activation("relu", name="r1")(x))
    y = kl.Conv2D(3, 2, name="c2")(kl.BatchNormalization(name="b2", scale=False)(x))
    x = kl.Add(name="add")([kl.BatchNormalization(name="b3")(y), kl.Activation("tanh", name="t")(y)])
    x = kl.BatchNormalization(name="b4")(kl.Conv2D(2, 1, activation="relu", name="c4")(x))
    x = kl.BatchNormalization(name="b5")(kl.Dense(3, name="fc")(kl.Flatten(name="f")(x)))
    return drawn(keras.Model(entry, x, name="cnn"))


def values(x):
    return np.asarray(keras.ops.convert_to_numpy(x))


def test_nested_models_are_converted_and_shared_layers_stay_shared():
    model = nested()
    twin = model_quantize(model, DENSE, 4, transfer_weights=True)
    assert [type(w) for w in every_layer(twin)] == [kl.InputLayer, bl.QDense, bl.QDense]
    assert len(twin.weights) == len(model.weights) == 4
    inner = twin.get_layer("inner")
    assert isinstance(inner, keras.Sequential)
    assert str(inner.layers[0].activation) == "quantized_relu(4,0)"
    x = np.random.default_rng(1).uniform(size=(4, 6)).astype("f")
    by_hand, shared = x, twin.get_layer("shared")
    for layer in (shared, inner, shared, inner):
        by_hand = layer(by_hand)
    assert np.allclose(values(twin(x)), values(by_hand), atol=1e-6)
    for ours, theirs in zip(twin.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("start", [[], [keras.Input((4,))]])
def test_a_sequential_model_stays_sequential_whether_built_or_not(start):
    model = keras.Sequential([*start, kl.Dense(3, activation="sigmoid", name="d")])
    twin = model_quantize(model, DENSE, 5, transfer_weights=True)
    assert isinstance(twin, keras.Sequential)
    assert str(twin.layers[0].activation) == "quantized_sigmoid(5)"
    assert twin(np.zeros((2, 4), "f")).shape == (2, 3)


def test_operations_between_layers_and_layers_of_other_people_are_kept():
    x = entry = keras.Input((4,))
    x = kl.Dense(4, name="d")(x) * 3.0 + 1.0
    model = drawn(keras.Model(entry, kl.Rescaling(0.5)(x)))
    twin = rebuilt(model, same).carry_weights()
    data = np.random.default_rng(0).normal(size=(5, 4)).astype("f")
    assert np.array_equal(values(twin(data)), values(model(data)))


def test_functions_in_lambda_layers_are_taken_along():
    entry = keras.Input((4,))
    times = kl.Lambda(lambda x, by: x * by, arguments={"by": 2})
    model = drawn(keras.Model(entry, times(kl.Dense(3, name="d")(entry))))
    data = np.ones((2, 4), "f")
    assert np.array_equal(values(rebuilt(model, same).carry_weights()(data)), values(model(data)))


def test_a_layer_that_cannot_be_copied_is_named():
    class Scale(kl.Layer):
        def __init__(self, by, **kwargs):
            super().__init__(**kwargs)
            self.by = by

        def call(self, x):
            return x * self.by

        def get_config(self):
            return {"name": self.name}

    entry = keras.Input((4,))
    with pytest.raises(Unsupported, match=r"layer 'times': Scale cannot be copied"):
        rebuilt(keras.Model(entry, Scale(3, name="times")(entry)), same)


def test_inputs_and_outputs_keep_their_names_and_structure():
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    total = kl.Dense(2, name="d")(kl.Add(name="sum")([a, b]))
    twin = model_quantize(keras.Model({"a": a, "b": b}, {"s": total, "t": kl.Dense(1, name="e")(a)}), DENSE, 4)
    found = twin.predict({"a": np.ones((1, 4)), "b": np.ones((1, 4))}, verbose=0)
    assert {name: y.shape for name, y in found.items()} == {"s": (1, 2), "t": (1, 1)}


def test_a_compiled_model_with_a_loss_of_its_own_is_converted():
    model = nested()
    model.compile("sgd", loss=lambda y, p: keras.ops.mean((y - p) ** 2))
    assert isinstance(model_quantize(model, DENSE, 4).get_layer("shared"), bl.QDense)


def test_a_name_replaces_the_whole_entry_of_its_class():
    twin = model_quantize(nested(), {**DENSE, "shared": {"kernel_quantizer": "ternary"}, "in1": {}}, 4)
    assert [str(q) for q in twin.get_layer("shared").get_quantizers()] == ["ternary(alpha='auto_po2')", "None"]
    assert type(twin.get_layer("inner").layers[0]) is kl.Dense


def test_activation_layers_follow_their_dictionary():
    x = entry = keras.Input((4,))
    for layer in (kl.ReLU(name="r"), kl.LeakyReLU(name="l"), kl.Activation("tanh", name="t"),
                  kl.Activation("relu", name="a"), kl.Activation("softmax", name="s")):  # fmt: skip
        x = layer(x)
    model = keras.Model(entry, x)
    rules = {"QActivation": {"relu": "quantized_relu(3)", "leakyrelu": "quantized_bits(4)"}, "t": "quantized_tanh(6)"}
    twin = model_quantize(model, rules, 4)
    assert [str(w.quantizer) for w in twin.layers if isinstance(w, bl.QActivation)] == [
        "quantized_relu(3,0)", "quantized_bits(4,0,0)", "quantized_tanh(6)", "quantized_relu(3,0)",
    ]  # fmt: skip
    assert type(twin.get_layer("s")) is kl.Activation


@pytest.mark.filterwarnings("ignore")
def test_adaptive_activations_win_when_preferred():
    model = keras.Sequential([keras.Input((4,)), kl.Activation("relu", name="a")])
    rules = {"QActivation": {"relu": "quantized_relu(5)"}, "QAdaptiveActivation": {"relu": "quantized_relu(3)"}}
    assert type(model_quantize(model, rules, 4).layers[0]) is bl.QActivation
    adaptive = model_quantize(model, rules, 4, prefer_qadaptiveactivation=True).layers[0]
    assert type(adaptive) is bl.QAdaptiveActivation
    assert adaptive.total_bits == 3
    only = model_quantize(model, {"a": "quantized_relu(6)"}, 4, prefer_qadaptiveactivation=True).layers[0]
    assert type(only) is bl.QAdaptiveActivation
    with pytest.raises(ConfigError, match="layer 'a': ternary"):
        model_quantize(model, {"QAdaptiveActivation": {"relu": "ternary"}}, 4)


def test_only_what_its_batch_normalization_alone_reads_folds():
    model = convolutional()
    assert [pair[0].name for pair in foldable(model).values()] == ["c1", "d1"]
    folded, names = convert_to_folded_model(model)
    assert names == ["c1", "d1"]
    assert {"b1", "b2"}.isdisjoint(layer.name for layer in folded.layers)
    assert np.array_equal(folded.get_layer("c1").get_weights()[0], model.get_layer("c1").get_weights()[0])


def test_folding_takes_the_normalization_along_with_its_weights_and_settings():
    model = convolutional()
    rules = {"QConv2DBatchnorm": {**KERNEL, "folding_mode": "batch_stats_folding"},
             "QDepthwiseConv2D": {"depthwise_quantizer": "quantized_bits(12,3,alpha=1)"}}  # fmt: skip
    twin = model_quantize(model, rules, 4, enable_bn_folding=True, transfer_weights=True)
    c1, d1 = twin.get_layer("c1"), twin.get_layer("d1")
    assert type(c1) is bl.QConv2DBatchnorm
    assert type(d1) is bl.QDepthwiseConv2DBatchnorm
    assert (c1.momentum, c1.epsilon, str(c1.folding_mode)) == (0.7, 0.01, "batch_stats_folding")
    assert not d1.scale
    b1 = dict(zip(("gamma", "beta", "mean", "variance"), model.get_layer("b1").get_weights(), strict=True))
    inverse = b1["gamma"] / np.sqrt(b1["variance"] + 0.01)
    kernel, bias = model.get_layer("c1").get_weights()
    found = [values(w) for w in c1.get_folded_weights()]
    assert np.allclose(found[0], kernel * inverse, rtol=1e-5)
    assert np.allclose(found[1], (bias - b1["mean"]) * inverse + b1["beta"], rtol=1e-4, atol=1e-6)


def test_a_layer_without_a_kernel_quantizer_keeps_its_batch_normalization():
    twin = model_quantize(convolutional(), {"QConv2D": KERNEL}, 4, enable_bn_folding=True)
    assert type(twin.get_layer("c1")) is bl.QConv2DBatchnorm
    assert type(twin.get_layer("d1")) is kl.DepthwiseConv2D
    assert type(twin.get_layer("b2")) is kl.BatchNormalization


def test_unfolding_keeps_every_output_bit():
    rules = {"QConv2D": KERNEL, "QDepthwiseConv2D": {"depthwise_quantizer": "quantized_po2(5)"}}
    twin = model_quantize(convolutional(), rules, 4, enable_bn_folding=True, transfer_weights=True)
    plain = unfold_model(twin)
    assert type(plain.get_layer("c1")) is bl.QConv2D
    assert plain.get_layer("d1").use_bias
    x = np.random.default_rng(3).normal(size=(4, 8, 8, 2)).astype("f")
    assert np.array_equal(plain.predict(x, verbose=0), twin.predict(x, verbose=0))
    with pytest.raises(ValueError, match="layer 'fc': Dense is no folded layer"):
        convert_folded_layer_to_unfolded(twin.get_layer("fc"))


def test_quantizers_of_ones_own_are_found_by_name():
    class three_levels(quantized_bits):
        pass

    objects = {"three_levels": three_levels, "half": lambda x: x / 2}
    rules = {"QDense": {"kernel_quantizer": "three_levels(3,1,alpha=1)", "activation_quantizer": "half"}}
    layer = model_quantize(nested(), rules, 4, custom_objects=objects).get_layer("shared")
    assert type(layer.kernel_quantizer) is three_levels
    assert layer.kernel_quantizer.bits == 3
    assert layer.activation is objects["half"]


@pytest.mark.parametrize(
    ("entry", "error", "message"),
    [
        ({"kernelquantizer": "ternary"}, ConfigError, "layer 'shared': Dense has no setting 'kernelquantizer'"),
        ({"depthwise_quantizer": "ternary"}, ConfigError, "layer 'shared': Dense has no setting"),
        ({"kernel_quantizer": "ternery"}, ParseError, "layer 'shared': there is no quantizer 'ternery'"),
        ({"kernel_quantizer": "ternary(1,"}, ParseError, "layer 'shared': cannot read"),
        ("ternary", ConfigError, "layer 'shared': its entry 'ternary' is no dictionary"),
    ],
)
def test_a_bad_entry_names_the_layer_and_what_was_meant(entry, error, message):
    with pytest.raises(error) as caught:
        model_quantize(nested(), {"shared": entry}, 4)
    assert message in str(caught.value)
    assert "try:" in str(caught.value)


def test_entries_that_nothing_matches_are_ignored_with_a_warning():
    with pytest.warns(UserWarning, match="'shaerd' is no layer of 'outer' and no class; did you mean 'shared'"):
        model_quantize(nested(), {**DENSE, "shaerd": KERNEL}, 4)
    with pytest.warns(UserWarning, match="QSeparableConv2D.*use bw.quantize"):
        model_quantize(nested(), {"QSeparableConv2D": KERNEL}, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model_quantize(nested(), {**DENSE, "QConv2D": KERNEL, "QActivation": {"relu": "ternary"}}, 4)


def test_a_model_that_hides_its_wiring_is_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(Unsupported, match="Sequential and functional"):
        model_quantize(Own(name="own"), {}, 4)


def test_the_helpers_read_serialized_layers_as_qkeras_hands_them_over():
    layer = {"config": {"name": "a"}}
    assert get_config({"a": {"k": 1}, "QDense": {"z": 3}}, layer, "QDense", "k") == 1
    assert get_config({"a": {"k": 1}, "QDense": {"z": 3}}, layer, "QDense", "z") is None
    assert get_config({"QDense": {"z": 3}}, kl.Dense(2, name="b"), "QDense") == {"z": 3}
    config = {"activation": "relu"}
    quantize_activation(config, 5)
    assert config == {"activation": "quantized_relu(5)"}
    kept = {"activation": "hard_sigmoid"}
    quantize_activation(kept, 5)
    assert kept == {"activation": "hard_sigmoid"}
