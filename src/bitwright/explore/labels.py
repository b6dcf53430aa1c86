"""The least cost of a chain of choices under ceilings, exactly: labels that no other beats, under Lagrangian bounds.

A label is a choice for the first stages: what it costs, what it uses, and the lanes that it ends in. It falls where
another of the same lanes costs and uses no more, where the ceilings leave no room for the least that must follow, and
where a lower bound of all that it can become is above the cost that is looked for. The bounds add a price for each
resource (multipliers, of which the linear relaxation gives the best) to every stage, and take from the sum what the
ceilings are worth at these prices. The cost looked for begins a little above the bound of the relaxation and rises
until a choice is found: nothing cheaper was left out, so it is the least. (Labels with bounds: I. Dumitrescu and
N. Boland, Networks 42, 2003.) Branch and bound takes minutes where thirty stages are almost alike; this takes a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bitwright.numeric import IntArray

__all__ = ["Link", "TooManyLabels", "least_chain"]

Floats = NDArray[np.float64]

_MOST_LABELS = 50_000
"""After a stage; more are left to branch and bound."""
_FIRST_STEP = 1e-3
"""Of the relaxation's bound, by which the cost looked for lies above it at first; the step doubles."""
_SHARES = (1.0, 0.0, 0.25, 0.5, 0.75, 1.5)
"""Of the multipliers, for a bound each. With none at all the bound of a whole choice is its cost."""
_BLOCK = 512


class TooManyLabels(Exception):
    """The bounds leave more labels than are worth keeping."""


@dataclass(frozen=True)
class Link:
    """What a stage of the chain can be.

    made (options,): the lanes an option ends in. cost (options,), use (options, resources). entry_cost (before,
    options) and entry_use (before, options, resources): what joins it to the lanes of the stage before, ascending.
    """

    made: IntArray
    cost: Floats
    use: Floats
    entry_cost: Floats
    entry_use: Floats

    @cached_property
    def end(self) -> IntArray:
        """The place of each option's lanes among those of all, ascending."""
        return np.unique(self.made, return_inverse=True)[1]


class _Labels(NamedTuple):
    """Of a stage: costs, uses (labels, resources), ends, the labels of the stage before that they go on, options."""

    cost: Floats
    use: Floats
    end: IntArray
    parent: IntArray
    option: IntArray

    def at(self, places: IntArray) -> _Labels:
        """Some of them."""
        return _Labels(
            self.cost[places], self.use[places], self.end[places], self.parent[places], self.option[places]
        )

    @classmethod
    def joined(cls, parts: Sequence[_Labels]) -> _Labels:
        """All of several."""
        cost, use = (np.concatenate(column) for column in ([p.cost for p in parts], [p.use for p in parts]))
        rest = ([p.end for p in parts], [p.parent for p in parts], [p.option for p in parts])
        end, parent, option = (np.concatenate(column) for column in rest)
        return cls(cost, use, end, parent, option)


def least_chain(
    links: Sequence[Link], room: Floats, multipliers: Floats, bound: float
) -> tuple[list[int], float, int] | None:
    """An option a stage, what they cost, and how many labels that took; None where nothing keeps to `room`.

    room, multipliers (resources,): ceilings, and what the relaxation gives for a unit more of each (not negative);
    `bound`: its cost. Raises TooManyLabels.
    """
    search = _Search(links, room, multipliers)
    step, count = _FIRST_STEP * max(abs(bound), 1e-6), 0
    while True:
        stages = search.below(bound + step)
        count += sum(len(labels.cost) for labels in stages)
        if len(stages) == len(links) and len(stages[-1].cost):
            best = int(np.argmin(stages[-1].cost))
            return _traced(stages, best), float(stages[-1].cost[best]), count
        if bound + step > search.most:
            return None
        step *= 2.0


def _traced(stages: Sequence[_Labels], label: int) -> list[int]:
    options: list[int] = []
    for labels in reversed(stages):
        options.append(int(labels.option[label]))
        label = int(labels.parent[label])
    return options[::-1]


