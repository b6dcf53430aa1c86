"""QKeras's strings: what they mean, and what is said about wrong ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.core.errors import InvalidValue, ParseError
from bitwright.train.door import keras
from bitwright.train.quantizers import binary, hard_sigmoid, quantized_bits, quantized_relu
from bitwright.train.spec import get_activation, get_quantizer, parse_call


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("quantized_bits(6,0,1,alpha='auto')", quantized_bits(6, 0, 1, alpha="auto")),
        ("quantized_bits( 6, 0, alpha=auto_po2 )", quantized_bits(6, 0, alpha="auto_po2")),
        ("quantized_relu(4)", quantized_relu(4)),
        ("quantized_bits(4,-1,1,keep_negative=False)", quantized_bits(4, -1, 1, False)),
        ("binary", binary()),
        ("binary()", binary()),
        ("quantized_bits(4,elements_per_scale=[2,1],scale_axis=(0,1),alpha='auto')",
         quantized_bits(4, elements_per_scale=[2, 1], scale_axis=(0, 1), alpha="auto")),
    ],
)  # fmt: skip
def test_a_string_names_its_quantizer(text, meant):
    found = get_quantizer(text)
    assert type(found) is type(meant)
    assert found.get_config() == meant.get_config()


def test_objects_classes_dictionaries_and_none_are_understood():
    quantizer = quantized_relu(3, 1)
    assert get_quantizer(quantizer) is quantizer
    assert get_quantizer(None) is None
    assert get_quantizer(binary).get_config() == binary().get_config()
    assert get_quantizer(keras.saving.serialize_keras_object(quantizer)).get_config() == quantizer.get_config()
    assert get_quantizer({"class_name": "quantized_relu", "config": {"bits": 3, "integer": 1}}).bits == 3
    assert get_quantizer("hard_sigmoid") is hard_sigmoid


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("quantized_bit(4)", "did you mean 'quantized_bits'"),
        ("ternery", "did you mean 'ternary'"),
        ("quantized_bits(4", "cannot read"),
        ("quantized_bits(__import__('os').getcwd())", "is no literal"),
        ("quantized_bits(2**80)", "is no literal"),
        ("().__class__", "it is no call"),
        ("quantized_bits(*[1])", "is no literal"),
        ("quantized_bits(**{'bits': 1})", "no meaning here"),
        ("quantized_bits(4, bitz=3)", "bitz"),
        ("quantized_bits(4); import os", "cannot read"),
        ("hard_sigmoid(3)", "takes no settings"),
        ("", "cannot read"),
    ],
)
def test_wrong_strings_say_what_is_wrong_and_what_to_do(text, said):
    with pytest.raises(ParseError, match="try:") as error:
        get_quantizer(text)
    assert said in str(error.value)


def test_what_is_no_quantizer_is_refused():
    with pytest.raises(InvalidValue, match="3 is no quantizer"):
        get_quantizer(3)
    with pytest.raises(ParseError, match="quantized_bits"):
        get_quantizer({"class_name": "quantized_bitz", "config": {}})


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_and_never_run(text):
    try:
        name, arguments, named = parse_call(text)
    except ParseError:
        return
    assert name.isidentifier()
    assert isinstance(arguments, list)
    assert isinstance(named, dict)


def test_activations_may_be_keras_ones_too():
    assert get_activation("relu") is keras.activations.relu
    assert get_activation(None) is keras.activations.linear
    assert isinstance(get_activation("quantized_relu(3)"), quantized_relu)
    with pytest.raises(ParseError, match="quantized_relu"):
        get_activation("quantised_relu(3)")


@pytest.mark.parametrize("function", [hard_sigmoid, keras.activations.hard_sigmoid, keras.activations.softmax])
def test_functions_of_one_name_stay_apart_when_saved(function):
    assert get_activation(keras.saving.serialize_keras_object(function)) is function
