"""Stages of words with the fewest flip-flops; `src/native/pipeline.cpp` is the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from bitwright.core.twin.closure import best_closure

__all__ = ["earliest_stages", "least_registers"]

Matrix = NDArray[np.int64]


def earliest_stages(arcs: Matrix, tails: Matrix, period: int) -> Matrix:
    """The earliest stage of every word; see `bitwright.core.native.earliest_stages`."""
    return np.array(_Timing(arcs, tails, period).earliest(), np.int64)


def least_registers(arcs: Matrix, tails: Matrix, holds: Matrix, reads: Matrix, period: int, stages: int) -> Matrix:
    """The stages with the fewest flip-flops; see `bitwright.core.native.least_registers`."""
    timing = _Timing(arcs, tails, period)
    low = timing.earliest()
    if max(low, default=0) >= stages:
        raise ValueError(f"{max(low) + 1} stages are needed, {stages} allowed")
    tension = _tension(timing, low, timing.latest(stages - 1), holds, reads)
    while True:
        tension.settle()
        pairs = timing.late_pairs(tension.level)
        if not pairs:
            return np.array(tension.level[: len(low)], np.int64)
        tension.require(pairs)


class _Timing:
    """Arrivals of words: along arcs (fresh: from a register, through: from a word of the same stage)."""

    def __init__(self, arcs: Matrix, tails: Matrix, period: int) -> None:
        self.tails: list[int] = tails.tolist()
        self.period = period
        self.into: list[list[tuple[int, int, int]]] = [[] for _ in self.tails]
        for u, v, fresh, through in arcs.tolist():
            self.into[v].append((u, fresh, through))
        self.fresh = [0] * len(self.tails)
        for v, arcs_of in enumerate(self.into):
            self._fit(v, arcs_of)

    def _fit(self, v: int, arcs_of: list[tuple[int, int, int]]) -> None:
        """A word slower than the period counts as long as it: it sits in a stage alone."""
        slowest = max((fresh for _, fresh, _ in arcs_of), default=0)
        excess = max(slowest + self.tails[v] - self.period, 0)
        self.into[v] = [(u, fresh - excess, through - excess) for u, fresh, through in arcs_of]
        self.fresh[v] = slowest - excess if arcs_of else 0

    def earliest(self) -> list[int]:
        stage: list[int] = []
        base: list[int] = []
        for v, arcs_of in enumerate(self.into):
            begin = max((stage[u] for u, _, _ in arcs_of), default=0)
            ready = self.base(arcs_of, begin, stage, base)
            if ready + self.tails[v] > self.period and arcs_of:
                begin, ready = begin + 1, self.fresh[v]
            stage.append(begin)
            base.append(ready)
        return stage

    def latest(self, last: int) -> list[int]:
        """The latest stages where all is done in stage `last`; the words that nothing feeds stay at 0."""
        out: list[list[tuple[int, int]]] = [[] for _ in self.into]
        for v, arcs_of in enumerate(self.into):
            for u, _, through in arcs_of:
                out[u].append((v, through))
        stage = [last] * len(out)
        left = list(self.tails)
        for u in range(len(out) - 1, -1, -1):
            end = min((stage[v] for v, _ in out[u]), default=last)
            rest = max([self.tails[u], *(left[v] + through for v, through in out[u] if stage[v] == end)])
            late = self.fresh[u] + rest > self.period
            stage[u], left[u] = (end - 1, self.tails[u]) if late else (end, rest)
        return [at if arcs_of else 0 for at, arcs_of in zip(stage, self.into, strict=True)]

    def base(
        self, arcs_of: list[tuple[int, int, int]], begin: int, stage: Sequence[int], base: Sequence[int]
    ) -> int:
        """When a word of stage `begin` starts to come."""
        return max((base[u] + through if stage[u] == begin else fresh for u, fresh, through in arcs_of), default=0)

    def late_pairs(self, stage: Sequence[int]) -> list[tuple[int, int]]:
        """Pairs (u, v) that must not share a stage: for the first late words v, the latest u to blame."""
        base: list[int] = []
        late: list[bool] = []
        pairs: list[tuple[int, int]] = []
        for v, arcs_of in enumerate(self.into):
            base.append(self.base(arcs_of, stage[v], stage, base))
            spread = any(late[u] and stage[u] == stage[v] for u, _, _ in arcs_of)
            late.append(spread or base[v] + self.tails[v] > self.period)
            if late[v] and not spread:
                pairs += self._blamed(v, stage)
        return pairs

    def _blamed(self, v: int, stage: Sequence[int]) -> list[tuple[int, int]]:
        """Backwards from v within its stage: the words from which a path to v takes longer than the period."""
        left = {v: self.tails[v]}
        line = [-v]
        found: list[tuple[int, int]] = []
        while line:
            u = -heappop(line)
            if u != v and self.fresh[u] + left[u] > self.period:
                found.append((u, v))
                continue
            for before, _, through in self.into[u]:
                if stage[before] == stage[v]:
                    if before not in left:
                        heappush(line, -before)
                    left[before] = max(left.get(before, 0), left[u] + through)
        return found


def _tension(timing: _Timing, low: list[int], high: list[int], holds: Matrix, reads: Matrix) -> _Tension:
    """Words and one more node per hold of several readers, at the earliest stages."""
    found = _Tension(list(low), [0] * len(low), list(low), high)
    for v, arcs_of in enumerate(timing.into):
        for u, _, _ in arcs_of:
            found.constrain(u, v, 0)
    readers: list[list[int]] = [[] for _ in range(len(holds))]
    for hold, reader in reads.tolist():
        readers[hold].append(reader)
    for (word, bits), who in zip(holds.tolist(), readers, strict=True):
        found.costs[word] -= bits
        if not who or min(who) < 0:
            continue
        if len(who) == 1:
            found.costs[who[0]] += bits
        else:
            found.meet(who, bits)
    return found


@dataclass
class _Tension:
    """Levels of nodes with the least sum of cost times level, where level[b] - level[a] >= d for arcs (a, b, d).

    The cost is L-natural convex: a level that no set of nodes improves by one step up or down is
    the best there is (K. Murota, Discrete Convex Analysis, SIAM 2003, chapter 7).
    """

    level: list[int]
    costs: list[int]
    bottom: list[int]
    top: list[int]
    after: list[list[tuple[int, int]]] = field(default_factory=list[list[tuple[int, int]]])
    before: list[list[tuple[int, int]]] = field(default_factory=list[list[tuple[int, int]]])

    def __post_init__(self) -> None:
        self.after = [[] for _ in self.level]
        self.before = [[] for _ in self.level]

    def constrain(self, a: int, b: int, distance: int) -> None:
        self.after[a].append((b, distance))
        self.before[b].append((a, distance))

    def meet(self, readers: list[int], cost: int) -> None:
        """A node as late as the last of `readers`."""
        node = len(self.level)
        self.level.append(max(self.level[r] for r in readers))
        self.costs.append(cost)
        self.bottom.append(max(self.bottom[r] for r in readers))
        self.top.append(max(self.top[r] for r in readers))
        self.after.append([])
        self.before.append([])
        for reader in readers:
            self.constrain(reader, node, 0)

    def require(self, pairs: list[tuple[int, int]]) -> None:
        """Adds level[v] >= level[u] + 1 for pairs (u, v), and lowers what breaks it as little as possible."""
        line: list[int] = []
        for u, v in pairs:
            self.constrain(u, v, 1)
            line.append(v)
        while line:
            v = line.pop()
            for u, distance in self.before[v]:
                if self.level[u] > self.level[v] - distance:
                    self.level[u] = self.level[v] - distance
                    line.append(u)

    def settle(self) -> None:
        """Steps up and down until neither gains."""
        while self._step(1):
            pass
        while self._step(-1):
            while self._step(1):
                pass

    def _step(self, way: int) -> bool:
        """Moves the smallest best set by one level; whether that gains."""
        free = self._free(way)
        names = {node: place for place, node in enumerate(free)}
        follow = self.after if way > 0 else self.before
        arcs = [
            (names[a], names[b])
            for a in free
            for b, d in follow[a]
            if b in names and abs(self.level[b] - self.level[a]) == d
        ]
        moved = best_closure([-way * self.costs[node] for node in free], arcs)
        for place in moved:
            self.level[free[place]] += way
        return bool(moved)

    def _free(self, way: int) -> list[int]:
        """The nodes that may move: not at their end, and not holding one that is."""
        ends = self.top if way > 0 else self.bottom
        back = self.before if way > 0 else self.after
        stuck = [level == end for level, end in zip(self.level, ends, strict=True)]
        line = [node for node, held in enumerate(stuck) if held]
        while line:
            node = line.pop()
            for other, d in back[node]:
                if not stuck[other] and abs(self.level[node] - self.level[other]) == d:
                    stuck[other] = True
                    line.append(other)
        return [node for node, held in enumerate(stuck) if not held]
