"""Power is an estimate that says so: parts, range, energy; it grows with what works, the clock and the toggles."""

from __future__ import annotations

import pytest

from bitwright.cost.area import Area
from bitwright.explore.power import MAGNITUDES, UNCERTAINTY, energy_pj, power_of, static_w
from bitwright.platforms import device

ZYNQ, LARGE = device("xc7z020"), device("xcvu9p")
AREA = Area(10_000, 12_000, 0, 20, 40, 0)


def test_the_sum_is_that_of_its_parts_and_the_range_is_told() -> None:
    found = power_of(AREA, ZYNQ, 100)
    assert found.total_w == pytest.approx(static_w(ZYNQ) + sum(found.dynamic_w.values()))
    assert found.range_w == (found.total_w / UNCERTAINTY, found.total_w * UNCERTAINTY)
    for word in ("estimated", "magnitudes, not measured", "static", "LUT", "uJ a frame"):
        assert word in found.text(1000)
    assert found.energy_uj(1000) == pytest.approx(1000 * found.total_w)


def test_what_switches_grows_with_clock_work_and_toggles_and_what_leaks_does_not() -> None:
    slow, fast = (power_of(AREA, ZYNQ, clock) for clock in (100, 200))
    assert fast.static_w == slow.static_w
    assert sum(fast.dynamic_w.values()) == pytest.approx(2 * sum(slow.dynamic_w.values()))
    assert power_of(AREA, ZYNQ, 100, busy=0.5).total_w < slow.total_w < power_of(AREA, ZYNQ, 100, toggle=0.5).total_w
    assert power_of(Area(), LARGE, 100).total_w == static_w(LARGE) > static_w(ZYNQ)


@pytest.mark.parametrize("name", MAGNITUDES)
def test_every_resource_takes_energy_and_says_what_it_stands_for(name: str) -> None:
    assert energy_pj(Area(**{name: 1})) > 0
    assert MAGNITUDES[name].source


def test_a_finer_process_switches_for_less() -> None:
    assert power_of(AREA, LARGE, 100).dynamic_w["luts"] < power_of(AREA, ZYNQ, 100).dynamic_w["luts"]
