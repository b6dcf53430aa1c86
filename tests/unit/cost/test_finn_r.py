"""FINN's own hardware: the committed numbers are the fitted ones, and a design that was left out is predicted."""

from __future__ import annotations

import pytest
from benchmarks.calibrate_finn_r import DESIGNS, fitted, measure

from bitwright.cost.finn_r import FINN_R, finn_r_area, paper_area

PAPER = {"lfcW1A1": 0.29, "lfcW1A2": 0.26, "cnvW1A1": 0.31, "cnvW1A2": 0.26, "cnvW2A2": 0.22}
"""LUTs of the paper's formulas over synthesized ones, as computed elsewhere."""


def test_the_committed_numbers_are_those_that_all_five_designs_fit() -> None:
    found = fitted(list(DESIGNS))
    for name in FINN_R.__slots__:
        assert getattr(FINN_R, name) == pytest.approx(getattr(found, name), rel=1e-3)


@pytest.mark.parametrize("held", DESIGNS)
def test_a_design_left_out_is_predicted(held: str) -> None:
    layers, luts, memories = DESIGNS[held]
    found = finn_r_area(layers, fitted([name for name in DESIGNS if name != held]))
    assert 0.75 <= found.luts / luts <= 1.33
    assert 0.85 <= found.bram36s / memories <= 1.2


@pytest.mark.parametrize("name", DESIGNS)
def test_the_papers_formulas_are_low_in_luts_by_what_is_known(name: str) -> None:
    layers, luts, _ = DESIGNS[name]
    assert paper_area(layers).luts / luts == pytest.approx(PAPER[name], abs=0.04)


def test_every_claim_holds() -> None:
    assert all(claim.holds for claim in measure(quick=True).claims)
