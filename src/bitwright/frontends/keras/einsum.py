"""`QEinsumDense` as a matrix product: axes that stay, then those that are summed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.walk import Lazy, Walk
from bitwright.frontends.keras.linear import dense_of
from bitwright.frontends.keras.rules import lower
from bitwright.frontends.keras.weights import Linear, read_linear
from bitwright.ir.graph.ops import Reshape, Transpose
from bitwright.train import layers as ql
from bitwright.train.layers.einsum import Equation

__all__ = ["einsum_of"]


def einsum_of(layer: Any, walk: Walk, lazy: Lazy, name: str) -> Lazy:
    """The layer's output for `lazy`; `name` is that of the layer that it belongs to."""
    labels = _checked(layer, len(lazy.shape), name)
    size = dict(zip(labels.inputs, lazy.shape, strict=True))
    parts = read_linear(layer)
    size |= dict(zip(labels.kernel, parts.kernel.shape, strict=True))
    kept, made = [size[a] for a in labels.kept], tuple(size[a] for a in labels.made)
    summed = [label for label in labels.kernel if label in labels.summed]
    source = _turned(walk, lazy, [labels.inputs.index(a) for a in (*labels.kept, *summed)], name)
    flat = (*kept, prod(size[a] for a in summed))
    source = walk.emit(Reshape(flat), [source], name) if walk.type(source).shape != flat else source
    product = dense_of(name, walk, Lazy(flat, source), _flattened(layer, parts, labels, summed, made, name))
    mine = tuple(layer.variables)
    product = replace(product, chain=tuple(replace(p, variables=mine) for p in product.chain))
    order = [(labels.kept + labels.made).index(a) for a in labels.output]
    if len(made) == 1 and order == sorted(order):
        return product
    position = walk.emit(Reshape((*kept, *made)), [walk.codes(product, name)], name)
    position = _turned(walk, Lazy((*kept, *made), position), order, name)
    return Lazy(walk.type(position).shape, position)


def _turned(walk: Walk, lazy: Lazy, order: list[int], name: str) -> int:
    position = walk.codes(lazy, name)
    return position if order == sorted(order) else walk.emit(Transpose(tuple(order)), [position], name)


def _checked(layer: Any, rank: int, name: str) -> Equation:
    """The labels without the batch's; axes behind an ellipsis get labels of their own."""
    labels: Equation = layer.labels
    front = rank - len(labels.inputs) + (0 if labels.leading else 1)
    free = "".join(chr(ord("A") + i) for i in range(front)) if labels.leading else ""
    batch = labels.inputs[:1]
    plain = labels.leading or (batch == labels.output[:1] and batch not in labels.kernel)
    inside = labels.inputs + labels.output
    if "." in inside or not plain or labels.shared or set(free) & set(inside + labels.kernel):
        raise Unsupported(
            f"the equation {layer.equation!r}",
            where=f"layer '{name}'",
            why="read are a leading batch axis or '...', axes that stay and axes that are summed",
            remedy="write it like 'abc,cde->abde', or as one layer for each slice",
        )
    cut = 0 if labels.leading else 1
    return Equation(free + labels.inputs[cut:], labels.kernel, free + labels.output[cut:], False)


def _flattened(
    layer: Any, parts: Linear, labels: Equation, summed: list[str], made: tuple[int, ...], name: str
) -> Linear:
    """The kernel as a matrix, the bias as a row, and an epilogue on (..., all that is made)."""
    order = [labels.kernel.index(a) for a in (*summed, *labels.made)]
    matrix = parts.kernel.transpose(order).reshape(-1, prod(made))
    bias = None if parts.bias is None else _row(parts.bias, labels, made, layer.equation, name)
    last = labels.output.endswith(labels.made)

    def epilogue(total: Any) -> Any:
        if not last:
            raise Unsupported(
                f"a scale or bias that is no power of two with the equation {layer.equation!r}",
                where=f"layer '{name}'",
                remedy="let the output end on the kernel's axes, or use kernel_quantizer with alpha=1",
            )
        return ops.reshape(layer.epilogue(ops.reshape(total, (-1, *made))), ops.shape(total))

    call: Callable[[Any], Any] | None = parts.activation
    return Linear(matrix, bias, epilogue, call, parts.quantizer)


def _row(
    bias: NDArray[np.float32], labels: Equation, made: tuple[int, ...], equation: str, name: str
) -> NDArray[np.float32]:
    """The bias over the axes that the kernel makes, flat."""
    axes = labels.output[len(labels.output) - bias.ndim :]
    if any(n > 1 and a not in labels.made for n, a in zip(bias.shape, axes, strict=True)):
        raise Unsupported(
            f"a bias over axes of the input in {equation!r}",
            where=f"layer '{name}'",
            remedy="give bias_axes among those that the kernel makes",
        )
    named = {a: i for i, a in enumerate(axes)}
    order = [a for a in axes if a not in labels.made] + [a for a in labels.made if a in named]
    kept = bias.transpose([named[a] for a in order])
    shape = [bias.shape[named[a]] if a in named else 1 for a in labels.made]
    return np.broadcast_to(kept.reshape(shape), made).reshape(-1)


@lower.on(ql.QEinsumDense)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    return einsum_of(layer, walk, inputs[0], layer.name)
