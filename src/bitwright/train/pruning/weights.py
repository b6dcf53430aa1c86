"""The weights that pruning may set to zero, and how each reads as a matrix of inputs by outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import ConfigError, Unsupported
from bitwright.core.rules import Rules
from bitwright.train.door import keras
from bitwright.train.layers.base import apply, factor
from bitwright.train.layers.einsum import Equation
from bitwright.train.observe import as_array, layers_of
from bitwright.train.quantizers.base import BaseQuantizer

__all__ = ["Bools", "Floats", "Layout", "Prunable", "prunable_weights"]

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

_KERNELS = ("kernel", "recurrent_kernel", "depthwise_kernel", "pointwise_kernel", "embeddings")
_FLOAT_BITS = 8
_MANTISSA = 24


@dataclass(frozen=True)
class Layout:
    """A kernel, its axes put in `order`, read as `rows` (inputs) times `columns` (outputs).

    `run`: this many rows follow one another along the input axis. `neurons`: whether a column is all
    that one neuron or filter reads (not so for recurrent cells).
    """

    order: tuple[int, ...]
    shape: tuple[int, ...]
    columns: int
    run: int
    neurons: bool = True

    @property
    def rows(self) -> int:
        """How many inputs an output adds up."""
        return prod(self.shape) // max(self.columns, 1)

    def matrix(self, kernel: NDArray[Any]) -> NDArray[Any]:
        """The kernel (any dtype) as rows x columns."""
        return kernel.transpose(self.order).reshape(self.rows, self.columns)

    def kernel(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """The kernel whose `matrix` this is."""
        turned = tuple(self.shape[axis] for axis in self.order)
        return matrix.reshape(turned).transpose(np.argsort(self.order))


@dataclass(frozen=True, eq=False)
class Prunable:
    """One weight: `layer` is the model's layer, `holder` the layer, cell or projection in it that has the variable."""

    name: str
    layer: Any
    holder: Any
    attribute: str
    variable: Any
    quantizer: Any

    @property
    def where(self) -> str:
        """For messages."""
        return f"layer '{self.layer.name}'"

    @property
    def layout(self) -> Layout:
        """The weight as a matrix; raises Unsupported, naming the layer, where it is none."""
        shape = tuple(self.variable.shape)
        found = _layout(self.holder, self.attribute, shape) if type(self.holder) in _layout else None
        if found is None:
            raise Unsupported(
                f"'{self.attribute}' of {type(self.holder).__name__} has no inputs and outputs to prune by",
                where=self.where,
                remedy="prune it with Unstructured(), or leave the layer out by layers=",
            )
        return found

    @property
    def bias(self) -> Any:
        """The variable that adds a number to each column; None if there is none."""
        found: Any = getattr(self.holder, "bias", None)
        last = self.attribute != "depthwise_kernel" or not hasattr(self.holder, "pointwise_kernel")
        fits = isinstance(found, keras.Variable) and tuple(found.shape) == (self.layout.columns,)
        return found if fits and last else None

    def values(self) -> Floats:
        """The variable as it stands."""
        return as_array(self.variable)

    def quantized(self) -> Floats:
        """What the layer makes of it at inference (float layers: the same)."""
        return as_array(apply(self.quantizer, self._seen(), None))

    def codes(self) -> NDArray[np.int64]:
        """The quantized weight in integers, whatever their step; float weights in 8 bits of their largest."""
        if not isinstance(self.quantizer, BaseQuantizer):
            values = self.quantized()
            top = float(np.abs(values).max(initial=0.0)) or 1.0
            return np.rint(values * ((2 ** (_FLOAT_BITS - 1) - 1) / top)).astype(np.int64)
        return _integers(as_array(factor(self.quantizer, self._seen(), None)[0]))

    def _seen(self) -> Any:
        """What the quantizer is given: in folded layers the kernel after folding."""
        folded = hasattr(self.holder, "get_folded_weights") and self.attribute == "kernel"
        return self.holder.unquantized_weights()[0] if folded else self.values()


def prunable_weights(model: Any, layers: str = "*") -> list[Prunable]:
    """The kernels of the layers whose names match the pattern `layers`, in the model's order.

    Quantized layers say themselves what may be pruned (`get_prunable_weights`); of plain Keras layers
    it is their kernels. Biases and scales (rank below 2) are left alone.

    Raises ConfigError if the pattern matches no layer that has such weights.
    """
    found = [one for layer in layers_of(model) if fnmatchcase(layer.name, layers) for one in _of_layer(layer)]
    if not found:
        names = [layer.name for layer in layers_of(model) if list(_of_layer(layer))]
        raise ConfigError(
            f"no layer that matches {layers!r} has weights to prune",
            where=f"model '{model.name}'",
            why=f"those that have: {', '.join(names) or 'none'}",
            remedy="name one of them, or build the model first",
        )
    return _named_apart(found)


