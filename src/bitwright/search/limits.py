"""`Limits`: a goal in the user's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from bitwright.core.errors import ConfigError

__all__ = ["Limits"]


@dataclass(frozen=True)
class Limits:
    """What a design may take at most; None: as much as it likes.

    luts, ffs, dsps, brams: of the device. latency_ns: from input to output at the design's clock. energy_pj: by QTools.
    bits: of weights and activations. accuracy_drop: below the float model's score on the same samples, as a share.

    >>> Limits(luts=2000, accuracy_drop=0.005).excess({"luts": 2200, "accuracy_drop": 0.001})
    {'luts': 0.1}
    """

    luts: float | None = None
    ffs: float | None = None
    dsps: float | None = None
    brams: float | None = None
    latency_ns: float | None = None
    energy_pj: float | None = None
    bits: float | None = None
    accuracy_drop: float | None = None

    def __post_init__(self) -> None:
        for name, bound in self.told.items():
            if not bound >= 0:
                raise ConfigError(f"{name}={bound}", where="limits", remedy="give a number of at least 0")

    @property
    def told(self) -> dict[str, float]:
        """The limits that there are."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: bound for name, bound in every.items() if bound is not None}

    def excess(self, facts: Mapping[str, float | None]) -> dict[str, float]:
        """By how much `facts` exceed each limit, as a share of it; what is not known counts as kept."""
        found: dict[str, float] = {}
        for name, bound in self.told.items():
            value = facts.get(name)
            if value is not None and value > bound:
                found[name] = round((value - bound) / max(bound, 1e-9), 12)
        return found

    def __str__(self) -> str:
        return ", ".join(f"{name} at most {bound:g}" for name, bound in self.told.items()) or "no limits"
