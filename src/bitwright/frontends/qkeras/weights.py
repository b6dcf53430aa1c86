"""Weights of old files into our layers: by the names of layers and weights, else by order, shapes checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel
from bitwright.frontends.qkeras.files import Group
from bitwright.frontends.qkeras.layers import OLD
from bitwright.frontends.qkeras.network import Network
from bitwright.train.door import keras

__all__ = ["load_groups"]

_BOOKKEEPING = {"mask", "threshold", "pruning_step", "qnoise_factor", "count", "iteration", "training_steps"}
"""Weights of QKeras and of pruning that say nothing about the function and may have no place in our layers."""


def load_groups(network: Network, groups: Sequence[Group], where: str) -> None:
    """Give the layers of `network` the arrays of `groups`, as Keras 2 would.

    Raises InvalidModel naming the layer when counts or shapes do not fit.
    """
    layers = {name: layer for name, layer in network.layers.items() if getattr(layer, "weights", None)}
    full = [group for group in groups if _essential(group.arrays)]
    names = {group.layer for group in full}
    if names != set(layers):
        if len(full) != len(layers):
            raise InvalidModel(
                f"weights for {len(full)} layers, {len(layers)} layers with weights",
                where=where,
                why=f"only in the file: {', '.join(sorted(names - set(layers))) or 'none'};"
                f" only in the model: {', '.join(sorted(set(layers) - names)) or 'none'}",
                remedy="give the weights of this very model",
            )
        full = [Group(name, group.arrays) for name, group in zip(layers, full, strict=True)]
    for group in full:
        _assign(layers[group.layer], group, network.classes[group.layer], where)


def _essential(arrays: list[tuple[str, NDArray[Any]]]) -> list[tuple[str, NDArray[Any]]]:
    return [(name, array) for name, array in arrays if _tail(name) not in _BOOKKEEPING]


def _assign(layer: Any, group: Group, kind: str, where: str) -> None:
    if hasattr(layer, "ema_min"):
        _set_averages(layer, group, where)
        return
    own = list(layer.trainable_weights) + list(layer.non_trainable_weights)
    given = group.arrays if len(group.arrays) == len(own) else _essential(group.arrays)
    if len(given) != len(own):
        own = [w for w in own if w.name not in _BOOKKEEPING]
    if len(given) != len(own):
        names = [_tail(name) for name, _ in given]
        raise InvalidModel(
            f"{len(given)} weights for {len(own)}",
            where=f"{where}, layer '{group.layer}'",
            why=f"the file has {', '.join(names)}, the layer {', '.join(w.name for w in own)}",
            remedy="give the weights of this very model",
        )
    tails = [_tail(name) for name, _ in given]
    if sorted(tails) == sorted(w.name for w in own) and len(set(tails)) == len(tails):
        by_tail = {tail: array for tail, (_, array) in zip(tails, given, strict=True)}
        arrays = [by_tail[w.name] for w in own]
    else:
        arrays = [array for _, array in given]
    change = OLD[kind].weights if kind in OLD else None
    for weight, array in zip(own, change(arrays) if change else arrays, strict=True):
        _set(weight, array, f"{where}, layer '{group.layer}'")


def _set_averages(layer: Any, group: Group, where: str) -> None:
    """An adaptive activation: two averages, the least first; what else the file counts may be missing."""
    floats = [array for _, array in group.arrays if array.dtype.kind == "f" and array.size == layer.ema_min.shape[0]]
    if len(floats) < 2:
        raise InvalidModel(
            "its averages are missing", where=f"{where}, layer '{group.layer}'", remedy="save the model again"
        )
    named = {_tail(name): array for name, array in group.arrays}
    for weight, array in ((layer.ema_min, floats[0]), (layer.ema_max, floats[1])):
        _set(weight, named.get(weight.name, array), where)


def _set(weight: Any, array: NDArray[Any], where: str) -> None:
    if tuple(weight.shape) != array.shape:
        if array.size != int(np.prod(weight.shape)):
            raise InvalidModel(
                f"weight '{weight.name}' has the shape {array.shape} in the file",
                where=where,
                why=f"{tuple(weight.shape)} in the layer",
                remedy="give the weights of this very model",
            )
        array = array.reshape(tuple(weight.shape))
    weight.assign(array.astype(keras.backend.standardize_dtype(weight.dtype)))


def _tail(name: str) -> str:
    """The last word of a weight's name: "fc1/kernel:0" is a kernel."""
    return name.rsplit("/", 1)[-1].partition(":")[0]
