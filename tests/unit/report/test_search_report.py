"""The report of a search: its record survives, its figures mean their numbers, its page is complete and safe."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.core.errors import InvalidValue, ParseError
from bitwright.report import (
    Curve,
    HistoryStep,
    LayerBits,
    Run,
    SearchPoint,
    SearchReport,
    binomial_error,
    read_search,
    render_search_html,
    render_search_terminal,
    search_from_dict,
    search_from_json,
    search_to_dict,
    search_to_json,
    write_search,
)
from bitwright.report.axes import Linear, Logarithmic
from bitwright.report.search_figures import MOST_STEPS, heat_map, history_charts, tradeoff_chart
from bitwright.report.search_headline import search_verdict

SAMPLE = Path(__file__).parents[2] / "golden" / "report" / "search.json"


@pytest.fixture(scope="module")
def sample() -> SearchReport:
    return read_search(SAMPLE)


def point(name: str, luts: int | None, accuracy: float, **more: object) -> SearchPoint:
    return SearchPoint(name=name, luts=luts, validation_accuracy=accuracy, **more)  # type: ignore[arg-type]


def found(*points: SearchPoint, **more: object) -> SearchReport:
    return SearchReport(title="t", points=points, **more)  # type: ignore[arg-type]


# The record.


def test_a_search_report_survives_its_json_unchanged(sample: SearchReport, tmp_path: Path) -> None:
    assert search_from_json(search_to_json(sample)) == sample
    assert search_to_json(sample) == SAMPLE.read_text(encoding="utf-8")
    assert read_search(write_search(sample, tmp_path / "deep" / "search.json")) == sample


def test_an_empty_search_report_survives_its_json_unchanged() -> None:
    assert search_from_dict(search_to_dict(found())) == found()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 9}, "schema 9 is not 1"),
        ({"pionts": []}, "unknown field 'pionts'"),
        ({"points": [{"name": "a"}]}, r"points\[0\]: field 'validation_accuracy' is missing"),
        ({"peers": [{"name": "a", "points": [[1.0]]}]}, "is not a list of 2"),
    ],
)
def test_a_broken_search_report_is_refused_by_field(change: dict[str, object], message: str) -> None:
    with pytest.raises(ParseError, match=message):
        search_from_dict(search_to_dict(found()) | change)


def test_a_loss_that_is_no_number_cannot_be_written() -> None:
    run = Run(name="a", steps=(HistoryStep(step=0, loss=float("nan")),))
    with pytest.raises(InvalidValue, match=r"history\[0\].steps\[0\].loss"):
        search_to_dict(found(history=(run,)))


def test_the_best_point_is_chosen_on_validation_among_those_that_keep_the_limits() -> None:
    lucky = point("lucky", 100, 0.70, test_accuracy=0.75)
    solid = point("solid", 200, 0.72, test_accuracy=0.71)
    twin = point("twin", 300, 0.72, test_accuracy=0.74)
    large = point("large", 900, 0.80, feasible=False)
    assert found(lucky, twin, solid, large).best == solid
    assert found(large).best is None


def test_area_is_measured_where_it_was_and_accuracy_tested_where_it_was() -> None:
    assert point("a", 100, 0.7, measured_luts=90, test_accuracy=0.6).area == 90
    assert point("a", 100, 0.7, measured_luts=90, test_accuracy=0.6).accuracy == 0.6
    assert (point("a", 100, 0.7).area, point("a", 100, 0.7).accuracy) == (100, 0.7)


def test_the_binomial_error_is_that_of_a_share() -> None:
    assert binomial_error(0.5, 100) == pytest.approx(0.05)
    assert binomial_error(1.0, 100) == 0.0


# The figures.


@given(st.lists(st.floats(1e-3, 1e9), min_size=1, max_size=8))
def test_a_logarithmic_axis_holds_its_values_in_order(values: list[float]) -> None:
    axis = Logarithmic.over(values)
    places = [axis.at(value) for value in sorted(values)]
    assert all(0 <= a <= b <= 100 for a, b in pairwise([*places, 100.0]))
    assert 1 <= len(axis.ticks()) <= 14


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8))
def test_a_linear_axis_holds_its_values_and_a_few_round_ones(values: list[float]) -> None:
    axis = Linear.over(values, least=1e-3)
    assert all(-1e-6 <= axis.at(value) <= 100 + 1e-6 for value in (*values, *axis.values()))
    assert 2 <= len(axis.values()) <= 12


def test_marks_lie_by_the_ratio_of_luts_and_their_bars_are_one_error_long() -> None:
    points = [
        point("a", 100, 0.7, on_front=True, test_accuracy=0.70, test_error=0.01),
        point("b", 200, 0.72, on_front=True, test_accuracy=0.72, test_error=0.01),
        point("c", 400, 0.74, on_front=True, test_accuracy=0.74, test_error=0.01),
    ]
    chart = tradeoff_chart(found(*points))
    assert chart is not None
    a, b, c = chart.marks
    assert b.x - a.x == pytest.approx(c.x - b.x)
    assert a.y - b.y == pytest.approx(b.y - c.y)
    assert (a.low, a.high) == (pytest.approx(a.y + (a.y - b.y) / 2), pytest.approx(a.y - (a.y - b.y) / 2))
    assert chart.lines[0].points.count(",") == 3


def test_points_far_below_the_front_are_counted_not_drawn() -> None:
    good = [point(f"p{at}", 100 * 2**at, 0.70 + 0.01 * at, on_front=True) for at in range(4)]
    chart = tradeoff_chart(found(*good, point("broken", 150, 0.2)))
    assert chart is not None
    assert (len(chart.marks), chart.left_out) == (4, 1)


def test_peers_and_limits_are_drawn_beside_our_points() -> None:
    peer = Curve(name="peer", points=((400.0, 0.71), (100.0, 0.69)))
    limits = {"luts": 300, "accuracy": 0.695}
    chart = tradeoff_chart(found(point("a", 200, 0.7, on_front=True), peers=(peer,), limits=limits))
    assert chart is not None
    assert [mark.series for mark in chart.marks] == ["front", "peer1", "peer1"]
    assert [(guide.upright, guide.label) for guide in chart.guides] == [
        (True, "at most 300 LUTs"),
        (False, "least accuracy 69.50 %"),
    ]
    xs = [float(pair.split(",")[0]) for pair in chart.lines[-1].points.split()]
    assert xs == sorted(xs)


def test_without_luts_there_is_nothing_to_draw() -> None:
    assert tradeoff_chart(found(point("a", None, 0.7))) is None
    assert heat_map(found(point("a", None, 0.7))) is None


def test_the_heat_map_has_the_front_by_area_and_a_hole_where_a_layer_is_missing() -> None:
    small = point("s", 100, 0.6, on_front=True, bits_per_layer=(LayerBits(name="x", weight_bits=2.0),))
    wide = LayerBits(name="y", weight_bits=4.0, activation_bits=3.0)
    large = point("l", 200, 0.7, on_front=True, bits_per_layer=(wide,))
    heat = heat_map(found(large, small, point("d", 1, 0.1)))
    assert heat is not None
    assert (heat.layers, [row.name for row in heat.rows]) == (("x", "y"), ["s", "l"])
    assert heat.rows[0].cells[1] == (None, None)
    assert heat.rows[0].cells[0][0] is not None
    assert heat.rows[0].cells[0][0].share == 0.5


def test_long_histories_are_thinned_to_their_end() -> None:
    steps = tuple(HistoryStep(step=at, loss=1.0 / (at + 1)) for at in range(10_000))
    (chart,) = history_charts((Run(name="a", steps=steps), Run(name="empty")))
    pairs = chart.lines[0].points.split()
    assert len(pairs) <= MOST_STEPS + 1
    assert (pairs[0].split(",")[0], pairs[-1].split(",")[0]) == ("0.00", "100.00")


def test_each_known_quantity_of_a_run_has_its_chart() -> None:
    steps = (HistoryStep(step=0, loss=1.0, luts=100.0), HistoryStep(step=5, loss=0.5, luts=50.0, beta=1e-6))
    charts = history_charts((Run(name="a", steps=steps),))
    assert [chart.title for chart in charts] == ["Loss", "Predicted LUTs", "Weight of the penalty"]


# The page and the terminal.


class Balance(HTMLParser):
    """Collects what is open; fails when a tag closes that was not the last one opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return None

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_tag_of_the_search_page_is_closed(sample: SearchReport) -> None:
    balance = Balance()
    balance.feed(render_search_html(sample))
    assert balance.open == []


