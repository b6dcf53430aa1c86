"""`Assembly`: from drafts to a program: addresses, constants, what is fetched when, and the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bitwright.core.naming import Namer
from bitwright.core.origin import Origin
from bitwright.ir.engine import Engine, External, Region
from bitwright.ir.engine.ops import Bring, Instruction, Load, Loop, Matrix, Send, Store, Vector, Walk
from bitwright.ir.netlist import Word
from bitwright.ir.program import Node
from bitwright.numeric import IntArray, Ints
from bitwright.passes.engine.draft import Draft, Piece, Steps
from bitwright.passes.engine.machine import Needs, feature_of, machine_for
from bitwright.passes.engine.outside import Buffers, Job, split
from bitwright.passes.engine.post import scaled
from bitwright.passes.engine.spill import Layout, Plane, Rows, laid_out, rows_read, tiles
from bitwright.platforms import Device

__all__ = ["Assembly"]

_Node = Node[Instruction, Region]


@dataclass
class Assembly:
    """Drafts and the options of `ScheduleEngine` on their way to a program."""

    drafts: Sequence[Draft]
    lanes: int
    device: Device
    clock_mhz: float | None
    external: External | None
    buffer_words: int
    feature_words: int

    def made(self, name: str) -> Engine:
        """The program."""
        self.shift = max((a.shift for d in self.drafts for a in d.post), default=0)
        self.top = max((d.total.high for d in self.drafts), default=0) + 1
        self.steps = max((d.steps.thresholds.shape[1] for d in self.drafts if d.steps), default=0)
        self.layout = laid_out(self.drafts, self.feature_words if self.external else 0)
        jobs = [job for at in range(len(self.drafts)) for job in self.jobs(at)]
        buffers = Buffers.of(split(jobs, self.buffer_words), self.buffer_words, self.lanes, self.external is not None)
        writing = _Writing(self, buffers)
        nodes = writing.nodes()
        parameters = np.concatenate(writing.parameters)
        needs = Needs(self.lanes, buffers.weights, parameters, self.shift, self.steps, self.layout.features)
        machine = machine_for(self.drafts, needs, self.device, self.clock_mhz)
        if self.external:
            machine = replace(machine, external=self.external, buffered=buffers.words)
        weights = (buffers.weights > 0).astype(np.int64) if machine.signs else buffers.weights
        return Engine(
            name, tuple(nodes), (len(nodes) - 1,), machine, Ints(weights), Ints(parameters), buffers.again
        )  # fmt: skip

    def region_of(self, at: int, which: int) -> Region:
        """Where an argument of a draft lies when it is read: of a map outside, the rows that are there."""
        return self.layout.windows.get((at, which), self.layout.regions[self.drafts[at].args[which]])

    def jobs(self, at: int) -> list[Job]:
        """The instructions of a draft."""
        draft, region = self.drafts[at], self.layout.regions[at]
        if draft.walk is None:
            return [Job(draft.name, draft, draft.args, region, None, None, np.zeros((0, self.lanes, 4), np.int64))]
        words = self.words_of(draft)
        if not draft.pieces:
            whole = _placed(draft.walk, [self.region_of(at, which) for which in range(len(draft.args))], draft.apart)
            return [Job(draft.name, draft, draft.args, region, whole, draft.weights, words)]
        return [self.piece(draft, region, piece, number, words) for number, piece in enumerate(draft.pieces)]

    def piece(self, draft: Draft, region: Region, piece: Piece, number: int, words: IntArray) -> Job:
        """One of several instructions, with its own parameters."""
        args = tuple(draft.args[a] for a in piece.args)
        address = region.address + piece.word
        part = replace(region, address=address, shape=piece.shape, pixel=piece.pixel, line=piece.line)
        first = piece.word % draft.depth
        walk = _placed(piece.walk, [self.layout.regions[a] for a in args], piece.apart)
        return Job(f"{draft.name}_{number}", draft, args, part, walk, piece.weights, words[first : first + part.depth])

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


@dataclass
class _Writing:
    """Instructions in order, fetches and what goes to external memory and back among them."""

    plan: Assembly
    buffers: Buffers
    made: list[_Node] = field(default_factory=list[_Node])
    fresh: Namer = field(default_factory=Namer)
    parameters: list[IntArray] = field(default_factory=list[IntArray])
    known: dict[bytes, int] = field(default_factory=dict[bytes, int])
    held: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    planes: dict[int, list[Plane]] = field(default_factory=dict[int, list[Plane]])
    bursts: int = 0

    @property
    def layout(self) -> Layout:
        """Where drafts lie."""
        return self.plan.layout

    def nodes(self) -> list[_Node]:
        """All of them."""
        drafts, buffers = self.plan.drafts, self.buffers
        places = {id(draft): at for at, draft in enumerate(drafts)}
        self.parameters.append(np.zeros((0, self.plan.lanes, 4 + self.plan.steps), np.int64))
        self.fetched(buffers.before)
        buffers.again = len(self.made)
        for number, job in enumerate(buffers.jobs):
            self.job(places[id(job.draft)], job, buffers.place[number])
            self.fetched(buffers.behind[number])
        last = len(drafts) - 1
        origin = self.made[self.held[last][0]].origin
        self.put(Store(), tuple(self.held[last]), self.layout.regions[-1], f"{drafts[-1].name}_store", origin)
        return self.made

    def put(self, op: Instruction, args: tuple[int, ...], region: Region, name: str, origin: Origin) -> int:
        """One more; its position."""
        self.made.append(Node(op, args, region, self.fresh(name), origin))
        return len(self.made) - 1

    def fetched(self, numbers: Sequence[int]) -> None:
        """Runs of weights."""
        for op, region, name in self.buffers.fetches(numbers, Word(0, 1)):
            self.put(op, (), region, name, Origin(name))

    def job(self, at: int, job: Job, weights: int) -> None:
        """A job, in as many instructions as its rows need."""
        outside = self.layout.outside
        if at not in outside and not outside & set(job.args):
            args = tuple(p for a in job.args for p in self.held[a])
            op = self.instruction(job, job.walk, job.parameters, weights)
            self.held.setdefault(at, []).append(self.put(op, args, job.region, job.name, job.draft.origin))
            return
        plane = self.plane(at, job) if at in outside else None
        for rows in tiles(job.draft.shape[0], self.layout.rows):
            self.tile(at, job, rows, weights, plane)

    def plane(self, at: int, job: Job) -> Plane:
        """Where the words that a job makes lie outside."""
        external = self.plan.external
        assert external is not None
        whole, region = self.layout.regions[at], job.region
        beats = -(-self.plan.lanes * feature_of(self.plan.drafts).width // external.data_bits)
        a_row = -(-region.shape[1] * region.depth * beats // external.burst_beats)
        made = Plane(region.address - whole.address, region.shape[2], self.bursts, a_row)
        self.bursts += a_row * job.draft.shape[0]
        self.planes.setdefault(at, []).append(made)
        return made

    def tile(self, at: int, job: Job, rows: Rows, weights: int, plane: Plane | None) -> None:
        """Some rows: what they are made of comes, they are made, and they go."""
        args: list[int] = []
        gone: list[int] = []
        for which, arg in enumerate(job.args if job.walk else ()):
            assert job.walk is not None
            if arg in self.layout.outside:
                read = rows_read(job.walk, rows)
                args += self.brought(at, which, read, job)
                gone.append(read.first * self.layout.windows[at, which].strides[1])
            else:
                args += self.held[arg]
                gone.append(0)
        height = rows.end - rows.first
        region = replace(job.region, shape=(height, *job.region.shape[1:]), line=job.region.strides[1])
        own = job.parameters
        if job.draft.each:
            per = len(own) // job.draft.shape[0]
            own = own[rows.first * per : rows.end * per]
        if plane is None:
            region = replace(region, address=region.address + rows.first * region.line)
        op = self.instruction(job, _tiled(job.walk, rows, gone) if job.walk else None, own, weights)
        name = f"{job.name}_row{rows.first}"
        made = self.put(op, tuple(args), region, name, job.draft.origin)
        if plane is None:
            self.held.setdefault(at, []).append(made)
        else:
            burst = plane.burst + rows.first * plane.bursts_a_row
            self.put(Send(burst), (made,), region, f"{name}_send", job.draft.origin)

    def brought(self, at: int, which: int, read: Rows, job: Job) -> list[int]:
        """The rows of an argument outside, in its window."""
        window = self.layout.windows[at, which]
        made: list[int] = []
        for number, plane in enumerate(self.planes[job.args[which]]):
            region = replace(
                window, address=window.address + plane.word, pixel=window.strides[0], line=window.strides[1],
                shape=(read.end - read.first, window.shape[1], plane.channels),
            )  # fmt: skip
            name = f"{job.name}_{which}_bring{number}_row{read.first}"
            burst = plane.burst + read.first * plane.bursts_a_row
            made.append(self.put(Bring(burst), (), region, name, job.draft.origin))
        return made

    def instruction(self, job: Job, walk: Walk | None, parameters: IntArray, weights: int) -> Instruction:
        """A job with addresses; parameters that are there already are not laid down again."""
        if walk is None:
            return Load()
        key, draft = parameters.tobytes(), job.draft
        if key not in self.known:
            self.known[key] = sum(map(len, self.parameters))
            self.parameters.append(parameters)
        first, stepped = self.known[key], draft.steps is not None
        if job.weights is None:
            return Vector(walk, first, draft.half_even, stepped, draft.each)
        return Matrix(walk, weights, first, not len(job.weights), draft.half_even, stepped, draft.each)


def _placed(walk: Walk, args: list[Region], apart: bool) -> Walk:
    start = replace(walk.start, address=walk.start.address + args[0].address)
    if not apart:
        return replace(walk, start=start)
    row, column, block, first, second, word = walk.loops
    second = Loop(second.extent, args[1].address - args[0].address)
    return Walk(start, walk.grid, (row, column, block, first, second, word))


def _tiled(walk: Walk, rows: Rows, gone: Sequence[int]) -> Walk:
    """The walk of some rows; `gone`: words of each argument above what is on the chip."""
    down, column, block, first, second, word = walk.loops
    start = Loop(
        1, walk.start.address + rows.first * down.address - gone[0], walk.start.row + rows.first * down.row,
        walk.start.column,
    )  # fmt: skip
    if len(gone) > 1:
        second = replace(second, address=second.address - gone[1] + gone[0])
    down = replace(down, extent=rows.end - rows.first)
    return Walk(start, walk.grid, (down, column, block, first, second, word))
