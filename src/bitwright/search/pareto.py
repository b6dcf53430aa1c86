"""Which trials are worth having: feasible, and beaten by no other."""

from __future__ import annotations

from collections.abc import Sequence

from bitwright.search.trial import Trial

__all__ = ["front"]


def front(trials: Sequence[Trial], directions: Sequence[str]) -> tuple[Trial, ...]:
    """The feasible complete trials that no other one beats in all objectives, by number; the first of equal ones."""
    keys: dict[tuple[float, ...], Trial] = {}
    for trial in trials:
        if trial.outcome and trial.outcome.feasible:
            keys.setdefault(_key(trial.outcome.values, directions), trial)
    kept: list[tuple[float, ...]] = []
    for key in sorted(keys):  # what beats a key comes before it
        if not any(_beats(other, key) for other in kept):
            kept.append(key)
    return tuple(sorted((keys[key] for key in kept), key=lambda trial: trial.number))


def _key(values: Sequence[float], directions: Sequence[str]) -> tuple[float, ...]:
    """The values with the sign that makes small good."""
    return tuple(-v if d == "maximize" else v for v, d in zip(values, directions, strict=True))


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """At least as good in everything and better in something."""
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
