"""Rooflines: roofs from the project's own kernels, points under them."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.core.errors import InvalidValue
from bitwright.cost.area import Area
from bitwright.cost.roofline import compute_roof, memory_roofs, roofline_of
from bitwright.explore import explore_graph, operations, points_of, product_area, products_of
from bitwright.ir.graph import Graph, GraphBuilder, TensorType
from bitwright.ir.graph.ops import Dense
from bitwright.numeric import Ints, Steps
from bitwright.platforms import device

PART = device("xczu3eg")


def dense() -> Graph:
    b = GraphBuilder()
    x = b.input(TensorType((16,), Ints(0), Ints(15), Steps.of(1)), "x")
    weights = Ints(np.random.default_rng(0).integers(-7, 8, (16, 8)))
    y = b.apply(Dense(weights, Ints(np.zeros(8, dtype=np.int64))), [x], step=Steps.of(1), name="y")
    return b.graph("dense", [y])


def test_fewer_bits_have_higher_roofs() -> None:
    areas = products_of(PART.fabric)
    roofs = [compute_roof(PART, 300.0, name, area).ops_s for name, area in areas.items()]
    assert roofs == sorted(roofs, reverse=True)
    assert product_area(1, 1, PART.fabric).luts < 2.5  # FINN-R's slides


def test_a_roof_is_what_fits_times_the_clock() -> None:
    roof = compute_roof(PART, 100.0, "x", Area(luts=10))
    assert (roof.ops_s, roof.bound) == (2 * PART.usable.luts / 10 * 1e8, "luts")
    assert compute_roof(PART, 100.0, "x", Area(luts=1, dsps=1)).bound == "dsps"
    with pytest.raises(InvalidValue, match="takes nothing"):
        compute_roof(PART, 100.0, "x", Area())


def test_memories_bound_what_is_attainable() -> None:
    line = roofline_of(PART, 200.0, {"W1A1": Area(luts=2)}, bandwidth_gb_s=4.0)
    assert line.attainable("W1A1", "external memory", 1.0) == 4e9
    assert line.attainable("W1A1", "external memory", 1e9) == line.compute[0].ops_s
    assert [m.memory for m in memory_roofs(device("xcvu9p"), 200.0)] == ["block memory", "UltraRAM"]
    with pytest.raises(InvalidValue, match="no roof"):
        line.attainable("W9A9", "external memory", 1.0)


def test_weights_from_outside_lower_the_intensity() -> None:
    graph = dense()
    assert operations(graph) == 2 * 16 * 8
    inside, outside = points_of(graph, explore_graph(graph, PART, clock_mhz=200.0))
    assert inside.intensity > outside.intensity
    assert inside.ops_s == outside.ops_s > 0
