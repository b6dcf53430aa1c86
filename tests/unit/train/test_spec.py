"""QKeras's strings: what they mean, and what is said about wrong ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.core.errors import InvalidValue, ParseError
from bitwright.train.door import keras
from bitwright.train.quantizer_registry import lookup_quantizer, quantizer_names, register_quantizer
from bitwright.train.quantizers import binary, hard_sigmoid, quantized_bits, quantized_relu
from bitwright.train.registry import Registry
from bitwright.train.spec import get_activation, get_params, get_quantizer, parse_call, safe_eval


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


class _Halves(quantized_bits):
    """A user's quantizer."""


def test_a_registered_quantizer_is_understood_in_strings_and_dictionaries():
    assert register_quantizer(_Halves) is _Halves
    assert type(get_quantizer("_Halves(4,1)")) is _Halves
    assert get_quantizer({"class_name": "_Halves", "config": {"bits": 5}}).bits == 5
    assert type(get_activation("_Halves(3)")) is _Halves
    assert lookup_quantizer("_Halves") is _Halves


def test_all_quantizers_of_qkeras_are_registered():
    wanted = {
        "bernoulli", "binary", "quantized_bits", "quantized_hswish", "quantized_linear", "quantized_po2",
        "quantized_relu", "quantized_relu_po2", "quantized_sigmoid", "quantized_tanh", "quantized_ulaw",
        "stochastic_binary", "stochastic_ternary", "ternary", "quantized_bits_learnable_po2",
        "quantized_bits_msqe_po2",
    }  # fmt: skip
    assert wanted <= set(quantizer_names())
    assert all(isinstance(lookup_quantizer(name), type) for name in wanted)
    with pytest.raises(KeyError):
        lookup_quantizer("quantized_nothing")


def test_a_registry_keeps_things_by_their_own_or_a_given_name():
    table, thing = Registry(), object()
    assert table.register(binary) is binary
    table.register(thing, "thing")
    assert table.lookup("binary") is binary
    assert table.lookup("thing") is thing
    assert "thing" in table
    with pytest.raises(AttributeError):
        table.register(thing)
    with pytest.raises(KeyError):
        table.lookup("other")


def test_parameters_are_read_without_evaluating_anything():
    assert get_params("(3, 0.3, sep=5  )") == ([3, 0.3], {"sep": 5})
    assert get_params("(  )") == ([], {})
    assert get_params("(-1.0, True, 'a', [1, 2], word, none=None)") == (
        [-1.0, True, "a", [1, 2], "word"], {"none": None}
    )  # fmt: skip
    with pytest.raises(ParseError, match="is no literal"):
        get_params("(open('x'))")


def test_calls_go_to_the_function_of_the_dictionary():
    def add(a=32, b=10):
        return a + b

    class Adder:
        def __call__(self, a, b):
            return a + b

    table = {"add": add, "Adder": Adder}
    assert safe_eval("add(3,3)", table) == 6
    assert safe_eval("add", table, 3, 39) == 42
    assert safe_eval("add(a=39)", table, b=3) == 42
    assert safe_eval("add()", table) == 42
    assert safe_eval("add", table) is add
    assert safe_eval("Adder", table)(3, 39) == safe_eval("Adder()", table)(3, 39) == 42
    with pytest.raises(ParseError, match="did you mean 'add'"):
        safe_eval("adds(1)", table)