def _of_layer(layer: Any) -> Iterator[Prunable]:
    parts = [layer, *layer._flatten_layers(include_self=False)]
    told = layer.get_prunable_weights() if hasattr(layer, "get_prunable_weights") and layer.built else None
    allowed = None if told is None else {id(variable) for variable in told}
    found: dict[int, Prunable] = {}
    for part in parts:
        for attribute in _KERNELS:
            variable: Any = getattr(part, attribute, None)
            fits = isinstance(variable, keras.Variable) and len(variable.shape) >= 2
            if fits and (allowed is None or id(variable) in allowed):
                inner = "" if part is layer else f"{part.name}/"
                name = f"{layer.name}/{inner}{attribute}"
                # A recurrent layer shows what its cell, a later part, holds: the cell is the holder.
                found[id(variable)] = Prunable(name, layer, part, attribute, variable, _quantizer(parts, variable))
    yield from found.values()


def _quantizer(parts: list[Any], variable: Any) -> Any:
    for part in parts:
        for role in getattr(part, "roles", ()):
            if role.attribute and getattr(part, role.attribute, None) is variable:
                return getattr(part, role.quantizer)
    return None


def _named_apart(found: list[Prunable]) -> list[Prunable]:
    """Layers of nested models may bear one name: the second gets a number."""
    seen: dict[str, int] = {}
    result: list[Prunable] = []
    for one in found:
        seen[one.name] = count = seen.get(one.name, 0) + 1
        name = one.name if count == 1 else f"{one.name}#{count}"
        result.append(Prunable(name, one.layer, one.holder, one.attribute, one.variable, one.quantizer))
    return result


def _integers(values: Floats) -> NDArray[np.int64]:
    """`values` over the largest power of two that divides all of them."""
    mantissa, exponent = np.frexp(values.astype(np.float64))
    whole = np.rint(mantissa * 2.0**_MANTISSA).astype(np.int64)
    lowest = whole & -whole
    steps = exponent - _MANTISSA + np.where(lowest > 0, np.log2(np.maximum(lowest, 1)), 0).astype(np.int64)
    step = int(steps[whole != 0].min()) if whole.any() else 0
    return np.rint(np.ldexp(values.astype(np.float64), -step)).astype(np.int64)


_layout: Rules[[str, tuple[int, ...]], Layout | None] = Rules("reading a kernel as a matrix")
_kl = keras.layers


@_layout.on(_kl.Dense, _kl.Embedding, _kl.Conv1D, _kl.Conv2D, _kl.Conv3D)
def _(holder: Any, attribute: str, shape: tuple[int, ...]) -> Layout:
    return Layout(tuple(range(len(shape))), shape, shape[-1], shape[-2])


@_layout.on(_kl.DepthwiseConv1D, _kl.DepthwiseConv2D)
def _(holder: Any, attribute: str, shape: tuple[int, ...]) -> Layout:
    return Layout(tuple(range(len(shape))), shape, shape[-1] * shape[-2], prod(shape[:-2]))


@_layout.on(_kl.SeparableConv1D, _kl.SeparableConv2D)
def _(holder: Any, attribute: str, shape: tuple[int, ...]) -> Layout:
    deep = attribute == "depthwise_kernel"
    columns, run = (shape[-1] * shape[-2], prod(shape[:-2])) if deep else (shape[-1], shape[-2])
    return Layout(tuple(range(len(shape))), shape, columns, run)


@_layout.on(_kl.Conv1DTranspose, _kl.Conv2DTranspose, _kl.Conv3DTranspose)
def _(holder: Any, attribute: str, shape: tuple[int, ...]) -> Layout | None:
    if attribute != "kernel":
        return None  # a separable or depthwise layer that is made of a transposed one
    rank = len(shape)
    return Layout((*range(rank - 2), rank - 1, rank - 2), shape, shape[-2], shape[-1])


@_layout.on(_kl.SimpleRNNCell, _kl.LSTMCell, _kl.GRUCell)
def _(holder: Any, attribute: str, shape: tuple[int, ...]) -> Layout:
    return Layout((0, 1), shape, shape[1], shape[0], neurons=False)


@_layout.on(_kl.EinsumDense)
def _(holder: Any, attribute: str, shape: tuple[int, ...]) -> Layout | None:
    labels = Equation.parse(holder.equation)
    if labels.shared or not labels.summed:
        return None
    order = tuple(labels.kernel.index(label) for label in labels.summed + labels.made)
    columns = prod(shape[labels.kernel.index(label)] for label in labels.made)
    return Layout(order, shape, columns, shape[labels.kernel.index(labels.summed[-1])])
