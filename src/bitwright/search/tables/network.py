"""Networks of table layers in training: outputs, gradients, price."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bitwright.core.table_sums import Codes, Floats, looked_up, rises_of, rows_of
from bitwright.search.tables.layer import TableLayer, begun

__all__ = ["Read", "TableNetwork", "coded", "fractions_of"]

RANGE = 4.0
"""Hidden neurons are coded between -RANGE and RANGE."""
_LIMITED = 2.0
"""LUTs that limit a hidden neuron to its code."""
_CHUNK = 16384
_FRACTIONS = range(-4, 11)
_CLASSES = 16

Slope = Callable[[Floats, NDArray[np.int64]], Floats]
"""(outputs, positions of the samples) to the gradient of the mean loss."""


@dataclass(frozen=True, eq=False)
class Read:
    """What a pass left behind, layer by layer: codes, whether they were within a cell of the range, slopes, tables."""

    codes: list[Codes]
    within: list[NDArray[np.bool_] | None]
    slopes: list[Floats]
    tables: list[Floats]
    outputs: Floats


@dataclass(eq=False)
class TableNetwork:
    """Layers one after the other; every hidden sum is floored to a code and limited to its range."""

    layers: list[TableLayer]
    steps: int = field(default=0)

    @classmethod
    def begun(cls, seed: int, widths: Sequence[int], bits: Sequence[int], step: NDArray[np.float64]) -> TableNetwork:
        """widths: of each layer; bits: of the codes that it reads; step: of each input."""
        rng, layers = np.random.default_rng((seed, 0)), list[TableLayer]()
        for place, (units, width) in enumerate(zip(widths, bits, strict=True)):
            layers.append(begun(rng, units, width, step))
            if place + 1 < len(widths):
                step = np.full(units, 2 * RANGE / (1 << bits[place + 1]))
        return cls(layers)

    def read(self, codes: Codes) -> Read:
        """The pass of samples with these input codes."""
        found = Read([codes], [None], [], [], np.empty(0, np.float32))
        sums = np.empty((0, 0), np.float32)
        for place, layer in enumerate(self.layers):
            rounded = layer.rounded(layer.entries())
            tables, slopes, bias = layer.padded(rounded)
            found.slopes.append(slopes)
            found.tables.append(rounded)
            sums = looked_up(found.codes[-1], tables, bias)[:, : layer.shape[1]]
            if place + 1 < len(self.layers):
                later = self.layers[place + 1]
                size = 1 << later.bits
                code = np.floor(sums / later.step.astype(np.float32)) + size // 2
                found.within.append((code >= -1) & (code <= size))
                found.codes.append(np.clip(code, 0, size - 1).astype(np.uint8))
        return Read(found.codes, found.within, found.slopes, found.tables, sums)

    def flows(self, read: Read, slope: Floats) -> list[Floats]:
        """The gradient of every layer's sums, padded, from that of the outputs."""
        flows: list[Floats] = []
        for layer, codes, within, slopes in zip(
            self.layers[::-1], read.codes[::-1], read.within[::-1], read.slopes[::-1], strict=True
        ):
            flow = np.zeros((len(slope), slopes.shape[2]), np.float32)
            flow[:, : layer.shape[1]] = slope
            flows.append(flow)
            if within is not None:
                slope = rises_of(codes, slopes, flow) * within
        return flows[::-1]

    def learn(self, codes: Codes, at: NDArray[np.int64], loss: Slope, rate: float) -> None:
        """A step against the gradient of the loss at the samples `at`, whose input codes are given."""
        read = self.read(codes)
        flows = self.flows(read, loss(read.outputs, at))
        self.steps += 1
        for layer, seen, flow in zip(self.layers, read.codes, flows, strict=True):
            units = layer.shape[1]
            tables = rows_of(seen, flow, 1 << layer.bits)[:, :, :units]
            layer.learn(tables, flow[:, :units].sum(axis=0), rate, self.steps)

    def outputs(self, codes: Codes) -> Floats:
        """(samples, outputs)."""
        return np.concatenate([self.read(codes[i : i + _CHUNK]).outputs for i in range(0, len(codes), _CHUNK)])

    def price(self) -> float:
        """LUTs, about."""
        total = 0.0
        for place, layer in enumerate(self.layers):
            bits = layer.output_bits(layer.rounded(layer.entries()))
            total += float(layer.luts(bits).sum())
            total += _LIMITED * float((bits > 0).any(axis=0).sum()) if place + 1 < len(self.layers) else 0.0
        return total

    def copied(self) -> TableNetwork:
        """The same values in arrays of their own, Adam beginning anew."""
        return TableNetwork([layer.copied() for layer in self.layers])


def coded(x: NDArray[np.floating], fraction: NDArray[np.int64], bits: int) -> Codes:
    """Samples (n, inputs) as signed fixed point with these fractions, rounded half up and limited, from 0 up."""
    half = 1 << (bits - 1)
    whole = np.floor(x.astype(np.float32) * np.exp2(fraction).astype(np.float32) + np.float32(0.5))
    return (np.clip(whole, -half, half - 1) + half).astype(np.uint8)


def fractions_of(x: NDArray[np.floating], labels: NDArray[np.integer], bits: int) -> NDArray[np.int64]:
    """For each input the fraction whose codes tell most about the class (of a number: about its sixteenth)."""
    if labels.dtype.kind not in "iu":
        levels = np.quantile(labels.reshape(len(labels), -1)[:, 0], np.arange(1, _CLASSES) / _CLASSES)
        labels = np.searchsorted(levels, labels.reshape(len(labels), -1)[:, 0])
    found: list[int] = []
    for column in x.T:
        told = [_told(coded(column[:, None], np.array([f]), bits)[:, 0], labels) for f in _FRACTIONS]
        found.append(_FRACTIONS[int(np.argmax(told))])
    return np.array(found, np.int64)


def _told(codes: Codes, labels: NDArray[np.integer]) -> float:
    """The mutual information of codes and classes, in nats."""
    classes = int(labels.max()) + 1
    both = np.bincount(codes.astype(np.int64) * classes + labels, minlength=256 * classes).reshape(256, classes)
    share = both / len(labels)
    alone = share.sum(axis=1, keepdims=True) * share.sum(axis=0, keepdims=True)
    met = share > 0
    return float((share[met] * np.log(share[met] / alone[met])).sum())
