"""The walk over a model's layers that asks for each quantizer and each number of filters."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal

from bitwright.core.errors import ConfigError
from bitwright.search.autoqkeras.choosing import Chooser
from bitwright.search.autoqkeras.config import Tables
from bitwright.search.autoqkeras.limits import ACTIVATIONS, REGISTERED, SEQUENCES, Entry, Limits, options
from bitwright.search.autoqkeras.resize import decides_output

__all__ = ["FILTERS", "Plan", "Slots"]

FILTERS = (0.5, 0.75, 1.0, 1.5, 2.0)
"""Factors on the number of filters or units."""
_RESIZED = ("Dense", "Conv1D", "Conv2D", "Conv2DTranspose")
_FLOAT = ("linear", "softmax")


@dataclass(frozen=True)
class Plan:
    """What was chosen: `model_quantize`'s dictionary, and factors on the filters by layer name."""

    quantizers: dict[str, Any] = field(default_factory=dict[str, Any])
    factors: dict[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Slots:
    """What may be chosen in `model`; `plan` asks for it, always in the same order."""

    model: Any
    limits: Limits
    tables: Tables
    tune_filters: Literal["none", "layer", "block"] = "none"
    exceptions: str | None = None
    layer_indexes: Collection[int] | None = None

    def __post_init__(self) -> None:
        if self.tune_filters not in ("none", "layer", "block"):
            raise ConfigError(
                f"tune_filters={self.tune_filters!r}", where="AutoQKeras", remedy="use 'none', 'layer' or 'block'"
            )

    def plan(self, hp: Chooser) -> Plan:
        """Ask `hp` for every choice."""
        asking = _Asking(self, hp)
        for place, layer in enumerate(self.model.layers):
            if not self.layer_indexes or place in self.layer_indexes:
                asking.layer(layer)
        return asking.plan


class _Asking:
    """One walk; `groups` are the choices that the layers of a pattern share."""

    def __init__(self, slots: Slots, hp: Chooser) -> None:
        self.slots, self.hp = slots, hp
        self.plan = Plan()
        self.groups: dict[tuple[str, str], Any] = {}
        self.fixed = decides_output(slots.model, _RESIZED) if slots.tune_filters != "none" else set[str]()
        self.block: float = hp.Choice("network_filters", FILTERS, default=1.0) if slots.tune_filters == "block" else 1.0

    def layer(self, layer: Any) -> None:
        """Ask for everything about one layer."""
        kind = type(layer).__name__
        entry = self.slots.limits.entry(layer.name, kind)
        if entry is None:
            return
        if kind in REGISTERED:
            self._weights(layer, kind, entry)
        elif kind in ACTIVATIONS:
            self._activation(layer, entry)
        elif kind == "Reshape":
            self._resized(layer, entry, "block")
        elif kind.startswith("Separable"):
            raise ConfigError(
                f"{kind} is not searched",
                where=f"layer '{layer.name}'",
                remedy="write it as DepthwiseConv2D and Conv2D, or take it out of `limit`",
            )
        elif not hasattr(layer, "get_quantizers"):
            self.plan.quantizers[layer.name] = {}

    def _weights(self, layer: Any, kind: str, entry: Entry) -> None:
        kernel = self._ask(layer, "kernel", entry)
        if kernel is None:
            return
        self._resized(layer, entry, "layer")
        told = {"depthwise_quantizer" if kind == "DepthwiseConv2D" else "kernel_quantizer": kernel}
        inner = getattr(layer, "forward_layer", layer)
        if kind in SEQUENCES:
            told["recurrent_quantizer"] = self._ask(layer, "recurrent_kernel", entry)
        if hasattr(inner, "recurrent_activation"):
            told["recurrent_activation_quantizer"] = self._ask(layer, "recurrent_activation", entry)
        if inner.use_bias:
            told["bias_quantizer"] = self._ask(layer, "bias", entry)
        if _name(inner) not in _FLOAT:
            told["activation_quantizer"] = self._ask(layer, "activation", entry)
        self.plan.quantizers[layer.name] = {key: value for key, value in told.items() if value is not None}

    def _activation(self, layer: Any, entry: Entry) -> None:
        name = _name(layer)
        if name == "softmax":
            return
        quantizer = self._ask(layer, "linear" if name == "linear" else "activation", entry)
        if quantizer is not None:
            self.plan.quantizers[layer.name] = quantizer

    def _ask(self, layer: Any, what: str, entry: Entry) -> Any:
        if entry.pattern is not None and (entry.pattern, what) in self.groups:
            return self.groups[entry.pattern, what]
        offered = options(self.slots.tables, what, entry.of(what), f"layer '{layer.name}'")
        owner = layer.name if entry.pattern is None else entry.pattern
        chosen = self.hp.Choice(f"{owner}_{what}_quantizer", offered) if offered else None
        if entry.pattern is not None:
            self.groups[entry.pattern, what] = chosen
        return chosen

    def _resized(self, layer: Any, entry: Entry, least: Literal["layer", "block"]) -> None:
        tuned, exceptions = self.slots.tune_filters, self.slots.exceptions
        if tuned == "none" or (exceptions and re.search(exceptions, layer.name)) or layer.name in self.fixed:
            return
        kind = type(layer).__name__
        if kind in _RESIZED and tuned == "layer":
            factor: float = self.hp.Choice(f"network_filters_{layer.name}", FILTERS, default=1.0)
        elif kind in _RESIZED or (least == "block" and tuned == "block"):
            factor = self.block
        else:
            return
        if factor != 1:
            self.plan.factors[layer.name] = factor


def _name(layer: Any) -> str:
    """The activation of a layer by name; of an activation layer, its class where that says it."""
    function = getattr(layer, "activation", None)
    if function is None:
        return "relu" if type(layer).__name__ in ACTIVATIONS else "linear"
    return getattr(function, "__name__", type(function).__name__)
