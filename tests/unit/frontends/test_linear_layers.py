"""Dense and convolution layers become exact integer sums, whatever their attributes."""

from __future__ import annotations

from itertools import product
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl
from tests.keras_models import BIAS, KERNEL, dense, exact, inputs_for, quantized, randomize

import bitwright as bw
from bitwright.ir.graph.ops import Conv, Dense

pytestmark = pytest.mark.usefixtures("cheap_first_weights")

COMMON: dict[str, Any] = {"kernel_quantizer": KERNEL, "bias_quantizer": BIAS}


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 2, 3)])
def test_qdense_reads_over_the_last_axis_of_any_rank(shape: tuple[int, ...]) -> None:
    x = keras.Input(shape)
    design = exact(x, dense(3)(quantized(x)), floats=True)
    assert isinstance(design.graph.nodes[1].op, Dense)


def test_every_alpha_of_a_kernel_is_exact() -> None:
    x = keras.Input((6,))
    entry = quantized(x)
    outputs = []
    for alpha in ("auto", "auto_po2", 0.3, 1.0, None):
        kernel = bw.quantized_bits(4, 0, alpha=alpha)
        y = dense(4, kernel_quantizer=kernel, activation="quantized_relu(5,2)")(entry)
        outputs.append(dense(2)(y))
    exact(x, outputs, floats=True)


def test_every_alphabet_of_a_kernel_is_exact() -> None:
    x = keras.Input((6, 1))
    kernels = [
        "binary(alpha=1)", "binary(alpha='auto')", "ternary(alpha=1)", "ternary(alpha='auto')", "quantized_po2(4,2)",
        "quantized_bits(1,0,alpha=1)",
    ]  # fmt: skip
    entry = quantized(x)
    common = {"bias_quantizer": BIAS, "activation": "quantized_tanh(5)"}
    exact(x, [bw.QConv1D(3, 2, kernel_quantizer=kernel, **common)(entry) for kernel in kernels])


def test_a_float_scale_at_the_output_asks_for_an_output_format() -> None:
    x = keras.Input((4,))
    y = dense(2, "last", kernel_quantizer="quantized_bits(4,0,alpha='auto')")(quantized(x))
    with pytest.raises(bw.BitwrightError, match=r"(?s)layer 'last'.*output_format="):
        exact(x, y)
    exact(x, y, output_format="s16.8")


def test_a_bias_without_a_quantizer_stays_in_the_epilogue() -> None:
    x = keras.Input((4,))
    design = exact(x, quantized(dense(3, "free", bias_quantizer=None)(quantized(x)), 6, 3))
    linear = next(n for n in design.source.nodes if isinstance(n.op, Dense))
    assert not linear.op.bias.array.any()


def test_plain_keras_layers_with_weights_on_a_grid_are_exact() -> None:
    x = keras.Input((6, 2))
    layers = [kl.Conv1D(3, 3, padding="same"), kl.Flatten(), kl.Dense(4, activation="relu"), kl.Dense(2)]
    y = quantized(x)
    for layer in layers:
        y = layer(y)
    rng = np.random.default_rng(3)
    for layer in layers:
        layer.set_weights([rng.integers(-7, 8, w.shape).astype(np.float32) / 8 for w in layer.get_weights()])
    exact(x, y, keep=True, floats=True)


@pytest.mark.parametrize("padding", ["same", "valid", "causal"])
def test_conv1d_pads_strides_and_dilates_as_keras_does(padding: str) -> None:
    x = keras.Input((7, 2))
    entry = quantized(x)
    cases = [(2, 1, 1), (3, 2, 1), (3, 1, 2), (4, 3, 1)]
    outputs = [
        bw.QConv1D(2, kernel, strides=strides, padding=padding, dilation_rate=dilation, **COMMON)(entry)
        for kernel, strides, dilation in cases
    ]
    design = exact(x, outputs)
    assert sum(isinstance(n.op, Conv) for n in design.graph.nodes) == len(cases)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_conv2d_pads_strides_dilates_and_groups_as_keras_does(padding: str) -> None:
    x = keras.Input((5, 6, 4))
    entry = quantized(x)
    cases: list[Any] = [(3, 1, 1, 1), ((2, 3), (2, 1), 1, 1), (2, 1, (2, 1), 1), (2, 2, 1, 2), (1, 1, 1, 4)]
    outputs = [
        bw.QConv2D(4, kernel, strides=strides, padding=padding, dilation_rate=dilation, groups=groups, **COMMON)(entry)
        for kernel, strides, dilation, groups in cases
    ]
    exact(x, outputs)


