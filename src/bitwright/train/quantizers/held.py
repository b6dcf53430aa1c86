"""Which quantizers a layer or a model holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bitwright.train.quantizers.base import BaseQuantizer

__all__ = ["quantizers_in", "quantizers_of"]


def quantizers_of(layer: Any) -> list[BaseQuantizer]:
    """The quantizers among the attributes of one layer, each once; those of sublayers are not among them."""
    held: dict[str, Any] = vars(layer)
    found: dict[int, BaseQuantizer] = {}
    for name, value in held.items():
        # A kernel's quantizer may be kept as it was given, beside the one that the layer uses.
        if f"{name}_internal" not in held:
            found.update((id(quantizer), quantizer) for quantizer in _within(value))
    return list(found.values())


def quantizers_in(model: Any) -> list[BaseQuantizer]:
    """Every quantizer of `model`'s layers: nested models, wrappers and cells included, each once."""
    found = {id(q): q for layer in model._flatten_layers() for q in quantizers_of(layer)}
    return list(found.values())


def _within(value: Any) -> Iterator[BaseQuantizer]:
    if isinstance(value, BaseQuantizer):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():  # pyright: ignore[reportUnknownVariableType]
            yield from _within(item)
    elif isinstance(value, list | tuple | set):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _within(item)
