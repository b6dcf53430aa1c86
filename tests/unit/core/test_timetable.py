"""Systems of waits: compiled and Python agree bit for bit, and what is proven is so."""

from __future__ import annotations

import random
from fractions import Fraction

import numpy as np
import pytest

from bitwright.core import timetable, twin
from bitwright.core.errors import InvalidValue
from bitwright.core.timetable import Settled, Verdict, WaitRule, WaitSystem, settle


def random_system(rng: random.Random) -> WaitSystem:
    """Processes in a row with channels of any depth between any two, some too shallow, and a wait on far frames."""
    count = rng.randint(2, 5)
    steps = [rng.randint(1, 9) for _ in range(count)]
    lists: list[np.ndarray] = []
    rules: list[WaitRule] = []
    for _ in range(rng.randint(1, 6)):
        a, b = sorted(rng.sample(range(count), 2))
        words = rng.randint(1, min(steps[a], steps[b]))
        lists += [np.array(sorted(rng.sample(range(steps[p]), words))) for p in (a, b)]
        writes, reads = len(lists) - 2, len(lists) - 1
        rules.append(WaitRule(b, reads, a, writes, 0, rng.randint(1, 4)))
        if rng.random() < 0.8:
            rules.append(WaitRule(a, writes, b, reads, rng.randint(1, 3 * words), 1))
    if rng.random() < 0.3:
        p, q = rng.randrange(count), rng.randrange(count)
        lists += [np.array([rng.randrange(steps[p])]), np.array([rng.randint(-9, -1)])]
        rules.append(WaitRule(p, len(lists) - 2, q, len(lists) - 1, 0, rng.randint(0, 9)))
    return WaitSystem(steps, lists, rules)


def both(monkeypatch: pytest.MonkeyPatch, system: WaitSystem, **told: int) -> Settled:
    """What the native module finds, if the twin finds the same."""
    found = settle(system, **told)
    with monkeypatch.context() as patch:
        patch.setattr(timetable, "_settle", twin.settle)
        other = settle(system, **told)
    told_of = [(s.verdict, s.frames, s.circuit, s.blocked) for s in (found, other)]
    assert told_of[0] == told_of[1]
    assert all(np.array_equal(a, b) for a, b in zip(found.times, other.times, strict=True))
    return found


def test_the_twin_finds_the_same_times_verdicts_and_circuits(monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = set[Verdict]()
    for seed in range(250):
        rng = random.Random(seed)
        system = random_system(rng)
        pace = int(system.steps.max()) + rng.randint(0, 3)
        found = both(monkeypatch, system, period=pace, scale=rng.choice((1, 1, 2)), most_frames=200)
        both(monkeypatch, system, most_frames=4)
        verdicts.add(found.verdict)
    assert verdicts == {Verdict.SETTLED, Verdict.SLOWER, Verdict.STUCK}


def test_settled_frames_keep_the_pace_for_ever_and_slower_ones_never_do() -> None:
    checked = 0
    for seed in range(150):
        system = random_system(random.Random(seed))
        pace = int(system.steps.max())
        found = settle(system, period=pace)
        if found.verdict is Verdict.STUCK:
            continue
        checked += 1
        long = settle(system, most_frames=400)
        ends = [int(times[-1, -1]) for times in long.times]
        if found.verdict is Verdict.SETTLED:
            offset = max(int(times[-1].max()) - pace * (found.frames - 1) for times in found.times)
            assert all(end <= offset + pace * 399 for end in ends), f"seed {seed}"
        else:
            rate = Fraction(found.circuit[0], found.circuit[1])
            assert rate > pace
            assert max(ends) >= 390 * rate, f"seed {seed}"
    assert checked > 100


def test_delays_that_come_every_few_frames_only_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    both_steps = np.arange(2)
    for shift in (4, 6, 8, 10):
        rules = [WaitRule(1, 0, 0, 0, 0, shift), WaitRule(0, 0, 1, 0, shift, 1)]
        found = both(monkeypatch, WaitSystem([2, 2], [both_steps], rules), period=2, most_frames=1000)
        assert (found.verdict, found.circuit[:2]) == (Verdict.SLOWER, (shift + 1, shift // 2))


def test_a_frame_that_ends_too_late_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = np.arange(4)
    system = WaitSystem([4, 4], [steps], [WaitRule(1, 0, 0, 0, 0, 3)])
    assert both(monkeypatch, system, period=4, latest=[-1, 6]).verdict is Verdict.SETTLED  # type: ignore[arg-type]
    late = both(monkeypatch, system, period=4, latest=[-1, 5])  # type: ignore[arg-type]
    assert (late.verdict, late.frames) == (Verdict.LATE, 1)


def test_processes_that_wait_for_each_other_are_stuck_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = np.array([0]), np.array([1])
    rules = [WaitRule(0, 0, 1, 1, 0, 1), WaitRule(1, 0, 0, 1, 0, 1)]
    found = both(monkeypatch, WaitSystem([2, 2], [first, second], rules), most_frames=3)
    assert (found.verdict, found.frames, found.blocked) == (Verdict.STUCK, 0, (0, 1))


@pytest.mark.parametrize("wanting", [[0, 0], [1, 0], [-1, 0], [0, 2], [0]])
def test_lists_that_are_no_steps_are_refused(wanting: list[int]) -> None:
    with pytest.raises(InvalidValue):
        WaitSystem([2, 2], [np.array(wanting), np.array([0, 1])], [WaitRule(0, 0, 1, 1, 0, 1)])


def test_a_process_without_steps_and_a_step_of_a_later_frame_are_refused() -> None:
    with pytest.raises(InvalidValue):
        WaitSystem([0], [], [])
    with pytest.raises(InvalidValue):
        WaitSystem([2, 2], [np.array([0]), np.array([2])], [WaitRule(0, 0, 1, 1, 0, 1)])
