"""A model with other numbers of filters, and weights carried over as far as they fit ("soft" copies)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from bitwright.train.rewrite import plain_config, rebuilt, same
from bitwright.train.wiring import functional_of, readings

__all__ = ["copy_overlap", "decides_output", "resized"]


def resized(model: Any, factors: Mapping[str, float]) -> Any:
    """A copy of `model` in which the named layers have `factor` times as many units or filters (rounded down, >= 1).

    Of a Reshape the last axis is scaled. Weights are fresh.
    """

    def replace(layer: Any) -> Any:
        factor = factors.get(layer.name)
        if factor is None:
            return same(layer)
        config = plain_config(layer)
        for key in ("units", "filters"):
            if key in config:
                config[key] = max(int(config[key] * factor), 1)
        if "target_shape" in config:
            *others, last = config["target_shape"]
            config["target_shape"] = (*others, max(int(last * factor), 1) if last > 0 else last)
        return type(layer).from_config(config)

    return rebuilt(model, replace).model


def decides_output(model: Any, kinds: Collection[str]) -> set[str]:
    """Names of the layers of these classes that set the number of features of a model output."""
    makers = {id(made): (maker, read) for maker, read, all_made in readings(model) for made in all_made}
    found, seen, waiting = set[str](), set[int](), list(functional_of(model).outputs)
    while waiting:
        tensor = waiting.pop()
        maker, read = makers[id(tensor)]
        if type(maker).__name__ in kinds:
            found.add(maker.name)
        elif id(tensor) not in seen:
            seen.add(id(tensor))
            waiting += read
    return found


def copy_overlap(source: Any, target: Any, names: Collection[str] | None = None) -> None:
    """Give the layers of `target` the weights of the layers of `source` with the same names (None: of all).

    Where shapes differ the common part is copied: the first filters, the first inputs. A layer with another number of
    weights, or of other ranks, keeps its own.
    """
    known = {layer.name: layer for layer in source.layers}
    for layer in target.layers:
        if layer.name not in known or (names is not None and layer.name not in names):
            continue
        old, new = known[layer.name].get_weights(), layer.get_weights()
        if new and [w.ndim for w in old] == [w.ndim for w in new]:
            layer.set_weights([_overlaid(a, b) for a, b in zip(old, new, strict=True)])


def _overlaid(old: Any, new: Any) -> Any:
    common = tuple(slice(min(a, b)) for a, b in zip(old.shape, new.shape, strict=True))
    result = np.array(new)
    result[common] = old[common]
    return result
