"""Candidates that no optimum needs: another one keeps the same pace and takes no more of anything.

Converters to whatever stands beside a stage are counted at their worst, so that a candidate falls only where the other
one is as good in any company. That does not depend on the pace asked for: each candidate is needed from its own cycles
up to those of the fastest candidate that is as good, and both are found once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from bitwright.cost.actors import channel_area
from bitwright.cost.actors.rules import convert_area
from bitwright.cost.area import Area
from bitwright.explore.candidates import Candidate, Stage, Wire
from bitwright.numeric import IntArray

__all__ = ["RESOURCES", "conversion", "needed_until"]

RESOURCES = ("luts", "ffs", "bram18s", "dsps", "urams")
"""What ceilings are told for."""
_NEVER = np.iinfo(np.int64).max
_GRAIN = 1e6
"""Areas are compared in whole millionths: exactly, so that what falls to a candidate that falls still falls."""


@lru_cache(maxsize=1 << 14)
def conversion(made: int, given: int, width: int) -> Area:
    """The converter between `made` lanes and `given`, and the word behind it; nothing where they are equal."""
    if made == given:
        return Area()
    return convert_area(width, made, given) + channel_area(width * given, 1)


def needed_until(stages: Sequence[Stage], wires: Sequence[Wire], most_cycles: int) -> list[IntArray]:
    """For each stage and candidate the least cycles a frame at which another one is as good in any company; int64's
    largest where none of at most `most_cycles` is. Of equals the last is needed.
    """
    ends: list[list[_End]] = [[] for _ in stages]
    for wire in wires:
        ends[wire.producer].append(_End.of(stages[wire.producer], stages[wire.consumer], wire, produces=True))
        ends[wire.consumer].append(_End.of(stages[wire.consumer], stages[wire.producer], wire, produces=False))
    return [_until(stage, own, most_cycles) for stage, own in zip(stages, ends, strict=True)]


class _End:
    """What converters at one end of a wire take: each candidate's kind, and (kinds, kinds, resources) how much more
    the first kind's takes than the second's, at worst over what stands at the other end.
    """

    def __init__(self, kinds: IntArray, more: IntArray) -> None:
        self.kinds, self.more = kinds, more

    @classmethod
    def of(cls, stage: Stage, other: Stage, wire: Wire, produces: bool) -> _End:
        lanes = [_lanes(c, produces) for c in stage.candidates]
        own, met = sorted(set(lanes)), sorted({_lanes(c, not produces) for c in other.candidates})
        return cls(np.searchsorted(own, lanes), _worst(tuple(own), tuple(met), wire.width, produces))


def _lanes(candidate: Candidate, produces: bool) -> int:
    return candidate.made if produces else candidate.given


@lru_cache(maxsize=1 << 10)  # networks repeat their layers
def _worst(own: tuple[int, ...], met: tuple[int, ...], width: int, produces: bool) -> IntArray:
    table = np.stack([_exact([conversion(*((a, e) if produces else (e, a)), width) for e in met]) for a in own])
    return (table[:, None] - table[None]).max(axis=2)


def _exact(areas: Sequence[Area]) -> IntArray:
    """(areas, resources) in millionths."""
    told = [[getattr(area, name) for name in RESOURCES] for area in areas]
    return np.rint(np.array(told, dtype=np.float64).reshape(-1, len(RESOURCES)) * _GRAIN).astype(np.int64)


def _until(stage: Stage, ends: Sequence[_End], most_cycles: int) -> IntArray:
    every = np.array([c.cycles for c in stage.candidates])
    found, fast = np.full(len(every), _NEVER), np.flatnonzero(every <= most_cycles)
    costs, cycles, count = _exact([stage.candidates[i].area for i in fast]), every[fast], len(fast)
    kinds = [end.kinds[fast] for end in ends]
    alike: dict[tuple[int, ...], list[int]] = {}
    for at in range(count):
        alike.setdefault(tuple(int(own[at]) for own in kinds), []).append(at)
    for kind, members in alike.items():
        told = list(zip(ends, kinds, kind, strict=True))
        more = sum((end.more[own, one] for end, own, one in told), np.zeros_like(costs))
        less = sum((end.more[one, own] for end, own, one in told), np.zeros_like(costs))
        beside = costs + more
        near = np.flatnonzero((beside <= costs[members].max(axis=0)).all(axis=1))
        better = np.ones((len(near), len(members)), dtype=bool)
        for theirs, ours in zip(beside[near].T, costs[members].T, strict=True):
            better &= theirs[:, None] <= ours
        # Where nothing differs in any company, the later one is taken for the better.
        later = np.where((more + less == 0).all(axis=1), np.arange(count), count)[near]
        apart = beside[near].sum(axis=1)[:, None] - costs[members].sum(axis=1)
        better &= (apart < 0) | (later[:, None] > members)
        found[fast[members]] = np.where(better, cycles[near][:, None], _NEVER).min(axis=0, initial=_NEVER)
    return found
