"""`remove_neurons`: a smaller model that computes the same, without the neurons that pruning emptied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.train.door import keras
from bitwright.train.layers.base import apply
from bitwright.train.observe import as_array
from bitwright.train.pruning.channels import Indices, Travel, travels
from bitwright.train.quantizers.base import BaseQuantizer
from bitwright.train.rewrite import plain_config, rebuilt, same
from bitwright.train.wiring import functional_of

__all__ = ["remove_neurons"]

Floats = NDArray[np.float32]


def remove_neurons(model: Any) -> Any:
    """`model` without the neurons and filters that make no difference; it computes exactly the same.

    What goes: neurons that yield 0 whatever they read (no weights, and no bias or normalization that
    shifts them), and neurons that nobody reads (the weights that read them are 0). It is repeated, since
    one makes the other. What stays: neurons that leave a constant behind, neurons whose channels meet
    others' (Add, Concatenate) or flow into recurrent, depthwise, folded or nested layers, and neurons without
    which a scale that the layer finds itself (alpha="auto") would change. Every layer keeps one at least.

    model: Sequential or functional, built. Returns a new model, not compiled; `model` is not changed.
    Sums of float layers may be added in another order; those of quantized ones are exact in any.
    """
    smaller = _once(model)
    while smaller is not None:
        model, smaller = smaller, _once(smaller)
    return rebuilt(model, same).carry_weights()


@dataclass
class _Cut:
    """Which rows (of the kernel's second last axis) and columns of a layer's weights stay; None: all."""

    rows: Indices | None = None
    columns: Indices | None = None

    @property
    def whole(self) -> bool:
        """Whether everything stays."""
        return self.rows is None and self.columns is None

    def applied(self, values: Floats) -> Floats:
        """The weight without what goes: vectors are cut by columns."""
        if self.columns is not None:
            values = values[..., self.columns]
        return values if self.rows is None or values.ndim < 2 else values[..., self.rows, :]


@dataclass
class _Cuts:
    """The cuts of all layers, by id."""

    by_layer: dict[int, _Cut] = field(default_factory=dict[int, _Cut])

    def of(self, layer: Any) -> _Cut:
        """The cut of one layer."""
        return self.by_layer.setdefault(id(layer), _Cut())


def _once(model: Any) -> Any:
    """The model without the neurons that can go right now; None if none can."""
    network, cuts = functional_of(model), _Cuts()
    for travel in travels(network):
        for kept in _choices(network, travel):
            if _takes(cuts, travel, kept):
                break
    if not cuts.by_layer:
        return None
    made = rebuilt(model, lambda layer: _made(layer, cuts.by_layer.get(id(layer))))
    return made.carry_weights(lambda old, new: _carry(old, new, cuts.by_layer.get(id(old), _Cut())))


def _choices(network: Any, travel: Travel) -> Iterator[Indices]:
    """The channels that stay if all that make no difference go, then if only those go that nobody reads."""
    unread = _unread(travel)
    for gone in (unread | _always_zero(network, travel), unread):
        gone = gone.copy()
        if gone.all():
            gone[0] = False
        if gone.any():
            yield np.flatnonzero(~gone)


def _unread(travel: Travel) -> NDArray[np.bool_]:
    gone = np.ones(travel.channels, np.bool_)
    for reader, times in travel.readers:
        kernel = _quantized(reader)
        gone &= ~_any(kernel.reshape(-1, times, travel.channels, kernel.shape[-1]), (0, 1, 3))
    return gone


def _always_zero(network: Any, travel: Travel) -> NDArray[np.bool_]:
    """Channels without weights that arrive as 0: they are constant, so that one sample tells."""
    kernel = _quantized(travel.layer)
    empty = ~_any(kernel, tuple(range(kernel.ndim - 1)))
    if not empty.any():
        return empty
    sample = [np.zeros((1, *(n or 1 for n in tensor.shape[1:])), np.float32) for tensor in network.inputs]
    arriving = keras.Model(network.inputs, [reader.input for reader, _ in travel.readers])
    seen = keras.tree.flatten(arriving(sample, training=False))
    for (_, times), values in zip(travel.readers, seen, strict=True):
        empty &= ~_any(as_array(values).reshape(-1, times, travel.channels), (0, 1))
    return empty


def _any(values: NDArray[Any], axes: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.asarray((values != 0).any(axis=axes), np.bool_)


def _takes(cuts: _Cuts, travel: Travel, kept: Indices) -> bool:
    """Enter the cuts, unless one would change what a quantizer makes of the other weights."""
    wanted = [(travel.layer, _Cut(cuts.of(travel.layer).rows, kept))]
    for reader, times in travel.readers:
        wanted.append((reader, _Cut(travel.features(kept, times), cuts.of(reader).columns)))
    fits = all(_leaves_alone(layer, cut) for layer, cut in wanted)
    if fits:
        cuts.by_layer.update({id(layer): cut for layer, cut in wanted})
        for layer, times in travel.passed:
            if layer.weights:
                cuts.by_layer[id(layer)] = _Cut(None, travel.features(kept, times))
    cuts.by_layer = {key: cut for key, cut in cuts.by_layer.items() if not cut.whole}
    return fits


def _leaves_alone(layer: Any, cut: _Cut) -> bool:
    """Whether quantizing what stays gives what stays of the quantized."""
    pairs = zip(layer.weights, _quantizers(layer), strict=False)
    for variable, quantizer in pairs:
        values = as_array(variable)
        if not isinstance(quantizer, BaseQuantizer):
            continue
        fresh = type(quantizer).from_config(quantizer.get_config())
        try:
            after = as_array(apply(fresh, cut.applied(values), None))
        except (TypeError, ValueError):  # a scale per channel, told by the user, has no cut
            return False
        if not np.array_equal(after, cut.applied(as_array(apply(quantizer, values, None)))):
            return False
    return True


def _made(layer: Any, cut: _Cut | None) -> Any:
    if cut is None or cut.columns is None or isinstance(layer, keras.layers.BatchNormalization):
        return same(layer)
    size = "units" if isinstance(layer, keras.layers.Dense) else "filters"
    return type(layer).from_config({**plain_config(layer), size: len(cut.columns)})


def _carry(old: Any, new: Any, cut: _Cut) -> None:
    new.set_weights([cut.applied(values) for values in old.get_weights()])


def _quantized(layer: Any) -> Floats:
    return as_array(apply(_quantizers(layer)[0], as_array(layer.kernel), None))


def _quantizers(layer: Any) -> list[Any]:
    return layer.get_quantizers() if hasattr(layer, "get_quantizers") else [None]
