"""Stages with the fewest register bits: as good as every assignment tried, and the same in C++ and Python."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass

import numpy as np
import pytest

from bitwright.core import twin
from bitwright.core.errors import InvalidValue
from bitwright.core.native import earliest_stages, least_registers
from bitwright.numeric import IntArray


@dataclass(frozen=True)
class Problem:
    arcs: IntArray
    tails: IntArray
    holds: IntArray
    reads: IntArray
    period: int

    def cost(self, stage: tuple[int, ...], count: int) -> int:
        """Register bits, word by word."""
        last = [0] * len(self.holds)
        for hold, reader in self.reads.tolist():
            last[hold] = max(last[hold], count if reader < 0 else stage[reader])
        return sum(b * (end - stage[w]) for (w, b), end in zip(self.holds.tolist(), last, strict=True))

    def fits(self, stage: tuple[int, ...]) -> bool:
        """Whether every word is computed in its stage, from words of this stage or registers."""
        begin = [0] * len(stage)
        fed = set(self.arcs[:, 1].tolist())
        if any(stage[v] for v in range(len(stage)) if v not in fed):
            return False
        for u, v, fresh, through in self.arcs.tolist():  # sorted by v: u is complete
            if stage[u] > stage[v]:
                return False
            begin[v] = max(begin[v], begin[u] + through if stage[u] == stage[v] else fresh)
        return all(b + t <= self.period for b, t in zip(begin, self.tails.tolist(), strict=True))


def problem(seed: int, words: int) -> Problem:
    """A random graph of words, with readers that share bits; no word alone is slower than the period."""
    rng = random.Random(seed)
    arcs: list[tuple[int, int, int, int]] = []
    tails = [0] * words
    for v in range(rng.randint(1, 2), words):
        tails[v] = rng.choice((0, 0, 1, 2))
        for u in rng.sample(range(v), min(v, rng.randint(1, 2))):
            fresh = rng.randint(0, 4)
            arcs.append((u, v, fresh, fresh + rng.randint(0, 2)))
    holds: list[tuple[int, int]] = []
    reads: list[tuple[int, int]] = []
    for u in range(words):
        readers = [b for a, b, _, _ in arcs if a == u] or [-1]
        readers += [-1] * (rng.random() < 0.2)
        for group in [readers, readers[: rng.randint(1, len(readers))]][: rng.randint(1, 2)]:
            reads += [(len(holds), reader) for reader in group]
            holds.append((u, rng.randint(1, 9)))
    slowest = max((fresh + tails[v] for _, v, fresh, _ in arcs), default=0)
    rows = (np.array(rows, np.int64).reshape(len(rows), -1) for rows in (arcs, holds, reads))
    arcs_, holds_, reads_ = rows
    return Problem(arcs_.reshape(-1, 4), np.array(tails), holds_, reads_, max(rng.randint(2, 6), slowest))


def solved(found: Problem, count: int) -> tuple[int, ...]:
    rows = (found.arcs, found.tails, found.holds, found.reads)
    return tuple(least_registers(*rows, found.period, count).tolist())


def needed(found: Problem) -> int:
    return int(earliest_stages(found.arcs, found.tails, found.period).max()) + 1


def test_no_assignment_of_words_to_stages_holds_fewer_bits() -> None:
    tried = 0
    for seed in range(400):
        case = problem(seed, 3 + seed % 5)
        count = needed(case) + seed % 2
        if count ** len(case.tails) > 3000:
            continue
        tried += 1
        stage = solved(case, count)
        assert case.fits(stage), f"seed {seed}"
        every = itertools.product(range(count), repeat=len(stage))
        assert case.cost(stage, count) == min(case.cost(s, count) for s in every if case.fits(s)), f"seed {seed}"
    assert tried > 300


def test_no_assignment_takes_fewer_stages_than_the_earliest() -> None:
    for seed in range(150):
        case = problem(seed, 3 + seed % 4)
        fewer = needed(case) - 1
        assert not any(case.fits(s) for s in itertools.product(range(fewer), repeat=len(case.tails))), f"seed {seed}"


def test_the_twin_finds_the_same_stages() -> None:
    for seed in range(40):
        case = problem(seed, 40)
        rows = (case.arcs, case.tails, case.holds, case.reads)
        assert (twin.earliest_stages(*rows[:2], case.period) == earliest_stages(*rows[:2], case.period)).all()
        count = needed(case) + seed % 3
        assert tuple(twin.least_registers(*rows, case.period, count).tolist()) == solved(case, count), f"seed {seed}"


def test_more_stages_than_needed_are_used_and_fewer_are_refused() -> None:
    case = problem(3, 30)
    count = needed(case)
    assert case.fits(solved(case, count + 4))
    with pytest.raises(InvalidValue, match=f"{count} stages are needed, {count - 1} allowed"):
        solved(case, count - 1)


def test_a_word_slower_than_the_period_gets_a_stage_alone() -> None:
    arcs = np.array([[0, 1, 3, 3], [1, 2, 99, 99], [2, 3, 3, 3]])
    assert earliest_stages(arcs, np.zeros(4, np.int64), 10).tolist() == [0, 0, 1, 2]


def test_words_that_are_not_there_are_refused() -> None:
    with pytest.raises(InvalidValue, match="names no word"):
        earliest_stages(np.array([[0, 7, 1, 1]]), np.zeros(2, np.int64), 10)
