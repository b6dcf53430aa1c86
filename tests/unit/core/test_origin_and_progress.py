"""Where things come from, and how long work is told."""

from __future__ import annotations

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


def test_silence_takes_everything() -> None:
    progress = Silent()
    progress.step("build", 3)
    progress.advance(2)
    progress.done("well")
