"""Weights in external memory: layers cut into parts that a buffer holds, and which part is fetched when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.ir.engine import Place, Region
from bitwright.ir.engine.ops import Fetch, Walk
from bitwright.ir.netlist import Word
from bitwright.numeric import IntArray
from bitwright.passes.engine.draft import Draft

__all__ = ["Buffers", "Job", "split"]


@dataclass(frozen=True)
class Job:
    """An instruction with addresses of features, before weights have theirs; `parameters` are its own words."""

    name: str
    draft: Draft
    args: tuple[int, ...]
    region: Region
    walk: Walk | None
    weights: IntArray | None
    parameters: IntArray

    @property
    def blocks(self) -> int:
        """Blocks of outputs with words of their own."""
        return self.walk.loops[2].extent if self.walk else 1

    @property
    def words(self) -> int:
        """Words of weights that come from outside, if they must not stay."""
        return 0 if self.weights is None or self.draft.fixed else len(self.weights)

    def part(self, first: int, count: int, number: int) -> Job:
        """Blocks from `first` on, `count` of them, in an instruction of their own."""
        assert self.walk is not None
        assert self.weights is not None
        region, walk = self.region, self.walk
        rows, columns, channels = region.shape
        lanes, depth, gathered, (pixel, line) = region.lanes, region.depth, walk.gathered, region.strides
        row, column, block, *inner = walk.loops
        start = replace(walk.start, address=walk.start.address + first * block.address)
        loops = (row, column, replace(block, extent=count), inner[0], inner[1], inner[2])
        shape = (rows, columns, min(channels - first * lanes, count * lanes))
        place = replace(region, address=region.address + first, shape=shape, pixel=pixel, line=line)
        own = self.parameters.reshape(-1, depth, *self.parameters.shape[1:])[:, first : first + count]
        return Job(
            f"{self.name}_part{number}", self.draft, self.args, place, Walk(start, walk.grid, loops),
            self.weights[first * gathered : (first + count) * gathered], own.reshape(-1, *self.parameters.shape[1:]),
        )  # fmt: skip


def split(jobs: Sequence[Job], buffer: int) -> list[Job]:
    """Jobs cut into parts of at most `buffer` words (0, or where two buffers hold everything: as they are)."""
    if not buffer or sum(job.words for job in jobs) <= 2 * buffer:
        return list(jobs)
    parts = [_parts(job, buffer) for job in jobs]
    if sum(n for n, job in zip(parts, jobs, strict=True) if job.words) % 2:
        # With an even number the next frame's first part need not wait for this frame's last one.
        able = [at for at, job in enumerate(jobs) if job.words and job.blocks > parts[at]]
        if able:
            parts[max(able, key=lambda at: jobs[at].words / parts[at])] += 1
    return [part for job, count in zip(jobs, parts, strict=True) for part in _divided(job, count)]


def _parts(job: Job, buffer: int) -> int:
    """How many parts a buffer takes."""
    each = job.words // job.blocks
    if each > buffer:
        raise InvalidValue(
            f"buffers of {buffer} words of weights", where=f"layer '{job.draft.origin.layer or job.name}'",
            why=f"a block of its outputs has {each}", remedy=f"give buffers of {each} words or more",
        )  # fmt: skip
    return -(-job.blocks // (buffer // each)) if job.words else 1


def _divided(job: Job, parts: int) -> list[Job]:
    """As many parts, as equal as blocks allow."""
    if parts == 1:
        return [job]
    ends = [part * job.blocks // parts for part in range(parts + 1)]
    return [job.part(a, b - a, n) for n, (a, b) in enumerate(pairwise(ends))]


@dataclass
class Buffers:
    """Where weights lie: all words (outside, where there is an outside), and the `place` of each job's on the chip.

    What is fetched `before` the first frame and `behind` each job: numbers of runs of words. A program begins again
    with instruction `again`.
    """

    jobs: Sequence[Job]
    weights: IntArray
    place: list[int]
    words: int
    runs: list[tuple[str, int, int, int]] = field(default_factory=list[tuple[str, int, int, int]])
    before: list[int] = field(default_factory=list[int])
    behind: list[list[int]] = field(default_factory=list[list[int]])
    again: int = 0

    @classmethod
    def of(cls, jobs: Sequence[Job], buffer: int, lanes: int, outside: bool) -> Buffers:
        """All weights that stay on the chip, then two buffers by turns for what comes in again in every frame."""
        parts = [at for at, job in enumerate(jobs) if job.words]
        turns = bool(outside and buffer and sum(jobs[at].words for at in parts) > 2 * buffer)
        moving = parts if turns else []
        words: list[IntArray] = [np.eye(lanes, dtype=np.int64)[None]]
        place = [0] * len(jobs)
        for at, job in enumerate(jobs):
            if at not in moving and job.weights is not None and len(job.weights):
                place[at] = sum(map(len, words))
                words.append(job.weights)
        resident = sum(map(len, words))
        largest = max((jobs[at].words for at in moving), default=0)
        runs = [("resident", 0, resident, 0)] if outside else []
        for turn, at in enumerate(moving):
            place[at] = resident + turn % 2 * largest
            runs.append((f"{jobs[at].name}_weights", sum(map(len, words)), jobs[at].words, place[at]))
            words += [own for own in (jobs[at].weights,) if own is not None]
        made = cls(jobs, np.concatenate(words), place, resident + 2 * largest, runs)
        made.before = list(range(min(3, len(runs))))
        made.behind = _turns(len(jobs), moving)
        return made

    def fetches(self, numbers: Sequence[int], kept: Word) -> Iterator[tuple[Fetch, Region, str]]:
        """The instructions that fetch these runs."""
        for number in numbers:
            name, first, words, place = self.runs[number]
            yield Fetch(first), Region(Place.WEIGHTS, place, (words, 1, 1), 1, kept), name


def _turns(jobs: int, moving: Sequence[int]) -> list[list[int]]:
    """Behind each job, the runs (0: what stays) that may come into the buffer which it leaves.

    Part k + 2 behind part k, through to the next frame, if both have the same buffer; where the number of parts is odd
    the next frame's first two come behind the last.
    """
    behind: list[list[int]] = [[] for _ in range(jobs)]
    count = len(moving)
    for turn, at in enumerate(moving):
        if turn + 2 < count:
            behind[at] = [turn + 3]
        elif count % 2 == 0:
            behind[at] = [turn + 3 - count]
        elif turn == count - 1:
            behind[at] = [1, 2]
    return behind
