"""Streaming designs simulated: what leaves, and in which cycle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bitwright.backends.verilog.engine import emit_engine
from bitwright.backends.verilog.stream import StreamEmitted, StreamPort, emit_stream, stream_harness
from bitwright.core.errors import InvalidProgram, InvalidValue, Mismatch
from bitwright.core.files import write_atomic
from bitwright.core.progress import Progress
from bitwright.flow.pauses import Pauses
from bitwright.flow.reloading import memory_words, needs_words
from bitwright.ir.dataflow import Dataflow, schedule
from bitwright.ir.engine import Engine, cycles
from bitwright.numeric import IntArray
from bitwright.toolchain import Ports, Simulation, build, combine

__all__ = ["StreamBatch", "StreamRun", "simulate_stream", "simulate_streams"]

Words = NDArray[np.uint32]
Simulator = Literal["auto", "verilator", "cxxrtl"]
_FIRST_ROWS, _MOST_ROWS = 1024, 32768
_BUILD_S = 3600.0
"""Most that building a simulator may take: large networks without repeated modules take a good part of it."""


@dataclass(frozen=True, slots=True)
class StreamRun:
    """What a streaming design did with frames back to back.

    `outputs` are codes (frames, *shape) per output. `taken` are the cycles in which the words of each output left
    (frames * words,), `sent` those in which words of each source went in; cycle 0 is that of the first of all.
    """

    outputs: tuple[IntArray, ...]
    sent: tuple[IntArray, ...]
    taken: tuple[IntArray, ...]
    frames: int

    @property
    def frame_ends(self) -> IntArray:
        """The cycle in which the last word of each frame left, over all outputs."""
        ends = [cycles.reshape(self.frames, -1)[:, -1] for cycles in self.taken]
        return np.max(ends, axis=0)

    @property
    def latency_cycles(self) -> int:
        """From the first word of the first frame in to the last one out."""
        return int(self.frame_ends[0])

    @property
    def initiation_cycles(self) -> int:
        """The distance of the last two frames; needs two at least."""
        if self.frames < 2:
            raise InvalidValue("one frame has no distance", where="initiation", remedy="simulate several frames")
        return int(self.frame_ends[-1] - self.frame_ends[-2])


def simulate_stream(
    program: Dataflow,
    inputs: Sequence[IntArray],
    *,
    workdir: Path,
    source_ready: int | None = None,
    sink_ready: int | None = None,
    simulator: Simulator = "auto",
) -> StreamRun:
    """The RTL of a buffered `program` on `inputs` (frames, *shape) per source; see `simulate_streams`."""
    given = [inputs]
    (found,) = simulate_streams(
        [program], given, workdir=workdir, source_ready=source_ready, sink_ready=sink_ready, simulator=simulator
    )
    return found


def simulate_streams(
    programs: Sequence[Dataflow],
    inputs: Sequence[Sequence[IntArray]],
    *,
    workdir: Path,
    source_ready: int | None = None,
    sink_ready: int | None = None,
    simulator: Simulator = "auto",
    progress: Progress | None = None,
) -> list[StreamRun]:
    """The RTL of several programs in one simulator, each on its own frames back to back.

    `source_ready` and `sink_ready`: None means always, a number is the seed of random pauses. To run the same designs
    several times keep a `StreamBatch`. Raises what `StreamBatch` and its `run` raise.
    """
    frames = max((len(a) for arrays in inputs for a in arrays), default=1)
    with StreamBatch(programs, workdir=workdir, frames=frames, simulator=simulator, progress=progress) as batch:
        return batch.run(inputs, source_ready=source_ready, sink_ready=sink_ready)


@dataclass
class _Design:
    """A design of a batch and what a run has seen of it so far."""

    program: Dataflow | Engine
    emitted: StreamEmitted
    prefix: str
    patience: int
    frames: int = 0
    pieces: dict[str, list[Words]] = field(default_factory=dict[str, list[Words]])
    cycles: dict[str, list[IntArray]] = field(default_factory=dict[str, list[IntArray]])
    moved: int = 0

    def begin(self, frames: int) -> None:
        """Forget the run before."""
        self.frames, self.moved = frames, 0
        self.pieces = {port.prefix: [] for port in self.emitted.outputs}
        self.cycles = {port.prefix: [] for port in self.emitted.ports}

    def see(self, rows: Mapping[str, Words], start: int) -> None:
        """Take what the rows from cycle `start` on show."""
        if self.emitted.memory and rows[f"{self.prefix}memory_wrong"].any():
            raise Mismatch("a burst that AXI4 forbids, or beyond the memory", where=f"{self.program.name}, m_axi")
        for port in self.emitted.ports:
            name = f"{self.prefix}{port.prefix}"
            flag = "sent" if port.direction == "input" else "taken"
            places = np.flatnonzero(rows[f"{name}_{flag}"][:, 0])
            if not len(places):
                continue
            self.moved = max(self.moved, start + int(places[-1]))
            self.cycles[port.prefix].append(places + start)
            if port.direction == "output":
                self._check_last(port, rows[f"{name}_tlast"][places, 0])
                self.pieces[port.prefix].append(rows[f"{name}_tdata"][places])

    def _check_last(self, port: StreamPort, flags: Words) -> None:
        before = sum(len(piece) for piece in self.pieces[port.prefix])
        wanted = (np.arange(before, before + len(flags)) + 1) % port.words == 0
        if (flags.astype(bool) != wanted).any():
            raise Mismatch("TLAST does not stand at the end of a frame", where=f"{self.program.name}, {port.prefix}")

    def missing(self) -> int:
        """Words that have not left yet."""
        seen = {port.prefix: sum(len(piece) for piece in self.pieces[port.prefix]) for port in self.emitted.outputs}
        return sum(max(self.frames * port.words - seen[port.prefix], 0) for port in self.emitted.outputs)

    def stuck(self, cycle: int) -> bool:
        """Whether nothing has moved for longer than all steps together take."""
        return bool(self.missing()) and cycle - self.moved > self.patience

    def finished(self) -> StreamRun:
        """What it did, counted from its first word."""
        start = min(int(pieces[0][0]) for pieces in self.cycles.values() if pieces)

        def cycles(port: StreamPort) -> IntArray:
            return np.concatenate(self.cycles[port.prefix])[: self.frames * port.words] - start

        # Behind the last frame comes what a padded border of the next one needs no input for.
        words = {p.prefix: np.concatenate(self.pieces[p.prefix])[: self.frames * p.words] for p in self.emitted.outputs}
        outputs = tuple(port.unpack(words[port.prefix]) for port in self.emitted.outputs)
        sent, taken = (tuple(map(cycles, ports)) for ports in (self.emitted.inputs, self.emitted.outputs))
        return StreamRun(outputs, sent, taken, self.frames)


class StreamBatch:
    """Buffered programs (or engines) as RTL in one simulator, built once and run as often as wanted; a context manager.

    `frames` is the most that a run may have. Files are written below `workdir`, which also keeps the built
    simulator for the next time. Raises what `emit_stream` and `toolchain.build` raise.
    """

    def __init__(
        self,
        programs: Sequence[Dataflow | Engine],
        *,
        workdir: Path,
        frames: int = 4,
        simulator: Simulator = "auto",
        primitives: bool = False,
        progress: Progress | None = None,
    ) -> None:
        self.frames, self._awake, self._full = frames, False, set[int]()
        # A number before the name keeps the modules of different designs apart.
        names = [f"d{k}_{p.name}" if len(programs) > 1 else p.name for k, p in enumerate(programs)]
        emitted = [_emitted(p, n, primitives) for p, n in zip(programs, names, strict=True)]
        harnesses = [stream_harness(design, frames) for design in emitted]
        both = combine([(h.top, Ports(h.inputs, h.outputs)) for h in harnesses], top="streams")
        files = {f"{both.top}.v": both.text}
        for design, around in zip(emitted, harnesses, strict=True):
            files |= {path: design.files[path] for path in (*design.sources, *design.images)} | around.files
        sources = [write_atomic(workdir / "streams" / path, text) for path, text in files.items()]
        self._designs = [
            _Design(program, design, prefix, _patience(program))
            for program, design, prefix in zip(programs, emitted, both.prefixes, strict=True)
        ]
        self._simulation: Simulation = build(
            sources, both.top, both.ports, workdir, simulator=simulator, timeout_s=_BUILD_S, progress=progress
        )

    def __enter__(self) -> StreamBatch:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the simulation."""
        self._simulation.close()

    def run(
        self,
        inputs: Sequence[Sequence[IntArray]],
        *,
        source_ready: int | None = None,
        sink_ready: int | None = None,
        memory_ready: int | None = None,
    ) -> list[StreamRun]:
        """One run of every design after a reset: its inputs (frames, *shape) per source, back to back.

        `source_ready` and `sink_ready`: None means always, a number is the seed of random pauses; `memory_ready` of
        external memory, which else keeps to its stated latency and bandwidth. Raises `InvalidProgram` where no word
        moves any more (a deadlock) and `Mismatch` where a burst is none of AXI4's, or TLAST stands elsewhere than
        at a frame's end.
        """
        if len(inputs) != len(self._designs):
            raise InvalidValue(f"inputs for {len(inputs)} of {len(self._designs)} designs", where="simulation")
        for design, arrays in zip(self._designs, inputs, strict=True):
            design.begin(self._checked(design, arrays))
        self._fill()
        self._load(inputs)
        pauses = Pauses(source_ready, sink_ready, memory_ready)
        cycle, rows = 0, _FIRST_ROWS
        while any(design.missing() for design in self._designs):
            self._go(cycle, rows, pauses)
            cycle, rows = cycle + rows, min(2 * rows, _MOST_ROWS)
            for design in self._designs:
                if design.stuck(cycle):
                    raise _deadlock(design)
        return [design.finished() for design in self._designs]

    def load(self, number: int, words: Mapping[str, Sequence[int]]) -> None:
        """Write words, by the memory's name, into the memories of design `number` over AXI4-Lite, outside frames.

        They stay for all runs that follow. Raises `Mismatch` where the slave refuses a write.
        """
        design = self._designs[number]
        memories = {memory.name: memory for memory in design.emitted.control.memories}
        self._full.add(number)
        writes = [pair for name, told in words.items() for pair in memories[name].writes(told)]
        for response in self.write(number, writes):
            if response:
                raise Mismatch(f"a write was answered {response}", where=f"{design.program.name}, s_axil")

    def _fill(self) -> None:
        """Write what UltraRAMs hold, for those hold nothing by themselves; once, where nobody has written anything."""
        for number, design in enumerate(self._designs):
            program = design.program
            if number in self._full or not isinstance(program, Dataflow):
                continue
            self._full.add(number)
            ultra = {m.name for m in design.emitted.control.memories if needs_words(program, m)}
            if ultra:
                self.load(number, {name: words for name, words in memory_words(program).items() if name in ultra})

    def write(self, number: int, writes: Sequence[tuple[int, int]], strobe: int = 15) -> list[int]:
        """Write (address, value) pairs one after the other; the slave's responses (0: OKAY, 2: SLVERR)."""
        asked = {"awaddr": [a for a, _ in writes], "wdata": [value for _, value in writes]}
        asked |= {"awvalid": [1] * len(writes), "wvalid": [1] * len(writes), "wstrb": [strobe] * len(writes)}
        seen = self._talk(number, asked, len(writes))
        return seen["bresp"][seen["bvalid"] == 1].tolist()

    def read(self, number: int, addresses: Sequence[int]) -> list[tuple[int, int]]:
        """Read addresses one after the other: (value, response) of each."""
        asked = {"araddr": list(addresses), "arvalid": [1] * len(addresses)}
        seen = self._talk(number, asked, len(addresses))
        there = seen["rvalid"] == 1
        return list(zip(seen["rdata"][there].tolist(), seen["rresp"][there].tolist(), strict=True))

    def _reset(self) -> None:
        """Some cycles of reset for every design."""
        rows: dict[str, Words] = {}
        for design in self._designs:
            rows |= _quiet(design, _TALK) | {f"{design.prefix}rst": np.ones((_TALK, 1), np.uint32)}
        self._simulation.run(rows)
        self._awake = True

    def _talk(self, number: int, asked: Mapping[str, Sequence[int]], count: int) -> dict[str, IntArray]:
        """A request every few cycles, answers taken at once; the slave's outputs in each cycle."""
        design, rows = self._designs[number], dict[str, Words]()
        if not self._awake:
            self._reset()
        cycles = (count + 1) * _TALK
        for other in self._designs:
            rows |= _quiet(other, cycles)
        for pin, values in asked.items():
            column = rows[f"{design.prefix}s_axil_{pin}"]
            column[_TALK : _TALK * (count + 1) : _TALK, 0] = np.array(values, dtype=np.uint32)
        seen = self._simulation.run(rows)
        pins = ("bresp", "bvalid", "rdata", "rresp", "rvalid")
        return {pin: seen[f"{design.prefix}s_axil_{pin}"][:, 0].astype(np.int64) for pin in pins}

    def _checked(self, design: _Design, arrays: Sequence[IntArray]) -> int:
        """How many frames `arrays` are."""
        where, ports = design.program.name, design.emitted.inputs
        counts = {len(a) for a in arrays}
        if len(arrays) != len(ports) or len(counts) != 1:
            raise InvalidValue(f"{len(arrays)} arrays of {sorted(counts)} frames for {len(ports)} sources", where=where)
        count = counts.pop()
        if not 1 <= count <= self.frames:
            remedy = "give the batch more frames"
            raise InvalidValue(f"{count} frames, not 1..{self.frames}", where=where, remedy=remedy)
        return count

    def _load(self, inputs: Sequence[Sequence[IntArray]]) -> None:
        """Fill the memories of all sources while everything is in reset."""
        beats = [
            (f"{design.prefix}{port.prefix}", port.pack(codes))
            for design, arrays in zip(self._designs, inputs, strict=True)
            for port, codes in zip(design.emitted.inputs, arrays, strict=True)
        ]
        longest = max(len(data) for _, data in beats)
        rows: dict[str, Words] = {f"{design.prefix}rst": np.ones((longest, 1), np.uint32) for design in self._designs}
        for name, data in beats:
            place = np.arange(longest, dtype=np.uint32)
            rows[f"{name}_load"] = (place < len(data)).astype(np.uint32)[:, None]
            rows[f"{name}_place"] = np.minimum(place, len(data) - 1)[:, None]
            rows[f"{name}_data"] = np.pad(data, ((0, longest - len(data)), (0, 0)))
            rows[f"{name}_beats"] = np.full((longest, 1), len(data), np.uint32)
        for design in self._designs:
            rows = _quiet(design, longest) | rows
        self._simulation.run(rows)
        self._awake = True

    def _go(self, start: int, count: int, pauses: Pauses) -> None:
        """So many cycles from `start` on."""
        rows: dict[str, Words] = {}
        for design in self._designs:
            rows |= _quiet(design, count)
            for port in design.emitted.ports:
                name = f"{design.prefix}{port.prefix}"
                if port.direction == "input":
                    rows[f"{name}_offer"] = pauses.source(count)
                    rows[f"{name}_load"] = np.zeros((count, 1), np.uint32)
                else:
                    rows[f"{name}_tready"] = pauses.sink(count)
            if design.emitted.memory:
                rows |= {f"{design.prefix}memory_{pin}": pauses.memory(count) for pin in ("accepts", "answers")}
        seen = self._simulation.run(rows)
        for design in self._designs:
            design.see(seen, start)


