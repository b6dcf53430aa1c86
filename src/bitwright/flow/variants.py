"""`variants_of`: narrower and pruned versions of a model, as families that are explored and plotted beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bitwright.core.errors import ConfigError

__all__ = ["AS_GIVEN", "Variants", "narrowed", "pruned", "variants_of"]

AS_GIVEN = "as given"
"""The family of the model itself."""


@dataclass(frozen=True)
class Variants:
    """Which versions to make: quantizers of at most so many bits; so large a share of each layer's weights gone, the
    smallest ones; so large a share of each layer's neurons or filters gone, and the network smaller for it.
    """

    bits: Sequence[int] = ()
    pruned: Sequence[float] = ()
    channels: Sequence[float] = ()


def variants_of(model: Any, variants: Variants) -> dict[str, Any]:
    """The model and its versions by the family's name. They are not trained on: what they cost, not how well they do.

    model: a Keras model with quantizers, or the path of one. Raises `ConfigError` where nothing can be made of it.
    """
    loaded = _loaded(model)
    made = {AS_GIVEN: loaded}
    made |= {f"at most {bits} bits": narrowed(loaded, bits) for bits in variants.bits}
    made |= {f"{share:.0%} of weights pruned": pruned(loaded, share) for share in variants.pruned}
    made |= {f"{share:.0%} of channels pruned": pruned(loaded, share, channels=True) for share in variants.channels}
    return made


def _loaded(model: Any) -> Any:
    from pathlib import Path

    from bitwright.flow.models import load_model

    loaded: Any = load_model(model) if isinstance(model, str | Path) else model
    if not hasattr(loaded, "get_config") or not hasattr(loaded, "set_weights"):
        raise ConfigError(
            "variants of this model", where="exploration", why="only Keras models can be narrowed and pruned here",
            remedy="give its versions by name: explore_front({'6 bits': ..., '4 bits': ...}, ...)",
        )  # fmt: skip
    return loaded


def narrowed(model: Any, bits: int) -> Any:
    """A copy of `model` in which no quantizer has more than `bits` bits; the ranges stay, the steps grow.

    Raises `ConfigError` where it has no quantizer with bits.
    """
    config = json.loads(json.dumps(model.get_config()))
    found = list(_quantizers(config))
    if not found:
        raise ConfigError(
            f"nothing of '{model.name}' has bits",
            where="narrowed",
            remedy="quantize it first: bw.quantize(model, rules)",
        )
    for quantizer in found:
        quantizer["bits"] = min(quantizer["bits"], bits)
        if isinstance(quantizer.get("integer"), int):
            quantizer["integer"] = min(quantizer["integer"], quantizer["bits"])
    return _like(model, config)


def _quantizers(config: Any) -> Iterator[dict[str, Any]]:
    """The settings of all quantizers in a model's configuration that have a number of bits."""
    if isinstance(config, Mapping):
        own: Any = config.get("config")
        if "quantized" in str(config.get("class_name", "")) and isinstance(own, dict) and _has_bits(own):
            yield own
        for part in config.values():
            yield from _quantizers(part)
    elif isinstance(config, list):
        for part in config:
            yield from _quantizers(part)


def _has_bits(config: dict[str, Any]) -> bool:
    return isinstance(config.get("bits"), int) and not isinstance(config.get("bits"), bool)


def _like(model: Any, config: dict[str, Any]) -> Any:
    """A model of `config` with the weights of `model`."""
    made: Any = type(model).from_config(config)
    if not made.built:
        made.build(model.input_shape)
    made.set_weights(model.get_weights())
    return made


def pruned(model: Any, share: float, *, channels: bool = False) -> Any:
    """A copy of `model` in which the smallest `share` of each layer's weights is zero.

    channels: of each layer's neurons or filters, which are then taken out of the network (where nothing else needs
    them: see `bw.remove_neurons`). Output layers stay whole.
    """
    from bitwright.train.pruning import Neurons, Unstructured, prune_now, remove_neurons

    copy = _like(model, json.loads(json.dumps(model.get_config())))
    prune_now(copy, share, structure=Neurons() if channels else Unstructured())
    return remove_neurons(copy) if channels else copy
