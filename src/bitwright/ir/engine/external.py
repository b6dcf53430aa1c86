"""Weights in external memory: where they lie, what waits for them, and when they come, to the cycle."""

from __future__ import annotations

from collections import deque

from bitwright.ir.engine.engine import Engine
from bitwright.ir.engine.ops import Fetch, Matrix, Send
from bitwright.ir.engine.run import weight_words
from bitwright.ir.engine.types import External

__all__ = ["MOST_AHEAD", "Bus", "addresses", "ahead", "map_bursts", "weight_bursts"]

MOST_AHEAD = 3
"""More fetches than this are never under way at once."""


def addresses(program: Engine) -> dict[int, tuple[int, int]]:
    """Where each fetched run of words lies: its first word to (byte address, beats); bursts of their own.

    What is fetched several times lies there once.
    """
    external, found = program.machine.external, dict[int, tuple[int, int]]()
    place = 0
    for node in program.nodes:
        if external and isinstance(node.op, Fetch) and node.op.first not in found:
            beats = node.type.words * program.machine.beats
            found[node.op.first] = place, beats
            place += -(-beats // external.burst_beats) * external.burst_bytes
    return found


def weight_bursts(program: Engine) -> int:
    """Bursts that all fetched runs take; feature maps lie behind them."""
    external = program.machine.external
    if external is None:
        return 0
    ends = [address + beats * external.data_bits // 8 for address, beats in addresses(program).values()]
    return -(-max(ends, default=0) // external.burst_bytes)


def map_bursts(program: Engine) -> int:
    """Bursts that feature maps take outside."""
    sent = [(node.op.burst, program.machine.runs(node.type)) for node in program.nodes if isinstance(node.op, Send)]
    return max((first + rows * bursts for first, (rows, _, bursts) in sent), default=0)


def ahead(program: Engine) -> list[int | None]:
    """For each instruction how many fetches may be under way when it begins (None: any number).

    Those begun behind the last one that fills what it reads; of two frames the stricter.
    """
    found: list[int | None] = [None] * len(program)
    since: list[tuple[int, int]] = []
    positions = [*range(len(program)), *range(program.again, len(program))]
    for position in positions if program.machine.external else ():
        node = program.nodes[position]
        if isinstance(node.op, Fetch):
            since.append((node.type.address, node.type.end))
        elif isinstance(node.op, Matrix):
            first, end = node.op.weights, node.op.weights + weight_words(node.op)
            behind = next((n for n, (a, b) in enumerate(reversed(since)) if a < end and first < b), MOST_AHEAD)
            before = found[position]
            found[position] = min(behind, MOST_AHEAD if before is None else before)
    return found


class Bus:
    """The fetcher (`bw_engine_fetch.v`) and a memory that behaves as `External` says, fetch after fetch."""

    def __init__(self, external: External) -> None:
        self.external = external
        self.room = 0
        self.beat = -external.beat_cycles
        self.bursts: deque[int] = deque(maxlen=external.outstanding)
        self.ends: list[int] = []
        self.answers: deque[int] = deque(maxlen=external.outstanding)
        self.written = -external.beat_cycles

    def _lengths(self, beats: int, runs: int) -> list[int]:
        """Beats of each burst: every run begins with one of its own."""
        whole, rest = divmod(beats, self.external.burst_beats)
        return ([self.external.burst_beats] * whole + [rest] * (rest > 0)) * runs

    def fetch(self, cycle: int, beats: int, runs: int = 1) -> int:
        """A fetch of so many beats, offered from `cycle` on: the cycle in which it is taken."""
        told = self.external
        taken = asked = max(cycle, self.room)
        before = self.beat
        for length in self._lengths(beats, runs):
            full = len(self.bursts) == told.outstanding
            asked = max(asked + 1, self.bursts[0] + 1 if full else 0)
            first = max(self.beat + told.beat_cycles, asked + told.latency_cycles)
            self.beat = first + (length - 1) * told.beat_cycles
            self.bursts.append(self.beat)
        # The next one is taken when all addresses are out and this one's place to write is the current one.
        self.room = max(asked + 1, taken + 2, before + 1)
        self.ends.append(self.beat + 2)
        return taken

    def send(self, cycle: int, beats: int, runs: int, slices: int) -> tuple[int, int]:
        """So many beats in each run, begun in `cycle`: when the last word is read, and when the last answer comes."""
        told, asked = self.external, cycle
        lengths = self._lengths(beats, runs)
        answer = self.answers[-1] if self.answers else 0
        before, total = cycle + 1, 0
        last = before
        for length in lengths:
            full = len(self.answers) == told.outstanding
            asked = max(asked + 1, self.answers[0] + 1 if full else 0)
            for _ in range(length):
                self.written = max(self.written + told.beat_cycles, asked + 1, before + 1)
                total += 1
                if total % slices == 0:
                    last, before = before, self.written
            answer = max(self.written + told.latency_cycles, answer + 1)
            self.answers.append(answer)
        return last, answer

    def done(self, allowed: int) -> int:
        """The first cycle in which no more than `allowed` fetches are under way."""
        return self.ends[-1 - allowed] if len(self.ends) > allowed else 0