_TALK = 4
"""Cycles from request to request: the slave has answered then."""


def _quiet(design: _Design, count: int) -> dict[str, Words]:
    """So many cycles in which nothing comes, in no reset, and answers are taken."""
    none, rows = np.zeros((count, 1), np.uint32), dict[str, Words]()
    rows[f"{design.prefix}rst"] = none
    for port in design.emitted.ports:
        pins = ("offer", "load") if port.direction == "input" else ("tready",)
        rows |= {f"{design.prefix}{port.prefix}_{pin}": none for pin in pins}
    if design.emitted.control.memories:
        for pin in ("awaddr", "awvalid", "wdata", "wstrb", "wvalid", "araddr", "arvalid"):
            rows[f"{design.prefix}s_axil_{pin}"] = none.copy()
        for pin in ("bready", "rready"):
            rows[f"{design.prefix}s_axil_{pin}"] = none + 1
    return rows


def _emitted(program: Dataflow | Engine, name: str, primitives: bool) -> StreamEmitted:
    if isinstance(program, Engine):
        return emit_engine(program, name=name, primitives=primitives)
    return emit_stream(program, name=name, primitives=primitives)


def _patience(program: Dataflow | Engine) -> int:
    """Cycles in which some word must move outside: all steps of a frame one after the other, with room for pauses."""
    if isinstance(program, Engine):
        told = cycles(program)
        return 4 * (max(told.initiation_cycles, told.latency_cycles) + told.preparing_cycles) + 1000
    total = 0
    for node in program.nodes:
        processes, latency = schedule(node.op, node.type, [program.nodes[a].type for a in node.args])
        total += latency + sum(process.steps for process in processes)
    return 4 * total + 1000


def _deadlock(design: _Design) -> InvalidProgram:
    words = sum(port.words for port in design.emitted.outputs) * design.frames
    return InvalidProgram(
        f"a deadlock: no word has moved for {design.patience} cycles",
        where=design.program.name,
        why=f"{words - design.missing()} of {words} words had left by cycle {design.moved}",
        remedy="give channels where branches meet more depth: passes.Buffer finds it",
    )
