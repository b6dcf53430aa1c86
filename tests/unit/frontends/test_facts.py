"""Facts of Keras layers: classes, shapes, wiring, weights and operand types."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers as kl

import bitwright as bw
from bitwright import layers as bl
from bitwright.frontends.keras.facts import layer_network, network_of
from bitwright.frontends.keras.layerfacts import facts
from bitwright.frontends.keras.operands import operand_of, weight_operand
from bitwright.ir import layers as ir
from bitwright.train.spec import QUANTIZERS, get_quantizer

KERNEL = "quantized_bits(4,0,alpha=1)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("quantized_bits(6,2)", ("quantized_bits", ir.Mode.FIXED, 6, 2, True)),
        ("quantized_bits(6,2,0,0)", ("quantized_bits", ir.Mode.FIXED, 6, 2, False)),
        ("quantized_linear(5,1)", ("quantized_linear", ir.Mode.FIXED, 5, 1, True)),
        ("quantized_relu(4,1)", ("quantized_relu", ir.Mode.FIXED, 4, 1, False)),
        ("quantized_relu(4,1,negative_slope=0.25)", ("quantized_relu", ir.Mode.FIXED, 4, 1, True)),
        ("quantized_tanh(5)", ("quantized_tanh", ir.Mode.FIXED, 5, -1, True)),
        ("quantized_sigmoid(5)", ("quantized_sigmoid", ir.Mode.FIXED, 5, 0, False)),
        ("quantized_ulaw(6,1)", ("quantized_ulaw", ir.Mode.FIXED, 6, 1, True)),
        ("quantized_hswish(6,1)", ("quantized_hswish", ir.Mode.FIXED, 6, 1, True)),
        ("quantized_po2(4,2)", ("quantized_po2", ir.Mode.POWER, 4, 4, True)),
        ("quantized_relu_po2(4)", ("quantized_relu_po2", ir.Mode.POWER, 4, 4, False)),
        ("binary", ("binary", ir.Mode.SIGN, 1, 1, True)),
        ("binary(use_01=1)", ("binary", ir.Mode.BIT, 1, 1, False)),
        ("stochastic_binary", ("stochastic_binary", ir.Mode.SIGN, 1, 1, True)),
        ("bernoulli", ("bernoulli", ir.Mode.BIT, 1, 1, False)),
        ("ternary", ("ternary", ir.Mode.TERNARY, 2, 2, True)),
        ("stochastic_ternary", ("stochastic_ternary", ir.Mode.TERNARY, 2, 2, True)),
    ],
)
def test_every_quantizer_has_its_operand_type(text, expected):
    found = operand_of(get_quantizer(text))
    assert (found.kind, found.mode, found.bits, found.int_bits, found.signed) == expected


def test_no_quantizer_is_without_a_type():
    kinds = [kind for kind in QUANTIZERS.values() if isinstance(kind, type)]
    assert all(operand_of(kind()) is not None for kind in kinds)


def test_functions_have_no_type():
    assert operand_of(None) is None
    assert operand_of(keras.activations.relu) is None


def test_powers_of_two_count_the_values_of_their_weights_as_they_are_or_as_they_will_be():
    quantizer, values = get_quantizer("quantized_po2(4)"), np.array([1.0, 1.1, 1.2, -1.0, 2.0], np.float32)
    assert weight_operand(quantizer, values, quantize=False).distinct == 5
    assert weight_operand(quantizer, values, quantize=True).distinct == 3


def test_a_scale_found_in_data_is_known_once_the_quantizer_has_seen_them():
    quantizer = get_quantizer("quantized_bits(4,0,alpha='auto_po2')")
    values = np.array([[1.0, 8.0], [-1.0, -8.0]], np.float32)
    assert weight_operand(quantizer, values, quantize=False).scale is None
    low, high = weight_operand(quantizer, values, quantize=True).scale
    assert high - low == 3
    assert weight_operand(quantizer, values, quantize=False).scale == (low, high)
    assert weight_operand(get_quantizer("quantized_bits(4,0,alpha=1)"), values, quantize=True).scale is None


def test_layers_come_in_order_with_their_wiring_and_shapes():
    a, b = keras.Input((6, 6, 2), name="a"), keras.Input((6, 6, 2), name="b")
    conv = bw.QConv2D(4, 3, padding="same", kernel_quantizer=KERNEL, name="conv")
    x = kl.Concatenate(name="cat")([conv(a), b])
    x = kl.Flatten(name="flat")(kl.Dropout(0.5)(kl.MaxPooling2D(name="pool")(x)))
    network = network_of(keras.Model([b, a], x))
    assert [layer.name for layer in network.sources] == ["b", "a"]
    assert network["cat"].inputs == ("conv", "b")
    assert network["flat"].inputs == ("pool",)
    assert network["flat"].input_shapes == ((3, 3, 6),)
    assert network.outputs == ("flat",)
    kernel = network["conv"].weight("kernel")
    assert (kernel.shape, kernel.operand.bits, network["conv"].quantized) == ((3, 3, 2, 4), 4, True)


def test_nested_models_come_inline_and_a_layer_called_twice_twice():
    shared = kl.Dense(4, name="shared")
    entry = keras.Input((4,), name="x")
    inner = keras.Sequential([keras.Input((4,)), kl.Dense(3, name="inside")], name="inner")
    network = network_of(keras.Model(entry, inner(shared(shared(entry)))))
    assert [layer.name for layer in network.layers] == ["x", "shared", "shared:2", "inside"]
    assert network["shared:2"].inputs == ("shared",)


LAYERS = {
    ir.Dense: (lambda: kl.Dense(4), (6,)),
    ir.Conv: (lambda: bl.QConv1D(4, 3, kernel_quantizer=KERNEL), (6, 2)),
    ir.ConvTranspose: (lambda: bl.QConv2DTranspose(4, 3, kernel_quantizer=KERNEL), (6, 6, 2)),
    ir.Depthwise: (lambda: bl.QDepthwiseConv2D(3, depthwise_quantizer=KERNEL), (6, 6, 2)),
    ir.DepthwiseTranspose: (
        lambda: bl.QDepthwiseConv2DTranspose(2, 3, depthwise_kernel_quantizer=KERNEL),
        (6, 6, 2),
    ),
    ir.Folded: (lambda: bl.QConv2DBatchnorm(4, 3, kernel_quantizer=KERNEL), (6, 6, 2)),
    ir.Separable: (lambda: kl.SeparableConv1D(4, 3), (6, 2)),
    ir.ScaleShift: (lambda: bl.QScaleShift(weight_quantizer=KERNEL, bias_quantizer=KERNEL), (6,)),
    ir.Normalization: (lambda: bl.QBatchNormalization(), (6,)),
    ir.LayerNormalization: (lambda: kl.LayerNormalization(), (6,)),
    ir.Activation: (lambda: kl.Activation("gelu"), (6,)),
    ir.AveragePool: (lambda: kl.AveragePooling2D(2), (6, 6, 2)),
    ir.MaxPool: (lambda: kl.MaxPooling1D(3), (6, 2)),
    ir.Shaping: (lambda: kl.Reshape((3, 2)), (6,)),
    ir.Upsample: (lambda: kl.UpSampling1D(2), (6, 2)),
    ir.Softmax: (lambda: kl.Softmax(), (6,)),
    ir.Embedding: (lambda: kl.Embedding(5, 3), (6,)),
    ir.Recurrent: (lambda: kl.GRU(4), (6, 2)),
    ir.Einsum: (lambda: kl.EinsumDense("abc,cd->abd", (None, 5)), (6, 2)),
    ir.Other: (lambda: kl.UnitNormalization(), (6,)),
}


@pytest.mark.parametrize("kind", LAYERS, ids=lambda kind: kind.__name__)
def test_each_layer_class_becomes_its_kind_of_facts(kind):
    make, shape = LAYERS[kind]
    entry, layer = layer_network(make(), (None, *shape)).layers
    assert type(layer) is kind
    assert layer.inputs == (entry.name,)


def test_every_quantized_layer_has_a_rule():
    cells = {"QGRUCell", "QLSTMCell", "QSimpleRNNCell"}
    classes = [getattr(bl, name) for name in bl.__all__ if name.startswith("Q") and name not in cells]
    layers = [c for c in classes if isinstance(c, type) and issubclass(c, kl.Layer)]
    missing = [c.__name__ for c in layers if c not in facts]
    assert len(layers) > 20
    assert missing == []


def test_what_recurrent_layers_do_is_in_their_facts():
    layer = layer_network(bl.QBidirectional(bl.QLSTM(3, kernel_quantizer=KERNEL)), (None, 5, 2)).layers[1]
    assert isinstance(layer, ir.Recurrent)
    assert (layer.steps, layer.units, layer.gates, layer.directions) == (5, 3, 4, 2)


def test_an_equation_tells_how_many_products_make_an_output():
    layer = layer_network(kl.EinsumDense("abc,bcd->ad", (7,)), (None, 4, 3)).layers[1]
    assert isinstance(layer, ir.Einsum)
    assert (layer.terms, layer.output_shape) == (12, (7,))


def test_an_adaptive_activation_has_the_type_that_it_has_found():
    layer = bl.QAdaptiveActivation("quantized_relu", 5, name="act")
    network = network_of(keras.Sequential([keras.Input((4,)), layer]))
    assert (network["act"].output.kind, network["act"].output.bits) == ("quantized_relu", 5)
