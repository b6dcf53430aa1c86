"""`explore_report`: the page and its record tell the plans that exploration finds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import Unsupported
from bitwright.explore import operations
from bitwright.flow.exploration_report import explore_record
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Dense
from bitwright.numeric import Ints, Steps
from bitwright.platforms import board
from bitwright.report import read_explore


def network() -> Graph:
    """Two dense layers, unequal in size."""
    draw, b = np.random.default_rng(3), GraphBuilder()
    x = b.input(TensorType((16,), Ints(-8), Ints(7), Steps.of(1)), "x")
    for name, width in (("wide", 12), ("narrow", 4)):
        weights = Ints(draw.integers(-3, 4, (b.type(x).shape[-1], width)))
        x = b.apply(Dense(weights, Ints(np.zeros(width, dtype=np.int64))), [x], step=Steps.of(1), name=name)
    return b.graph("two", [x])


def test_the_page_is_written_beside_a_record_of_the_front(tmp_path: Path) -> None:
    graph, parts = network(), ["xc7z020", "xczu3eg"]
    page = bw.explore_report(graph, parts, folder=tmp_path / "deep", clocks_mhz=[100.0], points=2)
    record = read_explore(page.parent / "report.json")
    front = bw.explore_front(graph, parts, [100.0], points=2)
    assert {(p.device, p.initiation_cycles, p.luts) for p in record.plans} == {
        (p.device, p.initiation_cycles, p.area.luts) for p in front
    }
    assert record.chosen is not None
    assert record.chosen.fps == front[0].fps == bw.explore(graph, parts, clock_mhz=100.0).fps
    assert max(layer.cycles for layer in record.layers) == record.chosen.initiation_cycles
    foldings = json.loads((page.parent / "foldings.json").read_text())
    assert [layer.name for layer in record.layers] == list(foldings)
    assert all(foldings[layer.name]["SIMD"] == layer.simd for layer in record.layers)
    assert "frames/s on" in page.read_text()


def test_rooflines_have_the_networks_points_and_the_boards_bandwidth(tmp_path: Path) -> None:
    graph = network()
    page = bw.explore_report(graph, "xczu3eg", folder=tmp_path, clocks_mhz=[200.0], points=1)
    (line,) = read_explore(page.parent / "report.json").rooflines
    record = read_explore(page.parent / "report.json")
    assert record.chosen is not None
    assert record.operations == operations(graph) == 2 * (16 * 12 + 12 * 4)
    assert [point.ops_s for point in line.points] == pytest.approx([record.operations * record.chosen.fps] * 2)
    speeds = {memory.memory: memory.bytes_s for memory in line.memories}
    assert speeds["external memory"] >= board("ultra96").bandwidth_gb_s * 1e9 > 0


def test_a_target_chooses_the_least_area_and_joins_the_front(tmp_path: Path) -> None:
    page = bw.explore_report(network(), "xc7z020", folder=tmp_path, clocks_mhz=[100.0], target_fps=2e6, points=1)
    record = read_explore(page.parent / "report.json")
    assert record.chosen is not None
    assert record.chosen.fps >= 2e6
    assert record.chosen.luts == bw.explore(network(), "xc7z020", clock_mhz=100.0, target_fps=2e6).area.luts
    assert record.goal == "the least area at 2,000,000 frames/s or more"
    assert sum(one.chosen for one in record.plans) == 1


def test_equal_explorations_give_equal_records() -> None:
    graph = network()
    plan = bw.explore(graph, "xc7z020", clock_mhz=100.0)
    first, second = (explore_record(graph, plan, created="2026-11-21") for _ in range(2))
    assert first == second
    assert explore_record(graph, plan, bandwidth_gb_s=3.0).rooflines[0].memories[-1].bytes_s == 3e9


def test_what_fits_nowhere_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="does not fit"):
        bw.explore_report(network(), "xc7z020", folder=tmp_path / "none", budget={"luts": 10})
    assert not (tmp_path / "none").exists()
