"""Transposed, separable, folded, scaled and adaptive layers: Keras, graph and netlist agree bit for bit."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as kl
from tests.keras_models import BIAS, KERNEL, exact, quantized

import bitwright as bw
from bitwright.core.errors import Unsupported
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense, Map

pytestmark = pytest.mark.usefixtures("cheap_first_weights")
AUTO = "quantized_bits(4,0,alpha='auto')"
FOLDED = {"kernel_quantizer": "quantized_bits(6,2,alpha=1)", "bias_quantizer": "quantized_bits(8,3,alpha=1)"}


def read(shape, *layers, **options):
    x = keras.Input(shape, name="x")
    y = quantized(x)
    for layer in layers:
        y = layer(y)
    return exact(x, y, **options)


def kinds(design):
    return [type(node.op) for node in design.graph.nodes[1:]]


TRANSPOSED = {
    "same": {"kernel_size": 3, "strides": 2, "padding": "same"},
    "valid": {"kernel_size": (2, 3), "strides": (2, 1)},
    "strides beyond the kernel": {"kernel_size": 2, "strides": 3, "padding": "same"},
    "dilated": {"kernel_size": (2, 3), "dilation_rate": 2, "padding": "same"},
    "more at the end": {"kernel_size": 3, "strides": 3, "output_padding": 1, "padding": "same"},
}


@pytest.mark.parametrize("name", TRANSPOSED)
def test_transposed_convolutions_are_exact(name):
    design = read((3, 4, 2), bw.QConv2DTranspose(3, kernel_quantizer=KERNEL, bias_quantizer=BIAS, **TRANSPOSED[name]))
    assert kinds(design)[0] is ConvTranspose


def test_a_scale_per_filter_leaves_the_sum_of_a_transposed_convolution():
    kernel = bw.quantized_bits(4, 0, alpha="auto", scale_axis=2)
    design = read((3, 3, 2), bw.QConv2DTranspose(2, 2, kernel_quantizer=kernel, activation="quantized_relu(5,2)"),
                  exempt=True)  # fmt: skip
    assert kinds(design) == [ConvTranspose, Map]


def test_a_plain_transposed_convolution_with_weights_on_a_grid_is_exact():
    x = keras.Input((5, 2), name="x")
    layer = kl.Conv1DTranspose(2, 3, strides=2, padding="same")
    y = layer(quantized(x))
    layer.set_weights([np.rint(np.random.default_rng(0).normal(size=w.shape) * 4) / 4 for w in layer.get_weights()])
    assert kinds(exact(x, y, keep=True)) == [ConvTranspose]


SEPARABLE = {
    "fixed": {"depthwise_quantizer": KERNEL, "pointwise_quantizer": KERNEL, "strides": 2, "padding": "same"},
    "one automatic scale": {"depthwise_quantizer": AUTO, "pointwise_quantizer": AUTO},
    "multiplied": {"depthwise_quantizer": "quantized_bits(4)", "pointwise_quantizer": "binary", "depth_multiplier": 2},
}


@pytest.mark.parametrize("name", SEPARABLE)
def test_separable_convolutions_are_two_exact_sums(name):
    layer = bw.QSeparableConv2D(3, 2, bias_quantizer=BIAS, activation="quantized_relu(5,2)", **SEPARABLE[name])
    assert kinds(read((4, 4, 2), layer, exempt=True))[:2] == [Conv, Conv]


def test_a_causal_separable_convolution_is_exact():
    layer = bw.QSeparableConv1D(
        3, 2, padding="causal", dilation_rate=2, use_bias=False, depthwise_quantizer=KERNEL, pointwise_quantizer=KERNEL
    )
    assert kinds(read((6, 2), layer)) == [Conv, Conv]


def test_a_plain_separable_convolution_with_weights_on_a_grid_is_exact():
    x = keras.Input((4, 4, 2), name="x")
    layer = kl.SeparableConv2D(3, 2, activation="relu")
    y = bw.QActivation("quantized_relu(5,2)")(layer(quantized(x)))
    layer.set_weights([np.rint(np.random.default_rng(0).normal(size=w.shape) * 4) / 4 for w in layer.get_weights()])
    assert kinds(exact(x, y, keep=True)) == [Conv, Conv, Map]


def test_transposed_separable_convolutions_keep_their_quantized_point_between():
    plain = bw.QSeparableConv2DTranspose(
        3, 2, 2, "same", depthwise_kernel_quantizer=KERNEL, pointwise_kernel_quantizer=KERNEL, bias_quantizer=BIAS
    )
    assert kinds(read((3, 3, 2), plain)) == [ConvTranspose, Conv]
    pointed = bw.QSeparableConv2DTranspose(
        3, 3, 2, depthwise_activation="quantized_relu(5,2)", pointwise_activation="quantized_bits(6,3,alpha=1)",
        depthwise_kernel_quantizer=AUTO, pointwise_kernel_quantizer=KERNEL, bias_quantizer=BIAS,
    )  # fmt: skip
    assert kinds(read((3, 3, 2), pointed, exempt=True)) == [ConvTranspose, Map, Conv, Map]


@pytest.mark.parametrize("group", [1, 2, 4])
def test_transposed_depthwise_convolutions_keep_groups_apart(group):
    layer = bw.QDepthwiseConv2DTranspose(4, 2, group, (2, 1), "same", depthwise_kernel_quantizer=KERNEL)
    design = read((3, 3, 4), layer)
    assert design.graph.nodes[1].op.groups == 4 // group


@pytest.mark.parametrize("mode", ["ema_stats_folding", "batch_stats_folding"])
def test_folded_layers_are_convolutions_with_constants(mode):
    conv = bw.QConv2DBatchnorm(3, 3, padding="same", folding_mode=mode, activation="quantized_relu(5,2)", **FOLDED)
    assert kinds(read((4, 4, 2), conv)) == [Conv, Map]
    dense = bw.QDenseBatchnorm(3, folding_mode=mode, **FOLDED)
    assert kinds(read((5,), dense)) == [Dense]
    depthwise = bw.QDepthwiseConv2DBatchnorm(
        3, depth_multiplier=2, depthwise_quantizer=FOLDED["kernel_quantizer"], bias_quantizer=FOLDED["bias_quantizer"]
    )
    assert kinds(read((4, 4, 2), depthwise)) == [Conv]


def test_a_folded_bias_that_nobody_quantized_goes_into_the_next_quantizer():
    layer = bw.QDenseBatchnorm(3, kernel_quantizer=AUTO, activation="quantized_relu(5,2)")
    assert kinds(read((5,), layer, exempt=True)) == [Dense, Map]


def test_one_factor_and_one_offset_become_one_map():
    layer = bw.QScaleShift(KERNEL, BIAS, activation="quantized_relu(5,2)")
    assert kinds(read((5,), layer)) == [Map]


def test_adaptive_activations_are_quantizers_of_the_bits_that_they_found():
    x = keras.Input((3, 4), name="x")
    layer = bw.QAdaptiveActivation("quantized_relu", 5, per_channel=True, ema_decay=0.0)
    y = layer(bw.QDense(4, kernel_quantizer=KERNEL)(quantized(x, 6, 3)))
    layer(np.arange(4, dtype=np.float32)[None, None] * 2 + 0.3, training=True)
    assert np.asarray(layer.integer).tolist() == [0, 2, 3, 3]
    design = exact(x, y, keep=True)
    assert design.graph.nodes[-1].type.step.uniform == layer.quantizer.grid().step


def test_an_adaptive_activation_may_be_the_input_quantizer():
    x = keras.Input((3,), name="x")
    layer = bw.QAdaptiveActivation("quantized_bits", 5, ema_decay=0.0)
    y = layer(x)
    layer(np.array([[-3.0, 2.0, 1.0]], np.float32), training=True)
    exact(x, bw.QDense(2, kernel_quantizer=KERNEL)(y), keep=True)


def test_blocks_of_several_layers_are_exact():
    block = bw.QMobileNetSeparableConv2D(
        3, 3, strides=2, padding="same", depthwise_quantizer=KERNEL, pointwise_quantizer=KERNEL, bias_quantizer=BIAS,
        depthwise_activation="quantized_relu(4,2)", depthwise_dropout_rate=0.1, activation="quantized_relu(5,2)",
        name="m",
    )  # fmt: skip
    read((6, 6, 2), block)
    x = keras.Input((4, 4, 2), name="x")
    high, low = bw.QOctaveConv2D(
        4, 2, 0.5, padding="same", name="o", depthwise_quantizer=KERNEL, pointwise_quantizer=KERNEL,
        average_quantizer="quantized_bits(6,0,1,alpha=1)", acc_quantizer="quantized_bits(6,3,1,alpha=1)",
        activation="quantized_relu(5,2)",
    )([quantized(x), None])  # fmt: skip
    exact(x, [high, low])


def refused(shape, layer, match):
    x = keras.Input(shape, name="x")
    with pytest.raises(Unsupported, match=match) as caught:
        bw.compile(keras.Model(x, layer(quantized(x))))
    assert layer.name in str(caught.value)
    assert caught.value.remedy


@pytest.mark.filterwarnings("ignore:layer")
def test_sums_with_scales_inside_and_wrong_shapes_are_refused_by_name():
    refused((3, 3, 2), bw.QConv2DTranspose(2, 2, kernel_quantizer=AUTO), "differs between weights")
    separable = bw.QSeparableConv2D(2, 2, depth_multiplier=2, depthwise_quantizer=AUTO, pointwise_quantizer=KERNEL)
    refused((3, 3, 2), separable, "differs between weights")
    refused((3, 3, 2), bw.QDepthwiseConv2DTranspose(3, 2, depthwise_kernel_quantizer=KERNEL), "filters=3")
    hidden = bw.QSeparableConv2DTranspose(
        2, 2, depthwise_kernel_quantizer=KERNEL, pointwise_kernel_quantizer=KERNEL, pointwise_activation="softmax"
    )
    refused((3, 3, 2), hidden, "softmax")
    refused((2, 3, 3), bw.QConv2DTranspose(2, 2, data_format="channels_first"), "channels_first")
    refused((3, 3, 2), bw.QSeparableConv2D(2, 2), "not quantized")
