"""Where things come from, and how long work is told."""

from __future__ import annotations

import pytest

from bitwright.core.origin import Origin
from bitwright.core.progress import Silent, Steps


def test_an_origin_collects_passes_and_counts_a_repeated_one_once() -> None:
    origin = Origin("fc1").through("share").through("share").through("retime").through("share")
    assert origin == Origin("fc1", ("share", "retime", "share"))
    assert str(origin) == "fc1 (share, retime, share)"
    assert str(Origin("fc1")) == "fc1"


def test_steps_tell_each_piece_of_work_when_it_begins_and_ends() -> None:
    lines: list[str] = []
    progress = Steps(lines.append)
    progress.step("build", 3)
    progress.advance()
    progress.done("2 files")
    progress.step("run")
    progress.done()
    assert lines == ["build ...", "build: 2 files", "run ...", "run: done"]


def test_a_note_tells_how_far_the_work_is_and_how_long_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    clock = iter([0.0, 30.0, 600.0, 9000.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    progress = Steps(lines.append)
    progress.step("search", 4)
    progress.note("starting")
    for _ in range(3):
        progress.advance()
        progress.note("best 0.7")
    progress.advance()
    progress.note("best 0.8")
    assert lines == [
        "search ...",
        "search: 0 of 4, starting",
        "search: 1 of 4, best 0.7, about 90 s left",
        "search: 2 of 4, best 0.7, about 10 min left",
        "search: 3 of 4, best 0.7, about 50 min left",
        "search: 4 of 4, best 0.8",
    ]
    progress = Steps(lines.append)
    monkeypatch.setattr("time.monotonic", lambda: 5.0)
    progress.step("wait")
    progress.advance(3)
    progress.note("still")
    assert lines[-1] == "wait: still"


def test_silence_takes_everything() -> None:
    progress = Silent()
    progress.step("build", 3)
    progress.advance(2)
    progress.note("half")
    progress.done("well")
