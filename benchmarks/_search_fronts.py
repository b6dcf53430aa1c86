"""Fronts of LUTs and test accuracy, chosen on validation, and what lies between their points."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

__all__ = ["luts_at", "ratios_at", "unbeaten"]

Point = tuple[float, float]


def luts_at(points: list[Point], accuracy: float) -> float | None:
    """LUTs of a front (luts, accuracy) at `accuracy`, linear in log LUTs; None outside it."""
    rising = sorted(points, key=lambda point: point[1])
    luts, reached = np.array([p[0] for p in rising]), np.array([p[1] for p in rising])
    if not reached[0] <= accuracy <= reached[-1]:
        return None
    return float(np.exp(np.interp(accuracy, reached, np.log(luts))))


def unbeaten(rows: Iterable[dict[str, Any]], families: tuple[str, ...], seed: int) -> list[Point]:
    """The front of these families, chosen on validation: (LUTs, test accuracy) by rising LUTs.

    A design without LUTs, of a network that became a constant, is left out: it lies nowhere on a logarithmic scale.
    """
    mine = [row for row in rows if row["family"] in families and row["seed"] == seed and _luts(row)]
    kept: list[dict[str, Any]] = []
    for row in sorted(mine, key=_luts):
        if not kept or row["validation %"] > kept[-1]["validation %"]:
            kept.append(row)
    return [(_luts(row), row["test %"] / 100) for row in kept]


def ratios_at(accuracies: Iterable[float], mine: list[Point], theirs: list[Point]) -> list[float]:
    """LUTs over the other's at each accuracy that lies inside both fronts."""
    if not mine or not theirs:
        return []
    pairs = [(luts_at(mine, accuracy), luts_at(theirs, accuracy)) for accuracy in accuracies]
    return [ours / other for ours, other in pairs if ours and other]


def _luts(row: dict[str, Any]) -> float:
    """As yosys counts them, or as the compiler does where it was not asked."""
    return row["LUT"] if row["yosys LUT"] is None else row["yosys LUT"]
