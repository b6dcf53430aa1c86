"""Activations that wrap around: no logic that saturates, ranges calibrated so that no training sample needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.search.gradient.state import State, borrowed, stacked, started
from bitwright.train import layers as ql
from bitwright.train.door import keras, ops
from bitwright.train.layers.base import Quantized
from bitwright.train.observe import activation_quantizers, as_array, observe
from bitwright.train.quantizers import TrainedWidths, trained_bits
from bitwright.train.rewrite import carry_weights, plain_config, rebuilt, same

__all__ = ["calibrated", "ranges", "wrapped"]

_AT_ONCE = 8192
_EMPTY = -24


def ranges(model: Any, x: NDArray[Any], margin: float) -> dict[int, tuple[Any, NDArray[np.float64]]]:
    """By the id of each `trained_bits` on activations: it, and the integer bits that hold all that it is given.

    Nothing before it saturates: it sees what a model without any limits computes. `x`: all samples that must fit, each
    value `margin` times as large as it is.
    """
    found: dict[int, tuple[Any, NDArray[np.float64]]] = {}

    def listen(layer: Any, quantizer: Any, tensor: Any, output: Any) -> Any:
        if not isinstance(quantizer, trained_bits):
            return None
        step = quantizer.reach()[1].astype(np.float32)
        values = as_array(tensor) if quantizer.keep_negative else np.maximum(as_array(tensor), 0)
        values = np.floor(values / step + np.float32(0.5)) * step
        axes = tuple(range(values.ndim - step.ndim))
        top = np.maximum(values.max(axis=axes) * margin + step, -values.min(axis=axes) * margin)
        before = found[id(quantizer)][1] if id(quantizer) in found else np.full(step.shape, float(_EMPTY))
        found[id(quantizer)] = quantizer, np.maximum(before, np.ceil(np.log2(top)))
        return ops.convert_to_tensor(np.where(quantizer.reach()[0] > 0, values, 0).astype(np.float32))

    for first in range(0, len(x), _AT_ONCE):
        observe(model, x[first : first + _AT_ONCE], listen)
    return found


def calibrated(model: Any, state: State, x: NDArray[Any], margin: float) -> State:
    """The states of `model` with integer bits that fit `x`; fractions stay, so that widths follow."""
    return stacked([_one(model, state.pick(run), x, margin) for run in range(len(state.trained[0]))])


def _one(model: Any, state: State, x: NDArray[Any], margin: float) -> State:
    with borrowed(model, state):
        for quantizer, integer in ranges(model, x, margin).values():
            quantizer.trained["integer"].assign(_kept(quantizer, integer))
        now = started(model)
        kept = [[np.array(a) for a in part] for part in (now.trained, now.others)]
    return State(kept[0], kept[1], state.mean, state.square, state.steps)


def _kept(quantizer: Any, integer: NDArray[np.float64]) -> NDArray[np.float64]:
    """Elements without bits stay without."""
    live = quantizer.reach()[0] > 0
    return np.where(live, integer, as_array(quantizer.trained["integer"]))


def wrapped(model: Any, x: NDArray[Any], margin: float) -> Any:
    """`model` (from `trainable_copy`) with activations that wrap: `QFixedPoint` in the place of each `trained_bits`.

    Fractions are as trained, ranges hold `margin` times all that occurs for `x`: there it computes what the model
    would without saturating. The format of a ReLU is unsigned behind a ReLU of its own.
    """
    found, held = ranges(model, x, margin), {id(layer): q for layer, q in activation_quantizers(model)}

    def replace(layer: Any) -> Any:
        quantizer = held.get(id(layer))
        if not isinstance(quantizer, trained_bits):
            return same(layer)
        return _Chain([*_sum(layer), *_limits(layer, quantizer)])

    def carry(old: Any, new: Any) -> None:
        if not isinstance(new, _Chain):
            carry_weights(old, new)
            return
        if isinstance(old, Quantized):
            _carry_sum(old, new.layers[0])
        quantizer, integer = found[id(held[id(old)])]
        peak, step = quantizer.reach()
        fraction, sign = -np.log2(step), float(quantizer.keep_negative)
        new.layers[-1].set_formats(sign, np.where(peak > 0, integer, -fraction - sign), fraction)

    return rebuilt(model, replace).carry_weights(carry)


class _Chain:
    """Layers that stand in the place of one."""

    built = True

    def __init__(self, layers: Sequence[Any]) -> None:
        self.layers, self.weights = layers, list[Any]()

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        for layer in self.layers:
            x = layer(x)
        return x


def _sum(layer: Any) -> list[Any]:
    """The layer without its activation; nothing where it is an activation alone."""
    if isinstance(layer, ql.QActivation):
        return []
    return [type(layer).from_config({**plain_config(layer), "activation": None})]


def _limits(layer: Any, quantizer: Any) -> list[Any]:
    shape = quantizer.reach()[1].shape
    limit = ql.QFixedPoint(shape, "half_up", "wrap", name=f"{layer.name}_wrap")
    return [limit] if quantizer.keep_negative else [keras.layers.ReLU(name=f"{layer.name}_relu"), limit]


def _carry_sum(old: Any, new: Any) -> None:
    for role in old.roles:
        variable, quantizer = getattr(old, role.attribute, None), getattr(old, role.quantizer)
        if variable is not None:
            getattr(new, role.attribute).assign(np.array(as_array(variable)))
        if isinstance(quantizer, TrainedWidths):
            for name, value in quantizer.trained.items():
                getattr(new, role.quantizer).trained[name].assign(np.array(as_array(value)))
