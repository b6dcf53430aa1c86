"""From a model or its file to a design that predicts what the model predicts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tests.keras_models import dense, inputs_for, quantized, randomize, tiny

import bitwright as bw
from bitwright.core.errors import InvalidValue
from bitwright.flow.design import Design


def test_a_path_and_the_object_give_the_same_design(model: Any, design: Design, tmp_path: Path) -> None:
    path = tmp_path / "my net.keras"
    model.save(path)
    for given in (path, str(path)):
        loaded = bw.compile(given, clock_mhz=400.0)
        assert loaded.name == "my_net"
        assert loaded.origin == str(path)
        assert loaded.graph.digest() == design.graph.digest()


def test_a_name_can_be_given_and_becomes_an_identifier(model: Any) -> None:
    assert bw.compile(model, name="../../etc/passwd").name == "etc_passwd"


def test_predict_has_the_models_shapes_and_values(model: Any, design: Design) -> None:
    (x,) = inputs_for(model, 300)
    found = np.asarray(design.predict(x))
    assert found.dtype == np.float32
    assert np.array_equal(found, model.predict(x, verbose=0))
    assert np.array_equal(np.asarray(design.predict([x])), found)
    assert np.asarray(design.predict(x[:0])).shape == (0, 2)
    assert np.array_equal(np.asarray(design.predict(x.astype(np.float64))), found)


def test_predict_codes_are_the_values_in_steps(model: Any, design: Design) -> None:
    (x,) = inputs_for(model, 100)
    codes = np.asarray(design.predict_codes(x))
    assert codes.dtype == np.int64
    (decoder,), (result,) = design.decoders, design.graph.results
    assert np.array_equal(codes * float(decoder.step.uniform or 0), np.asarray(design.predict(x)))
    low, high = result.type.bounds()
    assert (codes >= low).all()
    assert (codes <= high).all()


def test_a_softmax_is_close_and_its_class_equal() -> None:
    model = tiny(softmax=True)
    design = bw.compile(model)
    (x,) = inputs_for(model, 500)
    found, expected = np.asarray(design.predict(x)), model.predict(x, verbose=0)
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-7)
    assert np.array_equal(found.argmax(-1), expected.argmax(-1))
    assert np.array_equal(np.asarray(design.predict_codes(x)).argmax(-1), expected.argmax(-1))


def test_several_outputs_come_as_a_list() -> None:
    a, b = keras.Input((3,)), keras.Input((2,))
    model = randomize(keras.Model([a, b], [dense(2)(quantized(a)), dense(4)(quantized(b))]))
    design = bw.compile(model)
    found = design.predict(inputs_for(model, 7))
    assert [f.shape for f in found] == [(7, 2), (7, 4)]


@pytest.mark.parametrize("shape", [(5, 4), (3,), (5, 3, 1), (), (5, 0)])
def test_a_wrong_input_shape_names_the_right_one(design: Design, shape: tuple[int, ...]) -> None:
    for verb in (design.predict, design.predict_codes, design.encode, lambda x: design.verify(x, rtl=False)):
        with pytest.raises(InvalidValue, match=r"instead of \(3,\)(?s:.*)try: put the batch axis first"):
            verb(np.zeros(shape, np.float32))


def test_a_wrong_number_of_inputs_is_refused(design: Design) -> None:
    with pytest.raises(InvalidValue, match="2 arrays for 1 inputs"):
        design.predict([np.zeros((1, 3)), np.zeros((1, 3))])


def test_inputs_of_different_lengths_are_refused() -> None:
    a, b = keras.Input((3,)), keras.Input((3,))
    model = randomize(keras.Model([a, b], keras.layers.Add()([quantized(a), quantized(b)])))
    with pytest.raises(InvalidValue, match=r"samples of 5 and 4(?s:.*)try: "):
        bw.compile(model).predict([np.zeros((5, 3)), np.zeros((4, 3))])


def test_nan_in_the_inputs_is_refused_and_infinity_saturates(design: Design) -> None:
    x = np.zeros((4, 3), np.float32)
    x[2, 1] = np.nan
    for verb in (design.predict, design.encode, lambda x: design.verify(x, rtl=False)):
        with pytest.raises(InvalidValue, match=r"holds NaN(?s:.*)try: clean the data first"):
            verb(x)
    x[2, 1] = np.inf
    assert np.array_equal(np.asarray(design.predict(x))[2], np.asarray(design.predict(np.where(x > 1, 1e9, x)))[2])


def test_estimates_follow_the_clock(model: Any) -> None:
    slow, fast = (bw.compile(model, clock_mhz=clock).estimate() for clock in (50.0, 500.0))
    assert slow.latency_cycles < fast.latency_cycles
    assert slow.initiation_cycles == fast.initiation_cycles == 1
    assert slow.ffs < fast.ffs
    assert slow.luts > 0


def test_only_the_argmax_is_kept_when_only_it_matters() -> None:
    model = tiny(softmax=True)
    design, plain = bw.compile(model, argmax_only=True), bw.compile(model)
    (x,) = inputs_for(model, 500)
    expected = model.predict(x, verbose=0)
    assert np.array_equal(np.asarray(design.predict_codes(x)).argmax(-1), expected.argmax(-1))
    assert np.allclose(np.asarray(design.predict(x)), expected, rtol=1e-5, atol=1e-7)
    assert design.estimate().luts <= plain.estimate().luts
    rows = design.verify(x, rtl=False).comparisons
    assert {row.after for row in rows} >= {"built graph", "netlist", "emulator"}
    assert design.diff(x=x) is None
    assert plain.diff(design, x=x) is None
    assert design.options.to_dict()["argmax_only"] is True
