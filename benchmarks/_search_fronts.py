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
    """The front of these families, chosen on validation: (LUTs, test accuracy) by rising LUTs."""
    mine = [row for row in rows if row["family"] in families and row["seed"] == seed]
    kept: list[dict[str, Any]] = []
    for row in sorted(mine, key=lambda row: row["yosys LUT"] or row["LUT"]):
        if not kept or row["validation %"] > kept[-1]["validation %"]:
            kept.append(row)
    return [(row["yosys LUT"] or row["LUT"], row["test %"] / 100) for row in kept]


def ratios_at(accuracies: Iterable[float], mine: list[Point], theirs: list[Point]) -> list[float]:
    """LUTs over the other's at each accuracy that lies inside both fronts."""
    if not mine or not theirs:
        return []
    pairs = [(luts_at(mine, accuracy), luts_at(theirs, accuracy)) for accuracy in accuracies]
    return [ours / other for ours, other in pairs if ours and other]
