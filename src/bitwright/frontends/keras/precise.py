"""The same model in float64, in a process of its own (`double`): the second opinion on every float.

Maps are read once more there; codes on which float32 and float64 disagree are unstable. Sums
beyond 2**24 steps, which float32 does not hold, take their maps and their truth from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.frontends.grid.walk import Declared
from bitwright.frontends.keras.double import ask
from bitwright.ir.graph import Graph, parse
from bitwright.ir.graph.ops import Map
from bitwright.ir.interface import Head
from bitwright.numeric import IntArray

__all__ = ["graph_in_float64", "logits_in_float64", "map_differences"]

_MOST = 1 << 20


def logits_in_float64(model: Any, x: Sequence[NDArray[Any]], heads: Sequence[Head]) -> list[NDArray[np.float64]]:
    """The model's outputs before their float heads, every layer rebuilt with dtype float64."""
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        folder = Path(scratch)
        np.savez(folder / "x.npz", *[np.asarray(a) for a in x])
        ask(model, folder, "logits", *(head.name for head in heads))
        with np.load(folder / "y.npz", allow_pickle=False) as found:
            return [found[name] for name in found.files]


def graph_in_float64(
    model: Any,
    input_format: Any = None,
    output_format: str | None = None,
    writable: Mapping[str, Declared] | None = None,
) -> Graph:
    """The graph as the float64 twin of `model` reads: the same but for unstable codes."""
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        folder = Path(scratch)
        given = [str(part) for part in input_format] if isinstance(input_format, tuple) else input_format
        told = {"input_format": given, "output_format": output_format, "writable": writable}
        ask(model, folder, "graph", json.dumps(told))
        return parse((folder / "graph.txt").read_text())


def map_differences(left: Graph, right: Graph) -> dict[int, tuple[tuple[int, int], ...]]:
    """For each Map position of `left` the (row, code) pairs on which `right`'s map of that position differs.

    Ranges above 2**20 codes are compared at an even sweep and beside every threshold.
    """
    found: dict[int, tuple[tuple[int, int], ...]] = {}
    for position, (ours, theirs) in enumerate(zip(left.nodes, right.nodes, strict=True)):
        if not isinstance(ours.op, Map) or not isinstance(theirs.op, Map) or ours.op == theirs.op:
            continue
        low, high = left.nodes[ours.args[0]].type.bounds()
        rows = np.broadcast_to(ours.op.rows.array, low.shape)
        pairs: list[tuple[int, int]] = []
        for row in range(ours.op.form.count):
            mine = rows == row
            codes = _codes(ours.op, theirs.op, row, int(low[mine].min()), int(high[mine].max()))
            differing = ours.op.form(codes, np.array(row)) != theirs.op.form(codes, np.array(row))
            pairs += [(row, int(code)) for code in codes[differing]]
        found[position] = tuple(pairs)
    return found


def _codes(left: Map, right: Map, row: int, low: int, high: int) -> IntArray:
    if high - low < _MOST:
        return np.arange(low, high + 1)
    near = [np.linspace(low, high, 1 << 12).astype(np.int64)]
    for form in (left.form, right.form):
        steps = getattr(form, "thresholds", None)
        if steps is not None:
            near += [steps.array[row] + delta for delta in (-2, -1, 0, 1, 2)]
    every = np.concatenate(near)
    return np.unique(every[(every >= low) & (every <= high)])
