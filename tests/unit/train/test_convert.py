"""From float models to quantized twins."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.core.errors import ConfigError, InvalidModel, Unsupported
from bitwright.layers import QActivation, QBatchNormalization, QConv2D, QDense, QDepthwiseConv2D
from bitwright.train.convert import Bits, quantize
from bitwright.train.door import keras

kl = keras.layers


def branched():
    image, side = keras.Input((8, 8, 2), name="image"), keras.Input((3,), name="side")
    x = kl.Conv2D(4, 3, activation="relu", name="conv")(image)
    branch = kl.ReLU(name="act")(
        kl.BatchNormalization(name="norm")(kl.DepthwiseConv2D(3, padding="same", name="dw")(x))
    )
    x = kl.GlobalAveragePooling2D(name="pool")(kl.Add(name="add")([x, branch]))
    x = kl.Dense(8, activation="tanh", name="dense_1")(kl.Concatenate(name="join")([x, side]))
    logits = kl.Dense(3, name="dense_2")(x)
    model = keras.Model([image, side], [kl.Softmax(name="soft")(logits), logits], name="branched")
    draws = np.random.default_rng(0)
    for weight in model.weights:
        positive = "variance" in weight.path or "gamma" in weight.path
        weight.assign(draws.normal(size=weight.shape) * 0.3 + positive)
    return model


def samples(count=50):
    draws = np.random.default_rng(1)
    return [draws.uniform(size=(count, 8, 8, 2)).astype("f"), draws.uniform(-1, 1, size=(count, 3)).astype("f")]


def test_every_layer_gets_its_twin_and_keeps_its_weights():
    model = branched()
    twin = quantize(model, {"*": Bits(5, 5)})
    kinds = {layer.name: type(layer) for layer in twin.layers}
    assert kinds["conv"] is QConv2D
    assert kinds["dw"] is QDepthwiseConv2D
    assert kinds["norm"] is QBatchNormalization
    assert kinds["act"] is QActivation
    assert kinds["dense_1"] is kinds["dense_2"] is QDense
    assert kinds["soft"] is kl.Softmax
    assert kinds["pool"] is kl.GlobalAveragePooling2D
    for layer in model.layers:
        for ours, theirs in zip(twin.get_layer(layer.name).get_weights(), layer.get_weights(), strict=True):
            assert np.array_equal(ours, theirs)


def test_many_bits_give_nearly_the_float_model_and_it_is_not_changed():
    model, x = branched(), samples()
    before = model.predict(x, verbose=0)
    twin = quantize(model, {"*": Bits(12, 12)}, input_quantizer="quantized_bits(12,1,alpha=1)")
    for ours, theirs in zip(twin.predict(x, verbose=0), before, strict=True):
        assert np.abs(ours - theirs).max() < 0.01
    assert all(np.array_equal(a, b) for a, b in zip(model.predict(x, verbose=0), before, strict=True))


def test_inputs_are_quantized_where_asked_once_each():
    twin = quantize(branched(), {"conv": Bits()}, input_quantizer="quantized_bits(6,0,alpha=1)")
    names = [layer.name for layer in twin.layers if isinstance(layer, QActivation)]
    assert sorted(names) == ["image_quantizer", "side_quantizer"]


def test_an_exact_name_beats_patterns_and_these_beat_classes():
    rules = {"Dense": Bits(3), "dense*": Bits(4), "dense_1": Bits(5)}
    twin = quantize(branched(), rules)
    assert twin.get_layer("dense_1").kernel_quantizer.bits == 5
    assert twin.get_layer("dense_2").kernel_quantizer.bits == 4
    assert type(twin.get_layer("conv")) is kl.Conv2D


def test_rules_may_speak_qkeras():
    rules = {
        "dense_2": {"kernel_quantizer": "ternary", "activation": "quantized_tanh(4)"},
        "act": {"activation": "quantized_relu(3,1)"},
        "pool": {"average_quantizer": "quantized_bits(6,0,1)"},
    }
    twin = quantize(branched(), rules)
    assert str(twin.get_layer("dense_2").kernel_quantizer) == "ternary(alpha='auto_po2')"
    assert str(twin.get_layer("act").quantizer) == "quantized_relu(3,1)"
    assert str(twin.get_layer("pool").average_quantizer) == "quantized_bits(6,0,1)"


def test_integer_bits_fit_the_weights():
    model = keras.Sequential([keras.Input((2,)), kl.Dense(2, name="d")])
    model.get_layer("d").set_weights([np.array([[3.0, -3.5], [0.1, 1.0]]), np.array([0.01, 5.0])])
    layer = quantize(model, {"d": Bits(8)}).get_layer("d")
    assert layer.kernel_quantizer.integer == 2
    assert layer.bias_quantizer.integer == 3
    assert np.abs(layer.quantized_weights()["kernel"].z - model.get_layer("d").get_weights()[0]).max() <= 2**-6
    assert quantize(model, {"d": Bits(8, integer=0)}).get_layer("d").kernel_quantizer.integer == 0


@pytest.mark.parametrize(("alpha", "shown"), [("auto", "alpha='auto'"), (None, "alpha='auto_po2'")])
def test_scales_may_be_found_instead(alpha, shown):
    layer = quantize(branched(), {"dense_1": Bits(4, alpha=alpha)}).get_layer("dense_1")
    assert shown in str(layer.kernel_quantizer)


def test_twins_can_be_quantized_again():
    once = quantize(branched(), {"*": Bits(8, 8)})
    twice = quantize(once, {"QDense": Bits(3, 3)})
    assert twice.get_layer("dense_1").kernel_quantizer.bits == 3
    assert twice.get_layer("conv").kernel_quantizer.bits == 8


def test_a_sequential_model_may_keep_its_softmax():
    model = keras.Sequential([keras.Input((4,)), kl.Dense(5, activation="relu6", name="a"),
                              kl.Dense(3, activation="softmax", name="b")])  # fmt: skip
    twin = quantize(model, {"*": Bits()})
    assert twin.get_layer("b").activation is keras.activations.softmax
    assert twin.get_layer("a").activation.relu_upper_bound == 6.0
    assert np.allclose(twin.predict(np.ones((2, 4), "f"), verbose=0).sum(axis=1), 1, atol=1e-6)


def test_a_rule_that_matches_nothing_names_the_nearest_layer():
    with pytest.raises(ConfigError, match="did you mean 'dense_1'"):
        quantize(branched(), {"dense1": Bits()})


def test_a_setting_that_a_layer_does_not_have_names_the_nearest_one():
    with pytest.raises(ConfigError, match="did you mean 'kernel_quantizer'"):
        quantize(branched(), {"dense_1": {"kernal_quantizer": "binary"}})


@pytest.mark.parametrize("layer", [kl.Dense(2, activation="gelu", name="x"), kl.ReLU(threshold=1.0, name="x"),
                                   kl.LeakyReLU(negative_slope=0.3, name="x")])  # fmt: skip
def test_activations_without_a_quantized_form_are_refused_with_the_way_out(layer):
    model = keras.Sequential([keras.Input((2,)), type(layer).from_config(layer.get_config())])
    with pytest.raises(Unsupported, match="'activation': 'quantized_relu"):
        quantize(model, {"x": Bits()})
    assert quantize(model, {"x": {"activation": "quantized_relu(4)"}}).get_layer("x")


def test_models_that_cannot_be_rebuilt_are_refused():
    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(Unsupported, match=r"keras\.Model"):
        quantize(Own(), {})
    with pytest.raises(InvalidModel, match="input shape"):
        quantize(keras.Sequential([kl.Dense(2)]), {})


def test_bits_are_at_least_one():
    with pytest.raises(ConfigError, match="weights=0"):
        Bits(weights=0)


def everything():
    """Nearly every Keras layer that has a twin, beyond those of `branched`."""
    image = keras.Input((8, 8, 2), name="image")
    x = kl.Conv2DTranspose(3, 2, strides=2, activation="relu", name="up")(image)
    x = kl.SeparableConv2D(4, 3, strides=2, activation="relu", name="sep2")(x)
    x = kl.PReLU(name="prelu")(kl.Reshape((49, 4))(x))
    x = kl.LayerNormalization(name="norm")(kl.SeparableConv1D(4, 3, strides=4, name="sep1")(x))
    x = kl.EinsumDense("abc,cd->abd", (None, 6), bias_axes="d", activation="tanh", name="einsum")(x)
    x = kl.Bidirectional(kl.GRU(3, return_sequences=True), name="both")(x)
    x = kl.SimpleRNN(3, return_sequences=True, name="simple")(kl.LSTM(4, return_sequences=True, name="lstm")(x))
    model = keras.Model(image, kl.Softmax(name="soft")(x), name="everything")
    draws = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(draws.normal(size=weight.shape) * 0.3)
    return model


def test_every_layer_with_kernels_has_a_twin():
    model = everything()
    twin = quantize(model, {"*": Bits(12, 12)}, input_quantizer="quantized_bits(12,2,alpha=1)")
    kinds = {layer.name: type(layer).__name__ for layer in twin.layers if not isinstance(layer, kl.Reshape)}
    assert kinds == {
        "image": "InputLayer", "image_quantizer": "QActivation", "up": "QConv2DTranspose", "sep2": "QSeparableConv2D",
        "prelu": "PReLU", "sep1": "QSeparableConv1D", "norm": "LayerNormalization", "einsum": "QEinsumDense",
        "both": "QBidirectional", "lstm": "QLSTM", "simple": "QSimpleRNN", "soft": "Softmax",
    }  # fmt: skip
    quantizers = twin.get_layer("lstm").get_quantizers()
    assert [q is not None for q in quantizers] == [True] * 4
    assert str(twin.get_layer("lstm").recurrent_activation).startswith("quantized_sigmoid(12")
    x = np.random.default_rng(1).normal(size=(6, 8, 8, 2)).astype("f")
    assert np.abs(twin.predict(x, verbose=0) - model.predict(x, verbose=0)).max() < 0.02


def test_layers_without_kernels_take_settings_by_name():
    rules = {
        "soft": {"exp_quantizer": "quantized_relu(9,1)"}, "norm": {"mean_quantizer": "quantized_bits(9,3,alpha=1)"},
        "prelu": {"alpha_quantizer": "quantized_bits(5,0,alpha=1)"}, "both": {"kernel_quantizer": "ternary"},
    }  # fmt: skip
    twin = quantize(everything(), rules)
    kinds = {name: type(twin.get_layer(name)).__name__ for name in rules}
    assert kinds == {"soft": "QSoftmax", "norm": "QLayerNormalization", "prelu": "QPReLU", "both": "QBidirectional"}
    assert str(twin.get_layer("soft").exp_quantizer) == "quantized_relu(9,1)"
    assert [str(q) for q in twin.get_layer("both").get_quantizers()].count("ternary(alpha='auto_po2')") == 2
    with pytest.raises(ConfigError, match="layer 'norm': LayerNormalization has no setting 'kernel_quantizer'"):
        quantize(everything(), {"norm": {"kernel_quantizer": "ternary"}})


def test_embeddings_and_nested_models_are_converted():
    inner = keras.Sequential([keras.Input((6, 4)), kl.Dense(3, name="deep")], name="inner")
    entry = keras.Input((6,), dtype="int32", name="words")
    model = keras.Model(entry, inner(kl.Embedding(9, 4, name="table")(entry)))
    twin = quantize(model, {"table": Bits(4), "deep": Bits(4)})
    assert type(twin.get_layer("table")).__name__ == "QEmbedding"
    assert type(twin.get_layer("inner").layers[0]) is QDense
    assert twin.predict(np.arange(6)[None], verbose=0).shape == (1, 6, 3)
