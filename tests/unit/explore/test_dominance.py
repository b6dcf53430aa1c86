"""Candidates that are not needed: another one is as good in any company, by the definition itself."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.cost.area import Area
from bitwright.explore.candidates import Candidate, Stage, Wire
from bitwright.explore.dominance import RESOURCES, conversion, needed_until
from bitwright.passes.streaming import Folding

WIRES = [Wire(0, 1, 4), Wire(0, 2, 4), Wire(1, 2, 7), Wire(1, 3, 3), Wire(2, 3, 5)]


def stages(seed: int) -> list[Stage]:
    """Of few numbers, so that many candidates are equal in all or nearly all."""
    draw = np.random.default_rng(seed)

    def candidate() -> Candidate:
        given, made, cycles = (int(draw.choice(of)) for of in ((1, 2, 8), (1, 4), (4, 8, 16)))
        area = Area(*(float(draw.choice(of)) for of in ((10, 12, 40.5), (5, 9), (2, 3), (0, 1), (0, 2), (0,))))
        return Candidate(Folding(given), given, made, cycles, area)

    return [Stage(f"stage {n}", tuple(candidate() for _ in range(60))) for n in range(4)]


def costs(own: list[Stage], number: int, candidate: Candidate) -> np.ndarray:
    """What it takes with its converters, (wires' other ends, resources): an end after the other."""
    area = np.array([getattr(candidate.area, name) for name in RESOURCES], dtype=float)
    ends = []
    for wire in WIRES:
        if wire.producer == number:
            met = {c.given for c in own[wire.consumer].candidates}
            ends.append([conversion(candidate.made, n, wire.width) for n in met])
        if wire.consumer == number:
            met = {c.made for c in own[wire.producer].candidates}
            ends.append([conversion(n, candidate.given, wire.width) for n in met])
    told = [np.array([[getattr(a, name) for name in RESOURCES] for a in end]) for end in ends]
    every = area
    for end in told:
        every = every[..., None, :] + end.reshape(*(1,) * (every.ndim - 1), *end.shape)
    return every.reshape(-1, len(RESOURCES))


@pytest.mark.parametrize("seed", range(4))
def test_what_is_needed_is_what_nothing_else_replaces(seed: int) -> None:
    own = stages(seed)
    for number, (stage, until) in enumerate(zip(own, needed_until(own, WIRES, 16), strict=True)):
        taken = [costs(own, number, c) for c in stage.candidates]
        for pace in (4, 8, 16):
            fast = [i for i, c in enumerate(stage.candidates) if c.cycles <= pace]
            kept = [i for i in fast if until[i] > pace]
            assert 0 < len(kept) < len(fast)
            for b in fast:
                better = [a for a in kept if a != b and (taken[a] <= taken[b] + 1e-9).all()]
                assert (b in kept) == (not better), (number, pace, b, better)