def test_the_search_page_names_no_other_address(sample: SearchReport) -> None:
    page = re.sub(r"<script type=.*?</script>", "", render_search_html(sample), flags=re.S)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|src=", page)


def test_the_page_says_its_numbers_without_script_and_on_which_split(sample: SearchReport) -> None:
    page = re.sub(r"<script.*?</script>", "", render_search_html(sample), flags=re.S)
    best = sample.best
    assert best is not None
    assert "on the test split of 160,000 samples, which the search never saw" in page
    assert "one binomial standard error of that split" in page
    for one in sample.points:
        assert page.count(f'data-layer="{one.name}"') >= 2
    for figure in ("HGQ-LUT", "at most 12,000 LUTs", "float 73.28 %", "± 0.11 %", sample.commands[0]):
        assert figure in page


def test_untested_accuracies_are_called_validation() -> None:
    page = render_search_html(found(point("a", 100, 0.7), validation_samples=500))
    assert "on the validation split of 500 samples, on which the points were chosen" in page
    assert "binomial" not in page


def test_unverified_points_are_not_called_verified() -> None:
    open_point, checked = point("a", 100, 0.7), point("a", 100, 0.7, certificate="graph = netlist on 64 vectors")
    assert search_verdict(found(open_point)).state == "open"
    assert search_verdict(found(checked)).state == "good"
    assert search_verdict(found(replace(checked, feasible=False))).state == "bad"
    assert "Nothing found yet" in render_search_html(found())


