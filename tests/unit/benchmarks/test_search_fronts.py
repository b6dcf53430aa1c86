"""Fronts of the search benchmarks: chosen on validation, compared at accuracies that both reach."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks._search_fronts import luts_at, ratios_at, unbeaten


def row(luts: int, validation: float, test: float, **more: Any) -> dict[str, Any]:
    """A point of a front."""
    return {"family": "a", "seed": 0, "LUT": luts, "yosys LUT": None, "validation %": validation, "test %": test} | more


def test_a_front_is_chosen_on_validation_by_measured_luts() -> None:
    rows = [
        row(400, 72, 70),
        row(100, 70, 71, **{"yosys LUT": 110}),
        row(200, 69, 75),
        row(50, 90, 90, family="b"),
        row(50, 90, 90, seed=1),
    ]
    assert unbeaten(rows, ("a",), 0) == [(110, 0.71), (400, 0.70)]
    assert unbeaten(rows, ("a", "b"), 0) == [(50, 0.9)]


def test_a_network_that_became_a_constant_has_no_luts_and_is_no_point() -> None:
    rows = [row(300, 20, 20, **{"yosys LUT": 0}), row(400, 72, 70)]
    assert unbeaten(rows, ("a",), 0) == [(400, 0.70)]


def test_luts_lie_evenly_on_a_logarithmic_scale_between_points_and_nowhere_beyond() -> None:
    front = [(100.0, 0.70), (400.0, 0.72)]
    assert luts_at(front, 0.71) == pytest.approx(200)
    assert luts_at(front, 0.721) is None
    assert luts_at(front, 0.699) is None
    assert ratios_at([0.69, 0.71, 0.73], front, [(400.0, 0.68), (400.0, 0.75)]) == [pytest.approx(0.5)]
    assert ratios_at([0.71], [], front) == []
