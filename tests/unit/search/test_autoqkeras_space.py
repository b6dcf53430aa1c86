"""What an AutoQKeras search may choose, and what becomes of a choice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bitwright.core.errors import ConfigError, InvalidModel
from bitwright.search.autoqkeras import AutoQKHyperModel, default_quantization_config
from bitwright.search.autoqkeras.resize import copy_overlap, decides_output, resized
from bitwright.train.door import keras

kl = keras.layers
LIMIT = {"Dense": [2, 4, 3], "Activation": [4]}


def compiled(*layers: Any, inputs: tuple[int, ...] = (6,)) -> Any:
    model = keras.Sequential([keras.Input(inputs), *layers])
    model.compile(keras.optimizers.Adam(0.01), "categorical_crossentropy", metrics=["acc"])
    return model


def mlp() -> Any:
    return compiled(
        kl.Dense(8, name="fc1"),
        kl.Activation("relu", name="relu1"),
        kl.Dense(6, "relu", name="fc2"),
        kl.Dense(3, use_bias=False, name="out"),
        kl.Activation("softmax", name="softmax"),
    )


def space(model: Any, **told: Any) -> dict[str, tuple[Any, ...]]:
    return {choice.name: choice.options for choice in AutoQKHyperModel(model, ["acc"], **told).space()}


def first(model: Any, **told: Any) -> dict[str, Any]:
    return {name: options[0] for name, options in space(model, **told).items()}


class Tuner:
    """What keras-tuner's HyperParameters offers to a hypermodel; it remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: dict[str, list[Any]] = {}

    def Choice(self, name: str, values: list[Any], default: Any = None) -> Any:  # noqa: N802
        self.asked[name] = list(values)
        return values[-1]


def test_every_tensor_of_every_limited_layer_is_a_choice_among_the_quantizers_that_are_small_enough() -> None:
    told = space(mlp(), limit=LIMIT)
    assert list(told) == [
        "fc1_kernel_quantizer", "fc1_bias_quantizer", "relu1_activation_quantizer",
        "fc2_kernel_quantizer", "fc2_bias_quantizer", "fc2_activation_quantizer", "out_kernel_quantizer",
    ]  # fmt: skip
    kernels = {name for name, bits in default_quantization_config["kernel"].items() if bits <= 2}
    assert set(told["fc1_kernel_quantizer"]) == kernels
    assert "quantized_relu(4,2)" in told["relu1_activation_quantizer"]
    assert "quantized_relu(4,2)" not in told["fc2_activation_quantizer"]


def test_layers_without_a_limit_stay_as_they_are() -> None:
    model = mlp()
    hyper = AutoQKHyperModel(model, ["acc"], limit={"fc1": [2, 4, 4]})
    quantized = hyper.build({choice.name: choice.options[0] for choice in hyper.space()})
    kinds = [type(layer).__name__ for layer in quantized.layers]
    assert kinds == ["QDense", "Activation", "Dense", "Dense", "Activation"]


def test_without_a_limit_all_layers_are_searched_up_to_eight_bits() -> None:
    told = space(mlp())
    assert "fc2_bias_quantizer" in told
    assert "relu1_activation_quantizer" in told
    assert "quantized_relu(16,8)" not in told["relu1_activation_quantizer"]
    assert "quantized_bits(8,0,1)" in told["out_kernel_quantizer"]


def test_a_default_fills_what_a_limit_leaves_out_and_a_list_of_names_is_taken_as_it_is() -> None:
    told = space(mlp(), limit={"Dense": [["binary", "ternary"]], "default": 4})
    assert told["fc1_kernel_quantizer"] == ("binary", "ternary")
    assert set(told["fc1_bias_quantizer"]) == {"quantized_bits(4,0,1)", "quantized_po2(4,8)"}


def test_a_pattern_beats_the_class_and_its_layers_share_one_choice() -> None:
    limit = {"fc[12]": [["binary", "ternary"], 8, 4], "Dense": [8, 8, 4]}
    told = space(mlp(), limit=limit)
    assert [name for name in told if "kernel" in name] == ["fc[12]_kernel_quantizer", "out_kernel_quantizer"]
    hyper = AutoQKHyperModel(mlp(), ["acc"], limit=limit)
    chosen = {**first(mlp(), limit=limit), "fc[12]_kernel_quantizer": "ternary"}
    model = hyper.build(chosen)
    kernels = [str(model.get_layer(name).kernel_quantizer) for name in ("fc1", "fc2")]
    assert kernels[0] == kernels[1]
    assert kernels[0].startswith("ternary")


