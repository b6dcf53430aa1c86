"""What cannot be exact hardware is refused: the message names the layer and the way out."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl
from tests.keras_models import BIAS, KERNEL, dense, quantized, randomize

import bitwright as bw
from bitwright.core.errors import BitwrightError, Inexact, InvalidModel, Unsupported
from bitwright.frontends.grid.chains import to_codes
from bitwright.frontends.keras import read_model

Build = Callable[[], Any]


def refused(model: Any, kind: type[BitwrightError], where: str, what: str, remedy: str, **told: Any) -> None:
    with pytest.raises(kind) as caught:
        read_model(model, **told)
    error = caught.value
    assert where in error.where, error
    assert what in str(error), error
    assert remedy in error.remedy, error
    assert str(error).rpartition("\n")[2].startswith("try: ")


def chain(*layers: Any, shape: tuple[int, ...] = (4,), entry: bool = True) -> Any:
    x = keras.Input(shape)
    y = quantized(x) if entry else x
    for layer in layers:
        y = layer(y)
    return keras.Model(x, y)


class Mine(kl.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs * 2


class Doubled(kl.Dense):
    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return super().call(inputs) * 2


class Tripled(bw.QDense):
    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return super().call(inputs) * 3


class Loose(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.inner = kl.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


class Overridden(keras.Model):
    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return super().call(inputs, training=training, mask=mask) + 1


class OverriddenChain(keras.Sequential):
    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        return super().call(inputs, training=training, mask=mask) + 1


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        (Mine(name="odd"), "Mine"), (Doubled(2, name="odd"), "Doubled"),
        (Tripled(2, kernel_quantizer=KERNEL, name="odd"), "Tripled"),
        (kl.Lambda(lambda x: x, name="odd"), "Lambda"), (kl.LayerNormalization(name="odd"), "LayerNormalization"),
        (kl.UnitNormalization(name="odd"), "UnitNormalization"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_layers_without_a_rule_are_named(layer: Any, kind: str) -> None:
    refused(chain(layer), Unsupported, "layer 'odd'", f"no rule for the layer class {kind}", "replace it by")


def test_operators_between_tensors_are_named_with_the_layer_to_use() -> None:
    x = keras.Input((3,))
    q = quantized(x)
    refused(keras.Model(x, q + q), Unsupported, "operation 'add", "no rule for the operation Add", "keras.layers.Add")
    model = keras.Model(x, keras.ops.relu(q))
    refused(model, Unsupported, "operation 'relu", "operation Relu", "write it with a layer")


@pytest.mark.parametrize(
    "layer",
    [
        lambda: bw.QConv2D(2, 1, kernel_quantizer=KERNEL, data_format="channels_first", name="first"),
        lambda: kl.MaxPooling2D(2, data_format="channels_first", name="first"),
        lambda: kl.GlobalAveragePooling2D(data_format="channels_first", name="first"),
        lambda: kl.ZeroPadding2D(1, data_format="channels_first", name="first"),
        lambda: kl.Flatten(data_format="channels_first", name="first"),
    ],
)
def test_channels_first_is_refused(layer: Build) -> None:
    model = chain(layer(), shape=(4, 4, 4))
    refused(model, Unsupported, "layer 'first'", "channels_first", "build the model with channels_last")


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "bfloat16", "float64"])
def test_other_precisions_than_float32_are_refused(policy: str) -> None:
    refused(chain(dense(2, "half", dtype=policy)), Unsupported, "layer 'half'", policy, "dtype='float32'")
    nested = keras.Sequential([keras.Input((4,)), dense(2, "half", dtype=policy)])
    refused(chain(nested), Unsupported, "layer 'half'", policy, "dtype='float32'")


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [kl.Softmax(name="soft"), dense(2)], lambda: [kl.Activation("softmax", name="soft"), quantized],
        lambda: [dense(3, "soft", activation="sigmoid"), dense(2)], lambda: [kl.Softmax(name="soft"), kl.ReLU()],
        lambda: [kl.Softmax(name="soft"), kl.Activation("softmax")],
        lambda: [kl.Softmax(name="soft"), kl.Reshape((2, 2)), quantized],
        lambda: [kl.Softmax(name="soft"), kl.Rescaling(2.0)],
    ],
)  # fmt: skip
def test_softmax_inside_the_network_is_refused(layers: Build) -> None:
    refused(chain(*layers()), Unsupported, "layer 'soft'", "no exact integer form", "move it to the output")


def test_softmax_over_another_axis_is_refused() -> None:
    refused(chain(kl.Softmax(axis=1, name="s"), shape=(3, 2)), Unsupported, "layer 's'", "axis 1", "use the last axis")


def test_softmax_in_a_layer_whose_scale_is_no_power_of_two_says_where_to_put_it() -> None:
    model = chain(dense(3, "head", kernel_quantizer="quantized_bits(4,0,alpha='auto')", activation="softmax"))
    refused(randomize(model), Unsupported, "layer 'head'", "no power of two", "keras.layers.Softmax of its own")


def test_an_unquantized_tail_asks_for_a_quantizer_or_an_output_format() -> None:
    model = randomize(chain(dense(3), kl.BatchNormalization(name="tail")))
    refused(model, Unsupported, "layer 'tail'", "they lie on no grid", "bw.QActivation('quantized_bits(8,2,alpha=1)')")
    refused(model, Unsupported, "layer 'tail'", "they lie on no grid", "output_format='s16.8'")


def test_normalization_over_another_axis_is_refused() -> None:
    model = chain(kl.BatchNormalization(axis=1, name="bn"), shape=(3, 2))
    refused(model, Unsupported, "layer 'bn'", "axis=1", "normalize the last axis")


def test_float_weights_point_to_quantize() -> None:
    for layer in (kl.Dense(2, name="float"), kl.Conv1D(2, 2, name="float"), bw.QDense(2, name="float")):
        shape = (4, 2) if isinstance(layer, kl.Conv1D) else (4,)
        refused(chain(layer, shape=shape), Unsupported, "layer 'float'", "they are not quantized", "bw.quantize(model")


def test_nan_weights_are_named_also_in_nested_models() -> None:
    for inside in (False, True):
        layer = dense(2, "burnt")
        model = chain(keras.Sequential([keras.Input((4,)), layer])) if inside else chain(layer)
        layer.set_weights([layer.get_weights()[0] * np.nan, layer.get_weights()[1]])
        refused(model, InvalidModel, "layer 'burnt'", "holds NaN or infinity", "an earlier checkpoint")


def test_a_missing_input_quantizer_shows_the_line_to_add() -> None:
    model = chain(dense(2, "first"), entry=False)
    line = "x = bw.QActivation('quantized_bits(8,3,alpha=1)')"
    refused(model, InvalidModel, "layer 'first'", "no input quantizer", line)
    refused(model, InvalidModel, "layer 'first'", "no input quantizer", "input_format='s8.4'")
    refused(keras.Model(model.input, model.input), InvalidModel, "", "no input quantizer", "bw.QActivation")


def test_an_activation_quantizer_that_looks_at_the_batch_is_refused() -> None:
    for quantizer in ("quantized_bits(4,alpha='auto')", "quantized_bits(4,alpha='auto_po2')", "ternary(alpha='auto')"):
        model = chain(bw.QActivation(quantizer, name="moving"))
        refused(model, Unsupported, "layer 'moving'", "depends on the whole tensor", "use alpha=None, a number")


def test_an_input_that_is_not_quantized_monotonically_is_refused() -> None:
    model = chain(kl.Activation("swish"), bw.QActivation("quantized_bits(4,1,alpha=1)", name="late"), entry=False)
    refused(model, Unsupported, "layer 'late'", "not quantized by a monotone quantizer", "begin the model with")


def test_a_permuted_input_with_a_quantizer_per_channel_is_refused() -> None:
    layers = [kl.Permute((2, 1)), kl.BatchNormalization(), bw.QActivation("quantized_bits(4,1,alpha=1)", name="late")]
    model = randomize(chain(*layers, dense(2, "reader"), shape=(2, 3), entry=False))
    what = "shapes change between the input and its quantizer"
    refused(model, Unsupported, "layer 'reader'", what, "quantize the input first")


def test_an_unbuilt_sequential_model_says_how_to_build_it() -> None:
    model = keras.Sequential([dense(2)], name="vague")
    refused(model, InvalidModel, "vague", "not built", "keras.Input(shape)")


def test_open_shapes_are_refused() -> None:
    refused(chain(dense(2), shape=(None, 3)), Unsupported, "input '", "is open", "a fixed shape")


def test_integer_inputs_are_refused_for_keras_would_cut_what_lies_between() -> None:
    x = keras.Input((3,), dtype="uint8", name="pixels")
    model = keras.Model(x, dense(2)(quantized(kl.Rescaling(1 / 255)(x))))
    refused(model, Unsupported, "input 'pixels'", "dtype is uint8", "dtype='float32'")


@pytest.mark.parametrize(
    "function",
    [
        keras.activations.sparsemax, keras.activations.glu, lambda t: keras.ops.softmax(t),
        lambda t: t - keras.ops.mean(t), lambda t: keras.ops.cumsum(t, axis=-1), lambda t: keras.ops.flip(t, axis=0),
    ],
)  # fmt: skip
def test_activations_in_which_elements_meet_are_refused(function: Any) -> None:
    model = chain(dense(4), kl.Activation(function, name="mixes"), quantized)
    refused(model, Unsupported, "layer 'mixes'", "not element-wise", "softmax at the output")


def test_keras_own_quantization_is_refused() -> None:
    model = chain(kl.Dense(4, name="ptq"), quantized)
    model.get_layer("ptq").quantize("int8")
    refused(model, Unsupported, "layer 'ptq'", "quantization int8", "bw.quantize(model")


def test_a_rescaling_over_space_is_refused() -> None:
    model = chain(kl.Rescaling(np.ones((2, 3)), name="map"), quantized, shape=(2, 3))
    refused(model, Unsupported, "layer 'map'", "2 axes", "one a channel")


def test_models_with_a_call_of_their_own_are_refused() -> None:
    remedy = "keras.Model(inputs, outputs)"
    refused(Loose(), Unsupported, "", "Loose is no Sequential or functional", remedy)
    plain = chain(dense(2))
    refused(Overridden(plain.input, plain.output), Unsupported, "", "Overridden", remedy)
    layered = OverriddenChain([keras.Input((4,)), bw.QActivation("binary(alpha=1)"), dense(2)])
    refused(layered, Unsupported, "", "OverriddenChain", remedy)
    refused(chain(Overridden(plain.input, plain.output, name="inner")), Unsupported, "", "Overridden", remedy)


def test_a_mask_given_to_a_layer_is_refused() -> None:
    x, mask = keras.Input((3,)), keras.Input((3,))
    y = kl.Softmax(name="masked")(quantized(x), mask=mask)
    refused(keras.Model([x, mask], y), Unsupported, "layer 'masked'", "called with 2 tensors", "without a mask")


def test_bilinear_upsampling_is_refused() -> None:
    model = chain(kl.UpSampling2D(2, interpolation="bilinear", name="smooth"), shape=(2, 2, 1))
    refused(model, Unsupported, "layer 'smooth'", "bilinear", "use 'nearest'")


def test_outputs_whose_channels_have_odd_steps_ask_for_an_output_format() -> None:
    x = keras.Input((2,))
    model = randomize(keras.Model(x, kl.Concatenate(name="both")([dense(2)(x), quantized(x)])))
    told = ("u8.0", Fraction(1, 255))
    refused(model, Unsupported, "both", "no powers of two", "output_format='s16.8'", input_format=told)


def test_results_without_a_number_are_refused() -> None:
    model = chain(dense(2), kl.Rescaling(float("inf"), name="burst"), quantized)
    refused(model, Inexact, "layer", "infinities or NaN", "check its weights")


def test_sums_that_not_even_float64_holds_are_refused() -> None:
    x = keras.Input((64,))
    kernel = "quantized_bits(20,0,alpha=1)"
    y = bw.QDense(2, kernel_quantizer=kernel, bias_quantizer=BIAS, name="huge")(x)
    model = randomize(keras.Model(x, y))
    refused(model, Inexact, "layer 'huge'", "a sum reaches 2**", "use fewer bits", input_format="s34.0")
    refused(model, Inexact, "layer 'huge'", "a sum reaches 2**6", "fewer bits", input_format="s45.0")


@pytest.mark.parametrize("step", [Fraction(1, 2**60), Fraction(1, 2**1100)])
def test_values_beyond_all_integers_of_their_step_are_refused_even_where_they_are_rounded(step: Fraction) -> None:
    with pytest.raises(Inexact, match=r"layer 'act': numbers beyond 62 bits(.|\n)*check its scales"):
        to_codes(np.array([0.5, -4.0]), step, "act", rounded=True)
    assert to_codes(np.array([0.5, -4.0]), Fraction(1, 2), "act").tolist() == [1, -8]