def test_depthwise_filters_come_channel_by_channel() -> None:
    x = keras.Input((5, 5, 3))
    entry = quantized(x)
    layers = [
        bw.QDepthwiseConv2D(
            3, strides=strides, padding=padding, depth_multiplier=multiplier, depthwise_quantizer=KERNEL,
            bias_quantizer=BIAS,
        )
        for multiplier, (strides, padding) in product((1, 2), ((1, "valid"), (2, "same")))
    ]  # fmt: skip
    design = exact(x, [layer(entry) for layer in layers])
    assert {n.op.groups for n in design.graph.nodes if isinstance(n.op, Conv)} == {3}


def test_plain_depthwise_layers_are_read_too() -> None:
    for layer, shape in ((kl.DepthwiseConv1D(3), (6, 2)), (kl.DepthwiseConv2D(2, dilation_rate=2), (5, 5, 2))):
        x = keras.Input(shape)
        y = layer(quantized(x))
        layer.set_weights([np.rint(w * 8) / 8 for w in layer.get_weights()])
        exact(x, y, keep=True)


def test_a_mask_over_the_kernel_is_part_of_the_weights() -> None:
    x = keras.Input((4, 4, 2))
    layer = bw.QConv2D(2, 3, mask=np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]), **COMMON)
    design = exact(x, layer(quantized(x)))
    conv = design.graph.nodes[1].op
    assert isinstance(conv, Conv)
    assert not conv.weights.array[0, 0].any()
    assert conv.weights.array[1].any()


def _two_steps(x: Any) -> Any:
    q = quantized(x)
    parts = [bw.QActivation(f"quantized_bits(4,{integer},alpha=1)")(q) for integer in (0, 2)]
    return kl.Concatenate()(parts)


def test_channels_of_different_steps_fold_into_the_next_kernel() -> None:
    x = keras.Input((4,))
    design = exact(x, dense(3)(_two_steps(x)))
    linear = next(n for n in design.graph.nodes if isinstance(n.op, Dense))
    assert linear.type.step.uniform is not None


def test_channels_of_different_steps_reach_grouped_and_depthwise_kernels() -> None:
    x = keras.Input((4, 4, 2))
    wide = _two_steps(x)
    grouped = bw.QConv2D(4, 2, groups=2, **COMMON)(wide)
    exact(x, [grouped, bw.QDepthwiseConv2D(2, depthwise_quantizer=KERNEL, bias_quantizer=BIAS)(wide)])


def test_sums_beyond_float32_are_said_to_be_so_and_compared_in_float64() -> None:
    x = keras.Input((8,))
    y = dense(2, "wide", kernel_quantizer="quantized_bits(16,0,alpha=1)")(quantized(x, 14, 3))
    model = randomize(keras.Model(x, bw.QActivation("quantized_bits(8,4,alpha=1)")(y)))
    design = bw.compile(model)
    told = {f.layer: f for f in design.findings}["wide"]
    assert not told.exact
    assert told.wide
    assert "float64" in told.why
    assert design.verify(inputs_for(model), rtl=False).differences == 0


def test_a_layer_used_twice_is_two_sums_with_one_kernel() -> None:
    x = keras.Input((3,))
    shared = dense(3, "shared", activation="quantized_bits(5,1,alpha=1)")
    design = exact(x, shared(shared(quantized(x))), floats=True)
    kernels = [n.op.weights for n in design.graph.nodes if isinstance(n.op, Dense)]
    assert len(kernels) == 2
    assert kernels[0] == kernels[1]


def test_inputs_differ_between_samples_so_the_claims_can_fail() -> None:
    x = keras.Input((3,))
    given = inputs_for(keras.Model(x, x))[0]
    assert len(np.unique(given)) > given.size // 2
