"""Every argument of every quantizer survives configurations, strings and files."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import bitwright as bw
from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.quantizer_registry import QUANTIZERS
from bitwright.train.spec import get_quantizer

KINDS = {name: kind for name, kind in QUANTIZERS.items() if isinstance(kind, type)}
FLAGS = {"keep_negative", "use_stochastic_rounding", "use_ste", "use_variables", "is_quantized_clip", "use_01",
         "enable_fast_inference", "quadratic_approximation", "use_real_tanh", "use_real_sigmoid",
         "per_channel_scale", "use_sqrt_of_msqe_weight", "use_outlier_mask_msqe_weight",
         "use_stable_scale_exponent", "use_po2_scale_ceil", "use_po2_scale_msqe_round", "should_line_search",
         "symmetric", "trained_range"}  # fmt: skip
VALUES = {
    "bits": [2, 3, 5, 7],
    "integer": [-1, 0, 1, 3],
    "use_sigmoid": [0, 1],
    "alpha": [None, 1.0, 0.375, [0.5, 3.0], "auto", "auto_po2"],
    "scale_axis": [None, 0, 1],
    "elements_per_scale": [None, 1, 2],
    "qnoise_factor": [1.0, 0.25],
    "var_name": [None, "weights"],
    "min_po2_exponent": [None, -3],
    "max_po2_exponent": [None, 2],
    "post_training_scale": [None, 0.5, [[0.5, 0.25]]],
    "negative_slope": [0.0, 0.25],
    "relu_upper_bound": [None, 1.5, 6],
    "relu_shift": [3, 2],
    "max_value": [None, 1, 4],
    "log2_rounding": ["rnd", "floor"],
    "threshold": [None, 0.2],
    "number_of_unrolls": [1, 5],
    "temperature": [6.0, 2.5],
    "u": [255.0, 15.0],
    "init_scale": [None, 0.125],
    "use_second_moments_msqe_opt": [False],
    "second_moments_ema_decay": [0.999, 0.9],
    "stable_scale_ema_decay": [0.99, 0.5],
    "min_init_scale": [None, 1e-5, 0.1],
    "outlier_mask_sigma": [2.0, 3.0],
    "num_lls_iters": [3, 1],
    "line_search_range": [6, 2],
    "granularity": ["channel", "tensor", "element"],
    "calibrated": [True],
    "digits": [3.0, 1.0],
    "most": [4, 2],
    "fraction": [8, 5],
}
X = (np.random.default_rng(3).normal(size=(6, 2)) * 1.5).astype(np.float32)


def parameters(kind):
    return list(inspect.signature(kind).parameters)


@st.composite
def calls(draw):
    name = draw(st.sampled_from(sorted(KINDS)))
    pools = {n: [False, True] if n in FLAGS else VALUES[n] for n in parameters(KINDS[name])}
    return name, {n: draw(st.sampled_from(pool)) for n, pool in pools.items()}


def output(quantizer):
    return ops.convert_to_numpy(quantizer(X))


def same(ours, theirs):
    assert type(ours) is type(theirs)
    assert ours.get_config() == theirs.get_config()
    if not ours.always_random:
        try:
            expected = output(ours)
        except InvalidValue:  # groups that do not fit this tensor: then neither takes it
            with pytest.raises(InvalidValue):
                output(theirs)
            return
        assert np.array_equal(expected, output(theirs))


@given(call=calls())
@settings(max_examples=40)
def test_every_argument_survives_configurations_strings_and_serialization(call):
    try:
        quantizer = KINDS[call[0]](**call[1])
    except InvalidValue:  # settings that exclude each other
        reject()
    config = quantizer.get_config()
    assert list(config) == parameters(type(quantizer))
    same(quantizer, type(quantizer).from_config(config))
    same(quantizer, get_quantizer(str(quantizer)))
    told = keras.saving.serialize_keras_object(quantizer)
    assert told["module"] == "bitwright.quantizers"
    same(quantizer, keras.saving.deserialize_keras_object(told))


@pytest.mark.parametrize("name", sorted(KINDS))
def test_each_argument_alone_is_told_by_configuration_and_string(name):
    kind = KINDS[name]
    for argument in parameters(kind):
        default = inspect.signature(kind).parameters[argument].default
        for value in [not default] if argument in FLAGS else VALUES[argument]:
            told = {argument: value}
            if argument == "post_training_scale" or (name == "ternary" and argument == "use_stochastic_rounding"):
                told["alpha"] = "auto"
            if name == "quantized_hswish" and told == {"relu_upper_bound": None}:
                continue
            quantizer = kind(**told)
            assert quantizer.get_config()[argument] == value
            assert get_quantizer(str(quantizer)).get_config() == quantizer.get_config()


@pytest.mark.parametrize("name", sorted(set(KINDS) - {"bernoulli"}))
def test_a_saved_model_predicts_the_same_after_loading(name, tmp_path):
    entry = keras.Input((2,))
    kernel = KINDS[name](**({"bits": 4} if "bits" in parameters(KINDS[name]) and "stoch" not in name else {}))
    y = bw.QDense(3, kernel_quantizer=kernel, name="dense")(entry)
    y = bw.QActivation(get_quantizer("quantized_relu(5,1,relu_upper_bound=1.5,is_quantized_clip=False)"))(y)
    model = keras.Model(entry, y)
    before = model.predict(X, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert np.array_equal(loaded.predict(X, verbose=0), before)
    assert loaded.get_layer("dense").kernel_quantizer.get_config() == kernel.for_weights().get_config()
