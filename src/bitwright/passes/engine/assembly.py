"""`Assembly`: from drafts to a program: addresses, constants, what is fetched when, and the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bitwright.core.naming import Namer
from bitwright.core.origin import Origin
from bitwright.ir.engine import Engine, External, Place, Region
from bitwright.ir.engine.ops import Instruction, Load, Loop, Matrix, Store, Vector, Walk
from bitwright.ir.netlist import Word
from bitwright.ir.program import Node
from bitwright.numeric import IntArray, Ints
from bitwright.passes.engine.draft import Draft, Piece, Steps
from bitwright.passes.engine.machine import Needs, machine_for
from bitwright.passes.engine.outside import Buffers, Job, split
from bitwright.passes.engine.post import scaled
from bitwright.passes.engine.walks import first_fit
from bitwright.platforms import Device

__all__ = ["Assembly"]

_IDENTITY = 0
"""The word of weights that copies; the first one."""


@dataclass
class Assembly:
    """Drafts and the options of `ScheduleEngine` on their way to a program."""

    drafts: Sequence[Draft]
    lanes: int
    device: Device
    clock_mhz: float | None
    external: External | None
    buffer_words: int

    def made(self, name: str) -> Engine:
        """The program."""
        self.shift = max((a.shift for d in self.drafts for a in d.post), default=0)
        self.top = max((d.total.high for d in self.drafts), default=0) + 1
        self.steps = max((d.steps.thresholds.shape[1] for d in self.drafts if d.steps), default=0)
        self.regions = first_fit(self.drafts)
        pairs = zip(self.drafts, self.regions, strict=True)
        jobs = [job for draft, region in pairs for job in self.jobs(draft, region)]
        buffers = Buffers.of(split(jobs, self.buffer_words), self.buffer_words, self.lanes, self.external is not None)
        nodes = self.nodes(buffers)
        parameters = np.concatenate(self.parameters)
        features = max((r.end for r in self.regions if r.place is Place.FEATURES), default=0)
        needs = Needs(self.lanes, buffers.weights, parameters, self.shift, self.steps, features)
        machine = machine_for(self.drafts, needs, self.device, self.clock_mhz)
        if self.external:
            machine = replace(machine, external=self.external, buffered=buffers.words)
        return Engine(
            name, tuple(nodes), (len(nodes) - 1,), machine, Ints(buffers.weights), Ints(parameters), buffers.again
        )  # fmt: skip

    def jobs(self, draft: Draft, region: Region) -> list[Job]:
        """The instructions of a draft."""
        if draft.walk is None:
            return [Job(draft.name, draft, draft.args, region, None, None, np.zeros((0, self.lanes, 4), np.int64))]
        words = self.words_of(draft)
        if not draft.pieces:
            whole = _placed(draft.walk, [self.regions[a] for a in draft.args], draft.apart)
            return [Job(draft.name, draft, draft.args, region, whole, draft.weights, words)]
        return [self.piece(draft, region, piece, at, words) for at, piece in enumerate(draft.pieces)]

    def piece(self, draft: Draft, region: Region, piece: Piece, at: int, words: IntArray) -> Job:
        """One of several instructions, with its own parameters."""
        args = tuple(draft.args[a] for a in piece.args)
        address = region.address + piece.word
        part = replace(region, address=address, shape=piece.shape, pixel=piece.pixel, line=piece.line)
        first = piece.word % draft.depth
        walk = _placed(piece.walk, [self.regions[a] for a in args], piece.apart)
        return Job(f"{draft.name}_{at}", draft, args, part, walk, piece.weights, words[first : first + part.depth])

    def words_of(self, draft: Draft) -> IntArray:
        """Parameters (blocks, lanes, 4 + steps), with `each` of all pixels; zeros where no channel is."""
        flat = np.array([scaled(one, self.shift) for one in draft.post], np.int64)
        steps = np.zeros((len(flat), self.steps), np.int64)
        if draft.steps:
            told = draft.steps.thresholds
            steps[:] = self.top
            steps[:, : told.shape[1]] = np.where(told == Steps.UNREACHED, self.top, told)
            # Below everything is reached by everything.
            steps = np.clip(steps, min(d.total.low for d in self.drafts), self.top)
        flat = np.concatenate([flat, steps], axis=1).reshape(-1, draft.shape[2], 4 + self.steps)
        short = draft.depth * draft.lanes - draft.shape[2]
        padded = np.pad(flat, ((0, 0), (0, short), (0, 0)))
        words = np.zeros((len(flat) * draft.depth, self.lanes, 4 + self.steps), np.int64)
        words[:, : draft.lanes] = padded.reshape(-1, draft.lanes, 4 + self.steps)
        return words

    def nodes(self, buffers: Buffers) -> list[Node[Instruction, Region]]:
        """Instructions in order, fetches among them."""
        self.parameters: list[IntArray] = []
        fresh, made = Namer(), list[Node[Instruction, Region]]()
        held: dict[int, list[int]] = {}
        drafts = {id(draft): at for at, draft in enumerate(self.drafts)}

        def fetched(numbers: Sequence[int]) -> None:
            for op, region, name in buffers.fetches(numbers, Word(0, 1)):
                made.append(Node(op, (), region, fresh(name), Origin(name)))

        fetched(buffers.before)
        buffers.again = len(made)
        for at, job in enumerate(buffers.jobs):
            args = tuple(p for a in job.args for p in held[a])
            held.setdefault(drafts[id(job.draft)], []).append(len(made))
            op = self.instruction(job, buffers.place[at])
            made.append(Node(op, args, job.region, fresh(job.name), job.draft.origin))
            fetched(buffers.behind[at])
        final = made[held[len(self.drafts) - 1][0]]
        args = tuple(held[len(self.drafts) - 1])
        made.append(Node(Store(), args, self.regions[-1], fresh(f"{self.drafts[-1].name}_store"), final.origin))
        return made

    def instruction(self, job: Job, weights: int) -> Instruction:
        """A job with addresses; its parameters go behind those of the others."""
        if job.walk is None:
            self.parameters.append(np.zeros((0, self.lanes, 4 + self.steps), np.int64))
            return Load()
        parameters = sum(map(len, self.parameters))
        self.parameters.append(job.parameters)
        draft = job.draft
        stepped, each = draft.steps is not None, draft.each
        if job.weights is None:
            return Vector(job.walk, parameters, draft.half_even, stepped, each)
        shared = not len(job.weights)
        return Matrix(job.walk, weights, parameters, shared, draft.half_even, stepped, each)


def _placed(walk: Walk, args: list[Region], apart: bool) -> Walk:
    start = replace(walk.start, address=walk.start.address + args[0].address)
    if not apart:
        return replace(walk, start=start)
    row, column, block, first, second, word = walk.loops
    second = Loop(second.extent, args[1].address - args[0].address)
    return Walk(start, walk.grid, (row, column, block, first, second, word))
