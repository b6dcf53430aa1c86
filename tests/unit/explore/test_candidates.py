"""Candidates of unrolled layers: what is built of them and what they take."""

from __future__ import annotations

import importlib
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from bitwright.cost.area import Area
from bitwright.explore.candidates import layer_area, stages_of
from bitwright.ir.graph import GraphBuilder, TensorType
from bitwright.ir.graph.ops import Add, Conv, Dense, Map, MaxPool
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps, Thresholds
from bitwright.passes.streaming import Folding, Kernel
from bitwright.platforms import device

alone = importlib.import_module("bitwright.explore.alone")
candidates = importlib.import_module("bitwright.explore.candidates")


def test_a_layer_with_a_step_for_each_channel_is_sampled_by_columns() -> None:
    """A sum of many weights is placed with some of its columns; the steps of the others go with these."""
    rng = np.random.default_rng(0)
    builder = GraphBuilder()
    x = builder.input(TensorType((6, 6, 16), Ints(-8), Ints(7), Steps.of(1)), "x")
    weights, steps = rng.integers(-3, 4, (3, 3, 16, 16)), [Fraction(1 + n % 3, 8) for n in range(16)]
    op = Conv(Ints(weights), Ints(np.zeros(16, dtype=np.int64)), (1, 1), ((0, 0), (0, 0)), (1, 1))
    y = builder.apply(op, [x], step=Steps(steps, (16,)), name="conv")
    stages, _ = stages_of(builder.graph("net", [y]), device("xcvu9p"), 200.0)
    found = [c for s in stages for c in s.candidates if c.folding.kernel is Kernel.UNROLLED]
    assert found
    assert found[0].area.luts > 0


def test_samples_of_unrolled_layers_are_as_large_as_the_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    """With functions that differ from channel to channel behind them, at once and in turns; digits are cut once."""
    rng = np.random.default_rng(1)
    builder, one = GraphBuilder(), Steps.of(1)
    x = builder.input(TensorType((32,), Ints(0), Ints(15), one), "x")
    y = builder.apply(Dense(Ints(rng.integers(-3, 4, (32, 64))), Ints(np.zeros(64, dtype=np.int64))), [x], step=one)
    steps = Thresholds(Ints(np.sort(rng.integers(-40, 41, (64, 3)), axis=1)), Ints(np.tile(np.arange(4), (64, 1))))
    y = builder.apply(Map(steps, Ints(np.arange(64))), [y], step=one)
    graph = builder.graph("net", [y])

    def luts(weights: int) -> dict[int, float]:
        for name in ("_SAMPLE", "_LEAST_SAMPLE"):
            monkeypatch.setattr(candidates, name, weights)
        stages, _ = stages_of(graph, device("xczu7ev"), 100.0)
        found = [c for s in stages for c in s.candidates if c.folding.kernel is Kernel.UNROLLED]
        return {c.folding.digits: c.area.luts for c in found}

    whole, sampled = luts(2048), luts(512)
    assert sorted(whole) == [1, 2, 4]
    assert all(abs(sampled[n] / whole[n] - 1) < 0.12 for n in whole), (sampled, whole)


def test_no_folding_is_looked_at_twice() -> None:
    """Shares of narrow words that are cut to the same whole blocks are one candidate."""
    rng = np.random.default_rng(2)
    builder, one = GraphBuilder(), Steps.of(1)
    x = builder.input(TensorType((256,), Ints(0), Ints(15), one), "x")
    op = Dense(Ints(rng.integers(-3, 4, (256, 64))), Ints(np.zeros(64, dtype=np.int64)))
    y = builder.apply(op, [x], step=one, name="dense")
    stages, _ = stages_of(builder.graph("net", [y]), device("xczu7ev"), 100.0)
    told = [c.folding for c in stages[-1].candidates]
    assert any(f.spilled for f in told)
    assert len(set(told)) == len(told)


