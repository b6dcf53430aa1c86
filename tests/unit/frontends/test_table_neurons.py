"""Table neurons become addresses, tables and one sum for each neuron: exactly, in as few LUTs as their facts say."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from tests.keras_models import dense, exact, quantized
from tests.unit.frontends.test_refusals import refused

import bitwright as bw
from bitwright.core.errors import Inexact
from bitwright.ir.graph.ops import Dense, Map
from bitwright.numeric import Table

pytestmark = pytest.mark.usefixtures("cheap_first_weights")

TABLES_FIRST = [
    [bw.QTableDense(4, name="a"), bw.QTableDense(3, 1, 4, name="b")],
    [bw.QTableDense(4, 1, 3, smooth=False, name="a"), bw.QActivation("quantized_relu(4,1)"), dense(3, "b")],
    [bw.QTableDense(3, 2, 2, pairings=[(3, 0), (0, 1), (3, 0)], name="a")],
]
ADDERS_FIRST = [[dense(4, "a"), bw.QTableDense(3, 3, 2, 1.0, pairings=2, use_bias=False, name="b")]]


@pytest.mark.parametrize(
    ("layers", "guarded"),
    [(made, True) for made in TABLES_FIRST + ADDERS_FIRST] + [(made, False) for made in TABLES_FIRST],
)
def test_table_neurons_are_exact_alone_and_beside_adders(layers: list[Any], guarded: bool) -> None:
    x = keras.Input((4,))
    y = quantized(x, 6, 2) if guarded else x
    for layer in layers:
        y = type(layer).from_config(layer.get_config())(y)
    exact(x, y)


def test_table_neurons_over_a_sequence_are_exact() -> None:
    x = keras.Input((3, 5))
    exact(x, bw.QTableDense(2, 2, 2)(quantized(x)))


def test_calibrated_levels_are_exact() -> None:
    x = keras.Input((3,))
    layer = bw.QTableDense(2, 1, 3)
    model = keras.Model(x, layer(quantized(x, 8, 2)))
    layer.calibrate(np.random.default_rng(0).normal(size=(500, 3)) ** 3)
    design = bw.compile(model)
    codes = np.random.default_rng(1).normal(size=(300, 3)).astype(np.float32)
    assert np.array_equal(design.predict(codes), model.predict(codes, verbose=0))


def tabled(fractions: Any, tables: Any, **more: Any) -> Any:
    tables = np.asarray(tables, dtype=np.float32)
    layer = bw.QTableDense(tables.shape[-1], 2, 1, 1.0, smooth=False, **more)
    model = keras.Sequential([keras.Input((2 * len(tables),)), layer])
    layer.fractions.assign(np.asarray(fractions, dtype=np.float32))
    layer.tables.assign(tables)
    return model


def test_each_table_starts_from_zero_without_idle_bits_and_numbers_are_no_tables() -> None:
    first = [[3.0, 0.25], [5.0, 0.25], [3.0, 0.25], [7.0, 0.25]]
    second = [[0.5, -1.0], [0.5, 1.0], [1.0, 1.0], [0.5, 1.0]]
    model = tabled([[0.0, 2.0], [1.0, 0.0]], [first, second])
    source = bw.compile(model).source
    maps = [n.op for n in source.nodes if isinstance(n.op, Map) and isinstance(n.op.form, Table)]
    assert maps[-1].form.values.array.tolist() == [[0, 1, 0, 2], [0, 0, 1, 0], [0, 0, 0, 0], [0, 1, 1, 1]]
    sums = [n.op for n in source.nodes if isinstance(n.op, Dense)][-1]
    assert sums.weights.array.tolist() == [[4, 0], [1, 0], [0, 0], [0, 8]]
    assert sums.bias.array.tolist() == [7, -3]
    x = np.array([[a, b, c, d] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1) for d in (-1, 1)], dtype=np.float32)
    assert np.array_equal(bw.compile(model).predict(x), model.predict(x, verbose=0))


def test_sums_that_float32_does_not_hold_are_refused() -> None:
    model = tabled([[16.0]], [[[0.0], [1.0], [2.0], [300.0]]])
    refused(model, Inexact, "q_table_dense", "more than float32 holds", "lower its fractions")


def test_a_table_costs_a_lut_for_each_output_bit_and_its_address_none() -> None:
    keras.utils.set_random_seed(0)
    layer = bw.QTableDense(3, 2, 3, use_bias=False, fraction=3)
    model = keras.Sequential([keras.Input((2,)), layer])
    design = bw.compile(model)
    assert (
        design.estimate().luts
        == np.ceil(np.asarray(layer.table_bits())).sum()
        == pytest.approx(float(layer.table_luts()), abs=3)
    )
