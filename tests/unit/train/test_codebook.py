"""Codebooks: indices into a few values stand for weights and activations."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright import layers as bl
from bitwright.core.errors import InvalidValue
from bitwright.quantizers import quantized_bits, quantized_relu
from bitwright.train.door import keras
from bitwright.train.utilities.codebook import (
    activation_compression,
    compressed_predictions,
    create_in_out_table,
    two_tier_embedding_compression,
    weight_compression,
)

DRAWS = np.random.default_rng(3)
WEIGHTS = DRAWS.normal(size=(3, 3, 4, 6)).astype("f")


@pytest.mark.parametrize("axis", [0, 2, 3])
def test_each_slice_is_rebuilt_from_its_own_codebook(axis):
    indices, books = weight_compression(WEIGHTS, 3, axis, seed=0)
    assert indices.shape == WEIGHTS.shape
    assert books.shape == (WEIGHTS.shape[axis], 8)
    assert (np.diff(books) >= 0).all()
    rebuilt = np.stack([book[part] for book, part in zip(books, np.moveaxis(indices, axis, 0), strict=True)], axis)
    nearest = np.abs(np.moveaxis(WEIGHTS, axis, 0)[..., None] - books[:, None, None, None, :]).min(-1)
    assert np.allclose(np.abs(np.moveaxis(WEIGHTS - rebuilt, axis, 0)), nearest)


def test_more_bits_lose_less_and_enough_bits_lose_nothing():
    errors = []
    for bits in (1, 3, 6):
        indices, books = weight_compression(WEIGHTS.reshape(-1, 6), bits, 1, seed=0)
        errors.append(np.abs(books[np.arange(6), indices] - WEIGHTS.reshape(-1, 6)).max())
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-6


def test_codebooks_lie_on_the_grid_of_their_quantizer():
    _, books = weight_compression(WEIGHTS, 3, 3, quantized_bits(4, 0, 1, alpha=1), seed=0)
    assert np.array_equal(books * 8, np.round(books * 8))
    assert np.abs(books).max() <= 7 / 8


def test_more_starts_never_fit_worse():
    def error(starts):
        indices, books = weight_compression(WEIGHTS, 3, 3, seed=1, starts=starts)
        rebuilt = np.stack([book[indices[..., i]] for i, book in enumerate(books)], -1)
        return ((rebuilt - WEIGHTS) ** 2).sum()

    assert error(10) <= error(1) * (1 + 1e-6)


@pytest.mark.parametrize("quantizer", [None, quantized_bits(4, 0, 1, alpha=1)])
def test_the_rows_of_an_embedding_share_codebooks(quantizer):
    table = DRAWS.normal(size=(20, 6))
    indices, rows, books, quantized = two_tier_embedding_compression(table, 2, quantizer, seed=0)
    assert books.shape == (4, 4)
    assert set(rows) <= set(range(4))
    for i, row in enumerate(rows):
        assert np.array_equal(books[row][indices[i]].astype("f"), quantized[i])
    assert quantized.dtype == np.float32


@pytest.mark.parametrize("bits", [0, 9])
def test_a_codebook_has_one_to_eight_bits(bits):
    with pytest.raises(InvalidValue, match=f"bits={bits}"):
        weight_compression(WEIGHTS, bits)


def network():
    layers = [
        keras.Input((6,)),
        bl.QDense(5, kernel_quantizer="quantized_bits(4,0,1,alpha=1)"),
        bl.QActivation("quantized_relu(5,1)"),
        bl.QDense(3, kernel_quantizer="quantized_bits(4,0,1,alpha=1)"),
        bl.QActivation("quantized_bits(6,2,1)"),
        bl.QDense(1, kernel_quantizer="quantized_bits(4,0,1,alpha=1)"),
    ]
    model = keras.Sequential(layers)
    draws = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(draws.normal(size=weight.shape) * 0.5)
    return model


def test_activations_come_from_codebooks():
    model, x = network(), DRAWS.normal(size=(40, 6)).astype("f")
    y = np.zeros((40, 1))
    tables, models, means = activation_compression(model, {"loss": "mse"}, [1, 3], 3, x, y, x, y, seed=0)
    assert len(tables) == len(means) == 2
    assert len(models) == 3
    values, codes = tables[0]
    assert values.shape == (8,)
    assert codes.shape == (32,)
    assert np.array_equal(values * 16, np.round(values * 16))
    few = np.abs(compressed_predictions(models, tables, x) - model.predict(x, verbose=0)).mean()
    tables, models, _ = activation_compression(model, {"loss": "mse"}, [1, 3], 6, x, y, x, y, seed=0)
    many = np.abs(compressed_predictions(models, tables, x) - model.predict(x, verbose=0)).mean()
    assert many < 1e-6 < few


def test_a_table_needs_values_that_do_not_depend_on_data():
    from sklearn.cluster import KMeans

    means = KMeans(4, n_init=1, random_state=0).fit(DRAWS.uniform(size=(50, 1)))
    values, codes = create_in_out_table(means, quantized_relu(3, 0))
    assert codes.shape == (8,)
    assert np.abs(values[codes] - np.arange(8) / 8).max() <= 0.25
    with pytest.raises(InvalidValue, match="depend on the data"):
        create_in_out_table(means, quantized_bits(4, alpha="auto"))
