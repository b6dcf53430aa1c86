"""`QFixedPoint` and `QEdgeTables`: formats for every element, in every mode."""

from fractions import Fraction

import keras
import numpy as np
import pytest

from bitwright.core.errors import InvalidValue
from bitwright.layers import QEdgeTables, QFixedPoint
from bitwright.numeric import Overflow, Rounding

SIGN, INTEGER, FRACTION = [1, 0, 1, 0, 1, 1, 0, 1], [2, 2, 3, 3, -2, 2, 1, 3], [3, 1, -3, -3, 2, -3, 5, -4]


def inputs():
    rng = np.random.default_rng(0)
    rough, exact = rng.normal(size=(40, 8)) * 6, rng.integers(-64, 64, size=(80, 8)) / 8
    return np.concatenate([rough, exact, [[0.49999997] * 8, [-1e-9] * 8]]).astype(np.float32)


@pytest.mark.parametrize("rounding", list(Rounding))
@pytest.mark.parametrize("overflow", list(Overflow))
def test_values_are_those_of_exact_integer_arithmetic(rounding, overflow):
    layer = QFixedPoint((8,), rounding, overflow)
    layer.build((None, 8))
    layer.set_formats(SIGN, INTEGER, FRACTION)
    x, told = inputs(), layer.formats()
    y = np.asarray(keras.ops.convert_to_numpy(layer(x)))
    for column in range(8):
        fraction = int(told.fraction[column])
        for value, got in zip(x[:, column], y[:, column], strict=True):
            code = int(Fraction(float(value)) * Fraction(2) ** (60 + fraction))
            whole = overflow(rounding(code, 60), int(told.low[column]), int(told.high[column]))
            assert got == float(whole * Fraction(2) ** -fraction)


def test_elements_without_bits_are_zero_and_one_sign_bit_alone_is_a_number():
    layer = QFixedPoint((3,), "floor", "wrap")
    layer.build((None, 3))
    layer.set_formats([1, 1, 0], [0, -1, 0], [0, 0, 0])
    y = np.asarray(keras.ops.convert_to_numpy(layer(np.array([[3.0, 3.0, 3.0], [2.0, 2.0, 2.0]], np.float32))))
    assert y.tolist() == [[-1, 0, 0], [0, 0, 0]]


def test_formats_that_do_not_fit_a_sample_are_refused():
    with pytest.raises(InvalidValue, match="widths"):
        QFixedPoint((4,)).build((None, 3))
    with pytest.raises(InvalidValue, match="half_up"):
        QFixedPoint((), "nearest")


def test_edge_tables_add_what_every_pair_looks_up(tmp_path):
    source = keras.Input((2,))
    layer = QEdgeTables(2, 4)
    model = keras.Model(source, layer(source))
    layer.quantizer.set_formats(1, 1, [[0, -1], [-2, 0]])
    tables = np.array([[[1, 2, 3, 4], [5, 6, 0, 0]], [[7, 0, 0, 0], [0, 0, 0.5, 0]]])
    layer.set_tables(tables, np.array([0.25, 0]))
    x = np.array([[-2, 0], [1, 1], [0.5, -2]], np.float32)
    # Codes of the pairs, from the lowest up: x0 + 2 and x0 / 2 rounded half up, wrapped; 0 and x1 + 2.
    y = model.predict(x, verbose=0)
    assert y.tolist() == [[8.25, 5.5], [11.25, 5], [11.25, 6]]
    model.save(tmp_path / "m.keras")
    assert np.array_equal(keras.models.load_model(tmp_path / "m.keras").predict(x, verbose=0), y)
