"""The smallest solution of a system of waits, frame after frame; `src/native/timetable.cpp` is the same."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["settle"]

Array = NDArray[np.int64]
_SETTLED, _SLOWER, _LATE, _STUCK, _ENDLESS = range(5)


class _Rule:
    """A rule and where it stands within the frame."""

    def __init__(self, row: list[int], number: int, lists: list[list[int]], steps: list[int], scale: int) -> None:
        self.process, self.source, self.number = row[0], row[2], number
        self.wanting, self.given = lists[row[1]], lists[row[3]]
        self.shift, self.delay = row[4], row[5] * scale
        self.steps = steps[self.source]
        self.entry = 0
        self.next = -1

    def begin(self) -> None:
        self.entry = 0
        self.next = self.wanting[0]

    def step_on(self) -> None:
        self.entry += 1
        self.next = self.wanting[self.entry] if self.entry < len(self.wanting) else -1

    def needed(self, frame: int, entry: int) -> int:
        """The step of the source that an entry waits for, counted from its very first; below 0: none."""
        frames, index = divmod(entry - self.shift, len(self.given))
        return (frame + frames) * self.steps + self.given[index]

    def reach(self) -> int:
        """How many frames back it looks at most."""
        frames = -self.shift // len(self.given)
        return -((frames * self.steps + min(self.given)) // self.steps)


class _Process:
    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.rules: list[_Rule] = []
        self.times: list[int] = []
        self.step = self.at = self.ready = 0


class _Advance:
    def __init__(self, processes: list[_Process], period: int, scale: int, latest: list[int]) -> None:
        self.processes, self.period, self.scale, self.latest = processes, period, scale, latest
        self.circuit = (0, 0, -1)
        self.frames = 0

    def run(self, most_frames: int) -> int:
        before, next_look = 0, 3
        total = sum(process.steps for process in self.processes) * self.period
        for frame in range(most_frames):
            self.frames = frame
            if not self.advance(frame):
                return _STUCK
            self.frames = frame + 1
            if frame == 0 and self.is_late():
                return _LATE
            if not self.period:
                continue
            now = sum(sum(process.times[frame * process.steps :]) for process in self.processes)
            equal = frame > 0 and now - before == total
            before = now
            if equal and self.stays(frame):
                return _SETTLED
            if frame + 1 >= next_look and not equal:
                next_look = 2 * (frame + 1)
                if self.find_circuit(frame):
                    return _SLOWER
        return _ENDLESS

    def advance(self, frame: int) -> bool:
        for process in self.processes:
            process.step = process.at = 0
            process.ready = process.times[-1] + self.scale if frame else 0
            if frame and self.period:
                process.ready = max(process.ready, process.times[-process.steps] + self.period)
            for rule in process.rules:
                rule.begin()
        moved = True
        while moved:
            moved = False
            for process in self.processes:
                while process.step < process.steps and self.may_step(process, frame):
                    process.times.append(process.ready)
                    process.ready += self.scale
                    process.step += 1
                    process.at = 0
                    moved = True
        return all(process.step == process.steps for process in self.processes)

    def may_step(self, process: _Process, frame: int) -> bool:
        """Whether all that its next step waits for is known; then `ready` is its time."""
        while process.at < len(process.rules):
            rule = process.rules[process.at]
            if rule.next == process.step:
                needed = rule.needed(frame, rule.entry)
                if needed >= 0:
                    known = self.processes[rule.source].times
                    if needed >= len(known):
                        return False
                    process.ready = max(process.ready, known[needed] + rule.delay)
                rule.step_on()
            process.at += 1
        return True

    def stays(self, frame: int) -> bool:
        """Whether no wait that looks far back would delay a step if all frames before had been like this one."""
        far = ((process, rule) for process in self.processes for rule in process.rules if rule.reach() > 1)
        for process, rule in far:
            source = self.processes[rule.source]
            for entry, step in enumerate(rule.wanting):
                back, place = divmod(rule.needed(0, entry), source.steps)
                like = source.times[frame * source.steps + place] + back * self.period
                if like + rule.delay > process.times[frame * process.steps + step]:
                    return False
        return True

    def is_late(self) -> bool:
        ends = zip(self.processes, self.latest, strict=True)
        return any(latest >= 0 and process.times[-1] > latest * self.scale for process, latest in ends)

    def find_circuit(self, frame: int) -> bool:
        at, n = self.most_delayed(frame)
        met: dict[tuple[int, int], int] = {}
        while n >= 0:
            process = self.processes[at]
            place = at, n % process.steps
            if place in met:
                frames = (met[place] - n) // process.steps
                cycles = process.times[met[place]] - process.times[n]
                if cycles > self.period * frames:
                    self.circuit = cycles, frames * self.scale, at
                    return True
            met[place] = n
            at, n = self.decided_by(at, n)
        return False

    def most_delayed(self, frame: int) -> tuple[int, int]:
        most, found = -1, (0, 0)
        for p, process in enumerate(self.processes):
            for n in range(frame * process.steps, (frame + 1) * process.steps):
                delay = process.times[n] - process.times[n - process.steps]
                if delay > most:
                    most, found = delay, (p, n)
        return found

    def decided_by(self, at: int, n: int) -> tuple[int, int]:
        """The first of the waits of a step that hold with equality; step -1 for the very first."""
        process = self.processes[at]
        frame, step = divmod(n, process.steps)
        time = process.times[n]
        for rule in process.rules:
            entry = bisect_left(rule.wanting, step)
            if entry < len(rule.wanting) and rule.wanting[entry] == step:
                needed = rule.needed(frame, entry)
                if needed >= 0 and self.processes[rule.source].times[needed] + rule.delay == time:
                    return rule.source, needed
        if n and process.times[n - 1] + self.scale == time:
            return at, n - 1
        return at, n - process.steps if step == 0 else -1


def settle(
    steps: Array,
    entries: Array,
    bounds: Array,
    rules: Array,
    latest: Array,
    period: int,
    frames: int,
    most_frames: int,
    keep: bool,
) -> tuple[Array, Array, Array]:
    """(verdict, frames, circuit), what each process is blocked by, and the times; see `bitwright.core.timetable`."""
    lists: list[list[int]] = [entries[a:b].tolist() for a, b in pairwise(bounds.tolist())]
    counts: list[int] = steps.tolist()
    processes = [_Process(count) for count in counts]
    for number, row in enumerate(rules.tolist()):
        if lists[row[1]]:
            processes[row[0]].rules.append(_Rule(row, number, lists, counts, frames))
    advance = _Advance(processes, period, frames, latest.tolist())
    verdict = advance.run(most_frames)
    blocked = [-1] * len(processes)
    if verdict == _STUCK:
        blocked = [p.rules[p.at].number if p.step < p.steps else -1 for p in processes]
    times = [time for p in processes for time in p.times[: advance.frames * p.steps]] if keep else []
    facts = [verdict, advance.frames, *advance.circuit]
    return np.array(facts, np.int64), np.array(blocked, np.int64), np.array(times, np.int64)
