"""Weights and activations from codebooks: indices into a few values found by k-means.

Source: google/qkeras, codebook.py; the idea: arXiv 1911.02079. Needs scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue, ToolMissing
from bitwright.train.door import keras, ops
from bitwright.train.quantizers.base import BaseQuantizer
from bitwright.train.wiring import outputs_of

__all__ = [
    "activation_compression",
    "compressed_predictions",
    "create_in_out_table",
    "two_tier_embedding_compression",
    "weight_compression",
]

Quantizer = Callable[[Any], Any]


def weight_compression(
    weights: Any,
    bits: int,
    axis: int = 0,
    quantizer: Quantizer | None = None,
    *,
    seed: int | None = None,
    starts: int = 1,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """(indices, codebooks): each slice along `axis` uses at most 2^bits values of its own.

    indices have the shape of `weights`; `codebooks[i][indices of slice i]` approximates slice i, each
    codebook ascending. bits: at most 8. quantizer: applied to the codebooks. seed: of k-means (None:
    numpy's global state decides). starts: how often k-means begins anew; the best result counts.
    """
    _check_bits(bits)
    array = np.asarray(ops.convert_to_numpy(weights))
    slices = np.moveaxis(array, axis, 0)
    indices, books = np.empty(slices.shape, np.uint8), np.empty((len(slices), 2**bits))
    for i, part in enumerate(slices):
        books[i] = _codebook(part, bits, quantizer, _kmeans(seed, starts))
        indices[i] = _nearest(part, books[i])
    return np.moveaxis(indices, 0, axis), books


def two_tier_embedding_compression(
    embeddings: Any, bits: int, quantizer: Quantizer | None = None, *, seed: int | None = None, starts: int = 1
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float64], NDArray[np.float32]]:
    """(indices, cluster of each row, codebooks, quantized embeddings) of a matrix.

    The rows are grouped into 2^bits clusters, each with a codebook of 2^bits values:
    `codebooks[cluster[i]][indices[i]]` is row i of the quantized embeddings. bits: at most 8.
    """
    _check_bits(bits)
    table = np.asarray(ops.convert_to_numpy(embeddings))
    count = min(2**bits, len(table))
    rows = _kmeans(seed, starts)(count).fit(table).labels_.astype(np.uint8)
    books, indices = np.zeros((2**bits, 2**bits)), np.empty(table.shape, np.uint8)
    for cluster in range(count):
        mine = rows == cluster
        books[cluster] = _codebook(table[mine], bits, quantizer, _kmeans(seed, starts))
        indices[mine] = _nearest(table[mine], books[cluster])
    return indices, rows, books, books[rows[:, None], indices].astype(np.float32)


def create_in_out_table(km: Any, quantizer: BaseQuantizer) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """(in_table, out_table): `in_table[out_table[code]]` is the codebook value for a code of `quantizer`.

    km: the fitted k-means. in_table: its centers, quantized; out_table: the index for each value that
    the quantizer yields, ascending, so that for an unsigned quantizer the position is the code.
    """
    grid = quantizer.grid()
    if grid is None:
        raise InvalidValue(
            f"the values of {quantizer} depend on the data", remedy="give it a fixed scale (alpha=1) and no noise"
        )
    points = np.array([float(value) for value in grid.values()], np.float32)
    centers = np.asarray(km.cluster_centers_, np.float32).ravel()
    return _quantized(centers, quantizer), km.predict(points[:, None].astype(km.cluster_centers_.dtype))


def activation_compression(
    model: Any,
    compile_config: Mapping[str, Any],
    activation_indexes: Sequence[int],
    bits: int,
    X_train: Any,
    y_train: Any,
    X_test: Any,
    y_test: Any,
    sample_size: float = 1.0,
    *,
    seed: int | None = None,
    starts: int = 10,
) -> tuple[list[Any], list[Any], list[Any]]:
    """Codebooks for the activations of some layers: (tables, models, k-means), one of each per layer.

    activation_indexes: positions in `model.layers`, a chain, of QActivation layers. tables: what
    `create_in_out_table` returns for each. models: the parts of the model up to and with each of these
    layers, and the part behind the last, compiled with compile_config; they share the model's layers.
    sample_size: the share of the training activations that k-means sees. y_train, X_test and y_test are
    taken for QKeras's sake: `compressed_predictions` evaluates.
    """
    _check_bits(bits)
    layers = [model.layers[i] for i in activation_indexes]
    found = outputs_of(model, layers, X_train)
    tables: list[Any] = []
    means: list[Any] = []
    for layer, y in zip(layers, found, strict=True):
        flat = y.reshape(-1, 1)
        drawn = np.random.default_rng(seed).choice(len(flat), max(1, int(len(flat) * sample_size)), replace=False)
        means.append(_kmeans(seed, starts)(min(2**bits, len(np.unique(flat[drawn])))).fit(flat[drawn]))
        tables.append(create_in_out_table(means[-1], layer.quantizer))
    models = _parts(model, layers)
    for part in models:
        part.compile(**compile_config)
    return tables, models, means


def compressed_predictions(models: Sequence[Any], tables: Sequence[Any], x: Any) -> NDArray[Any]:
    """What the model yields for `x` when the activations come from codebooks, as `activation_compression` cut it."""
    for part, (values, codes) in zip(models, tables, strict=False):
        points = np.array([float(value) for value in part.layers[-1].quantizer.grid().values()])
        x = values[codes[_nearest(part.predict(x, verbose=0), points)]]
    return np.asarray(models[-1].predict(x, verbose=0))


def _parts(model: Any, layers: Sequence[Any]) -> list[Any]:
    """The model cut behind each of `layers`: submodels that share its layers."""
    starts, parts = [*model.inputs, *(layer.output for layer in layers)], [layer.output for layer in layers]
    return [keras.Model(a, b) for a, b in zip(starts, [*parts, model.outputs[0]], strict=True)]


def _codebook(
    part: NDArray[Any], bits: int, quantizer: Quantizer | None, means: Callable[[int], Any]
) -> NDArray[np.float64]:
    """2^bits values, ascending; where there are fewer distinct weights the last one repeats."""
    flat = part.reshape(-1, 1).astype(np.float32)
    count = min(2**bits, len(np.unique(flat)))
    centers = means(count).fit(flat).cluster_centers_
    if quantizer is not None:
        centers = _quantized(centers, quantizer)
    ordered = np.sort(centers.ravel())
    return np.concatenate([ordered, np.full(2**bits - count, ordered[-1])])


def _nearest(part: NDArray[Any], book: NDArray[Any]) -> NDArray[np.intp]:
    """For each element the position of the nearest value of the ascending `book`."""
    return np.searchsorted((book[1:] + book[:-1]) / 2, part)


def _quantized(centers: NDArray[Any], quantizer: Quantizer) -> NDArray[Any]:
    return np.asarray(ops.convert_to_numpy(quantizer(centers.astype(np.float32))))


def _kmeans(seed: int | None, starts: int) -> Callable[[int], Any]:
    """k-means by the number of clusters."""
    try:
        from sklearn import cluster
    except ImportError as error:
        raise ToolMissing("scikit-learn is not installed", remedy="pip install scikit-learn") from error
    # Its stubs know n_init as a word alone.
    means: Any = cluster.KMeans
    return lambda count: means(count, n_init=starts, random_state=seed)


def _check_bits(bits: int) -> None:
    if not 1 <= bits <= 8:
        raise InvalidValue(f"bits={bits}", where="codebook", remedy="give 1 to 8 bits")
