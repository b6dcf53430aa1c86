"""Sums of looked-up rows with gradients: exact for the entries, finite differences for what is looked up.

Shapes: x (batch, inputs); levels (inputs, 2**bits - 1), ascending; entries (tables, 2**(bits * k), units);
groups: for each table the k inputs that it reads. The code of an input is the number of its levels that it
has reached, and a table's index are its inputs' codes side by side, the first one highest.
"""

from __future__ import annotations

from typing import Any

from bitwright.train.door import ops

__all__ = ["Groups", "centers", "codes", "looked_up"]

Groups = tuple[tuple[int, ...], ...]


def codes(x: Any, levels: Any) -> Any:
    """How many of its levels each input has reached, as int32: comparisons alone, so equal on every backend."""
    found = ops.zeros_like(x, dtype="int32")
    for place in range(levels.shape[-1]):
        # One by one: a compiler fuses them, while one comparison with all levels would be a tensor of its own.
        found = found + ops.cast(x >= levels[:, place], "int32")
    return found


def centers(levels: Any) -> Any:
    """The middle of each code's cell, (inputs, 2**bits); the outer cells are as wide as their neighbors."""
    if levels.shape[-1] == 1:
        return ops.concatenate([levels - 0.5, levels + 0.5], axis=-1)
    inner = (levels[:, 1:] + levels[:, :-1]) * 0.5
    first = levels[:, :1] * 1.5 - levels[:, 1:2] * 0.5
    last = levels[:, -1:] * 1.5 - levels[:, -2:-1] * 0.5
    return ops.concatenate([first, inner, last], axis=-1)


def looked_up(x: Any, entries: Any, levels: Any, groups: Groups, bits: int) -> Any:
    """The sum over the tables of the row that each sample names, (batch, units).

    The gradient of x is the slope between the entries beside the one that was read, and 0 where x lies more
    than a cell beyond the levels. Levels take none.
    """

    @ops.custom_gradient
    def function(x: Any, entries: Any, levels: Any) -> Any:
        index = _indices(codes(x, levels), groups, bits)
        total = _sums(entries, index)

        def gradient(*upstream_args: Any, upstream: Any = None) -> tuple[Any, Any, Any]:
            flow = upstream_args[0] if upstream is None else upstream
            size = entries.shape[1]
            counted = ops.stack([ops.segment_sum(flow, place, num_segments=size) for place in index])
            return _slopes(x, entries, levels, (groups, bits), index, flow), counted, ops.zeros_like(levels)

        return total, gradient

    return function(x, entries, levels)


def _sums(entries: Any, index: list[Any]) -> Any:
    """One lookup in all tables: a long sum of lookups, each in its own table, takes XLA ten seconds to compile."""
    count, size, units = entries.shape
    first = ops.convert_to_tensor([table * size for table in range(count)], dtype="int32")
    rows = ops.take(ops.reshape(entries, (count * size, units)), ops.stack(index, axis=-1) + first, axis=0)
    return ops.sum(rows, axis=1)


def _indices(code: Any, groups: Groups, bits: int) -> list[Any]:
    found: list[Any] = []
    for group in groups:
        place = code[:, group[0]]
        for member in group[1:]:
            place = place * (1 << bits) + code[:, member]
        found.append(place)
    return found


def _slopes(x: Any, entries: Any, levels: Any, wiring: tuple[Groups, int], index: list[Any], flow: Any) -> Any:
    """The gradient of x: for every table and member the flow times the rise of the row it read."""
    groups, bits = wiring
    middle = centers(levels)
    run = _neighbor(middle, 1, 1) - _neighbor(middle, 1, -1)
    rises: dict[int, Any] = {}
    for member in range(len(groups[0])):
        cube = ops.reshape(entries, (len(groups), 1 << (bits * member), 1 << bits, -1, entries.shape[-1]))
        rise = _neighbor(cube, 2, 1) - _neighbor(cube, 2, -1)
        width = ops.take(run, ops.convert_to_tensor([g[member] for g in groups], dtype="int32"), axis=0)
        width = ops.reshape(width, (len(groups), 1, 1 << bits, 1, 1))
        rise = ops.where(width > 0, rise / ops.where(width > 0, width, ops.ones_like(width)), ops.zeros_like(rise))
        rise = ops.reshape(rise, entries.shape)
        for table, group in enumerate(groups):
            slope = ops.sum(ops.take(rise[table], index[table], axis=0) * flow, axis=-1)
            known = rises.get(group[member])
            rises[group[member]] = slope if known is None else known + slope
    none = ops.zeros_like(x[:, 0])
    found = ops.stack([rises.get(i, none) for i in range(x.shape[-1])], axis=-1)
    reached = ops.logical_and(x >= 2 * middle[:, 0] - levels[:, 0], x < 2 * middle[:, -1] - levels[:, -1])
    return ops.where(reached, found, ops.zeros_like(found))


def _neighbor(x: Any, axis: int, step: int) -> Any:
    """x moved by one place along `axis`; the last one stays at the end."""
    size = x.shape[axis]
    places = [min(max(i + step, 0), size - 1) for i in range(size)]
    return ops.take(x, ops.convert_to_tensor(places, dtype="int32"), axis=axis)
