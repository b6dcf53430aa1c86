"""QTools on Keras models: the paper's table, complete coverage, QKeras's objects and functions."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from keras import layers as kl

from bitwright import layers as bl
from bitwright.core.errors import InvalidValue, Unsupported
from bitwright.cost.qtools import INCLUDE, WrongInputs
from bitwright.cost.qtools.bits import network_bits, total_bits
from bitwright.flow.qtools import QTools
from bitwright.frontends.keras.facts import network_of
from bitwright.qkeras import quantizers as q
from bitwright.qkeras.qtools import generate_layer_data_type_map, interface, qgraph, qtools_util, settings
from bitwright.qkeras.qtools import quantized_operators as operators
from bitwright.qkeras.qtools.config_public import config_settings
from bitwright.qkeras.qtools.DnC import divide_and_conquer
from bitwright.qkeras.qtools.qenergy.qenergy import energy_estimate
from bitwright.qkeras.qtools.quantized_operators import adder_impl, quantizer_impl
from bitwright.train.paper import PAPER_MODELS, paper_model
from bitwright.train.quantizers.groups import get_rolled_back_shape, get_scale, get_unrolled_shape

KERNEL = "quantized_bits(4,0,1,alpha=1)"
PAPER = {
    "BF": (67795, {"2021": 3439, "latest": 3435}),
    "Q6": (27142, {"2021": 949, "latest": 945}),
    "QE": (5008, {"2021": 193, "latest": 190}),
    "QB": (4496, {"2021": 181, "latest": 184}),
}
PAPER_LAYERS = {
    "BF": {"fc1": 818.0, "fc2": 1648.8, "fc3": 821.2, "output": 128.31},
    "Q6": {"fc1": 369.32, "fc2": 355.2, "fc3": 174.4, "output": 27.25},
    "QE": {"fc1": 134.53, "fc2": 21.44, "fc3": 13.25, "output": 1.65, "bn1": 70.4, "bn2": 35.2, "bn3": 35.2},
    "QB": {"fc1": 134.53, "fc2": 12.16, "fc3": 9.92, "output": 1.65, "bn1": 70.4, "bn2": 35.2, "bn3": 35.2},
}


def told(name, rules):
    tools = QTools(
        paper_model(name), "horowitz", "quantized_bits(15,5,1)", True,
        keras_quantizer="fp16", keras_accumulator="fp16", rules=rules,
    )  # fmt: skip
    return tools, tools.pe("fixed", "fixed", 8 * 16 * 1024 * 1024, False)


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_table_comes_out_to_the_printed_digit(name):
    bits, totals = PAPER[name]
    assert total_bits(network_bits(network_of(paper_model(name)))) == bits
    for rules, total in totals.items():
        tools, energies = told(name, rules)
        assert tools.extract_energy_sum(INCLUDE, energies) == total
    layers = told(name, "2021")[1]
    assert {k: e["energy"]["op_cost"] for k, e in layers.items() if k in PAPER_LAYERS[name]} == PAPER_LAYERS[name]


def test_the_paper_has_four_models():
    assert set(PAPER_MODELS) == set(PAPER)
    with pytest.raises(InvalidValue, match="BF"):
        paper_model("BX")


ZERO_IN_QKERAS = {
    "QSeparableConv2D": (
        lambda: bl.QSeparableConv2D(4, 3, depthwise_quantizer=KERNEL, pointwise_quantizer=KERNEL),
        [(6, 6, 2)],
    ),
    "SeparableConv1D": (lambda: kl.SeparableConv1D(4, 3), [(6, 2)]),
    "QConv2DTranspose": (lambda: bl.QConv2DTranspose(4, 3, strides=2, kernel_quantizer=KERNEL), [(6, 6, 2)]),
    "QDepthwiseConv2DTranspose": (
        lambda: bl.QDepthwiseConv2DTranspose(2, 3, depthwise_kernel_quantizer=KERNEL),
        [(6, 6, 2)],
    ),
    "QSeparableConv2DTranspose": (
        lambda: bl.QSeparableConv2DTranspose(
            4, 3, depthwise_kernel_quantizer=KERNEL, pointwise_kernel_quantizer=KERNEL
        ),
        [(6, 6, 2)],
    ),
    "QConv2DBatchnorm": (lambda: bl.QConv2DBatchnorm(4, 3, kernel_quantizer=KERNEL), [(6, 6, 2)]),
    "QDepthwiseConv2DBatchnorm": (lambda: bl.QDepthwiseConv2DBatchnorm(3, depthwise_quantizer=KERNEL), [(6, 6, 2)]),
    "QDenseBatchnorm": (lambda: bl.QDenseBatchnorm(4, kernel_quantizer=KERNEL), [(6,)]),
    "QSimpleRNN": (lambda: bl.QSimpleRNN(3, kernel_quantizer=KERNEL, recurrent_quantizer=KERNEL), [(5, 2)]),
    "QLSTM": (lambda: bl.QLSTM(3, kernel_quantizer=KERNEL, recurrent_quantizer=KERNEL), [(5, 2)]),
    "GRU": (lambda: kl.GRU(3), [(5, 2)]),
    "QBidirectional": (lambda: bl.QBidirectional(bl.QLSTM(3, kernel_quantizer=KERNEL)), [(5, 2)]),
    "QEmbedding": (lambda: bl.QEmbedding(9, 4, embeddings_quantizer=KERNEL), [(5,)]),
    "QTableDense": (lambda: bl.QTableDense(4), [(5,)]),
    "QEinsumDense": (lambda: bl.QEinsumDense("abc,cd->abd", (5, 3), kernel_quantizer=KERNEL), [(5, 2)]),
    "Softmax": (lambda: kl.Softmax(), [(6,)]),
    "QLayerNormalization": (lambda: bl.QLayerNormalization(), [(6,)]),
    "QMultiHeadAttention": (lambda: bl.QMultiHeadAttention(2, 4, kernel_quantizer=KERNEL), [(5, 8), (5, 8)]),
    "QScaleShift": (lambda: bl.QScaleShift(weight_quantizer=KERNEL, bias_quantizer=KERNEL), [(6,)]),
    "QPReLU": (lambda: bl.QPReLU(alpha_quantizer=KERNEL), [(6,)]),
    "QAveragePooling2D": (lambda: bl.QAveragePooling2D(2, average_quantizer=KERNEL), [(6, 6, 2)]),
    "GlobalAveragePooling2D": (lambda: kl.GlobalAveragePooling2D(), [(6, 6, 2)]),
    "MaxPooling2D": (lambda: kl.MaxPooling2D(2), [(6, 6, 2)]),
    "Maximum": (lambda: kl.Maximum(), [(6,), (6,)]),
    "Average": (lambda: kl.Average(), [(6,), (6,)]),
    "QActivation": (lambda: bl.QActivation("quantized_relu(4,1)"), [(6,)]),
    "gelu": (lambda: kl.Activation("gelu"), [(6,)]),
}


def around(layer, shapes):
    """A model of this layer alone."""
    entries = [keras.Input(shape) for shape in shapes]
    merging = isinstance(layer, kl.Maximum | kl.Average)
    return keras.Model(entries, layer(entries) if merging else layer(*entries))


@pytest.mark.parametrize("name", ZERO_IN_QKERAS)
def test_complete_coverage_costs_what_qkeras_leaves_at_zero(name):
    make, shapes = ZERO_IN_QKERAS[name]
    layer = make()
    model = around(layer, shapes)
    found = {
        coverage: QTools(model, "horowitz", "quantized_bits(6,2,1)", coverage=coverage).pe("fixed", "fixed", 0, False)
        for coverage in ("compatible", "complete")
    }
    assert found["compatible"][layer.name]["energy"]["op_cost"] == 0.0
    assert found["complete"][layer.name]["energy"]["op_cost"] > 0.0


def test_a_transposed_convolution_multiplies_every_input_by_the_whole_kernel():
    layer = bl.QConv2DTranspose(5, 3, strides=2, kernel_quantizer=KERNEL, name="t")
    model = around(layer, [(6, 6, 2)])
    types = QTools(model, "horowitz", coverage="complete").types
    assert types["t"].operation_count == 6 * 6 * 9 * 5 * 2


def test_a_separable_convolution_costs_as_its_two_parts():
    entry = keras.Input((6, 6, 2))
    whole = bl.QSeparableConv2D(4, 3, depthwise_quantizer=KERNEL, pointwise_quantizer=KERNEL, use_bias=False, name="s")
    parts = bl.QDepthwiseConv2D(3, depthwise_quantizer=KERNEL, use_bias=False, name="d")(entry)
    parts = bl.QConv2D(4, 1, kernel_quantizer=KERNEL, use_bias=False, name="p")(parts)
    one, two = (
        QTools(keras.Model(entry, y), "horowitz", coverage="complete").pe("fixed", "fixed", 0, False)
        for y in (whole(entry), parts)
    )
    both = two["d"]["energy"]["op_cost"] + two["p"]["energy"]["op_cost"]
    assert one["s"]["energy"]["op_cost"] == pytest.approx(both, abs=0.011)


def small():
    entry = keras.Input((6,), name="x")
    x = bl.QDense(4, kernel_quantizer=KERNEL, bias_quantizer=KERNEL, name="fc")(entry)
    return keras.Model(entry, bl.QActivation("quantized_relu(4,1)", name="act")(x))


def test_the_map_is_written_and_printed_as_json(tmp_path, capsys):
    tools = QTools(small(), "horowitz", [q.quantized_bits(8, 0, 1)])
    tools.qtools_stats_to_json(tmp_path / "map.json")
    tools.qtools_stats_print()
    assert json.loads((tmp_path / "map.json").read_text()) == json.loads(capsys.readouterr().out)
    assert tools.qtools_stats()["fc"]["multiplier"]["op_type"] == "mul"


def test_weights_can_be_loaded_first(tmp_path):
    model = small()
    model.get_layer("fc").set_weights([np.ones((6, 4)), np.ones(4)])
    model.save_weights(tmp_path / "w.weights.h5")
    fresh = small()
    QTools(fresh, "horowitz", weights_path=tmp_path / "w.weights.h5")
    assert np.array_equal(fresh.get_layer("fc").get_weights()[0], np.ones((6, 4)))


def test_what_is_no_type_is_refused():
    with pytest.raises(InvalidValue, match="no type"):
        QTools(small(), "horowitz", keras.activations.relu)
    with pytest.raises(WrongInputs):
        QTools(small(), "horowitz", ["int8", "int8"])


def test_programs_that_walk_graph_and_map_find_what_they_read():
    model = small()
    graph, sources = qgraph.CreateGraph(model, [q.quantized_bits(8, 0, 1)])
    qgraph.GraphPropagateActivationsToEdges(graph)
    layers = [graph.nodes[n]["layer"][0] for n in sorted(graph.nodes) if n >= 0]
    assert layers[1:] == model.layers[1:]
    assert list(graph.predecessors(2)) == [1]
    assert list(graph.successors(qgraph.SOURCE)) == [0]
    assert graph.in_edges(1) == [(0, 1)]
    assert graph.out_edges(2) == [(2, qgraph.SINK)]
    assert graph[0][1]["quantizer"].bits == 8
    made = generate_layer_data_type_map.generate_layer_data_type_map(graph, sources, is_inference=False)
    entry = made["layer_data_type_map"][model.get_layer("fc")]
    assert entry["multiplier"].output.bits == 11
    assert entry["w_shapes"] == (6, 4)
    assert made["input_layers"] == [model.get_layer("fc")]
    assert made["output_layers"] == [model.get_layer("act")]
    told = interface.map_to_json(made)
    assert told == QTools(model, "horowitz", [q.quantized_bits(8, 0, 1)]).qtools_stats()
    settings.cfg.update("horowitz", config_settings)
    energies = energy_estimate(model, made, "sram", "sram", 0, True)
    assert energies == QTools(model, "horowitz", [q.quantized_bits(8, 0, 1)]).pe("sram", "sram", 0, True)
    assert config_settings["horowitz"]["fp32_mul"] == [3.7]
    assert settings.cfg.include_energy["QActivation"] == ["outputs"]


@pytest.mark.parametrize(
    "text",
    [
        "quantized_bits(5,1,alpha=1)", "quantized_relu(5,1)", "quantized_tanh(5)", "quantized_ulaw(5,1)", "binary()",
        "binary(use_01=1)", "ternary()", "stochastic_binary()", "stochastic_ternary()", "bernoulli()",
        "quantized_po2(4,2)", "quantized_relu_po2(4)",
    ],
)  # fmt: skip
def test_a_type_object_gives_back_a_quantizer_of_its_type(text):
    factory = operators.QuantizerFactory()
    quantizer = q.get_quantizer(text)
    held = factory.make_quantizer(quantizer)
    again = factory.make_quantizer(held.convert_to_qkeras_quantizer())
    assert again.operand == held.operand
    assert factory.clone_quantizer(held).operand == held.operand
    assert factory.is_quantizer_supported(quantizer)


def test_type_objects_make_operators_as_values_do():
    factory = operators.QuantizerFactory()
    a, power = factory.make_quantizer("quantized_bits(4,0,1)"), factory.make_quantizer("quantized_po2(4)")
    multiplier = operators.MultiplierFactory().make_multiplier(power, a)
    assert (multiplier.name(), multiplier.implemented_as(), multiplier.output.bits) == ("Shifter", "shifter", 11)
    assert operators.AccumulatorFactory().make_accumulator((16, 8), multiplier).output.bits == 11 + 5
    assert operators.IAdder().make_quantizer(a, a).output.bits == 5
    assert operators.ISubtractor().make_quantizer(a, a).implemented_as() == "add"
    assert operators.IDivider().make_quantizer(a, power).output.int_bits == 4
    assert operators.MergeFactory().make_quantizer([(a, None), (a, None)], "Add").output.bits == 5
    assert factory.make_default_quantizer("int16").int_bits == 7
    assert quantizer_impl.get_exp(power) == power.get_min_max_exp() == (4, 3)
    assert adder_impl.FixedPointAdder(a, a).gate_bits == 5


def test_normalization_objects_divide_by_the_deviation_and_fuse():
    factory = operators.QuantizerFactory()
    x, power = factory.make_quantizer("quantized_bits(10,3,1)"), factory.make_quantizer("quantized_relu_po2(6)")
    beta = factory.make_quantizer("quantized_bits(6,1)")
    normal = operators.QBNFactory()
    normal.make_quantizer(x, beta, beta, beta, power, use_scale=False, use_center=True)
    assert (normal.internal_divide_quantizer.output.bits, normal.internal_multiplier) == (41, None)
    fused = operators.FusedBNFactory()
    total, inverse = factory.make_quantizer("quantized_bits(17,6)"), factory.make_quantizer("quantized_bits(8,2)")
    fused.make_quantizer(total, beta, beta, inverse, beta, use_beta=True, use_bias=True)
    assert (fused.internal_accumulator.output.bits, fused.internal_accumulator.output.int_bits) == (25, 9)


def test_a_multiplier_is_widened_by_the_scale_of_its_weights():
    quantizer = q.quantized_bits(4, 0, alpha="auto_po2")
    quantizer(np.array([[1.0, 8.0], [-1.0, -8.0]], np.float32))
    factory = operators.QuantizerFactory()
    weight = factory.make_quantizer(quantizer)
    multiplier = operators.MultiplierFactory().make_multiplier(weight, factory.make_quantizer("quantized_bits(4,0)"))
    output, before = multiplier.output, multiplier.output.bits
    qtools_util.adjust_multiplier_for_auto_po2(multiplier, quantizer)
    assert output is multiplier.output
    assert output.bits == before + 3


def test_operations_of_a_layer_are_counted_for_a_shape():
    assert qtools_util.get_operation_count(bl.QConv2D(8, 3, kernel_quantizer=KERNEL), (None, 12, 12, 3)) == 21600
    assert qtools_util.find_divisors(6) == [1, 2, 3, 6]
    assert qtools_util.is_merge_layers(kl.Add())
    assert qtools_util.is_shape_alternation_layers(kl.Flatten())


def test_a_model_is_unrolled_for_a_throughput_or_refused_by_mode():
    entry = keras.Input((8, 8, 1))
    x = bl.QConv2D(3, 3, use_bias=False, kernel_quantizer=KERNEL)(entry)
    model = keras.Model(entry, bl.QConv2D(5, 3, use_bias=False, kernel_quantizer=KERNEL)(x))
    slow, fast = (divide_and_conquer.estimate_model_cost(model, target_OutElementPerClk=n) for n in (0.1, 5))
    assert slow.gates < fast.gates
    assert fast.clocks < slow.clocks
    with pytest.raises(Unsupported):
        divide_and_conquer.estimate_model_cost(model, mode=divide_and_conquer.CostMode.PE_AREA)


def test_scales_and_shapes_of_groups_are_computed_as_programs_ask():
    x = np.arange(1, 9, dtype=np.float32).reshape(2, 4)
    whole = get_scale("auto", x, x / 3, per_channel_scale=False)
    assert tuple(whole.shape) == (1, 1)
    assert np.allclose(np.asarray(get_scale("auto", x, x / 3, scale_axis=1, elements_per_scale=2)), 3, atol=1e-4)
    assert np.asarray(get_scale("auto_po2", x, x / 64, max_po2_exponent=2)).max() == 4
    assert get_scale(2.0, x, x) == 2.0
    shape, axes = get_unrolled_shape([4, 4, 8], unroll_factor=[2, 4], unroll_axis=[0, 2])
    assert (shape, axes) == ([2, 2, 4, 2, 4], [0, 3])
    assert get_rolled_back_shape(shape, roll_axis=axes) == [4, 4, 8]
