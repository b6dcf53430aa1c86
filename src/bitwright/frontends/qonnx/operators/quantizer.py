"""QONNX's quantizers: what they yield lies on a grid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bitwright.frontends.qonnx.functions import FloatRounding
from bitwright.frontends.qonnx.model import Operator

__all__ = [
    "BipolarQuant",
    "DequantizeLinear",
    "FloatQuant",
    "MultiThreshold",
    "Quant",
    "QuantizeLinear",
    "Quantizer",
    "Trunc",
    "TruncTo",
]


class Quantizer(Operator):
    """Yields values on a grid."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Quant(Quantizer):
    """Quant and IntQuant: x, scale, zero point, bits."""

    signed: bool
    narrow: bool
    rounding: FloatRounding


@dataclass(frozen=True, slots=True)
class BipolarQuant(Quantizer):
    """x, scale: the sign of x (0 counts as positive) times the scale."""


@dataclass(frozen=True, slots=True)
class Trunc(Quantizer):
    """Trunc of version 1: x, scale, zero point, bits before, bits after; the scale stays."""

    rounding: FloatRounding


@dataclass(frozen=True, slots=True)
class TruncTo(Quantizer):
    """Trunc of version 2: x, scale, zero point, bits before, scale after, bits after."""

    rounding: FloatRounding
    signed: bool
    narrow: bool


@dataclass(frozen=True, slots=True)
class FloatQuant(Quantizer):
    """x, scale, exponent bits, mantissa bits, bias of the exponent, greatest value (the last may be left out)."""

    signed: bool
    rounding: FloatRounding


@dataclass(frozen=True, slots=True)
class MultiThreshold(Quantizer):
    """x, thresholds (channels or 1, n): scale * how many are reached + bias, channels on axis `layout.index("C")`."""

    scale: float
    bias: float
    layout: str

    def axis(self, rank: int) -> int:
        """The axis of the channels of a tensor with `rank` axes."""
        told = self.layout or {2: "NC", 3: "NWC", 4: "NCHW"}.get(rank, "")
        return told.index("C") if "C" in told else min(1, rank - 1)


@dataclass(frozen=True, slots=True)
class QuantizeLinear(Quantizer):
    """x, scale, perhaps zero point: round(x / scale) + zero point, cut at `low` and `high`, as `dtype`.

    Ties go to the even number before the zero point is added. Scales of several numbers lie along `axis`.
    """

    axis: int
    low: int
    high: int
    dtype: np.dtype[Any]


@dataclass(frozen=True, slots=True)
class DequantizeLinear(Operator):
    """x (integers), scale, perhaps zero point: (x - zero point) * scale; several scales lie along `axis`."""

    axis: int
