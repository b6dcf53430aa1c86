"""Vectors that reach every corner, inputs from files, progress in plain lines, what `doctor` examines."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bitwright.core.errors import InvalidValue
from bitwright.flow.data import read_inputs
from bitwright.flow.design import Design
from bitwright.flow.doctor import examine
from bitwright.flow.progress import listener
from bitwright.flow.vectors import corner_codes, random_codes


def test_random_codes_stay_in_range_reach_its_ends_and_repeat(design: Design) -> None:
    (codes,) = random_codes(design.graph, 3000, seed=5)
    low, high = design.graph.inputs[0].type.bounds()
    assert codes.shape == (3000, 3)
    assert np.array_equal(codes.min(axis=0), low)
    assert np.array_equal(codes.max(axis=0), high)
    assert np.array_equal(codes, random_codes(design.graph, 3000, seed=5)[0])
    assert not np.array_equal(codes, random_codes(design.graph, 3000, seed=6)[0])


def test_corners_hold_all_low_all_high_zero_and_both_checkers(design: Design) -> None:
    (codes,) = corner_codes(design.graph, seed=0)
    low, high = design.graph.inputs[0].type.bounds()
    rows = {tuple(row) for row in codes.tolist()}
    checkers = [np.where(np.arange(3) % 2 == k, low, high) for k in (0, 1)]
    for wanted in (low, high, np.zeros(3, dtype=np.int64), *checkers):
        assert tuple(wanted.tolist()) in rows
    assert (codes >= low).all()
    assert (codes <= high).all()


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_inputs_are_read_as_float32(name: str, tmp_path: Path) -> None:
    x = np.arange(6, dtype=np.float64).reshape(2, 3)
    path = tmp_path / name
    np.save(path, x) if name.endswith("npy") else np.savez(path, x=x, y=x)
    found = read_inputs(path)
    assert found.dtype == np.float32
    assert np.array_equal(found, x)


class Evil:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("evil-was-run"),)


def test_pickles_among_the_inputs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    stream = io.BytesIO()
    np.save(stream, np.array([Evil()], dtype=object))
    broken = {"c.npz": b"PK\x03\x04", "d.npy": b"", "e.npy": b"\x93NUMPY\x01\x00"}
    for name, content in {"a.npy": stream.getvalue(), "b.npy": pickle.dumps(Evil()), **broken}.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InvalidValue, match=rf"{name}(?s:.*)try: save inputs with numpy.save"):
            read_inputs(path)
    assert not (tmp_path / "evil-was-run").exists()


def test_progress_is_plain_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    told = listener()
    told.step("train", 3)
    told.advance()
    told.done("accuracy 97 %")
    assert capsys.readouterr().err.splitlines() == ["train ...", "train: accuracy 97 %"]


def test_a_bar_on_a_terminal_takes_notes_and_ends_with_a_tick(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    told = listener()
    told.note("nothing is open yet")
    told.step("search", 2)
    told.note("best 0.7")
    told.advance(2)
    told.done("best 0.8")
    assert "search: best 0.8" in capsys.readouterr().err


def test_doctor_knows_how_to_get_whatever_is_missing() -> None:
    found = {f.name: f for f in examine()}
    assert {"python", "native core", "keras", "jax", "yosys", "verilator"} <= set(found)
    assert found["keras"].present
    assert all(f.adds for f in found.values())
    assert all(f.install for f in found.values() if f.name != "python")
