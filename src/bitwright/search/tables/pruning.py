"""What a network of tables can do without: whole tables, and bits of their outputs.

The mean rise of the loss is taken as half of the mean squared gradient of a sum times the variance of what changes in
it (the Fisher information for the Hessian); what saves most LUTs for the least rise goes first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitwright.core.table_sums import Codes, Floats
from bitwright.search.tables.layer import TableLayer
from bitwright.search.tables.network import Slope, TableNetwork

__all__ = ["prune"]

_CAUTION = 5.0
"""Errors of roundings add up in the sums, while what tables say is learned anew by others."""
_GONE, _COARSER = range(2)


@dataclass(frozen=True, eq=False)
class _Choices:
    """What one kind of change does to a layer's tables: the rise of the loss per LUT, and the LUTs; (inputs, units)."""

    layer: int
    kind: int
    rise: NDArray[np.float64]
    saved: NDArray[np.float64]


def prune(network: TableNetwork, codes: Codes, at: NDArray[np.int64], loss: Slope, goal: float) -> None:
    """Change tables of `network` until its price is `goal`, judged on the samples `at` with these codes."""
    over = network.price() - goal
    if over <= 0:
        return
    read = network.read(codes)
    flows = network.flows(read, loss(read.outputs, at) * len(at))
    choices: list[_Choices] = []
    for place, (layer, seen, flow) in enumerate(zip(network.layers, read.codes, flows, strict=True)):
        weight = 0.5 * np.square(flow[:, : layer.shape[1]]).mean(axis=0)
        choices += _of_layer(place, layer, read.tables[place], _shares(seen, 1 << layer.bits), weight)
    means = [(_shares(c, 1 << n.bits)[:, :, None] * t).sum(axis=1)
             for n, c, t in zip(network.layers, read.codes, read.tables, strict=True)]  # fmt: skip
    _apply(network, choices, over, means)


def _of_layer(place: int, layer: TableLayer, now: Floats, shares: Floats, weight: Floats) -> list[_Choices]:
    entries, luts = layer.entries(), layer.luts(layer.output_bits(now))
    coarser = layer.rounded(entries, 1)
    kinds = (
        (_GONE, np.zeros_like(now), np.zeros_like(luts), 1.0),
        (_COARSER, coarser, layer.luts(layer.output_bits(coarser, 1)), _CAUTION),
    )
    found: list[_Choices] = []
    for kind, after, left, caution in kinds:
        apart, saved = after - now, luts - left
        share = shares[:, :, None]
        variance = (share * apart * apart).sum(axis=1) - np.square((share * apart).sum(axis=1))
        possible = (luts > 0) & (saved > 0)
        rise = np.where(possible, caution * np.maximum(variance, 1e-12) * weight / np.maximum(saved, 1e-9), np.inf)
        found.append(_Choices(place, kind, rise, saved))
    return found


def _apply(network: TableNetwork, choices: list[_Choices], over: float, means: list[Floats]) -> None:
    """The cheapest changes, one a table, until `over` LUTs are saved."""
    rises = np.concatenate([c.rise.ravel() for c in choices])
    owners = np.concatenate([np.full(c.rise.size, i) for i, c in enumerate(choices)])
    places = np.concatenate([np.arange(c.rise.size) for c in choices])
    changed: set[tuple[int, int]] = set()
    for index in np.argsort(rises, kind="stable"):
        if over <= 0 or not np.isfinite(rises[index]):
            return
        choice, place = choices[owners[index]], int(places[index])
        if (choice.layer, place) in changed:
            continue
        changed.add((choice.layer, place))
        over -= float(choice.saved.ravel()[place])
        layer = network.layers[choice.layer]
        pair = divmod(place, layer.shape[1])
        if choice.kind == _GONE:
            layer.bias[pair[1]] += means[choice.layer][pair]
            layer.alive[pair], layer.weights[pair[0], :, pair[1]] = False, 0.0
        else:
            layer.fraction[pair] -= 1


def _shares(codes: Codes, size: int) -> Floats:
    """(inputs, codes): how many of the samples have each."""
    counts = [np.bincount(column, minlength=size) for column in codes.T]
    return (np.stack(counts) / len(codes)).astype(np.float32)
