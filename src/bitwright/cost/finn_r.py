"""The calibration `finn-r`: LUTs and block memories of FINN's own dataflow designs, to compare plans with them.

Not what bitwright's actors take (`cost.actors`), but what the HLS library of FINN-R takes on a Zynq-7020, whole design
with its DMA. Two numbers each for LUTs and memories, fitted to the five published syntheses for PYNQ-Z1 (Vivado 2018.2)
by `benchmarks.calibrate_finn_r`, which also leaves each of them out in turn. Five designs of two networks are few: the
forms were chosen among a handful for being physical and few, looking at all five.

LUTs: so many a product of one-bit numbers (P * Q * W * A of every layer), and a bit of a pixel that a sliding window
passes. Memories: a share of the weights and lines in the true shapes of block memories, and so many a layer for
streams, thresholds and the shell. The paper's formulas (M. Blott et al., FINN-R, TRETS 2018, section 3.2) stand beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from bitwright.cost.actors.memories import block_area

__all__ = ["FinnArea", "FinnLayer", "Fit", "finn_r_area", "lut_features", "memory_features", "paper_area"]

_IN_BLOCKS = 1024
"""Bits from which on Vivado HLS makes a memory of blocks."""


@dataclass(frozen=True, slots=True)
class FinnLayer:
    """A matrix-vector unit of FINN with the sliding window before it (kernel 1: none).

    lanes: Q (SIMD), units: P (PE). bits_in and bits: of an activation that comes and of one that leaves.
    """

    kernel: int
    columns: int
    channels: int
    filters: int
    lanes: int
    units: int
    weight_bits: int
    bits_in: int
    bits: int

    @property
    def words(self) -> int:
        """Words of each unit's weight memory."""
        return self.kernel**2 * self.channels * self.filters // (self.lanes * self.units)


@dataclass(frozen=True, slots=True)
class FinnArea:
    """LUTs and block memories of 36 kbit."""

    luts: float
    bram36s: float


@dataclass(frozen=True, slots=True)
class Fit:
    """LUTs a one-bit product and a bit of a window's pixel; share of the memories, and memories (36 kbit) a layer."""

    product_luts: float
    pixel_luts: float
    memory_share: float
    layer_memories: float


FINN_R = Fit(4.565, 17.89, 0.7929, 6.604)
"""Fitted to all five syntheses; `python -m benchmarks.calibrate_finn_r` prints it."""


def lut_features(layers: Sequence[FinnLayer]) -> tuple[float, float]:
    """One-bit products in a cycle; bits of the pixels that sliding windows pass."""
    products = sum(n.lanes * n.units * n.weight_bits * n.bits_in for n in layers)
    return float(products), float(sum(n.channels * n.bits_in for n in layers if n.kernel > 1))


def memory_features(layers: Sequence[FinnLayer]) -> tuple[float, float]:
    """Block memories of 36 kbit of weights and lines in their true shapes; layers."""
    count = 0.0
    for n in layers:
        width = n.lanes * n.weight_bits
        if n.words * width > _IN_BLOCKS:
            count += n.units * block_area(width, n.words, constant=True).bram18s
        line, depth = n.lanes * n.bits_in, n.columns * n.channels // n.lanes
        if n.kernel > 1 and line * depth > _IN_BLOCKS:
            count += (n.kernel + 1) * block_area(line, depth, constant=True).bram18s
    return count / 2, float(len(layers))


def finn_r_area(layers: Sequence[FinnLayer], fit: Fit = FINN_R) -> FinnArea:
    """What FINN-R's hardware for these layers takes."""
    (products, pixels), (memories, count) = lut_features(layers), memory_features(layers)
    luts = fit.product_luts * products + fit.pixel_luts * pixels
    return FinnArea(luts, fit.memory_share * memories + fit.layer_memories * count)


def paper_area(layers: Sequence[FinnLayer]) -> FinnArea:
    """The same by the paper's formulas, one pixel at a time; strides are 1 here."""
    luts = sum(300 + 1.1 * n.lanes * n.units * n.weight_bits * n.bits_in + 426 * (n.kernel > 1) for n in layers)
    weights = sum(n.units * ceil(n.words / 512) * ceil(n.lanes * n.weight_bits / 36) for n in layers)
    windows = [n for n in layers if n.kernel > 1]
    lines = sum((n.kernel + 1) * ceil(n.columns / 512) * ceil(n.channels * n.bits_in / 36) for n in windows)
    return FinnArea(luts, (weights + lines) / 2)
