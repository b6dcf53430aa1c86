"""The paper's figures are drawn from what they say."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def figures(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    return import_module("benchmarks._figures")


@pytest.fixture
def paper(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)
    return import_module("benchmarks.paper2021")


def test_the_area_under_the_curve_is_the_chance_that_a_right_one_scores_higher(paper):
    draws = np.random.default_rng(0)
    right = draws.random(200) < 0.3
    scores = np.round(draws.normal(size=200) + right, 1)
    false, true = paper.roc(scores, right)
    above = scores[right][:, None] - scores[~right][None, :]
    assert np.trapezoid(true, false) == pytest.approx((above > 0).mean() + (above == 0).mean() / 2)
    assert (false[0], true[0], false[-1], true[-1]) == (0, 0, 1, 1)


def test_a_chart_has_a_line_for_each_series_and_a_title_for_each_mark(figures):
    lines = [figures.Line("a & b", [(1.0, 2.0), (2.0, 3.0)]), figures.Line("c", [(1.0, 2.1), (2.0, 3.05)], marks=False)]
    tree = ElementTree.fromstring(figures.svg(figures.Chart("Title", "bits", "share", lines)))
    names = [node.tag.rpartition("}")[2] for node in tree.iter()]
    assert names.count("polyline") == 2
    assert names.count("circle") == 2
    texts = [node.text for node in tree.iter() if node.text]
    assert "a & b" in texts
    assert "a & b: 2, 3" in texts


def test_ticks_are_round_and_inside(figures):
    assert figures.ticks(6.0, 6.0) == [6.0]
    assert figures.ticks(58.3, 74.1) == [60.0, 65.0, 70.0]
    for low, high in ((0.0, 1.0), (2.0, 16.0), (71.2, 73.4)):
        found = figures.ticks(low, high)
        assert 3 <= len(found) <= 8
        assert low <= found[0] <= found[-1] <= high


def test_a_logarithmic_axis_is_marked_at_round_numbers_and_lines_of_one_name_share_it(figures):
    line = figures.Line("a", [(100.0, 1.0), (10000.0, 2.0)], further=[[(1000.0, 1.5), (2000.0, 1.6)]])
    text = figures.svg(figures.Chart("Title", "LUT", "share", [line], logarithmic=True))
    tree = ElementTree.fromstring(text)
    circles = [node for node in tree.iter() if node.tag.endswith("circle")]
    left, right, middle = (float(circles[place].attrib["cx"]) for place in (0, 1, 2))
    assert middle == pytest.approx((left + right) / 2, abs=0.1)
    texts = [node.text for node in tree.iter() if node.text]
    assert texts.count("a") == 1
    assert {"100", "1000", "10000"} <= set(texts)
