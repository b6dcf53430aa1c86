"""A layer of table neurons in training: plain arrays, and what they are as quantized tables."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bitwright.core.table_sums import LANES, Floats
from bitwright.train.layers.tables_shape import hats

__all__ = ["TableLayer", "begun"]

Ints = NDArray[np.int64]
_B1, _B2, _EPSILON = 0.9, 0.999, 1e-5
_DECAY = 0.01
"""Of a feature as wide as the table; it doubles with each finer width."""
_GAIN = 0.4
_FRACTION = 3
_FREE = 6
"""Address bits that one lookup table of the device takes."""
_CHAIN = 2.0
"""LUTs of a table's addition: sums are wider than tables. Within 9 % of the three jet networks it was fitted to."""


@dataclass(eq=False)
class TableLayer:
    """y[u] = bias[u] + sum over i of T[i, code of x[i], u]; trained in place.

    weights (inputs, features, units): of hats of every width over the codes, which add up to the entries, so that wide
    features are learned first. fraction (inputs, units): entries are multiples of 2**-fraction. alive (inputs, units):
    the others are 0. step (inputs,): from code to code. moments: Adam's two means of weights, then of bias.
    """

    bits: int
    step: NDArray[np.float64]
    weights: Floats
    bias: Floats
    fraction: Ints
    alive: NDArray[np.bool_]
    moments: list[Floats]

    @property
    def shape(self) -> tuple[int, int]:
        """(inputs, units)."""
        return int(self.alive.shape[0]), int(self.alive.shape[1])

    def entries(self) -> Floats:
        """(inputs, codes, units): before rounding."""
        return np.asarray(np.matmul(_mixing(self.bits), self.weights), dtype=np.float32)

    def rounded(self, entries: Floats, coarser: int = 0) -> Floats:
        """`entries` on the tables' steps, `coarser` bits fewer; 0 where they are gone."""
        steps = np.exp2(self.fraction - coarser).astype(np.float32)[:, None]
        return np.asarray(np.rint(entries * steps) / steps * self.alive[:, None], dtype=np.float32)

    def output_bits(self, rounded: Floats, coarser: int = 0) -> Ints:
        """(inputs, units): bits of each table's output; 0: it is a number."""
        span = (rounded.max(axis=1) - rounded.min(axis=1)) * np.exp2(self.fraction - coarser)
        return np.ceil(np.log2(1 + span) - 1e-6).astype(np.int64)

    def luts(self, output_bits: Ints) -> NDArray[np.float64]:
        """(inputs, units): LUTs of each table and its addition, by the bits of its output."""
        each = output_bits * 2.0 ** max(self.bits - _FREE, 0) + _CHAIN
        return np.where(output_bits > 0, each, 0.0)

    def padded(self, rounded: Floats) -> tuple[Floats, Floats, Floats]:
        """What the loops read: tables, slopes toward the inputs, and the bias on the finest step of its tables."""
        inputs, size, units = rounded.shape
        tables = np.zeros((inputs, size, -(-units // LANES) * LANES), np.float32)
        tables[:, :, :units] = rounded
        up, down = (
            np.concatenate([tables[:, 1:], tables[:, -1:]], 1),
            np.concatenate([tables[:, :1], tables[:, :-1]], 1),
        )
        slopes = (up - down) * np.float32(0.5)
        slopes[:, [0, -1]] *= 2
        slopes /= self.step.astype(np.float32)[:, None, None]
        bias = np.zeros(tables.shape[2], np.float32)
        finest = self.finest(rounded)
        bias[:units] = np.rint(self.bias * finest) / finest
        return tables, slopes, bias

    def finest(self, rounded: Floats) -> Floats:
        """(units,): how many steps of a unit's finest table are 1."""
        live = (rounded != 0).any(axis=1)
        least = self.fraction.min(axis=0, keepdims=True)
        return np.exp2(np.where(live, self.fraction, least).max(axis=0)).astype(np.float32)

    def learn(self, tables: Floats, bias: Floats, rate: float, steps: int) -> None:
        """A step of Adam against the gradients of tables and bias; weights decay, those of fine features most."""
        slopes = np.matmul(_mixing(self.bits).T, tables * self.alive[:, None])
        self.weights *= (1 - rate * _DECAY * np.exp2(_fineness(self.bits)))[None, :, None]
        pairs = ((self.weights, slopes, *self.moments[:2]), (self.bias, bias, *self.moments[2:]))
        for value, slope, mean, square in pairs:
            mean += (1 - _B1) * (slope - mean)
            square += (1 - _B2) * (slope * slope - square)
            root = np.sqrt(square * np.float32(1 / (1 - _B2**steps))) + np.float32(_EPSILON)
            value -= np.float32(rate / (1 - _B1**steps)) * mean / root

    def copied(self) -> TableLayer:
        """The same values in arrays of their own, Adam beginning anew."""
        return TableLayer(
            self.bits, self.step, self.weights.copy(), self.bias.copy(), self.fraction.copy(), self.alive.copy(),
            [np.zeros_like(moment) for moment in self.moments],
        )  # fmt: skip


def begun(rng: np.random.Generator, units: int, bits: int, step: NDArray[np.float64]) -> TableLayer:
    """A layer that computes as a random dense one does on the middles of the codes' cells."""
    size, inputs = 1 << bits, len(step)
    middles = (np.arange(size) - size // 2 + 0.5)[None] * step[:, None]
    dense = rng.normal(size=(inputs, units)) * np.sqrt(2 / inputs) * _GAIN
    mixing = _mixing(bits)
    entries = dense[:, None, :] * middles[:, :, None]
    weights = np.einsum("mk,iku->imu", np.linalg.pinv(mixing.astype(np.float64)), entries).astype(np.float32)
    bias, fraction = np.zeros(units, np.float32), np.full((inputs, units), _FRACTION, np.int64)
    moments = [np.zeros_like(a) for a in (weights, weights, bias, bias)]
    alive = np.ones(fraction.shape, np.bool_)
    return TableLayer(bits, step, weights, bias, fraction, alive, moments)


@lru_cache
def _mixing(bits: int) -> Floats:
    return hats(bits, 1)


@lru_cache
def _fineness(bits: int) -> Floats:
    """(features,): 0 for hats as wide as the table, then one more for each half of that."""
    return np.repeat(np.arange(bits + 1), [2, *((1 << n) + 1 for n in range(1, bits)), 1 << bits]).astype(np.float32)
