"""Published and imported models as streaming hardware: every word and every cycle in simulated RTL."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks import imported

THERE = all(folder.is_dir() for folder in (imported.PAIRS, imported.ZOO, imported.REFERENCE / "mlperf_tiny"))
pytestmark = [
    pytest.mark.long,
    pytest.mark.tool("verilator"),
    pytest.mark.skipif(not THERE, reason="the reference models are not here"),
]
CASES = {case.name: case for case in imported.CASES}


@pytest.mark.parametrize("name", CASES)
def test_a_qonnx_model_is_exact_in_the_computed_cycles(name: str) -> None:
    made = imported.row(CASES[name])
    assert made["largest relative difference"] <= 1e-6
    assert made["same argmax"]
    assert made["codes that differ"] == 0
    assert made["cycles as computed"]


@pytest.mark.parametrize(("path", "written"), imported.hgq_files(), ids=lambda told: str(told)[-40:])
def test_a_file_of_hgq_is_exact_unrolled(path: Path, written: str) -> None:
    made = imported.hgq(path, written)
    assert made["largest relative difference"] == 0
    assert made["codes that differ"] == 0
    assert made["frames simulated"] >= 1000


def test_a_convolutional_network_of_hgq_1_streams_exactly() -> None:
    made = imported.hgq_digits()
    assert made["largest relative difference"] == 0
    assert made["codes that differ"] == 0
    assert made["cycles as computed"]


@pytest.mark.parametrize(("name", "pace", "frames"), imported.TFLITE, ids=[t[0] for t in imported.TFLITE])
def test_a_tflite_model_is_exact_in_the_computed_cycles(name: str, pace: int, frames: int) -> None:
    made = imported.tflite(name, pace, frames)
    assert made["largest relative difference"] == 0
    assert made["codes that differ"] == 0
    assert made["cycles as computed"]
