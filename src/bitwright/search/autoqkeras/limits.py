"""Limits of a quantization search: which layers take part, and the most bits of each of their tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bitwright.core.errors import ConfigError
from bitwright.search.autoqkeras.config import FALLBACKS, Tables

__all__ = ["ACTIVATIONS", "REGISTERED", "SEQUENCES", "Entry", "Limits", "options"]

SEQUENCES = ("SimpleRNN", "LSTM", "GRU", "Bidirectional")
REGISTERED = ("Dense", "Conv1D", "Conv2D", "Conv2DTranspose", "DepthwiseConv2D", *SEQUENCES)
"""The layers with weights that a search quantizes."""
ACTIVATIONS = ("Activation", "ReLU", "LeakyReLU")

Limit = int | str | Sequence[str] | None
"""The most bits, or the quantizers to choose from; None or 0: not quantized."""


@dataclass(frozen=True)
class Entry:
    """The limits of a layer, or of all layers that `pattern` (a regular expression) matches, which choose alike."""

    limits: tuple[Limit, ...]
    pattern: str | None = None

    def of(self, field: str) -> Limit:
        """The limit of a field: kernel, bias, (recurrent kernel,) activation stand in this order."""
        place = {"kernel": 0, "bias": 1, "recurrent_kernel": 2}.get(field, len(self.limits) - 1)
        return self.limits[place] if 0 <= place < len(self.limits) else None


class Limits:
    """QKeras's `limit`: class names, or regular expressions over layer names, to lists of limits.

    A list is [kernel, bias, activation], or [kernel, bias, recurrent kernel, activation] for recurrent layers, or
    [activation]; what is missing at its end comes from "default" (8 bits without one). Classes that are not named are
    left as they are. None: every layer, at "default".
    """

    def __init__(self, limit: Mapping[str, Any] | None, classes: Sequence[str] = ()) -> None:
        everything: dict[str, Any] = {name: () for name in (*REGISTERED, "Activation")}
        told: dict[str, Any] = everything if limit is None else dict(limit)
        self.default = told.pop("default", None) or 8
        self.classes = {name: _list(entry, name) for name, entry in told.items() if _is_class(name, classes)}
        self.patterns = {_regex(name): _list(told[name], name) for name in told if name not in self.classes}

    def entry(self, name: str, kind: str) -> Entry | None:
        """The limits of layer `name` of class `kind`; a pattern beats the class. None: it takes no part."""
        for pattern, limits in self.patterns.items():
            if pattern.match(name):
                return Entry(self._filled(limits, kind), pattern.pattern)
        if kind not in self.classes and kind in ACTIVATIONS:
            kind = "Activation"
        return Entry(self._filled(self.classes[kind], kind)) if kind in self.classes else None

    def _filled(self, limits: tuple[Limit, ...], kind: str) -> tuple[Limit, ...]:
        if kind in ACTIVATIONS:
            return limits or self._defaults(3)[-1:]
        if kind not in REGISTERED:
            return limits
        wanted = 4 if kind in SEQUENCES else 3
        return limits + self._defaults(wanted)[len(limits) :]

    def _defaults(self, wanted: int) -> tuple[Limit, ...]:
        if not isinstance(self.default, list | tuple):
            return (self.default,) * wanted
        given = _list(self.default, "default")
        if not 3 <= len(given) <= 4:
            raise ConfigError(
                f"'default' has {len(given)} entries",
                where="limit",
                remedy="give a number, [kernel, bias, activation] or [kernel, bias, recurrent, activation]",
            )
        return given if len(given) == wanted else (*given[:2], *given[:1] * (wanted - 3), given[-1])


def options(tables: Tables, field: str, limit: Limit, where: str) -> tuple[str, ...]:
    """The quantizers of `field` that a limit admits; none where the limit says not to quantize.

    Raises ConfigError when there is no table for the field, or nothing in it is small enough.
    """
    if limit is None or limit == 0 or limit == []:
        return ()
    if isinstance(limit, str):
        return (limit,)
    if isinstance(limit, Sequence):
        return tuple(dict.fromkeys(limit))
    table = tables.get(field) or FALLBACKS.get(field)
    if not table:
        remedy = f"add {field!r}: {{quantizer: bits, ...}}"
        raise ConfigError(f"quantization_config has no {field!r}", where=where, remedy=remedy)
    found = tuple(quantizer for quantizer, bits in table.items() if bits <= limit)
    if not found:
        least = min(table.values())
        raise ConfigError(
            f"no quantizer of its {field} has at most {limit} bits",
            where=where,
            remedy=f"raise the limit to {least}, or give a smaller quantizer in quantization_config",
        )
    return found


def _list(entry: Any, name: str) -> tuple[Limit, ...]:
    limits: tuple[Any, ...] = (entry,) if isinstance(entry, int | str) else tuple(entry)
    for limit in limits:
        words = isinstance(limit, list | tuple) and all(isinstance(word, str) for word in limit)
        if not (limit is None or isinstance(limit, int | str) or words):
            raise ConfigError(
                f"{limit!r} is no limit", where=f"limit of {name!r}", remedy="give a number of bits or quantizers"
            )
    if len(limits) > 4:
        raise ConfigError(
            f"{len(limits)} entries", where=f"limit of {name!r}", remedy="give [kernel, bias, recurrent, activation]"
        )
    return limits


def _is_class(name: str, classes: Sequence[str]) -> bool:
    return name in REGISTERED or name in ACTIVATIONS or name in classes


def _regex(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            f"{pattern!r} is no regular expression", where="limit", why=str(error), remedy="escape it with re.escape"
        ) from error
