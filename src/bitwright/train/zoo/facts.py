"""How much a network computes and stores: products, operations and parameters, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from bitwright.train.door import keras

__all__ = ["Facts", "LayerFacts", "operations"]

_WINDOWED = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


@dataclass(frozen=True)
class LayerFacts:
    """One layer with products: `macs` a sample, `weights` in its kernels, its output's shape without the batch."""

    name: str
    macs: int
    weights: int
    output_shape: tuple[int, ...]


@dataclass(frozen=True)
class Facts:
    """Of a network, a sample at a time.

    parameters: all that is stored, the means and variances of batch normalization too, as Keras's summary counts;
    trainable: without these; weights: kernels alone; macs: products with weights; layers: those that have some.
    """

    parameters: int
    trainable: int
    weights: int
    macs: int
    layers: tuple[LayerFacts, ...]

    @property
    def operations(self) -> int:
        """A product and an addition for each product: FINN's and MLPerf's count."""
        return 2 * self.macs


def operations(model: Any) -> Facts:
    """The facts of a built Keras model of dense, convolution and recurrent layers.

    Counted are products with weights; pooling, batch normalization, activations and the products of two live values
    in recurrent cells are not, as in the papers that give such figures.
    """
    rows = [row for layer in model.layers if (row := _row(layer)) is not None]
    return Facts(
        parameters=int(model.count_params()),
        trainable=sum(prod(w.shape) for w in model.trainable_weights),
        weights=sum(row.weights for row in rows),
        macs=sum(row.macs for row in rows),
        layers=tuple(rows),
    )


def _row(layer: Any) -> LayerFacts | None:
    if isinstance(layer, keras.layers.RNN):
        weights = sum(prod(w.shape) for w in layer.cell.trainable_weights if "kernel" in w.name)
        shape = tuple(layer.output.shape[1:])
        return LayerFacts(layer.name, int(layer.input.shape[1]) * weights, weights, shape)
    if not isinstance(layer, (keras.layers.Dense, *_WINDOWED)):
        return None
    shape = tuple(int(n) for n in layer.output.shape[1:])
    weights = prod(layer.kernel.shape)
    return LayerFacts(layer.name, prod(shape[:-1]) * weights, weights, shape)
