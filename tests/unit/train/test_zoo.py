"""The zoo's networks are the published ones: their parameters, products, shapes and widths."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from bitwright import zoo
from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras

PUBLISHED = {
    "jet_tagger": ({}, 4_389, 4_256),
    "tfc": ({}, None, 59_008),
    "sfc": ({}, None, 334_336),
    "lfc": ({}, None, 2_910_208),
    "svhn_cnn": ({}, 14_210, 840_832),
    "resnet8": ({}, 78_666, 12_501_632),
    "kws_mlp": ({}, None, 259_584),
    "ds_cnn": ({}, 24_908, 2_656_768),
    "autoencoder": ({}, 269_992, 264_192),
    "anomaly_autoencoder": ({}, None, 4_768),
    "lstm": ({}, 3_569, 42_944),
    "gru": ({}, 3_089, 32_544),
    "mobilenet_v1": ({"alpha": 0.25, "size": 96, "classes": 2, "use_bias": True}, 221_794, 7_489_664),
}
"""Options, parameters as the source counts them (None: it does not), products."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_products_are_the_published_ones(name):
    options, parameters, macs = PUBLISHED[name]
    facts = zoo.operations(zoo.build(name, **options))
    assert facts.macs == macs
    assert facts.operations == 2 * macs == 2 * sum(row.macs for row in facts.layers)
    assert parameters is None or facts.parameters == parameters


@pytest.mark.long
def test_the_large_networks_have_the_published_counts():
    facts = zoo.operations(zoo.mobilenet_v1())
    assert (facts.parameters, facts.macs) == (4_253_864, 568_740_352)
    facts = zoo.operations(zoo.resnet18())
    assert (facts.trainable, facts.macs) == (11_689_512, 1_814_073_344)
    facts = zoo.operations(zoo.cnv())
    assert (facts.weights, facts.macs) == (1_542_848, 59_461_376)
    facts = zoo.operations(zoo.dorefa_alexnet(pruned=True))
    assert [row.output_shape[-1] for row in facts.layers] == [68, 180, 272, 384, 256, 4096, 4096, 1000]
    assert facts.layers[5].weights == 9216 * 4096


def test_tincy_yolo_is_the_paper_s_arrangement():
    """4.44 GOp, and FINN-R's folding gives its 389,376 cycles in each of the first eight layers."""
    facts = zoo.operations(zoo.tincy_yolo())
    assert round(facts.operations / 1e9, 2) == 4.44
    lanes = (3, 16, 32, 32, 32, 32, 32, 32, 8)
    elements = (16, 64, 32, 16, 16, 16, 32, 32, 25)
    cycles = [row.macs / (q * p) for row, q, p in zip(facts.layers, lanes, elements, strict=True)]
    assert cycles[:8] == [389_376] * 8
    assert cycles[8] < 389_376


def test_pruned_groups_read_the_channels_that_finn_r_gives():
    narrow = zoo.dorefa_alexnet(pruned=True, dense_units=8)
    kernels = [tuple(w.kernel.shape) for w in narrow.layers if hasattr(w, "groups")]
    assert kernels == [(12, 12, 3, 68), (5, 5, 34, 180), (3, 3, 180, 272), (3, 3, 136, 384), (3, 3, 192, 256)]


def widths(model):
    summed = [layer for layer in model.layers if hasattr(layer, "kernel_quantizer")]
    weights = {type(layer.kernel_quantizer).__name__ for layer in summed}
    outputs = {}
    for layer in model.layers:
        if layer.name.endswith("_act"):
            outputs[layer.name] = getattr(layer.quantizer, "bits", 1)
    return weights, outputs


def test_one_bit_is_a_sign_two_are_three_levels_more_are_fixed_point():
    assert widths(zoo.tfc(1, 1)) == ({"binary"}, {"fc1_act": 1, "fc2_act": 1, "fc3_act": 1})
    assert widths(zoo.tfc(2, 3)) == ({"ternary"}, {"fc1_act": 3, "fc2_act": 3, "fc3_act": 3})
    model = zoo.tfc(5, 4)
    assert {layer.kernel_quantizer.bits for layer in model.layers if hasattr(layer, "kernel_quantizer")} == {5}


@pytest.mark.parametrize(
    ("told", "kind", "bits"),
    [("u4.4", "quantized_relu", 4), ("s6.5", "quantized_bits", 6), ("binary(alpha=1)", "binary", None)],
)
def test_the_input_format_is_the_one_that_is_told(told, kind, bits):
    quantizer = zoo.tfc(input_format=told).layers[1].quantizer
    assert type(quantizer).__name__ == kind
    assert getattr(quantizer, "bits", None) == bits
    if bits:
        x = np.linspace(-2, 2, 401, dtype=np.float32)
        values = np.unique(np.asarray(keras.ops.convert_to_numpy(quantizer(x))))
        assert len(values) == 1 << bits
        assert np.abs(np.diff(values) - 2.0 ** -int(told[-1])).max() == 0


def test_weights_are_the_seed_s_and_every_level_occurs():
    first, again, other = zoo.tfc(3, 2, seed=1), zoo.tfc(3, 2, seed=1), zoo.tfc(3, 2, seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(first.get_weights(), again.get_weights(), strict=True))
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])
    kernel = next(layer for layer in first.layers if layer.name == "fc1").quantized_weights()["kernel"].z
    assert sorted(np.unique(kernel)) == [k / 4 for k in range(-4, 4)]
    x = np.random.default_rng(0).uniform(-1, 1, (200, 784)).astype(np.float32)
    inner = keras.Model(first.inputs, [layer.output for layer in first.layers if layer.name.endswith("_act")])
    for activation in inner.predict(x, verbose=0):
        assert len(np.unique(activation)) == 4
        assert (activation.std(axis=0) > 0).mean() > 0.9, "most neurons are alive"


def test_wrong_names_and_options_are_answered_with_the_nearest():
    with pytest.raises(InvalidValue, match="unknown network 'resnet9'") as caught:
        zoo.build("resnet9")
    assert "resnet8" in caught.value.remedy
    with pytest.raises(InvalidValue, match="unknown option 'alfa'") as caught:
        zoo.build("mobilenet_v1", alfa=0.5)
    assert "alpha" in caught.value.remedy
    with pytest.raises(InvalidValue, match="multiple of 32"):
        zoo.build("mobilenet_v1", size=100)
    with pytest.raises(InvalidValue, match="binary"):
        zoo.build("tfc", input_format="s1.0")
    with pytest.raises(InvalidValue, match="0 bits"):
        zoo.build("tfc", weight_bits=0)


def test_every_name_has_a_builder_whose_docstring_counts_its_products():
    for name in zoo.names():
        text = zoo.builder(name).__doc__ or ""
        assert "products" in text or "One block" in text


def test_the_door_opens_lazily():
    script = "import sys, bitwright as bw; assert 'keras' not in sys.modules; print(bw.zoo.names()[0])"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "jet_tagger"
