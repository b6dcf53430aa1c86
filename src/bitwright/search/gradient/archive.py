"""The best models met so far: none of them is beaten in both score and price by another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitwright.search.gradient.state import State

__all__ = ["Archive", "Candidate"]


@dataclass(frozen=True, eq=False)
class Candidate:
    """A model as it was met: its variables, validation score (higher is better), price, and where that was."""

    state: State
    score: float
    price: float
    origin: str


class Archive:
    """Candidates of which none beats another, by rising price."""

    def __init__(self, candidates: tuple[Candidate, ...] = ()) -> None:
        self.candidates = list(candidates)

    def offer(self, candidate: Candidate) -> bool:
        """Keep it unless one that is there is as good and as cheap; drop those that it beats."""
        if any(c.score >= candidate.score and c.price <= candidate.price for c in self.candidates):
            return False
        beaten = [c for c in self.candidates if c.score <= candidate.score and c.price >= candidate.price]
        self.candidates = sorted([c for c in self.candidates if c not in beaten] + [candidate], key=lambda c: c.price)
        return True

    def spread(self, count: int, first: float, last: float) -> list[Candidate]:
        """At most `count` different candidates: for each of evenly spread prices the best that costs no more.

        Prices are spread from `last` to `first` as far as candidates reach: none is asked for where nothing is.
        """
        if not self.candidates:
            return []
        lowest, highest = self.candidates[0].price, self.candidates[-1].price
        begin, end = (float(np.clip(price, lowest, highest)) for price in (last, first))
        return self.within(np.geomspace(begin, end, count) * 1.001)

    def within(self, limits: NDArray[np.float64]) -> list[Candidate]:
        """For each limit the best candidate that costs no more, each once, by rising price."""
        chosen: list[Candidate] = []
        for limit in np.sort(limits):
            cheap = [c for c in self.candidates if c.price <= limit]
            if cheap and cheap[-1] not in chosen:
                chosen.append(cheap[-1])
        return chosen

    @property
    def prices(self) -> NDArray[np.float64]:
        """The prices, rising."""
        return np.array([c.price for c in self.candidates])
