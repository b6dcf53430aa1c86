"""Where the functions of many phases change: found at once, as each phase alone shows it."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from bitwright.ir.netlist import Word
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Table, Thresholds

maps = importlib.import_module("bitwright.passes.streaming.maps")


def rounding(draw: np.random.Generator, reach: int, levels: int) -> ShiftRoundSaturate:
    """Rows that rise and fall, some of which see no step."""
    mul = draw.integers(-5, 6, 6)
    shift = np.full(6, max((5 * reach // levels).bit_length(), 1))
    add, low = draw.integers(-reach, reach, 6), draw.integers(-4, 1, 6)
    parts = [Ints(n) for n in (mul, add, shift, low, low + levels)]
    return ShiftRoundSaturate(parts[0], parts[1], parts[2], Rounding.HALF_EVEN, parts[3], parts[4])


def wanted(told: maps.LaneMap, word: Word) -> tuple[list[list[int]], list[list[int]]]:
    codes = np.arange(word.low, word.high + 1)
    images = [told.values(codes, phase) for phase in range(told.phases)]
    at = [np.flatnonzero(np.diff(image)) + 1 for image in images]
    values = [image[np.concatenate(([0], a))].tolist() for image, a in zip(images, at, strict=True)]
    return [(a + word.low).tolist() for a in at], values


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("reach", "levels"), [(60, 7), (60, 40), (3000, 9), (3000, 40), (90_000, 15)])
def test_steps_of_all_phases_are_those_of_each(
    monkeypatch: pytest.MonkeyPatch, seed: int, reach: int, levels: int
) -> None:
    monkeypatch.setattr(maps, "_MOST_CODES", 20_000)
    draw = np.random.default_rng(seed)
    phases = 13
    rows, bias = (tuple(draw.integers(*ends, phases).tolist()) for ends in ((0, 6), (-9, 10)))
    word = Word(-reach, reach + 3)
    told = maps.LaneMap(rounding(draw, reach, levels), rows, int(draw.choice([-2, 1, 3])), bias)
    assert maps._stairs(told, word, 1000) == (wanted(told, word) if reach < 90_000 or levels <= 16 else None)
    most = max(map(len, wanted(told, word)[0]))
    assert maps._stairs(told, word, most) is not None
    assert maps._stairs(told, word, most - 1) is None


@pytest.mark.parametrize("gain", [-3, 1, 2])
def test_thresholds_and_tables_too(gain: int) -> None:
    draw = np.random.default_rng(gain + 5)
    word, phases = Word(-40, 41), 7
    rows, bias = tuple(draw.integers(0, 3, phases).tolist()), tuple(draw.integers(-9, 10, phases).tolist())
    steps = Thresholds(Ints(np.sort(draw.integers(-150, 150, (3, 5)), axis=1)), Ints(np.tile(np.arange(6) % 4, (3, 1))))
    table = Table(Ints([-150, -140, -200]), Ints(draw.integers(0, 2, (3, 400)).repeat(3, axis=1)[:, :400]))
    for form in (steps, table):
        told = maps.LaneMap(form, rows, gain, bias)
        found, expected = maps._stairs(told, word, 1000), wanted(told, word)
        assert found is not None
        for own, (at, values) in enumerate(zip(*found, strict=True)):
            full = np.repeat(values, np.diff([word.low, *at, word.high + 1]))
            assert full.tolist() == told.values(np.arange(word.low, word.high + 1), own).tolist()
            assert set(expected[0][own]) <= set(at)
