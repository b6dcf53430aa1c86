"""Convolutions of many groups: taken together, and as each group alone."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from bitwright.ir.graph.ops import Conv
from bitwright.numeric import Ints

kernels = importlib.import_module("bitwright.ir.graph.kernels")


@pytest.mark.parametrize("most", [1, 500, 1 << 22])
@pytest.mark.parametrize(
    ("groups", "per_group", "each", "reach"), [(1, 6, 4, 9), (6, 1, 1, 9), (6, 1, 3, 1 << 20), (3, 2, 2, 1 << 40)]
)
def test_groups_are_convolutions_side_by_side(
    monkeypatch: pytest.MonkeyPatch, most: int, groups: int, per_group: int, each: int, reach: int
) -> None:
    """With sums that float32 holds, that float64 holds, and that neither does; in pieces as at once."""
    monkeypatch.setattr(kernels, "_MOST_COLUMNS", most)
    rng = np.random.default_rng(groups)
    x = rng.integers(-100, 101, (2, 5, 6, groups * per_group))
    weights = rng.integers(-reach, reach + 1, (3, 2, per_group, groups * each))
    op = Conv(Ints(weights), Ints([0] * groups * each), (2, 1), ((1, 0), (0, 2)), (1, 2), groups)
    padded = np.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)))
    wanted = np.zeros((2, 2, 6, groups * each), dtype=np.int64)
    for (row, column), _ in np.ndenumerate(wanted[0, ..., 0]):
        taken = padded[:, 2 * row : 2 * row + 3, column : column + 3 : 2]
        for filter in range(groups * each):
            own = taken[..., filter // each * per_group : (filter // each + 1) * per_group]
            wanted[:, row, column, filter] = (own * weights[..., filter]).sum(axis=(1, 2, 3))
    assert (kernels.conv(op, x, weights) == wanted).all()
