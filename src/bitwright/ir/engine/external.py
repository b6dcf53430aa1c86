"""Weights in external memory: where they lie, what waits for them, and when they come, to the cycle."""

from __future__ import annotations

from collections import deque

from bitwright.ir.engine.engine import Engine
from bitwright.ir.engine.ops import Fetch, Matrix
from bitwright.ir.engine.run import weight_words
from bitwright.ir.engine.types import External

__all__ = ["MOST_AHEAD", "Bus", "addresses", "ahead"]

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

    def fetch(self, cycle: int, beats: int) -> int:
        """A fetch of so many beats, offered from `cycle` on: the cycle in which it is taken."""
        told = self.external
        taken = asked = max(cycle, self.room)
        before = self.beat
        while beats:
            length = min(beats, told.burst_beats)
            full = len(self.bursts) == told.outstanding
            asked = max(asked + 1, self.bursts[0] + 1 if full else 0)
            first = max(self.beat + told.beat_cycles, asked + told.latency_cycles)
            self.beat = first + (length - 1) * told.beat_cycles
            self.bursts.append(self.beat)
            beats -= length
        # The next one is taken when all addresses are out and this one's place to write is the current one.
        self.room = max(asked + 1, taken + 2, before + 1)
        self.ends.append(self.beat + 2)
        return taken

    def done(self, allowed: int) -> int:
        """The first cycle in which no more than `allowed` fetches are under way."""
        return self.ends[-1 - allowed] if len(self.ends) > allowed else 0
