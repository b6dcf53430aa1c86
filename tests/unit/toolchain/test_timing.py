"""nextpnr's report as records: clocks, slack, the slowest path, and what is taken of the chip."""

from __future__ import annotations

import json

import pytest

from bitwright.core.errors import ToolFailed
from bitwright.toolchain.timing import Step, read_timing


def path(start: str, end: str, *delays: float) -> dict[str, object]:
    steps = [{"delay": d, "type": "logic", "to": {"cell": f"c{k}"}, "net": f"n{k}"} for k, d in enumerate(delays)]
    return {"from": start, "to": end, "path": steps}


def report(**clocks: float) -> str:
    paths = [
        path("posedge clk", "posedge clk", 1.0, 2.0),
        path("posedge clk", "posedge clk", 1.5, 3.0),
        path("<async>", "posedge clk", 50.0),
        path("posedge $glbnet$other", "posedge clk", 60.0),
        path("posedge $glbnet$other", "posedge $glbnet$other", 0.5),
    ]
    told = {name: {"achieved": mhz, "constraint": 50.0} for name, mhz in clocks.items()}
    used = {"LUT4": {"used": 7, "available": 100}, "DSP": {"used": 0, "available": 4}}
    return json.dumps({"fmax": told, "critical_paths": paths, "utilization": used})


def test_slack_is_what_is_left_of_the_period_that_was_asked_for() -> None:
    found = read_timing(report(clk=40.0))
    (clock,) = found.clocks
    assert clock.slack_ns == pytest.approx(20.0 - 25.0)
    assert not clock.met
    assert not found.met
    assert read_timing(report(clk=50.0)).met


def test_the_path_is_the_slowest_between_two_edges_of_the_clock() -> None:
    (clock,) = read_timing(report(clk=100.0)).clocks
    assert clock.path == (Step(1.5, "logic", "c0", "n0"), Step(3.0, "logic", "c1", "n1"))


def test_the_slowest_clock_has_the_least_slack_and_global_nets_lose_their_mark() -> None:
    found = read_timing(report(**{"clk": 100.0, "$glbnet$other": 45.0}))
    assert [c.name for c in found.clocks] == ["clk", "other"]
    assert found.slowest.name == "other"
    assert found.slowest.path == (Step(0.5, "logic", "c0", "n0"),)


def test_only_what_is_used_is_told() -> None:
    assert read_timing(report(clk=100.0)).used == {"LUT4": (7, 100)}


@pytest.mark.parametrize("text", ["", "{}", '{"fmax": {}, "utilization": {}}', '{"fmax": {"c": {}}}'])
def test_a_report_that_says_nothing_is_an_error_of_the_tool(text: str) -> None:
    with pytest.raises(ToolFailed, match="nextpnr"):
        read_timing(text)