def test_names_in_a_search_cannot_become_markup() -> None:
    evil = "</script><script>alert(1)</script><b onclick='x'>"
    layer = LayerBits(name=evil, weight_bits=2.0)
    one = point(evil, 100, 0.7, on_front=True, origin=evil, certificate=evil, bits_per_layer=(layer,))
    runs = (Run(name=evil, steps=(HistoryStep(step=0, loss=1.0), HistoryStep(step=1, loss=0.5))),)
    report = found(one, peers=(Curve(name=evil, points=((50.0, 0.6),), note=evil),), history=runs, notes=(evil,))
    page = render_search_html(replace(report, title=evil, goal=evil, commands=(evil,)))
    assert "<script>alert" not in page
    assert "<b onclick" not in page


def test_a_hundred_points_and_long_histories_stay_below_two_megabytes(sample: SearchReport) -> None:
    steps = tuple(HistoryStep(step=at, loss=1.0, validation_accuracy=0.5, luts=10.0, beta=0.1) for at in range(2000))
    points = tuple(replace(sample.points[0], name=f"p{at}", luts=100 + at) for at in range(100))
    runs = tuple(Run(name=f"r{at}", steps=steps) for at in range(12))
    assert len(render_search_html(replace(sample, points=points, history=runs)).encode()) < 2_000_000


def test_the_terminal_shows_the_front_and_says_what_it_left_out(sample: SearchReport) -> None:
    text = render_search_terminal(sample, color=False, width=120)
    assert "\x1b" not in text
    assert all(one.name in text for one in sample.front)
    assert f"{len(sample.points) - len(sample.front)} more point" in text
    assert "on the test split of 160,000 samples" in text
    assert max(map(len, text.splitlines())) <= 120