class _Search:
    def __init__(self, links: Sequence[Link], room: Floats, multipliers: Floats) -> None:
        self.links, self.room = links, room + 1e-9 * np.maximum(room, 1.0)
        shares = _SHARES if multipliers.any() else (0.0,)
        self.prices = np.array([share * multipliers for share in shares]).T
        """(resources, bounds)"""
        self.worth = room @ self.prices
        self.left = self._rests([self._reduced(k.cost, k.use) for k in links],
                                [self._reduced(k.entry_cost, k.entry_use) for k in links])  # fmt: skip
        self.needed = self._rests([k.use for k in links], [k.entry_use for k in links])
        highest = [k.use.max(axis=0) + k.entry_use.max(axis=(0, 1)) for k in links]
        self.tight = np.flatnonzero(np.sum(highest, axis=0) > self.room)
        self.most = float(sum(k.cost.max() + k.entry_cost.max() for k in links))

    def _reduced(self, cost: Floats, use: Floats) -> Floats:
        """Costs with every bound's prices for what is used, (..., bounds)."""
        return cost[..., None] + use @ self.prices

    def _rests(self, own: Sequence[Floats], entry: Sequence[Floats]) -> list[Floats]:
        """For each stage and lanes it ends in the least sum of the stages behind, (ends, columns)."""
        rests = [np.zeros((len(np.unique(self.links[-1].made)), own[-1].shape[1]))]
        for link, options, joined in zip(self.links[:0:-1], own[:0:-1], entry[:0:-1], strict=True):
            rests.append((joined + (options + rests[-1][link.end])[None]).min(axis=1))
        return rests[::-1]

    def below(self, cost: float) -> list[_Labels]:
        """The labels of all stages that may become a choice of at most `cost`; fewer stages where none is left."""
        none = np.zeros(1, np.int64)
        labels = _Labels(np.zeros(1), np.zeros((1, len(self.room))), none, none, none)
        stages: list[_Labels] = []
        for number in range(len(self.links)):
            labels = self._next(labels, number, cost)
            stages.append(labels)
            if not len(labels.cost):
                break
        return stages

    def _next(self, labels: _Labels, number: int, cost: float) -> _Labels:
        """Every label with every option, those that fall left out."""
        parts = [
            self._extended(labels, np.flatnonzero(labels.end == before), number, int(before), cost)
            for before in np.unique(labels.end)
        ]
        found = _Labels.joined(parts)
        kept = [np.zeros(0, np.int64)]
        for end in np.unique(found.end):
            at = np.flatnonzero(found.end == end)
            kept.append(at[_unbeaten(np.column_stack([found.cost[at], found.use[at][:, self.tight]]))])
        if sum(map(len, kept)) > _MOST_LABELS:
            raise TooManyLabels
        return found.at(np.concatenate(kept))

    def _extended(self, labels: _Labels, at: IntArray, number: int, before: int, cost: float) -> _Labels:
        """The labels `at`, which end in the lanes `before`, with every option that bounds and ceilings allow."""
        link = self.links[number]
        own, use = link.cost + link.entry_cost[before], link.use + link.entry_use[before]
        told = self._reduced(labels.cost[at], labels.use[at]) - self.worth
        more = self._reduced(own, use) + self.left[number][link.end]
        fits = np.ones((len(at), len(own)), dtype=bool)
        for column in range(told.shape[1]):
            fits &= told[:, column, None] + more[None, :, column] <= cost
        for name in self.tight:
            ahead = use[:, name] + self.needed[number][link.end, name]
            fits &= labels.use[at, name, None] + ahead[None] <= self.room[name]
        i, j = np.nonzero(fits)
        if len(i) > 40 * _MOST_LABELS:
            raise TooManyLabels
        return _Labels(labels.cost[at][i] + own[j], labels.use[at][i] + use[j], link.end[j], at[i], j)


def _unbeaten(rows: Floats) -> IntArray:
    """The rows that no other is at most equal to in every column; the first of equal ones."""
    order = np.lexsort(rows.T[::-1])
    ranked = rows[order]
    kept: list[IntArray] = []
    best = np.empty((0, rows.shape[1]))
    for first in range(0, len(ranked), _BLOCK):  # what beats a row comes before it in this order
        block = ranked[first : first + _BLOCK]
        beaten = np.zeros(len(block), dtype=bool)
        for begin in range(0, len(best), 8 * _BLOCK):
            beaten |= np.any(_at_most(best[begin : begin + 8 * _BLOCK], block), axis=1)
        left = np.flatnonzero(~beaten)
        left = left[~np.any(np.tril(_at_most(block[left], block[left]), -1), axis=1)]
        best = np.concatenate([best, block[left]])
        kept.append(order[first + left])
        if len(best) > _MOST_LABELS:
            raise TooManyLabels
    return np.concatenate(kept) if kept else np.zeros(0, np.int64)


def _at_most(some: Floats, others: Floats) -> NDArray[np.bool_]:
    """Whether a row of `some` is at most equal to one of `others` in every column, (others, some)."""
    found = np.ones((len(others), len(some)), dtype=bool)
    for a, b in zip(some.T, others.T, strict=True):
        found &= a[None] <= b[:, None]
    return found
