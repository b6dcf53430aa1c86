"""The report of an exploration: its record survives, its figures mean their numbers, its page is complete and safe."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from math import log
from pathlib import Path

import pytest

from bitwright.core.errors import InvalidValue, ParseError
from bitwright.cost.roofline import ComputeRoof, MemoryRoof, Point, Roofline
from bitwright.report import (
    BindingRow,
    ExploreReport,
    LayerChoice,
    PlanRow,
    explore_from_json,
    explore_to_json,
    read_explore,
    render_explore_html,
    write_explore,
)
from bitwright.report.explore_figures import binding_figure, cycles_figure, front_chart, roofline_chart
from bitwright.report.explore_html import binding_words, explore_verdict


def plan(device: str, cycles: int, share: float | None, **more: object) -> PlanRow:
    told = {"luts": 37240 * (share or 0), "lut_share": share, "fps": 1e8 / cycles, "proved": True} | more
    return PlanRow(device=device, clock_mhz=100.0, initiation_cycles=cycles, **told)  # type: ignore[arg-type]


PLANS = (plan("xc7z020", 100, 0.4, chosen=True, power_w=0.2), plan("xc7z020", 400, 0.1), plan("xczu3eg", 1600, 0.05))
LAYERS = (
    LayerChoice(name="conv", simd=4, pe=2, kernel="folded", memory="block", cycles=100, luts=800.0, bram18s=3.0),
    LayerChoice(name="dense", simd=1, pe=1, kernel="unrolled", memory="lut", cycles=25, luts=90.0),
)
BINDING = BindingRow(
    layers=("conv",), shares={"luts": 0.4, "bram18s": 0.02}, next_cycles=50, resource="luts", missing=1.3
)
LINE = Roofline(
    "xc7z020", 100.0, (ComputeRoof("W1A1", 1e12, "luts"), ComputeRoof("W8A8", 1e10, "dsps")),
    (MemoryRoof("block memory", 1e11), MemoryRoof("external memory", 1e9)),
    (
        Point("net, weights on the chip", "external memory", 100.0, 1e9),
        Point("net, weights from outside", "external memory", 2.0, 1e9),
    ),
)  # fmt: skip
SAMPLE = ExploreReport(
    title="net: exploration", network="net", goal="the highest pace that fits", operations=5000, plans=PLANS,
    layers=LAYERS, binding=BINDING, rooflines=(LINE,), commands=("bitwright explore net.keras",), notes=("a note",),
)  # fmt: skip


def ends(line: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in line.split())]


def test_an_exploration_survives_its_json_unchanged(tmp_path: Path) -> None:
    assert explore_from_json(explore_to_json(SAMPLE)) == SAMPLE
    assert read_explore(write_explore(SAMPLE, tmp_path / "deep" / "report.json")) == SAMPLE
    empty = ExploreReport(title="t")
    assert explore_from_json(explore_to_json(empty)) == empty


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"schema": 1', '"schema": 2', "schema 2 is not 1"),
        ('"plans"', '"planes"', "unknown field 'planes'"),
        ('"simd": 4', '"simd": "4"', "layers\\[0\\].simd"),
        ('"bound": "luts"', '"bond": "luts"', r"rooflines\[0\].compute\[0\]"),
    ],
)
def test_a_broken_exploration_is_refused_by_field(old: str, new: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        explore_from_json(explore_to_json(SAMPLE).replace(old, new, 1))


def test_a_pace_that_is_no_number_cannot_be_written() -> None:
    with pytest.raises(InvalidValue, match=r"plans\[0\].fps"):
        explore_to_json(replace(SAMPLE, plans=(replace(PLANS[0], fps=float("nan")),)))


def test_plans_lie_by_ratios_with_a_line_a_device() -> None:
    chart = front_chart(PLANS)
    assert chart is not None
    fast, middle, slow = chart.marks
    assert fast.x > middle.x > slow.x
    assert fast.y < middle.y < slow.y
    assert (fast.y - middle.y) == pytest.approx(middle.y - slow.y)  # both a factor of four
    assert (fast.x - middle.x) / (middle.x - slow.x) == pytest.approx(log(4) / log(2))
    assert [line.name for line in chart.lines] == ["xc7z020 at 100 MHz"]
    assert [label.text for label in chart.labels] == ["chosen"]
    assert (chart.labels[0].x, chart.labels[0].y) == (fast.x, fast.y)
    assert len({mark.series for mark in chart.marks}) == len(chart.series) == 2


def test_unproved_plans_are_hollow_and_without_shares_nothing_is_drawn() -> None:
    chart = front_chart((replace(PLANS[0], proved=False, gap=0.1), PLANS[1]))
    assert chart is not None
    assert [mark.hollow for mark in chart.marks] == [True, False]
    assert "within 10.0% of the best" in chart.marks[0].tip
    assert front_chart((plan("xc7z020", 100, None),)) is None
    assert front_chart(()) is None


def test_slopes_and_roofs_meet_at_their_ridges() -> None:
    chart = roofline_chart(LINE)
    assert chart is not None
    lines = {line.name: ends(line.points) for line in chart.lines}
    (low, high), (left, right) = lines["block memory"], lines["W1A1"]
    assert high == left  # the fastest memory ends where the highest roof begins
    assert left[1] == right[1]
    assert right[0] == 100
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in (lines["block memory"], lines["external memory"])]
    assert slopes[0] == pytest.approx(slopes[1], rel=2e-3)
    assert low[0] >= 0
    decades = [lines["W8A8"][0][1] - left[1], chart.marks[0].y - lines["W8A8"][0][1]]
    assert decades[0] == pytest.approx(2 * decades[1], abs=0.02)  # a factor of 100, and one of 10


def test_points_stand_by_their_intensity_under_what_bounds_them() -> None:
    chart = roofline_chart(LINE)
    assert chart is not None
    inside, outside = chart.marks
    assert inside.x > outside.x
    assert inside.y == outside.y
    assert (inside.hollow, outside.hollow) == (False, True)
    below = next(label for label in chart.labels if label.text == outside.name)
    assert (below.x, below.y, below.below) == (outside.x, outside.y, True)
    roof = next(ends(line.points)[0][1] for line in chart.lines if line.name == "W8A8")
    assert inside.y > roof  # further down: less is reached than the logic could
    for mark in chart.marks:
        assert 0 < mark.x < 100
        assert 0 < mark.y < 100


def test_a_point_that_memory_cannot_feed_stands_on_its_slope_with_a_bar_to_the_plan() -> None:
    hungry = replace(LINE.points[1], ops_s=8e9)  # 2 operations a byte at 1 GB/s: 2 GOp/s are fed
    chart = roofline_chart(replace(LINE, points=(replace(LINE.points[0], ops_s=8e9), hungry)))
    assert chart is not None
    inside, outside = chart.marks
    assert (inside.low, inside.high) == (None, None)
    assert outside.high == inside.y < outside.y == outside.low
    assert "fed: 2 GOp/s at most" in outside.tip
    assert "planned: 8 GOp/s" in outside.tip
    (left, low), (right, high) = next(ends(line.points) for line in chart.lines if line.name == "external memory")
    assert outside.y == pytest.approx(low + (high - low) * (outside.x - left) / (right - left), abs=0.05)


def test_a_roofline_without_memory_or_operations_is_not_drawn() -> None:
    assert roofline_chart(replace(LINE, memories=())) is None
    assert roofline_chart(replace(LINE, points=(Point("net", "external memory", 0.0, 0.0),))) is None


def test_bars_are_as_long_as_cycles_and_the_slowest_stand_out() -> None:
    figure = cycles_figure(LAYERS)
    assert [(row.bars[0].series, row.bars[0].width) for row in figure.rows] == [("slowest", 100), ("lut", 25)]
    assert figure.table == (("conv", "100", "100.0 %"), ("dense", "25", "25.0 %"))
    assert cycles_figure(()).rows == ()


def test_what_binds_is_told_with_what_is_missing() -> None:
    assert [row.bars[0].series for row in binding_figure(BINDING).rows] == ["slowest", "lut"]
    assert [row.bars[0].end for row in binding_figure(BINDING).rows] == pytest.approx([40, 2])
    said = binding_words(BINDING)
    assert said == (
        "The pace is set by conv. The next faster pace, 50 cycles, takes 1.30 times the LUT there are at least."
    )
    assert binding_words(BindingRow()) == "Nothing is known to bind."


def test_only_a_proved_plan_is_called_the_best() -> None:
    assert explore_verdict(SAMPLE).state == "good"
    unproved = replace(SAMPLE, plans=(replace(PLANS[0], proved=False, gap=0.2),))
    assert explore_verdict(unproved).state == "open"
    assert "by 20.0 % at most" in explore_verdict(unproved).detail
    assert explore_verdict(ExploreReport(title="t")).headline == "No plan chosen"


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


@pytest.mark.parametrize("report", [SAMPLE, ExploreReport(title="empty")], ids=["sample", "empty"])
def test_every_tag_is_closed_and_no_other_address_is_named(report: ExploreReport) -> None:
    balance, page = Balance(), render_explore_html(report)
    balance.feed(page)
    assert balance.open == []
    seen = re.sub(r"<script type=.*?</script>", "", page, flags=re.S)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|src=", seen)


def test_the_page_says_its_numbers_without_script() -> None:
    page = re.sub(r"<script.*?</script>", "", render_explore_html(SAMPLE), flags=re.S)
    for said in (
        "1,000,000 frames/s on xc7z020 at 100 MHz", "40.0 %", "1.30 times the LUT", "Roofline: xc7z020 at 100 MHz",
        "W1A1, 1 TOp/s, by LUTs", "net, weights from outside", "external memory, 1 GB/s", "sets the pace", "a note",
        "5 <span>GOp/s", SAMPLE.commands[0],
    ):  # fmt: skip
        assert said in page, said
    for one in PLANS:
        assert page.count(f'data-layer="{one.name}"') == 2


def test_names_in_an_exploration_cannot_become_markup() -> None:
    evil = "</script><script>alert(1)</script><b onclick='x'>"
    line = replace(LINE, device=evil, points=(replace(LINE.points[0], name=evil),))
    layers = (replace(LAYERS[0], name=evil, kernel=evil, memory=evil),)
    plans = (replace(PLANS[0], device=evil),)
    binding = BindingRow(layers=(evil,), shares={evil: 0.5}, next_cycles=1, resource=evil)
    page = render_explore_html(
        replace(
            SAMPLE, title=evil, network=evil, goal=evil, plans=plans, layers=layers, binding=binding, rooflines=(line,),
            commands=(evil,), notes=(evil,), versions={evil: evil},
        )
    )  # fmt: skip
    assert "<script>alert" not in page
    assert "<b onclick" not in page
