"""Predicted area of engines: parts, and what they go with. The figures of yosys 0.23 for xc7 stand beside them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.engine_graphs import constants, grouped, perceptron, residual

from bitwright.cost.engines import engine_area, engine_parts, engine_sizes
from bitwright.ir import engine as engines
from bitwright.ir.engine import Engine, External
from bitwright.ir.graph import Graph
from bitwright.passes.engine import ScheduleEngine
from bitwright.platforms import device

ZYNQ = device("xc7z020")


def scheduled(graph: Graph, lanes: int, external: External | None = None, buffer: int = 0, features: int = 0) -> Engine:
    return engines.check(ScheduleEngine(ZYNQ, 100.0, lanes, external, buffer, features)(graph))


@pytest.mark.parametrize(
    ("make", "lanes", "external", "buffer", "features", "counted"),
    [
        (perceptron, 8, None, 0, 0, (989, 496, 0, 0)),
        (residual, 4, None, 0, 0, (1135, 587, 4, 3)),
        (residual, 6, External(), 18, 0, (2142, 1040, 6, 1)),
        (residual, 8, External(64, 4, 4, 20), 0, 110, (3058, 1294, 8, 2)),
        (constants, 4, None, 0, 0, (1018, 536, 3, 6)),
    ],
)
def test_area_is_near_what_yosys_counted(
    make: Callable[[], Graph], lanes: int, external: External | None, buffer: int, features: int,
    counted: tuple[int, int, int, int],
) -> None:  # fmt: skip
    found = engine_area(scheduled(make(), lanes, external, buffer, features), ZYNQ.fabric)
    assert found.luts == pytest.approx(counted[0], rel=0.12)
    assert found.ffs == pytest.approx(counted[1], rel=0.12)
    assert (round(found.dsps), round(found.bram18s)) == counted[2:]


def test_lanes_that_nothing_fills_cost_nothing_where_weights_are_constants() -> None:
    """Six channels lie in words of three, whatever there is room for."""
    few, many = (engine_area(scheduled(constants(), lanes), ZYNQ.fabric) for lanes in (3, 4))
    assert many.luts == pytest.approx(few.luts, rel=0.1)


def test_external_memory_is_paid_for() -> None:
    inside, outside, maps = (
        engine_parts(engine_sizes(scheduled(grouped(), 3, *told)), ZYNQ.fabric)["glue"]
        for told in ((), (External(), 40), (External(), 40, 204))
    )
    assert inside.luts < outside.luts < maps.luts
    assert inside.ffs < outside.ffs < maps.ffs
