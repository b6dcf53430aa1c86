"""Goals as AutoQKeras is told them: {"type": "bits" or "energy", "params": {...}}."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from bitwright.core.errors import ConfigError
from bitwright.search.scores.bits import ForgivingFactorBits
from bitwright.search.scores.energy import ForgivingFactorPower
from bitwright.search.scores.factor import ForgivingFactor

__all__ = ["forgiving_factor", "goal_of"]

forgiving_factor: dict[str, type[ForgivingFactor]] = {"bits": ForgivingFactorBits, "energy": ForgivingFactorPower}
"""Goals by name; further ones may be added."""


def goal_of(goal: ForgivingFactor | Mapping[str, Any] | None) -> ForgivingFactor:
    """The factor that a goal stands for; None is bits, 8 per cent for each halving.

    Raises ConfigError for an unknown type or parameter, naming the nearest.

    >>> goal_of({"type": "bits", "params": {"delta_p": 4.0}}).delta_p
    0.04
    """
    if isinstance(goal, ForgivingFactor):
        return goal
    told: dict[str, Any] = {"type": "bits"} if goal is None else dict(goal)
    _known("key", set(told), ["type", "params"], "goal")
    name, params = str(told.get("type")), dict[str, Any](told.get("params") or {})
    if name not in forgiving_factor:
        known = ", ".join(repr(known) for known in forgiving_factor)
        raise ConfigError(f"there is no goal {name!r}", where="goal", remedy=f"give 'type': one of {known}")
    kind = forgiving_factor[name]
    _known("parameter", set(params), list(inspect.signature(kind).parameters), f"goal {name!r}")
    return kind(**params)


def _known(what: str, given: set[str], names: list[str], where: str) -> None:
    for key in sorted(given - set(names)):
        near = get_close_matches(key, names, 1, cutoff=0.4)
        remedy = f"did you mean {near[0]!r}?" if near else f"use {', '.join(names)}"
        raise ConfigError(f"there is no {what} {key!r}", where=where, remedy=remedy)
