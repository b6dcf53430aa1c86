"""What a search weighs against each other: the score upward, any costs downward."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import TypeVar

from bitwright.core.errors import ConfigError, InvalidValue

__all__ = ["COSTS", "SCORE", "USUAL", "cost_of", "directions_of", "objectives_of", "unbeaten", "values_of"]

SCORE = "score"
COSTS = (
    "luts", "ffs", "carries", "dsps", "brams", "latency_ns", "latency_cycles", "energy_pj", "bits", "ebops",
    "accuracy_drop",
)  # fmt: skip
"""The facts of a compiled model that can be an objective."""
USUAL = (SCORE, "luts")

T = TypeVar("T")


def objectives_of(names: Sequence[str]) -> tuple[str, ...]:
    """`names`, "score" put first where it is not told; raises ConfigError for an unknown one or none but the score.

    >>> objectives_of(("energy_pj", "score"))
    ('score', 'energy_pj')
    """
    told = (names,) if isinstance(names, str) else tuple(names)
    for name in told:
        if name != SCORE and name not in COSTS:
            near = get_close_matches(name, (SCORE, *COSTS), 1)
            remedy = f"did you mean {near[0]!r}?" if near else f"use {', '.join((SCORE, *COSTS))}"
            raise ConfigError(f"there is no objective {name!r}", where="search", remedy=remedy)
    costs = tuple(dict.fromkeys(name for name in told if name != SCORE))
    if not costs:
        raise ConfigError("nothing is weighed against the score", where="search", remedy="add a cost, as 'luts'")
    return (SCORE, *costs)


def cost_of(objectives: Sequence[str]) -> str:
    """The first cost: what a front is sorted by."""
    return next(name for name in objectives if name != SCORE)


def directions_of(objectives: Sequence[str]) -> tuple[str, ...]:
    """In the study's words."""
    return tuple("maximize" if name == SCORE else "minimize" for name in objectives)


def values_of(objectives: Sequence[str], score: float, facts: Mapping[str, float]) -> tuple[float, ...]:
    """One figure for each objective; raises InvalidValue for a cost that nobody could tell of this model."""
    missing = [name for name in objectives if name != SCORE and name not in facts]
    if missing:
        raise InvalidValue(
            f"{missing[0]} of the model is not known", where="search", remedy=f"use {', '.join(sorted(facts))}"
        )
    return tuple(score if name == SCORE else float(facts[name]) for name in objectives)


def unbeaten(rows: Sequence[T], figures: Callable[[T], tuple[float, ...]], objectives: Sequence[str]) -> list[T]:
    """The rows that no other one beats in all objectives, by rising first cost; the first of equal ones.

    >>> unbeaten([(0.9, 50), (0.8, 50), (0.7, 10)], lambda row: row, ("score", "luts"))
    [(0.7, 10), (0.9, 50)]
    """
    keys: dict[tuple[float, ...], T] = {}
    for row in rows:
        pairs = zip(figures(row), objectives, strict=True)
        keys.setdefault(tuple(-v if name == SCORE else v for v, name in pairs), row)
    kept = [key for key in keys if not any(_beats(other, key) for other in keys)]
    place = tuple(objectives).index(cost_of(objectives))
    return [keys[key] for key in sorted(kept, key=lambda key: (key[place], key))]


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
