"""Batches of one size: for each further size a trial compiles its step anew, which costs more than short epochs do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bitwright.train.door import keras

__all__ = ["even", "even_size"]

_LEFT_OUT = 20
"""At most one sample of so many is left out."""
_USUAL = 32
"""Keras's batch size where none is told."""


def even(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of `fit` for which training and validation see one batch size each, where arrays are told.

    Training leaves out the last samples, less than a batch, if they are at most a twentieth of all. Validation sees
    every sample, in batches of another size near the wanted one if that divides better (unless one was told). Data
    that are no arrays, and a number of steps that was told, stay as they are.
    """
    told = dict(arguments)
    data = {name: told[name] for name in ("x", "y", "sample_weight") if told.get(name) is not None}
    if not _arrays(data) or told.get("steps_per_epoch") is not None:
        return told
    if told.get("validation_split") and told.get("validation_data") is None:
        # As Keras cuts them: the last samples, before any shuffling.
        at = int(_length(data) * (1.0 - float(told.pop("validation_split"))))
        told["validation_data"] = tuple(_cut(data, slice(at, None)).values())
        data = _cut(data, slice(at))
        told |= data
    wanted, total = int(told.get("batch_size") or _USUAL), _length(data)
    validated = _validated(told.get("validation_data"))
    if validated and told.get("validation_batch_size") is None and told.get("validation_steps") is None:
        told["validation_batch_size"] = even_size(validated, wanted)
    left = total % wanted
    return told | _cut(data, slice(total - left)) if total > wanted and 0 < left * _LEFT_OUT <= total else told


def even_size(total: int, wanted: int) -> int:
    """The divisor of `total` nearest to `wanted`, within a factor of two; `wanted` if there is none.

    >>> even_size(20000, 1024), even_size(20000, 16384), even_size(10007, 1024), even_size(100, 1024)
    (1000, 20000, 1024, 1024)
    """
    if total <= wanted:
        return wanted
    near = [size for size in range(-(-wanted // 2), 2 * wanted + 1) if total % size == 0]
    return min(near, key=lambda size: abs(size - wanted), default=wanted)


def _cut(data: Mapping[str, Any], part: slice) -> dict[str, Any]:
    return {name: keras.tree.map_structure(lambda array: array[part], arrays) for name, arrays in data.items()}


def _validated(given: Any) -> int:
    """How many samples validation sees; 0 if that is not known."""
    pair = isinstance(given, tuple) and len(given) in (2, 3)
    return _length(given[0]) if pair and _arrays(given[0]) else 0


def _arrays(data: Any) -> bool:
    parts = keras.tree.flatten(data)
    return bool(parts) and all(hasattr(part, "shape") and hasattr(part, "__getitem__") for part in parts)


def _length(data: Any) -> int:
    return int(keras.tree.flatten(data)[0].shape[0])