def test_tables_of_the_users_own_are_used_and_a_limit_that_nothing_meets_is_refused() -> None:
    table = {"kernel": {"quantized_bits(3,0,1)": 3}, "bias": {"quantized_bits(5)": 5}, "activation": {}, "linear": {}}
    told = space(compiled(kl.Dense(2, name="d")), limit={"Dense": [8, 8, 8]}, quantization_config=table)
    assert told == {"d_kernel_quantizer": ("quantized_bits(3,0,1)",), "d_bias_quantizer": ("quantized_bits(5)",)}
    with pytest.raises(ConfigError, match=r"layer 'd': no quantizer of its kernel has at most 2 bits(.|\n)*to 3"):
        space(compiled(kl.Dense(2, name="d")), limit={"Dense": [2, 8, 8]}, quantization_config=table)
    with pytest.raises(ConfigError, match="quantization_config has no 'activation'"):
        space(mlp(), limit={"Dense": [8, 8, 8], "Activation": [8]}, quantization_config=table)


def test_places_of_layers_restrict_the_search() -> None:
    assert list(space(mlp(), limit=LIMIT, layer_indexes=[0])) == ["fc1_kernel_quantizer", "fc1_bias_quantizer"]


def test_linear_activations_have_quantizers_of_their_own_and_relu_layers_count_as_activations() -> None:
    model = compiled(kl.Activation("linear", name="entry"), kl.Dense(4, name="d"), kl.ReLU(name="r"))
    told = space(model, limit={"Activation": [4]})
    assert told["entry_linear_quantizer"] == ("binary", "ternary", "quantized_bits(4,1)")
    assert "quantized_relu(4,2)" in told["r_activation_quantizer"]


def test_recurrent_layers_choose_the_recurrent_kernel_and_the_gates_too() -> None:
    model = compiled(kl.LSTM(3, name="rnn"), kl.Dense(2, name="d"), inputs=(4, 2))
    limit = {"LSTM": [["quantized_bits(4,0,1)"], 8, ["quantized_bits(2,0,1)"], ["quantized_tanh(4)"]]}
    tables = {**default_quantization_config, "recurrent_activation": {"quantized_sigmoid(4)": 4}}
    hyper = AutoQKHyperModel(model, ["acc"], limit=limit, quantization_config=tables)
    told = {choice.name: choice.options for choice in hyper.space()}
    assert told["rnn_recurrent_kernel_quantizer"] == ("quantized_bits(2,0,1)",)
    cell = hyper.build({name: options[0] for name, options in told.items()}).get_layer("rnn").cell
    assert "quantized_bits(2,0" in str(cell.recurrent_quantizer)
    assert "quantized_tanh(4" in str(cell.activation)


def test_learning_rates_run_from_the_share_of_the_size_to_a_tenth_more() -> None:
    hyper = AutoQKHyperModel(mlp(), ["acc"], limit=LIMIT, learning_rate_optimizer=True)
    chosen = {choice.name: choice.options[0] for choice in hyper.space()}
    lowest = hyper.build(chosen).optimizer.learning_rate
    assert float(lowest) == pytest.approx(0.01 * (1 + hyper.target.get_total_factor()), rel=1e-6)
    assert float(hyper.build({**chosen, "learning_rate": 4}).optimizer.learning_rate) == pytest.approx(0.011)


def test_a_tuner_of_the_users_own_is_asked_for_the_same_names_with_real_learning_rates() -> None:
    hyper = AutoQKHyperModel(mlp(), ["acc"], limit=LIMIT, learning_rate_optimizer=True, tune_filters="block")
    tuner = Tuner()
    model = hyper(tuner)
    assert list(tuner.asked) == [choice.name for choice in hyper.space()]
    assert len(tuner.asked["learning_rate"]) == 5
    assert tuner.asked["learning_rate"][-1] == pytest.approx(0.011)
    assert model.get_layer("fc1").units == 16


