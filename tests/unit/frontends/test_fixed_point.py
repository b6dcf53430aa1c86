"""`QFixedPoint` and `QEdgeTables` in the graph: encoders, shifts that round, saturation and low bits."""

import keras
import numpy as np
import pytest

import bitwright as bw
from bitwright.ir.interface import FixedEncoder
from bitwright.layers import QEdgeTables, QFixedPoint
from bitwright.numeric import Ints, Overflow, Rounding


def inputs(count):
    rng = np.random.default_rng(0)
    rough, exact = rng.normal(size=(50, count)) * 6, rng.integers(-64, 64, size=(200, count)) / 8
    return np.concatenate([rough, exact, [[0.49999997] * count, [-1e-9] * count]]).astype(np.float32)


def network(rounding, overflow):
    rng = np.random.default_rng(1)
    x = keras.Input((6,))
    layers = [
        QFixedPoint((6,), rounding, overflow),
        keras.layers.Dense(5, activation="relu"),
        QFixedPoint((5,), rounding, overflow),
        QFixedPoint((5,), rounding, overflow),
        keras.layers.Dense(3),
        QFixedPoint((), rounding, overflow),
    ]
    y = x
    for layer in layers:
        y = layer(y)
    layers[0].set_formats([1, 0, 1, 0, 1, 1], [2, 2, 3, 3, -2, 2], [3, 1, -3, -3, 2, -3])
    layers[2].set_formats([1, 0, 1, 0, 1], [1, 2, 1, 3, -2], [3, 4, 3, -3, 2])
    layers[3].set_formats([1, 0, 1, 0, 0], [1, 1, 1, 3, -2], [3, 2, 3, -3, 2])
    layers[5].set_formats(1, 0, 3)
    for layer in (layers[1], layers[4]):
        layer.set_weights([rng.integers(-8, 8, size=w.shape) / 16 for w in layer.get_weights()])
    return keras.Model(x, y)


@pytest.mark.parametrize(
    ("rounding", "overflow"),
    [
        (Rounding.HALF_UP, Overflow.WRAP),
        (Rounding.FLOOR, Overflow.WRAP),
        (Rounding.HALF_EVEN, Overflow.SATURATE),
        (Rounding.TRUNCATE, Overflow.SATURATE_SYMMETRIC),
    ],
)
def test_formats_of_every_element_lower_exactly(rounding, overflow):
    model, x = network(rounding, overflow), inputs(6)
    assert np.array_equal(bw.compile(model).predict(x), model.predict(x, verbose=0))


@pytest.mark.parametrize("overflow", list(Overflow))
def test_tables_of_every_pair_lower_exactly(overflow):
    rng = np.random.default_rng(2)
    x = keras.Input((6,))
    first, second = QEdgeTables(4, 16, "half_up", overflow), QEdgeTables(3, 16, "half_even", overflow)
    model = keras.Model(x, second(first(x)))
    for layer, count in ((first, 6), (second, 4)):
        shape = (count, layer.units)
        width, fraction = rng.integers(-1, 4, size=shape), rng.integers(-1, 4, size=shape)
        layer.quantizer.set_formats(rng.integers(0, 2, size=shape), width - fraction, fraction)
        layer.set_tables(rng.integers(-16, 16, size=(*shape, 16)) / 8, rng.integers(-8, 8, size=layer.units) / 16)
    assert np.array_equal(bw.compile(model).predict(inputs(6)), model.predict(inputs(6), verbose=0))


def test_codes_too_many_for_a_table_wrap_by_a_subtraction():
    x = keras.Input((2,))
    first, second = QFixedPoint((), "floor", "wrap"), QFixedPoint((), "floor", "wrap")
    model = keras.Model(x, second(first(x)))
    first.set_formats(1, 17, 2)
    second.set_formats(1, 5, 2)
    values = np.random.default_rng(4).integers(-(1 << 19), 1 << 19, size=(500, 2)).astype(np.float32) / 4
    design = bw.compile(model)
    assert np.array_equal(design.predict(values), model.predict(values, verbose=0))
    assert int(design.graph.nodes[design.graph.outputs[0]].type.high.array.max()) == 127


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("overflow", list(Overflow))
def test_the_encoder_gives_the_codes_that_the_layer_does(rounding, overflow):
    layer = QFixedPoint((6,), rounding, overflow)
    layer.build((None, 6))
    layer.set_formats([1, 0, 1, 0, 1, 1], [2, 2, 3, 3, -2, 2], [3, 1, -3, -3, 2, -3])
    told = layer.formats()
    encoder = FixedEncoder(0, Ints(told.fraction), Ints(told.low), Ints(told.high), rounding, overflow)
    values = np.asarray(keras.ops.convert_to_numpy(layer(inputs(6))))
    assert np.array_equal(encoder(inputs(6)), values * np.exp2(told.fraction))
    assert np.array_equal(encoder(encoder.sample(encoder(inputs(6)))), encoder(inputs(6)))
