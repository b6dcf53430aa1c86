"""Benchmarks made part by part: what is there is not measured again, and never mixed with another state of the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks import _parts
from benchmarks._parts import part


class Measured:
    """Rows that tell how often they were measured."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> list[dict[str, Any]]:
        self.times += 1
        return [{"time": self.times}]


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_parts, "_ROOT", tmp_path)
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "pass.py").write_text("one")
    return tmp_path / "room" / "pass.py"


def test_a_part_is_measured_once(code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_PARTS", str(tmp_path / "parts"))
    measured = Measured()
    assert [part("a, 30 %", measured, ["room"]) for _ in range(2)] == [[{"time": 1}]] * 2
    assert part("b", measured, ["room"]) == [{"time": 2}]


def test_rows_of_other_code_are_refused(code: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_PARTS", str(tmp_path / "parts"))
    part("a", Measured(), ["room/pass.py"])
    code.write_text("two")
    with pytest.raises(SystemExit, match="measured with other code"):
        part("a", Measured(), ["room/pass.py"])


def test_without_a_folder_all_is_measured(code: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_PARTS", raising=False)
    measured = Measured()
    assert part("a", measured, ["room"]) == [{"time": 1}]
    assert part("a", measured, ["room"]) == [{"time": 2}]
