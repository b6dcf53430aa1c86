"""How far a layer is folded: how much of it is there in hardware at once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import Enum
from typing import Any

from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.ir.dataflow.ops import Memory
from bitwright.ir.graph import Graph

__all__ = ["Folding", "Kernel", "Products", "folding_of", "foldings_of", "foldings_to_json"]


class Kernel(Enum):
    """How a layer's products are made."""

    FOLDED = "folded"
    """Weights in a memory, so many products at a time."""
    UNROLLED = "unrolled"
    """Weights dissolved in adder graphs: a whole window or vector, all outputs, in every cycle."""


class Products(Enum):
    """What multiplies in a folded kernel."""

    AUTO = "auto"
    """Whatever takes least, a multiplier block counted as 45 LUTs."""
    BLOCKS = "dsp"
    """Multiplier blocks, each for as many units as fit."""


@dataclass(frozen=True, slots=True)
class Folding:
    """`lanes` inputs (FINN's SIMD) times `units` outputs (PE) at a time; what the weights and the lines wait in.

    Element-wise actors and pools have lanes only. An unrolled layer takes all its inputs and gives all its outputs.
    `spilled` bits of each word of weights are in lookup tables, where the rest is in block memory: what would only
    begin another block, or the last that there are not enough blocks for. An unrolled layer takes its inputs in
    `digits` turns, some bits of each at a time: narrower adder graphs, as many cycles a word. `products`: what
    multiplies in a folded kernel.
    """

    lanes: int = 1
    units: int = 1
    kernel: Kernel = Kernel.FOLDED
    weights: Memory = Memory.LUT
    lines: Memory = Memory.LUT
    spilled: int = 0
    digits: int = 1
    products: Products = Products.AUTO


_KEYS = {
    "lanes": "SIMD", "units": "PE", "kernel": "kernel", "weights": "weights", "lines": "lines", "spilled": "spilled",
    "digits": "digits", "products": "resType",
}  # fmt: skip
"""Fields as FINN's users write them."""
_STYLES = {"auto": Memory.LUT, "distributed": Memory.LUT, "block": Memory.BLOCK, "ultra": Memory.ULTRA}
"""FINN's `ram_style`."""
_IGNORED = {"mem_mode"}


def _products(told: str) -> Products:
    """FINN's `resType`; its "lut" leaves the choice to what takes least."""
    return Products.AUTO if told == "lut" else Products(told)


def foldings_to_json(foldings: Mapping[str, Folding]) -> str:
    """A folding configuration: {"layer": {"SIMD": 4, "PE": 2, "kernel": "folded", ...}, ...}."""
    record = {
        name: {key: _plain(getattr(folding, field)) for field, key in _KEYS.items()}
        for name, folding in foldings.items()
    }
    return json.dumps(record, indent=2) + "\n"


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def foldings_of(
    told: Mapping[str, Mapping[str, Any]], graph: Graph, otherwise: Mapping[str, Folding]
) -> dict[str, Folding]:
    """Foldings from a configuration, by node or layer name; what it leaves out is as in `otherwise`.

    FINN's "Defaults" are not looked at. Raises `ConfigError` for a layer that does not exist, with the nearest one
    that does, and what `folding_of` raises.
    """
    names = {n.origin.layer: n.name for n in reversed(graph.nodes)} | {node.name: node.name for node in graph.nodes}
    found = dict(otherwise)
    for layer, record in told.items():
        if layer == "Defaults":
            continue
        if layer not in names:
            near = get_close_matches(layer, names, 1) or list(otherwise)
            raise ConfigError(f"no layer {layer!r}", where="folding", remedy=f"did you mean {near[0]}?")
        found[names[layer]] = folding_of(layer, record, found.get(names[layer], Folding()))
    return found


def folding_of(layer: str, record: Any, before: Folding) -> Folding:
    """`before` with what a layer's entry in a configuration tells; raises `InvalidValue` naming layer and key."""
    fields = {key: field for field, key in _KEYS.items()}
    known = {*fields, *_IGNORED, "ram_style"}
    unknown = set(record) - known if isinstance(record, dict) else {"?"}  # pyright: ignore[reportUnknownArgumentType]
    if unknown:
        raise InvalidValue(
            f"unknown key {min(unknown)!r}", where=f"folding of layer '{layer}'",
            remedy=f"one of {', '.join(sorted(known))}",
        )  # fmt: skip
    kinds: dict[str, Any] = {"kernel": Kernel, "weights": Memory, "lines": Memory, "resType": _products}
    try:
        told = {fields[key]: kinds.get(key, int)(value) for key, value in record.items() if key in fields}
        if "ram_style" in record:
            told.setdefault("weights", _STYLES[record["ram_style"]])
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidValue(
            "a folding that means nothing", where=f"layer '{layer}'", why=str(error), remedy="see docs/dataflow.md"
        ) from error
    made = replace(before, **told)
    if min(made.lanes, made.units, made.digits) < 1 or made.spilled < 0:
        raise InvalidValue(
            f"{made.lanes} lanes, {made.units} units, {made.digits} digits",
            where=f"folding of layer '{layer}'", remedy="give 1 or more",
        )  # fmt: skip
    return made
