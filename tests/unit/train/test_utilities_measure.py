"""Saved weights, sparsity, operations, accumulators, frozen scales and a look inside."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright import layers as bl
from bitwright import quantizers as bq
from bitwright.core.errors import ConfigError, InvalidModel, InvalidValue, Unsupported
from bitwright.train.door import keras
from bitwright.train.utilities.accumulators import AccumulatorRange, analyze, analyze_sample
from bitwright.train.utilities.constants import get_y_from_TFOpLambda, is_TFOpLambda_layer
from bitwright.train.utilities.files import load_model, save_weights
from bitwright.train.utilities.freezing import clone_model, frozen_copy
from bitwright.train.utilities.fusing import add_bn_fusing_weights, find_bn_fusing_layer_pair
from bitwright.train.utilities.inspect import debug_text, dump, layer_outputs, plot_layers
from bitwright.train.utilities.operations import (
    create_activation_cache,
    extract_model_operations,
    get_operation_type,
    get_quant_mode,
)
from bitwright.train.utilities.saved import model_save_quantized_weights
from bitwright.train.utilities.sparsity import get_model_sparsity, sparsity_text

kl = keras.layers
EXACT = "quantized_bits(8,3,1,alpha=1)"


def drawn(model, seed=0):
    draws = np.random.default_rng(seed)
    for weight in model.weights:
        values = draws.normal(size=weight.shape)
        weight.assign(np.abs(values) + 0.1 if "variance" in weight.path or "gamma" in weight.path else values * 0.4)
    return model


def network(bn_bias=True):
    """A chain with everything that saving tells apart."""
    x = entry = keras.Input((8, 8, 2), name="input")
    x = bl.QConv2D(4, 3, kernel_quantizer="quantized_bits(4,0,1,alpha='auto_po2')", bias_quantizer=EXACT,
                   use_bias=bn_bias, name="conv")(x)  # fmt: skip
    x = bl.QBatchNormalization(
        mean_quantizer=EXACT, gamma_quantizer=None, variance_quantizer=None, beta_quantizer=EXACT,
        inverse_quantizer="quantized_bits(8,2,1)", name="bn",
    )(x)  # fmt: skip
    x = bl.QActivation("quantized_relu(5,2)", name="relu")(x)
    x = bl.QDepthwiseConv2D(2, depthwise_quantizer="quantized_po2(4)", use_bias=False, name="dw")(x)
    x = bl.QAveragePooling2D(2, average_quantizer="quantized_bits(4,0,1,alpha=1.0)", name="pool")(x)
    x = kl.Conv2D(3, 1, name="float")(x)
    x = bl.QGlobalAveragePooling2D(average_quantizer="quantized_bits(3,0,1,alpha=1)", name="gap")(x)
    x = bl.QDense(4, kernel_quantizer="binary(alpha='auto')", bias_quantizer="quantized_relu_po2(4)", name="out")(x)
    return drawn(keras.Model(entry, x, name="chain"))


def recurrent():
    entry = keras.Input((5, 3), name="input")
    inner = kl.Bidirectional(bl.QLSTM(2, kernel_quantizer=EXACT, recurrent_quantizer="ternary(alpha=1)",
                                      bias_quantizer=EXACT, state_quantizer="binary(alpha=1)",
                                      return_sequences=True))  # fmt: skip
    x = bl.QBidirectional(inner.forward_layer, name="both")(entry)
    x = bl.QSimpleRNN(2, kernel_quantizer=EXACT, recurrent_quantizer=EXACT, state_quantizer=EXACT, use_bias=False)(x)
    return drawn(keras.Model(entry, x))


def array(x):
    return np.asarray(keras.ops.convert_to_numpy(x))


def test_each_kind_of_quantizer_is_stored_in_its_own_way():
    model = network()
    x = np.random.default_rng(5).uniform(size=(3, 8, 8, 2)).astype("f")
    before = model.predict(x, verbose=0)
    saved = model_save_quantized_weights(model)
    assert list(saved) == ["conv", "bn", "dw", "pool", "gap", "out"]
    conv, dw, out = saved["conv"], saved["dw"], saved["out"]
    # Stored values times the scales, over the unscaled step 1/8, are the weights that the layer now has.
    assert np.array_equal(conv["weights"][0] / 8, model.get_layer("conv").get_weights()[0])
    codes = conv["weights"][0] / 8 / conv["scales"][0]
    assert np.array_equal(codes, np.round(codes))
    assert np.abs(codes).max() <= 7
    assert "signs" not in conv
    assert len(conv["scales"][1]) == 0
    assert np.array_equal(dw["signs"][0] * 2.0 ** dw["weights"][0], model.get_layer("dw").get_weights()[0])
    assert np.array_equal(2.0 ** out["weights"][1], model.get_layer("out").get_weights()[1])
    assert "scales" not in out
    assert (saved["pool"]["q_mult_factor"], saved["pool"]["mult_factor"], saved["pool"]["pool_area"]) == (0.25, 0.25, 4)
    assert (saved["gap"]["q_mult_factor"], saved["gap"]["pool_area"]) == (0.25, 4)
    # All quantizers here but the automatic scale of "binary" leave quantized weights as they are.
    assert np.allclose(model.predict(x, verbose=0), before, atol=1e-6)


@pytest.mark.parametrize("bias", [True, False])
def test_a_fused_normalization_is_one_factor_and_one_bias(bias):
    model = network(bias)
    assert find_bn_fusing_layer_pair(model) == ({"conv": "bn"}, {"bn"})
    saved = model_save_quantized_weights(model)
    conv = saved["conv"]
    assert (conv["enable_bn_fusing"], conv["fused_bn_layer_name"]) == (True, "bn")
    assert saved["bn"]["enable_bn_fusing"]
    assert not saved["dw"]["enable_bn_fusing"]
    x = np.random.default_rng(2).uniform(size=(2, 8, 8, 2)).astype("f")
    layer = model.get_layer("conv")
    total = array(layer.epilogue(layer.linear(x))) - (layer.get_weights()[1] if bias else 0)
    expected = array(model.get_layer("bn")(layer(x)))
    assert np.allclose(conv["bn_inv"] * total + conv["fused_bias"], expected, atol=1e-5)


def test_fusing_gives_the_figures_computed_by_hand():
    conv = bl.QConv2D(2, 2, kernel_quantizer="quantized_bits(4,0,1)", use_bias=False, name="c")
    quantizer = "quantized_bits(4,0,1)"
    norm = bl.QBatchNormalization(
        mean_quantizer=quantizer, beta_quantizer=quantizer, gamma_quantizer=None, variance_quantizer=None,
        inverse_quantizer="quantized_bits(8,0,1)", name="b",
    )  # fmt: skip
    norm(conv(np.zeros((1, 4, 4, 1), "f")))
    norm.set_weights([np.array(w, "f") for w in ([1, 0.25], [0.5, 1], [0.5, 2.5], [1.5, 1])])
    saved = {"c": {}}
    add_bn_fusing_weights(conv, norm, saved)
    assert saved["c"]["bn_inv"].tolist() == [0.8125, 0.25]
    assert saved["c"]["fused_bias"].tolist() == [0.09375, 0.65625]


def test_recurrent_layers_store_weights_but_no_state():
    model = recurrent()
    saved = model_save_quantized_weights(model)
    assert [len(entry["weights"]) for entry in saved.values()] == [6, 2]
    ternary = saved["both"]["weights"][4]
    assert set(np.unique(ternary)) <= {-1.0, 0.0, 1.0}
    for stored, weight in zip(saved["both"]["weights"], model.get_layer("both").get_weights(), strict=True):
        assert np.array_equal(stored, weight)


@pytest.mark.parametrize("name", ["w.weights.h5", "w.h5"])
def test_saved_files_give_the_weights_back(tmp_path, name):
    model, other = network(), drawn(network(), seed=9)
    model_save_quantized_weights(model, str(tmp_path / "deep" / name))
    assert [p.name for p in (tmp_path / "deep").iterdir()] == [name]
    other.load_weights(tmp_path / "deep" / name)
    for ours, theirs in zip(other.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    with pytest.raises(ConfigError, match=r"name it weights\.weights\.h5"):
        save_weights(model, tmp_path / "weights")


def test_sparsity_counts_quantized_weights_and_never_powers_of_two():
    model = network()
    total, layers = get_model_sparsity(model, per_layer=True)
    assert [name for name, _ in layers] == ["conv", "dw", "out"]
    assert dict(layers)["dw"] == 0
    sizes = {"conv": 76, "dw": 16, "out": 16}
    assert total == pytest.approx(sum(share * sizes[name] for name, share in layers) / sum(sizes.values()))
    assert get_model_sparsity(recurrent()) == 0.0
    both = get_model_sparsity(recurrent(), True, ["QBidirectional"])[1]
    assert both[0][0] == "both"
    assert 0 < both[0][1] < 1
    model.get_layer("float").set_weights([np.zeros((1, 1, 4, 3), "f"), np.ones(3, "f")])
    assert get_model_sparsity(model, allow_list=["Conv2D"]) == 12 / 15
    text = sparsity_text(model)
    assert "conv: (kernel, 0.0000)" in text
    assert "float" not in text


def test_every_quantizer_has_a_mode_and_anything_else_is_refused():
    expected = {
        "quantized_bits(4,1)": (0, 4, 1), "quantized_relu(3)": (0, 3, 0), "quantized_tanh(3)": (0, 3, 1),
        "quantized_po2(4)": (1, 4, 1), "quantized_relu_po2(4)": (1, 4, 0), "ternary": (2, 2, 1), "binary": (3, 1, 1),
        "stochastic_binary": (3, 1, 1), "stochastic_ternary": (2, 2, 1), "bernoulli": (4, 1, 0),
        "quantized_linear(4)": (0, 4, 1), "quantized_ulaw(4)": (0, 4, 1),
    }  # fmt: skip
    for text, mode in expected.items():
        assert get_quant_mode(bq.get_quantizer(text)) == mode, text
    assert get_quant_mode(None) == (5, 32, 1)
    with pytest.raises(Unsupported, match="is no quantizer"):
        get_quant_mode("softmax")


@pytest.mark.parametrize(
    ("weight", "read", "operation"),
    [
        ("quantized_bits(4)", "quantized_relu(3)", ("mult", (0, 0), (4, 3), (1, 0))),
        ("quantized_po2(4)", "quantized_bits(5)", ("barrel", (1, 0), (4, 5), (1, 1))),
        ("quantized_po2(4)", "quantized_relu_po2(3)", ("adder", (1, 1), (4, 3), (1, 0))),
        ("ternary", "quantized_relu(3)", ("mux", (2, 0), (2, 3), (1, 0))),
        ("binary", "binary", ("xor", (3, 3), (1, 1), (1, 1))),
        (None, "quantized_relu(3)", ("fmult", (5, 0), (32, 3), (1, 0))),
        ("binary", None, ("mux", (3, 0), (1, 8), (1, 0))),
    ],
)
def test_the_operation_follows_from_weight_and_input(weight, read, operation):
    entry = keras.Input((4,))
    x = bl.QActivation(read)(entry) if read else kl.Activation("relu")(entry)
    layer = bl.QDense(3, kernel_quantizer=weight, name="d")
    model = keras.Model(entry, layer(x))
    assert get_operation_type(layer, create_activation_cache(model)) == operation


def test_operations_are_counted_as_qkeras_does():
    entry = keras.Input((8, 8, 3))
    x = bl.QConv2D(6, 3, groups=3, strides=2, padding="same", kernel_quantizer="binary", name="grouped")(entry)
    x = bl.QActivation("quantized_relu(3)")(x)
    x = bl.QSeparableConv2D(5, 2, depthwise_quantizer=EXACT, pointwise_quantizer="ternary", name="sep")(x)
    x = bl.QConv2DTranspose(2, 2, strides=2, kernel_quantizer=EXACT, name="up")(x)
    x = kl.Dense(2, name="float")(x)
    model = keras.Model(entry, bl.QDense(4, kernel_quantizer=EXACT, use_bias=False, name="every")(x))
    with pytest.warns(UserWarning, match="float layers are not counted: float"):
        found = extract_model_operations(model)
    assert {name: row["number_of_operations"] for name, row in found.items()} == {
        "grouped": 4 * 4 * 6 * 9, "sep": 9 * (6 * 4 + 5), "up": 9 * (4 * 5 * 2), "every": 36 * 2 * 4,
    }  # fmt: skip
    assert found["sep"]["number_of_weights"] == [24, 30]
    assert found["sep"]["type"] == ("mult", (0, 0), (8, 3), (1, 0))
    assert found["every"]["number_of_bias"] == 0


def test_layers_of_nested_models_are_counted():
    inner = keras.Sequential([keras.Input((4,)), bl.QDense(3, kernel_quantizer="binary", name="deep")])
    entry = keras.Input((4,))
    assert list(extract_model_operations(keras.Model(entry, inner(entry)))) == ["deep"]


def accumulating():
    entry = keras.Input((4,), name="input")
    x = bl.QDense(3, kernel_quantizer=EXACT, bias_quantizer=EXACT, activation="quantized_relu(4,2)", name="d")(entry)
    model = keras.Model(entry, bl.QDense(2, kernel_quantizer=EXACT, use_bias=False, name="d2")(x))
    kernel = [[1, 2, 3], [-1, -2, -3], [0.5, 0.5, 0.5], [-3, -3, -3]]
    model.get_layer("d").set_weights([np.array(kernel, "f"), np.array([1, -1, 0], "f")])
    model.get_layer("d2").set_weights([np.array([[1, 2], [-1, -2], [0.5, 0.5]], "f")])
    return model


def test_the_worst_case_takes_each_weight_with_the_end_that_hurts():
    found = analyze(accumulating(), {"d": (-1, 3), "d2": (0, 1)})
    # Channel 2: 3*3 + 0.5*3 - 3*-1 - 3*-1 = 16.5 above, 3*-1 - 3*3 + 0.5*-1 - 3*3 = -21.5 below.
    assert found["d"] == AccumulatorRange(-21.5, 16.5)
    assert found["d2"] == AccumulatorRange(-2.0, 2.5)
    assert [found[name].bits for name in ("d", "d2")] == [5, 2]
    with pytest.raises(ConfigError, match="layer 'd2': no range"):
        analyze(accumulating(), {"d": (-1, 3)})


def test_samples_give_what_occurs_before_the_activation():
    x = np.array([[1, 1, 1, 1], [-2, -2, -2, -2], [0, 3, 0, 0]], "f")
    sampled = analyze_sample(accumulating(), x, "sampled")
    assert sampled["d"] == AccumulatorRange(-9.0, 6.0)
    conservative = analyze_sample(accumulating(), x)
    assert conservative == analyze(accumulating(), {"d": (-2, 3), "d2": (0, 3.75)})
    for name, seen in sampled.items():
        assert conservative[name].low <= seen.low
        assert conservative[name].high >= seen.high
    with pytest.raises(ConfigError, match="mode='other'"):
        analyze_sample(accumulating(), x, "other")


def test_layers_within_nested_models_have_accumulators_too():
    inner = accumulating()
    entry = keras.Input((4,))
    model = keras.Model(entry, inner(bl.QDense(4, kernel_quantizer=EXACT, name="first")(entry)))
    model.get_layer("first").set_weights([np.eye(4, dtype="f") * 2, np.zeros(4, "f")])
    x = np.random.default_rng(0).normal(size=(9, 4)).astype("f")
    found = analyze_sample(model, x, "sampled")
    assert list(found) == ["first", "d", "d2"]
    assert found["d"] == analyze_sample(inner, 2 * x, "sampled")["d"]


def test_worst_cases_hold_for_convolutions_with_and_without_padding():
    entry = keras.Input((6, 6, 2))
    x = bl.QConv2D(3, 3, padding="same", kernel_quantizer=EXACT, name="c", activation="quantized_relu(6,2)")(entry)
    x = bl.QDepthwiseConv2D(2, depth_multiplier=2, depthwise_quantizer=EXACT, name="w")(x)
    model = drawn(keras.Model(entry, x))
    x = np.random.default_rng(1).uniform(0.5, 1, size=(20, 6, 6, 2)).astype("f")
    seen, worst = analyze_sample(model, x, "sampled"), analyze_sample(model, x)
    for name in ("c", "w"):
        assert worst[name].low <= seen[name].low
        assert seen[name].high <= worst[name].high


def test_frozen_scales_stay_when_weights_move():
    model = network()
    copy, hardware = frozen_copy(model)
    x = np.random.default_rng(5).uniform(size=(3, 8, 8, 2)).astype("f")
    assert np.array_equal(copy.predict(x, verbose=0), model.predict(x, verbose=0))
    for ours, theirs in zip(copy.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(ours, theirs)
    conv = copy.get_layer("conv")
    assert hardware["conv"]["scales"][0].shape == (1, 1, 1, 4)
    scale = array(conv.kernel_quantizer.parts(conv.kernel).scale)
    conv.set_weights([weight / 8 for weight in conv.get_weights()])
    assert np.array_equal(array(conv.kernel_quantizer.parts(conv.kernel).scale), scale)
    quantized, hardware = frozen_copy(model, quantize_model_weights=True)
    assert np.array_equal(hardware["conv"]["weights"][0] / 8, quantized.get_layer("conv").get_weights()[0])


def test_a_second_automatic_scale_cannot_be_frozen(tmp_path):
    entry = keras.Input((3,))
    loose = "quantized_bits(4,0,1,alpha='auto_po2')"
    model = keras.Model(entry, bl.QDense(2, kernel_quantizer=loose, bias_quantizer=loose, name="d")(entry))
    with pytest.raises(InvalidValue, match="layer 'd'"):
        frozen_copy(model)
    copy, _ = frozen_copy(network())
    copy.save(tmp_path / "frozen.keras")
    again = load_model(tmp_path / "frozen.keras")
    x = np.ones((1, 8, 8, 2), "f")
    assert np.array_equal(again.predict(x, verbose=0), copy.predict(x, verbose=0))


def test_a_clone_shares_nothing():
    model = network()
    copy = clone_model(model)
    copy.get_layer("conv").kernel.assign(copy.get_layer("conv").kernel * 0)
    assert np.abs(model.get_layer("conv").get_weights()[0]).max() > 0


def test_a_look_inside_names_every_layer_with_its_ranges(tmp_path):
    model, x = network(), np.random.default_rng(5).uniform(size=(3, 8, 8, 2)).astype("f")
    outputs = layer_outputs(model, x)
    assert list(outputs) == [layer.name for layer in model.layers]
    assert np.array_equal(outputs["out"], model.predict(x, verbose=0))
    lines = {line.split()[0]: line for line in debug_text(model, x).splitlines()}
    assert list(lines) == list(outputs)
    assert lines["relu"].split()[1:] == [f"{outputs['relu'].min():.4f}", f"{outputs['relu'].max():.4f}"]
    assert lines["conv"].count("(") == 2
    written = dump(model, x, tmp_path, ["conv", "out"])
    assert [p.name for p in written] == ["conv.bin", "out.bin"]
    assert np.array_equal(np.fromfile(written[1], "<f4").reshape(3, 4), outputs["out"])
    assert len(dump(model, x)) == len(model.layers)
    with pytest.raises(ConfigError, match="no layer 'cnov'"):
        dump(model, x, tmp_path, ["cnov"])


def test_histograms_go_to_the_plotter_that_was_given():
    class Plotter:
        def __init__(self):
            self.titles, self.shown = [], 0

        def hist(self, values, bins):
            assert values.ndim == 1

        def title(self, text):
            self.titles.append(text)

        def show(self):
            self.shown += 1

    plotter = Plotter()
    plot_layers(network(), np.ones((1, 8, 8, 2), "f"), plotter)
    assert "conv output" in plotter.titles
    assert "conv weight 1" in plotter.titles
    assert plotter.shown == len(plotter.titles)


def test_operations_between_layers_tell_their_constant():
    x = entry = keras.Input((4,))
    model = keras.Model(entry, 2.0 - kl.ReLU()(x + 3.0) * (1 / 6))
    found = {type(op).__name__: (is_TFOpLambda_layer(op), get_y_from_TFOpLambda(model.get_config(), op))
             for op in model.operations}  # fmt: skip
    assert found == {
        "InputLayer": (False, None), "Add": (True, 3.0), "ReLU": (False, None), "Multiply": (True, 1 / 6),
        "Subtract": (True, 2.0),
    }  # fmt: skip
    add = next(op for op in model.operations if type(op).__name__ == "Add")
    old = {"layers": [{"config": {"name": add.name}, "inbound_nodes": [["re_lu", 0, 0, {"y": 3}]]}]}
    assert get_y_from_TFOpLambda(old, add) == 3


def test_a_model_without_an_input_shape_is_named():
    with pytest.raises(InvalidModel, match="no input shape"):
        extract_model_operations(keras.Sequential([bl.QDense(2, kernel_quantizer="binary")], name="loose"))
