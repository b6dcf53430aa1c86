"""Nested models, shared layers, several inputs and outputs, float heads, and the doors of a model."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import keras
import numpy as np
from keras import layers as kl
from tests.keras_models import BIAS, KERNEL, dense, exact, inputs_for, quantized, randomize

import bitwright as bw
from bitwright.ir.graph.ops import Dense, Input
from bitwright.ir.interface import Head, LevelEncoder, RoundEncoder


def test_softmax_in_every_place_leaves_exact_logits() -> None:
    x = keras.Input((4,))
    q = quantized(x)
    outputs = [
        kl.Softmax()(dense(3)(q)),
        kl.Activation("softmax")(dense(3)(q)),
        kl.Activation("log_softmax")(dense(3)(q)),
        dense(3, activation="softmax")(q),
        kl.Dropout(0.5)(kl.Softmax()(dense(3)(q))),
        bw.QActivation("softmax")(dense(3)(q)),
    ]
    design = exact(x, outputs, floats=True)
    assert [d.head for d in design.decoders] == [
        Head.SOFTMAX, Head.SOFTMAX, Head.LOG_SOFTMAX, Head.SOFTMAX, Head.SOFTMAX, Head.SOFTMAX
    ]  # fmt: skip


def test_sigmoid_and_tanh_heads_leave_exact_logits() -> None:
    x = keras.Input((4,))
    q = quantized(x)
    outputs = [kl.Activation("sigmoid")(dense(1)(q)), dense(2, activation="sigmoid")(q), dense(2, activation="tanh")(q)]
    design = exact(x, outputs, floats=True)
    assert [d.head for d in design.decoders] == [Head.SIGMOID, Head.SIGMOID, Head.TANH]


def test_the_class_of_a_softmax_is_that_of_its_logits() -> None:
    x = keras.Input((4,))
    model = randomize(keras.Model(x, dense(5, activation="softmax")(quantized(x))))
    design = bw.compile(model)
    given = inputs_for(model, 500)[0]
    expected = model.predict(given, verbose=0)
    found = np.asarray(design.predict(given))
    assert np.array_equal(found.argmax(-1), expected.argmax(-1))
    assert np.array_equal(np.asarray(design.predict_codes(given)).argmax(-1), expected.argmax(-1))


def test_a_float_tanh_before_a_quantizer_is_part_of_the_map() -> None:
    x = keras.Input((4,))
    shared = dense(3, "shared", activation="tanh")
    y = bw.QActivation("quantized_bits(5,0,alpha=1)")(shared(quantized(x)))
    design = exact(x, y)
    assert [d.head for d in design.decoders] == [Head.NONE]


def test_a_layer_with_a_head_may_serve_inside_as_well() -> None:
    x = keras.Input((3,))
    shared = dense(3, "shared", activation="tanh")
    inner = bw.QActivation("quantized_bits(5,0,alpha=1)")(shared(quantized(x)))
    design = exact(x, shared(inner), floats=True)
    assert [d.head for d in design.decoders] == [Head.TANH]


def _block(name: str, head: bool = False) -> Any:
    entry = keras.Input((4,))
    y = dense(4, f"{name}_dense", activation="quantized_relu(4,2)")(entry)
    y = kl.Add(name=f"{name}_add")([y, entry])
    y = bw.QActivation("quantized_bits(5,2,alpha=1)", name=f"{name}_act")(y)
    return keras.Model(entry, kl.Softmax()(y) if head else y, name=name)


def test_nested_models_come_inline_with_their_heads() -> None:
    x = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), _block("a"), dense(4, "between", activation="quantized_tanh(5)")])
    design = exact(x, _block("b", head=True)(inner(quantized(x))), floats=True)
    assert {"a_dense", "between", "b_dense"} <= {n.name for n in design.source.nodes}
    assert [d.head for d in design.decoders] == [Head.SOFTMAX]


def test_a_nested_model_used_twice_is_two_copies() -> None:
    x = keras.Input((4,))
    block = _block("twice")
    design = exact(x, block(block(quantized(x))))
    assert sum(isinstance(n.op, Dense) for n in design.graph.nodes) == 2


def test_several_inputs_and_outputs_keep_their_order() -> None:
    a, b, c = keras.Input((3,), name="a"), keras.Input((2,), name="b"), keras.Input((3,), name="c")
    y = kl.Add()([quantized(c), quantized(a, 4, 0)])
    z = kl.Concatenate()([quantized(b, 6, 2), y])
    model = randomize(keras.Model([a, b, c], [dense(2)(z), y, dense(3)(y)]))
    design = exact(model.inputs, model.outputs, keep=True, floats=True)
    assert sorted(e.source for e in design.encoders) == [0, 1, 2]


def test_dictionaries_of_inputs_and_outputs_are_read_in_keras_order() -> None:
    a, b = keras.Input((3,), name="a"), keras.Input((2,), name="b")
    model = randomize(keras.Model({"b": b, "a": a}, {"one": dense(2)(quantized(a)), "two": dense(1)(quantized(b))}))
    design = bw.compile(model)
    given = inputs_for(model)
    assert design.verify(given, rtl=False).differences == 0


def test_one_input_with_two_quantizers_has_two_encoders() -> None:
    x = keras.Input((3,))
    y = kl.Add()([dense(2)(quantized(x, 4, 0)), dense(2)(quantized(x, 6, 2))])
    design = exact(x, y, floats=True)
    assert [e.source for e in design.encoders] == [0, 0]


def test_many_readers_of_many_quantizers_each_get_their_own_codes() -> None:
    x = keras.Input((3,))
    q = quantized(x, 8, 2)
    parts = []
    for bits in range(2, 8):
        y = bw.QActivation(f"quantized_bits({bits},1,alpha=1)")(q)
        parts.append(kl.Add()([kl.Identity()(y), kl.Flatten()(y)]))
    design = exact(x, parts, floats=True)
    assert len({str(d.step.uniform) for d in design.decoders}) == 6


def test_flatten_and_reshape_may_come_before_the_input_quantizer() -> None:
    x = keras.Input((2, 3))
    y = quantized(kl.Reshape((3, 2))(kl.Permute((2, 1))(x)))
    design = exact(x, dense(2)(kl.Flatten()(y)), floats=True)
    assert isinstance(design.graph.nodes[0].op, Input)
    assert design.graph.nodes[0].type.shape == (2, 3)


def test_a_normalization_before_the_input_quantizer_is_part_of_the_encoder() -> None:
    x = keras.Input((4,))
    norm = kl.BatchNormalization()
    model = randomize(keras.Model(x, dense(2)(quantized(norm(x)))))
    gamma, *rest = norm.get_weights()
    norm.set_weights([np.abs(gamma) * [1, -1, 1, -1], *rest])
    design = exact(model.input, model.output, keep=True, floats=True)
    (encoder,) = design.encoders
    assert isinstance(encoder, LevelEncoder)
    assert len(encoder.levels) == 4


def test_a_rescaling_before_the_input_quantizer_is_part_of_the_encoder() -> None:
    x = keras.Input((4,))
    exact(x, dense(2)(quantized(kl.Rescaling(1 / 255, -0.5)(x))), floats=True)


def test_input_format_replaces_a_missing_quantizer() -> None:
    x = keras.Input((4,))
    model = randomize(keras.Model(x, dense(2)(x)))
    design = bw.compile(model, input_format="s6.3")
    assert design.encoders == (RoundEncoder(0, Fraction(1, 8), -32, 31),)
    on_the_grid = np.random.default_rng(0).integers(-32, 32, (50, 4)).astype(np.float32) / 8
    assert design.verify(on_the_grid, rtl=False).differences == 0
    assert np.array_equal(design.predict(on_the_grid), model.predict(on_the_grid, verbose=0))


def test_one_unquantized_input_with_two_readers_enters_once() -> None:
    x = keras.Input((2, 2))
    y = kl.Add()([dense(2)(kl.Flatten()(x)), dense(2)(kl.Flatten()(kl.Permute((2, 1))(x)))])
    design = bw.compile(keras.Model(x, quantized(y)), input_format="s4.2")
    assert len(design.encoders) == 1
    assert len(design.graph.inputs) == 1


def test_pixels_come_in_steps_of_one_255th() -> None:
    x = keras.Input((3, 3, 1))
    y = bw.QConv2D(2, 2, kernel_quantizer=KERNEL, bias_quantizer=BIAS)(x)
    y = kl.Flatten()(bw.QActivation("quantized_relu(4,1)")(y))
    model = randomize(keras.Model(x, dense(2)(y)))
    design = bw.compile(model, input_format=("u8.0", Fraction(1, 255)))
    pixels = (np.arange(9 * 28).reshape(28, 3, 3, 1) % 256 / 255).astype(np.float32)
    certificate = design.verify(pixels, rtl=False)
    assert certificate.differences == 0
    assert np.array_equal(design.encode(pixels)[0], np.arange(9 * 28).reshape(28, 3, 3, 1) % 256)
    assert sum(c.exempt for c in certificate.comparisons) <= sum(c.vectors for c in certificate.comparisons) // 100


def test_output_format_rounds_half_even_and_only_where_it_is_needed() -> None:
    x = keras.Input((4,))
    y = dense(3, kernel_quantizer="quantized_bits(4,0,alpha='auto')")(quantized(x))
    model = randomize(keras.Model(x, y))
    design = bw.compile(model, output_format="s12.6")
    given = inputs_for(model)[0]
    assert design.verify(given, rtl=False).differences == 0
    nearest = np.rint(model.predict(given, verbose=0).astype(np.float64) * 64)
    assert np.array_equal(design.predict_codes(given), nearest)


def test_a_sequential_model_is_read_like_a_functional_one() -> None:
    layers = [bw.QActivation("quantized_bits(5,1,alpha=1)"), dense(4, activation="quantized_relu(4,1)"), dense(2)]
    model = randomize(keras.Sequential([keras.Input((3,)), *layers], name="chain"))
    design = bw.compile(model)
    assert design.name == "chain"
    assert design.verify(inputs_for(model)[0], rtl=False).differences == 0