def test_filters_are_scaled_alike_or_each_for_itself_but_never_those_that_make_the_output() -> None:
    told = space(mlp(), limit=LIMIT, tune_filters="layer", tune_filters_exceptions="fc2")
    assert [name for name in told if name.startswith("network")] == ["network_filters_fc1"]
    hyper = AutoQKHyperModel(mlp(), ["acc"], limit=LIMIT, tune_filters="block")
    chosen = {choice.name: choice.options[0] for choice in hyper.space()}
    model = hyper.build({**chosen, "network_filters": 0.75})
    assert [model.get_layer(name).units for name in ("fc1", "fc2", "out")] == [6, 4, 3]
    with pytest.raises(ConfigError, match="tune_filters='all'"):
        AutoQKHyperModel(mlp(), ["acc"], limit=LIMIT, tune_filters="all")  # pyright: ignore[reportArgumentType]


def test_a_layer_decides_the_output_through_shapes_merges_and_activations() -> None:
    entry = keras.Input((4,))
    a = kl.Dense(3, name="a")(kl.Dense(5, name="hidden")(entry))
    b = kl.Dense(3, name="b")(entry)
    model = keras.Model(entry, kl.Softmax()(kl.Add()([a, kl.ReLU()(b)])))
    assert decides_output(model, ("Dense",)) == {"a", "b"}


def test_soft_copies_keep_the_common_part_of_the_weights() -> None:
    model = mlp()
    bigger = resized(model, {"fc1": 2.0})
    fresh = bigger.get_layer("fc1").get_weights()[0]
    copy_overlap(model, bigger)
    old, new = model.get_layer("fc1").get_weights()[0], bigger.get_layer("fc1").get_weights()[0]
    assert new.shape == (6, 16)
    assert np.array_equal(new[:, :8], old)
    assert np.array_equal(new[:, 8:], fresh[:, 8:])
    assert np.array_equal(bigger.get_layer("fc2").get_weights()[0][:8], model.get_layer("fc2").get_weights()[0])


def test_weights_are_transferred_on_demand_and_frozen_layers_always() -> None:
    model = mlp()
    for told, same in (({}, []), ({"transfer_weights": True}, ["fc1", "fc2"]), ({"frozen_layers": ["fc2"]}, ["fc2"])):
        hyper = AutoQKHyperModel(model, ["acc"], limit=LIMIT, **told)
        built = hyper.build({choice.name: choice.options[0] for choice in hyper.space()})
        equal = [
            name for name in ("fc1", "fc2")
            if np.array_equal(built.get_layer(name).get_weights()[0], model.get_layer(name).get_weights()[0])
        ]  # fmt: skip
        assert equal == same
        assert [layer.name for layer in built.layers if not layer.trainable] == told.get("frozen_layers", [])


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"limit": {}}, "nothing to choose"),
        ({"limit": {"fc(": [8, 8, 4]}}, "no regular expression"),
        ({"limit": {"Dense": [8, 8, 8, 8, 8]}}, "5 entries"),
        ({"limit": {"Dense": [2.5, 8, 4]}}, "2.5 is no limit"),
        ({"limit": {"Dense": [8], "default": [8, 8]}}, "'default' has 2 entries"),
        ({"limit": LIMIT, "head_name": "jets"}, None),
    ],
)
def test_what_makes_no_space_is_refused_by_name(told: dict[str, Any], said: str | None) -> None:
    if said is None:
        hyper = AutoQKHyperModel(mlp(), {"out": ["acc"]}, **told)
        chosen = {choice.name: choice.options[0] for choice in hyper.space()}
        with pytest.raises(ConfigError, match="no metrics for 'jets'"):
            hyper.build(chosen)
        return
    with pytest.raises(ConfigError, match=said):
        space(mlp(), **told)


def test_separable_layers_models_that_are_not_compiled_and_schedules_of_rates_are_refused() -> None:
    separable = compiled(kl.SeparableConv1D(2, 2, name="s"), inputs=(4, 2))
    with pytest.raises(ConfigError, match="SeparableConv1D is not searched"):
        space(separable, limit={"s": [8, 8, 4]})
    with pytest.raises(InvalidModel, match="not compiled"):
        space(keras.Sequential([keras.Input((2,)), kl.Dense(2)]))
    scheduled = mlp()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    scheduled.compile(keras.optimizers.Adam(schedule), "mse", metrics=["acc"])
    with pytest.raises(ConfigError, match="is a schedule"):
        space(scheduled, learning_rate_optimizer=True)


def test_a_configuration_that_lacks_a_choice_is_refused_with_its_name() -> None:
    with pytest.raises(ConfigError, match="'fc1_kernel_quantizer' is not made"):
        AutoQKHyperModel(mlp(), ["acc"], limit=LIMIT).build({})
