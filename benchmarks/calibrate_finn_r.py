"""The calibration `finn-r` (`cost.finn_r`): fitted to FINN-R's five published dataflow designs, each left out in turn.

    python -m benchmarks.calibrate_finn_r [--json FILE]

LUT and BRAM36 are those of the synthesis reports in Xilinx/BNN-PYNQ (PYNQ-Z1, Vivado 2018.2, whole designs with DMA);
layers and foldings those of the designs' published configurations. Each row is predicted by numbers that were fitted
to the other four (least squares of ratios, none negative), beside the paper's own formulas. The note gives the fit to
all five.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls

from benchmarks._table import Claim, Outcome, at_least, at_most, main
from bitwright.cost.finn_r import FinnLayer, Fit, finn_r_area, lut_features, memory_features, paper_area

_CNV = (
    (3, 32, 3, 64), (3, 30, 64, 64), (3, 14, 64, 128), (3, 12, 128, 128), (3, 5, 128, 256), (3, 3, 256, 256),
    (1, 1, 256, 512), (1, 1, 512, 512), (1, 1, 512, 64),
)  # fmt: skip
_LFC = ((1, 1, 832, 1024), (1, 1, 1024, 1024), (1, 1, 1024, 1024), (1, 1, 1024, 64))
"""Kernel, columns of the input, channels, filters (edges padded as the designs pad them)."""
_FAST = ((3, 16), (32, 32), (32, 16), (32, 16), (32, 4), (32, 1), (4, 1), (8, 1), (1, 4))
_SMALL = ((3, 8), (16, 16), (16, 8), (16, 8), (8, 4), (8, 1), (2, 1), (2, 2), (1, 4))
_DENSE = ((64, 32), (32, 64), (64, 32), (8, 16))
"""SIMD and PE of each layer."""


def design(
    shapes: Sequence[Sequence[int]], folds: Sequence[tuple[int, int]], weight_bits: int, bits: int, first: int
) -> list[FinnLayer]:
    """The layers of a design with `first` bits of an input."""
    made: list[FinnLayer] = []
    for at, (shape, fold) in enumerate(zip(shapes, folds, strict=True)):
        made.append(FinnLayer(*shape, *fold, weight_bits, bits if at else first, bits))
    return made


DESIGNS = {
    "lfcW1A1": (design(_LFC, _DENSE, 1, 1, 1), 28360, 110.0),
    "lfcW1A2": (design(_LFC, _DENSE, 1, 2, 1), 48981, 110.0),
    "cnvW1A1": (design(_CNV, _FAST, 1, 1, 8), 26072, 124.0),
    "cnvW1A2": (design(_CNV, _FAST, 1, 2, 8), 40321, 131.5),
    "cnvW2A2": (design(_CNV, _SMALL, 2, 2, 8), 37302, 140.0),
}
"""Layers, LUTs, block memories of 36 kbit as synthesized."""


def fitted(names: Sequence[str]) -> Fit:
    """The numbers by these designs."""

    def least(rows: list[tuple[float, float]], measured: list[float]) -> list[float]:
        shares = np.array(rows) / np.array(measured)[:, None]
        return nnls(shares, np.ones(len(rows)))[0].tolist()

    layers = [DESIGNS[name][0] for name in names]
    luts = least([lut_features(n) for n in layers], [DESIGNS[name][1] for name in names])
    memories = least([memory_features(n) for n in layers], [DESIGNS[name][2] for name in names])
    return Fit(luts[0], luts[1], memories[0], memories[1])


def measure(quick: bool) -> Outcome:
    """All five, whatever `quick` says: it takes no time."""
    del quick
    rows: list[dict[str, Any]] = []
    for name, (layers, luts, memories) in DESIGNS.items():
        found = finn_r_area(layers, fitted([other for other in DESIGNS if other != name]))
        paper = paper_area(layers)
        rows.append(
            {
                "design": name,
                "LUT synthesized": luts,
                "LUT predicted": round(found.luts),
                "LUT ratio": round(found.luts / luts, 3),
                "LUT ratio of the paper": round(paper.luts / luts, 2),
                "BRAM36 synthesized": memories,
                "BRAM36 predicted": round(found.bram36s, 1),
                "BRAM36 ratio": round(found.bram36s / memories, 3),
                "BRAM36 ratio of the paper": round(paper.bram36s / memories, 2),
            }
        )
    claims: list[Claim] = []
    for what, key, low, high in (("LUT", "LUT ratio", 0.75, 1.33), ("BRAM36", "BRAM36 ratio", 0.85, 1.2)):
        ratios = [row[key] for row in rows]
        claims.append(at_least(f"{what} of a design left out: least ratio to the synthesis", min(ratios), low))
        claims.append(at_most(f"{what} of a design left out: largest ratio to the synthesis", max(ratios), high))
    whole = fitted(list(DESIGNS))
    numbers = ", ".join(f"{n:.4g}" for n in (
        whole.product_luts, whole.pixel_luts, whole.memory_share, whole.layer_memories,
    ))  # fmt: skip
    note = (
        f"Fit to all five: {numbers} (LUTs a one-bit product, LUTs a bit of a window's pixel, share of the memories,"
        " BRAM36 a layer). The forms were chosen looking at all five; only their numbers are left out."
    )
    return Outcome(rows, claims, [note])


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "scipy"]))
