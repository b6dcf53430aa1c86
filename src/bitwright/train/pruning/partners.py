"""What goes with a neuron besides its weights, and which layers must keep all of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bitwright.core.errors import Unsupported
from bitwright.train.door import keras
from bitwright.train.layers.base import apply
from bitwright.train.observe import as_array
from bitwright.train.pruning.weights import Prunable
from bitwright.train.quantizers.base import BaseQuantizer
from bitwright.train.rewrite import is_network
from bitwright.train.wiring import every_network, followers

__all__ = ["Partner", "has_zero", "makes_outputs", "partners_of", "refuse_without_zero"]


@dataclass(frozen=True, eq=False)
class Partner:
    """A variable with one number per column of a weight, 0 where the column is pruned."""

    name: str
    variable: Any


def partners_of(model: Any, one: Prunable) -> list[Partner]:
    """The bias of `one`, and gamma and beta of the normalization in its layer, or of that which alone reads it.

    Those whose quantizers have no zero are left out: a neuron then leaves a constant behind.
    """
    found: list[Partner] = []
    if one.bias is not None and has_zero(_quantizer_of(one.holder, one.bias), one.bias.shape):
        found.append(Partner(f"{one.name.rpartition('/')[0]}/bias", one.bias))
    folded = hasattr(one.holder, "get_folded_weights")
    norm: Any = one.holder if folded else _normalization(model, one)
    if norm is not None:
        both = [getattr(norm, attribute) for attribute in ("gamma", "beta")]
        kept = [v for v in both if v is not None]
        if both[0] is not None and all(has_zero(_quantizer_of(norm, v), v.shape) for v in kept):
            found += [Partner(f"{norm.name}/{v.name}", v) for v in kept]
    return found


def makes_outputs(model: Any, layer: Any) -> bool:
    """Whether the results of `layer` are outputs of the model (or of one nested in it), activations aside."""
    if not is_network(model):
        return layer is model._flatten_layers(include_self=False)[-1]  # all that is known of a subclassed model
    readers = _readers(model)
    seen, waiting = set[int](), [layer]
    while waiting:
        here = waiting.pop()
        if here is None:
            return True
        if id(here) not in seen and (here is layer or not here.weights):
            seen.add(id(here))
            waiting += readers.get(id(here), [])
    return False


def has_zero(quantizer: Any, shape: Any) -> bool:
    """Whether weights that are 0 stay 0 beside others; tried on drawn ones."""
    if not isinstance(quantizer, BaseQuantizer):
        return True
    draws = np.random.default_rng(0).normal(size=tuple(shape)).astype(np.float32)
    draws.ravel()[::2] = 0.0
    return not quantizer.always_random and not as_array(apply(quantizer, draws, None)).ravel()[::2].any()


def refuse_without_zero(one: Prunable) -> None:
    """Raise Unsupported, naming the layer, for a quantizer that makes something else of 0 (binary, po2)."""
    if not has_zero(one.quantizer, one.variable.shape):
        raise Unsupported(
            f"{one.quantizer} has no zero",
            where=one.where,
            why="a pruned weight must be exactly 0 after quantization",
            remedy="use ternary() or quantized_bits there, or leave the layer out by layers=",
        )


def _normalization(model: Any, one: Prunable) -> Any:
    readers = _readers(model).get(id(one.layer), []) if is_network(model) else []
    alone: Any = readers[0] if len(readers) == 1 else None
    fits = isinstance(alone, keras.layers.BatchNormalization) and alone.moving_mean.shape[0] == one.layout.columns
    return alone if fits else None


def _readers(model: Any) -> dict[int, list[Any]]:
    return {key: found for network in every_network(model) for key, found in followers(network).items()}


def _quantizer_of(layer: Any, variable: Any) -> Any:
    return next((quantizer for held, quantizer in _roles(layer) if held is variable), None)


def _roles(layer: Any) -> Iterator[tuple[Any, Any]]:
    for role in getattr(layer, "roles", ()):
        if role.attribute:
            yield getattr(layer, role.attribute, None), getattr(layer, role.quantizer)
