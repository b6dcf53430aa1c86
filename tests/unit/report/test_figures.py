"""The figures' geometry: every mark lies inside its plot and means its number."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bitwright.report import CostRow, LayerRow, ScheduleRow
from bitwright.report.certificate import sections
from bitwright.report.figures import (
    SignedLog,
    bits_figure,
    cost_figure,
    linear_ticks,
    luts_figure,
    ranges_figure,
    schedule_figure,
)

REALS = st.floats(-1e6, 1e6, allow_subnormal=False).filter(lambda v: v == 0 or abs(v) > 1e-6)


def ranged(low: float, high: float, format_low: float, format_high: float) -> LayerRow:
    return LayerRow(
        name="a", kind="k", value_low=low, value_high=high, format_low=format_low, format_high=format_high
    )


def test_a_bar_of_mean_bits_ends_where_the_axis_says_so() -> None:
    figure = bits_figure(
        [LayerRow(name="a", kind="k", weight_bits=((4, 3), (8, 1)), activation_bits=((2, 1),))]
    )
    weights, activations = figure.rows[0].bars
    assert (weights.end, weights.cap) == (100 * 5 / 8, 100.0)
    assert (activations.end, activations.cap) == (25.0, None)
    assert {tick.label: tick.at for tick in figure.ticks}["4"] == 50.0


def test_layers_without_bits_have_no_row() -> None:
    assert bits_figure([LayerRow(name="a", kind="k")]).rows == ()


def test_shares_of_luts_are_of_their_sum() -> None:
    layers = [
        LayerRow(name=name, kind="k", luts_predicted=luts) for name, luts in (("a", 30), ("b", 10), ("c", 0))
    ]
    rows = luts_figure(layers).rows
    assert [row.remark for row in rows] == ["75 %", "25 %", "0 %"]
    assert [row.bars[0].end for row in rows] == [100.0, pytest.approx(100 / 3), 0.0]


def test_predicted_and_synthesized_share_one_scale() -> None:
    rows = cost_figure([CostRow(quantity="LUT", predicted=50, synthesized=100), CostRow(quantity="DSP")]).rows
    assert [bar.end for bar in rows[0].bars] == [50.0, 100.0]
    assert rows[0].remark == "−50.0 %"
    assert rows[1].bars == ()


def test_a_cost_of_zeros_draws_nothing_and_divides_by_nothing() -> None:
    figure = cost_figure([CostRow(quantity="DSP", predicted=0, synthesized=0)])
    assert [bar.end for bar in figure.rows[0].bars] == [0.0, 0.0]
    assert figure.rows[0].remark == "–"


@given(st.tuples(REALS, REALS, REALS, REALS))
def test_ranges_stay_inside_the_plot_in_order(edges: tuple[float, float, float, float]) -> None:
    low, format_low, format_high, high = sorted(edges)
    figure = ranges_figure([ranged(low, high, format_low, format_high)])
    for bar in figure.rows[0].bars:
        assert -1e-6 <= bar.start <= bar.end <= 100 + 1e-6
    assert any(tick.label == "0" for tick in figure.ticks)


@given(st.lists(REALS, min_size=1, max_size=6))
def test_ticks_of_the_range_axis_are_few_and_rise(edges: list[float]) -> None:
    ticks = SignedLog.over(edges).ticks()
    positions = [tick.at for tick in ticks]
    assert positions == sorted(set(positions))
    assert len(ticks) <= 11


def test_the_range_axis_puts_zero_in_the_middle_of_a_symmetric_range() -> None:
    axis = SignedLog.over([-8.0, 8.0])
    assert axis.at(0.0) == 50.0
    assert [tick.label for tick in axis.ticks()] == ["−8", "−4", "0", "4", "8"]


@given(st.integers(0, 10**7))
def test_linear_ticks_start_at_zero_and_stay_on_the_axis(top: int) -> None:
    ticks = linear_ticks(top)
    assert ticks[0].at == 0.0
    assert all(tick.at <= 100 + 1e-9 for tick in ticks)
    assert len(ticks) <= 7


def test_a_certificate_becomes_facts_and_tables() -> None:
    tree = {
        "exact": True,
        "limit": 4096,
        "layers": {"fc1": {"low": -3, "why": "x" * 500}},
        "tools": {"yosys": {"v": [1]}},
    }
    facts, layers, tools = sections(tree)
    assert facts.rows == (("exact", "yes"), ("limit", "4,096"))
    assert layers.header == ("name", "low", "why")
    assert layers.rows[0][:2] == ("fc1", "-3")
    assert len(layers.rows[0][2]) < 200
    assert tools.rows == (("yosys", "[1]"),)


def test_mixed_lists_are_flattened_by_path() -> None:
    (section,) = sections({"mixed": [1, {"a": 2}]})
    assert section.rows == (("[0]", "1"), ("[1].a", "2"))


def test_a_long_table_is_cut_and_says_by_how_much() -> None:
    (section,) = sections({"list": [{"a": at} for at in range(450)]})
    assert (len(section.rows), section.left_out) == (200, 250)


def test_the_schedule_places_actors_by_their_cycles_and_tells_their_busy_share() -> None:
    rows = [
        ScheduleRow(name="conv", first_cycle=0, last_cycle=300, busy=1.0),
        ScheduleRow(name="pool", first_cycle=100, last_cycle=400, busy=0.25),
    ]
    figure = schedule_figure(rows)
    assert [(row.bars[0].start, row.bars[0].end) for row in figure.rows] == [(0, 75), (25, 100)]
    assert [row.text for row in figure.rows] == ["100% busy", "25% busy"]
    assert figure.table[1] == ("pool", "100", "400", "25.0%")
    assert not schedule_figure([]).rows
