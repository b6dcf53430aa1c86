"""A chain of layers as a graph from its shapes alone: for what takes gigabytes and minutes to read from Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["shaped_graph"]


def shaped_graph(name: str, layers: Sequence[Any], seed: int = 0) -> Any:
    """The graph of a chain of `passes.engine.shapes.LayerShape`, weights random.

    Weights of one bit are -1 and 1, others all of two's complement but the least. Behind each layer but the last comes
    what a batch normalization and an activation become: unsigned results of the layer's bits, steps of one size that
    begin elsewhere in each channel.
    """
    from bitwright.ir.graph import GraphBuilder, TensorType
    from bitwright.numeric import Ints, Steps

    draw, builder, one = np.random.default_rng(seed), GraphBuilder(), Steps.of(1)
    entry, *others = layers
    shape = (*entry.view.out, entry.channels)
    x = builder.input(TensorType(shape, Ints(0), Ints((1 << entry.bits) - 1), one), entry.name)
    for layer in others:
        x = builder.apply(operator(layer, draw), [flattened(builder, x, layer)], step=one, name=layer.name)
        if layer.weights and layer is not layers[-1]:
            x = builder.apply(activation(builder.type(x), layer, draw), [x], step=one, name=f"{layer.name}_act")
    return builder.graph(name, [x])


def is_dense(layer: Any) -> bool:
    """Whether its window is all of the grid."""
    return bool(layer.weights) and layer.groups == 1 and layer.view.kernel == layer.view.grid[:2]


def flattened(builder: Any, x: int, layer: Any) -> int:
    """The tensor as the layer reads it: dense layers read vectors."""
    from bitwright.ir.graph.ops import Reshape
    from bitwright.numeric import Steps

    size = builder.type(x).size
    if is_dense(layer) and builder.type(x).shape != (size,):
        return builder.apply(Reshape((size,)), [x], step=Steps.of(1), name=f"{layer.name}_flat")
    return x


def operator(layer: Any, draw: np.random.Generator) -> Any:
    """A pool, a dense layer or a convolution."""
    from bitwright.ir.graph.ops import Conv, Dense, MaxPool
    from bitwright.numeric import Ints

    view = layer.view
    after = [
        max((out - 1) * stride + kernel - size - pads[0], 0)
        for out, stride, kernel, size, pads in zip(
            view.out, view.strides, view.kernel, view.grid[:2], view.pads, strict=True
        )
    ]
    pads = tuple((before[0], more) for before, more in zip(view.pads, after, strict=True))
    if not layer.weights:
        return MaxPool(view.kernel, view.strides, pads)
    bias = Ints(np.zeros(layer.channels, dtype=np.int64))
    if is_dense(layer):
        return Dense(Ints(weights((int(np.prod(view.grid)), layer.channels), layer.weight_bits, draw)), bias)
    shape = (*view.kernel, view.grid[2] // layer.groups, layer.channels)
    return Conv(Ints(weights(shape, layer.weight_bits, draw)), bias, view.strides, pads, (1, 1), layer.groups)


def weights(shape: tuple[int, ...], bits: int, draw: np.random.Generator) -> Any:
    """Random numbers of so many bits."""
    if bits == 1:
        return 2 * draw.integers(0, 2, shape, dtype=np.int64) - 1
    most = (1 << (bits - 1)) - 1
    return draw.integers(-most, most + 1, shape, dtype=np.int64)


def activation(type: Any, layer: Any, draw: np.random.Generator) -> Any:
    """[0, 2**bits) in steps of a power of two, so that it is full at about a quarter of the sums' range."""
    from bitwright.ir.graph.ops import Map
    from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate

    most = int(np.abs(type.high.array).max()) + 1
    shift, count = max(most.bit_length() - 2 - layer.bits, 0), layer.channels
    each = np.ones(count, dtype=np.int64)
    low, high = (Ints(each * n) for n in (0, (1 << layer.bits) - 1))
    offsets = draw.integers(0, 1 << shift, count)
    form = ShiftRoundSaturate(Ints(each), Ints(offsets), Ints(each * shift), Rounding.FLOOR, low, high)
    return Map(form, Ints(np.arange(count)))