def test_layers_alike_are_priced_by_one_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of one form and as many signed digits; a third of half the digits has its own. Areas stay what they were."""
    rng = np.random.default_rng(4)
    builder, one = GraphBuilder(), Steps.of(1)
    x = builder.input(TensorType((64,), Ints(0), Ints(15), one), "x")
    weights = [rng.integers(-3, 4, (64, 64)) for _ in range(3)]
    weights[2] *= rng.random((64, 64)) < 0.5
    told = [Dense(Ints(w), Ints(np.zeros(64, dtype=np.int64))) for w in weights]
    graph = builder.graph("net", [builder.apply(op, [x], step=one) for op in told])
    placed: list[int] = []
    place = alone.Alone.placed

    def counted(self: Any, *args: Any) -> Any:
        placed.append(len(args))
        return place(self, *args)

    monkeypatch.setattr(alone.Alone, "placed", counted)

    def luts(alike: float) -> list[float]:
        monkeypatch.setattr(candidates, "_ALIKE", alike)
        stages, _ = stages_of(graph, device("xczu7ev"), 100.0)
        return [c.area.luts for s in stages for c in s.candidates if c.folding.kernel is Kernel.UNROLLED]

    apart, of_all = luts(-1.0), len(placed)
    shared = luts(0.1)
    assert len(placed) - of_all == of_all - len(apart) // 3, "one of three layers is not built"
    assert shared[: len(apart) // 3] == apart[: len(apart) // 3], "the first is its own sample"
    assert all(abs(a / b - 1) < 0.1 for a, b in zip(shared, apart, strict=True)), (shared, apart)


def test_maps_of_another_kind_are_no_likeness() -> None:
    """A layer behind whose sums a shift stands and one with products there are each priced by itself, in any order."""
    rng = np.random.default_rng(6)
    weights = Ints(rng.integers(-3, 4, (32, 64)))
    shifts = [Ints(np.full(64, n)) for n in (1, 0, 4, -8, 7)]
    products = [Ints(rng.integers(20_000, 32_000, 64)), *(Ints(np.full(64, n)) for n in (0, 19, -8, 7))]

    def luts(order: list[int]) -> dict[int, list[float]]:
        builder, one, made = GraphBuilder(), Steps.of(1), list[int]()
        x = builder.input(TensorType((32,), Ints(0), Ints(15), one), "x")
        for kind in order:
            mul, add, shift, low, high = (shifts, products)[kind]
            form = ShiftRoundSaturate(mul, add, shift, (Rounding.FLOOR, Rounding.HALF_EVEN)[kind], low, high)
            y = builder.apply(Dense(weights, Ints([0] * 64)), [x], step=one, name=f"sum_{kind}")
            made.append(builder.apply(Map(form, Ints(np.arange(64))), [y], step=one, name=f"map_{kind}"))
        stages, _ = stages_of(builder.graph("net", made), device("xczu7ev"), 100.0)
        return {
            kind: [c.area.luts for c in stages[1 + at].candidates if c.folding.kernel is Kernel.UNROLLED]
            for at, kind in enumerate(order)
        }

    both = luts([0, 1])
    assert both == luts([1, 0]) == luts([0]) | luts([1])
    assert both[1][0] > 1.3 * both[0][0]


def depthwise(builder: GraphBuilder, x: int, channels: int) -> int:
    rng = np.random.default_rng(5)
    weights, bias = Ints(rng.integers(-7, 8, (3, 3, 1, channels))), Ints(rng.integers(-9, 10, channels))
    op = Conv(weights, bias, (1, 1), ((0, 0), (0, 0)), (1, 1), channels)
    return builder.apply(op, [x], step=Steps.of(1), name="layer")


def pooled(builder: GraphBuilder, x: int, channels: int) -> int:
    return builder.apply(MaxPool((2, 2), (2, 2), ((0, 0), (0, 0))), [x], step=Steps.of(1), name="layer")


def added(builder: GraphBuilder, x: int, channels: int) -> int:
    other = builder.input(builder.type(x), "other")
    return builder.apply(Add(), [x, other], step=Steps.of(1), name="layer")


def mapped(builder: GraphBuilder, x: int, channels: int) -> int:
    return x


@pytest.mark.parametrize(
    ("layer", "channels", "lanes"),
    [
        *((depthwise, 64, n) for n in (8, 16, 32, 64)), *((depthwise, n, n) for n in (11, 19)),
        (mapped, 17, 17), (mapped, 64, 32), (mapped, 3, 24), (mapped, 5, 40), (mapped, 32, 64),
        (added, 32, 32), (added, 22, 22), (added, 3, 24), (added, 32, 64), (pooled, 17, 17), (pooled, 64, 16),
    ],
)  # fmt: skip
def test_wide_words_take_what_they_take_when_all_of_them_is_built(
    monkeypatch: pytest.MonkeyPatch, layer: Any, channels: int, lanes: int
) -> None:
    """Lanes look up less the fewer channels each of them meets; in words of several pixels each meets one."""
    rng = np.random.default_rng(5)
    builder, one = GraphBuilder(), Steps.of(1)
    x = builder.input(TensorType((8, 8, channels), Ints(0), Ints(15), one), "x")
    y = layer(builder, x, channels)
    levels = np.sort(rng.integers(*((-40, 41) if layer is depthwise else (0, 16)), (channels, 3)), axis=1)
    steps = Thresholds(Ints(levels), Ints(np.tile(np.arange(4), (channels, 1))))
    graph = builder.graph("net", [builder.apply(Map(steps, Ints(np.arange(channels))), [y], step=one, name="map")])
    name = "map" if layer is mapped else "layer"

    def area() -> Area:
        return layer_area(graph, name, Folding(lanes), device("xczu7ev"), 100.0)

    some = area()
    for most in ("_WIDEST", "_SOME", "_FEW"):
        monkeypatch.setattr(alone, most, 1000)
    if lanes > channels:  # a whole layer has no words of several pixels: so many maps beside each other
        whole = layer_area(graph, name, Folding(channels), device("xczu7ev"), 100.0).times(lanes / channels)
    else:
        whole = area()
    assert some.luts == pytest.approx(whole.luts, rel=0.25, abs=12)
    assert some.ffs == pytest.approx(whole.ffs, rel=0.25, abs=12)
