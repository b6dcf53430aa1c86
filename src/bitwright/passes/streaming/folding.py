"""How far a layer is folded: how much of it is there in hardware at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from typing import Any

from bitwright.core.errors import ConfigError
from bitwright.ir.dataflow.ops import Memory
from bitwright.ir.graph import Graph

__all__ = ["Folding", "Kernel", "foldings_of", "foldings_to_json"]


class Kernel(Enum):
    """How a layer's products are made."""

    FOLDED = "folded"
    """Weights in a memory, so many products at a time."""
    UNROLLED = "unrolled"
    """Weights dissolved in adder graphs: a whole window or vector, all outputs, in every cycle."""


@dataclass(frozen=True, slots=True)
class Folding:
    """`lanes` inputs (FINN's SIMD) times `units` outputs (PE) at a time; what the weights and the lines wait in.

    Element-wise actors and pools have lanes only. An unrolled layer takes all its inputs and gives all its outputs.
    """

    lanes: int = 1
    units: int = 1
    kernel: Kernel = Kernel.FOLDED
    weights: Memory = Memory.LUT
    lines: Memory = Memory.LUT


_KEYS = {"lanes": "SIMD", "units": "PE", "kernel": "kernel", "weights": "weights_in", "lines": "lines_in"}
"""Fields as FINN's users write them."""


def foldings_to_json(foldings: Mapping[str, Folding]) -> str:
    """A folding configuration: {"layer": {"SIMD": 4, "PE": 2, ...}}; what is as it is by default is left out."""
    plain = Folding()
    record: dict[str, dict[str, Any]] = {}
    for name, folding in foldings.items():
        told = {key: getattr(folding, field) for field, key in _KEYS.items()}
        kept = {k: v for (f, k), v in zip(_KEYS.items(), told.values(), strict=True) if v != getattr(plain, f)}
        record[name] = {k: v.value if isinstance(v, Enum) else v for k, v in kept.items()}
    return json.dumps(record, indent=2) + "\n"


def foldings_of(
    told: Mapping[str, Mapping[str, Any]], graph: Graph, otherwise: Mapping[str, Folding]
) -> dict[str, Folding]:
    """Foldings from a configuration, by node or layer name; what it leaves out is as in `otherwise`.

    Raises `ConfigError` for a layer or a key that does not exist, with the nearest one that does.
    """
    names = {node.name: node.name for node in graph.nodes} | {n.origin.layer: n.name for n in reversed(graph.nodes)}
    found = dict(otherwise)
    for layer, record in told.items():
        if layer not in names:
            near = get_close_matches(layer, names, 1) or list(otherwise)
            raise ConfigError(f"no layer {layer!r}", where="folding", remedy=f"did you mean {near[0]}?")
        before = found.get(names[layer], Folding())
        found[names[layer]] = replace(before, **_fields(layer, record))
    return found


def _fields(layer: str, record: Mapping[str, Any]) -> dict[str, Any]:
    fields = {key: field for field, key in _KEYS.items()}
    kinds: dict[str, Any] = {"kernel": Kernel, "weights": Memory, "lines": Memory}
    found: dict[str, Any] = {}
    for key, value in record.items():
        field = fields.get(key, key)
        if field not in _KEYS:
            raise ConfigError(f"unknown key {key!r}", where=f"folding of {layer}", remedy=f"use {', '.join(fields)}")
        try:
            found[field] = kinds[field](value) if field in kinds else int(value)
        except ValueError as error:
            raise ConfigError(f"{key}={value!r}", where=f"folding of {layer}", remedy="see docs/dataflow.md") from error
    return found
