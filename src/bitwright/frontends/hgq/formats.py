"""Quantizers of HGQ2 in a file: their modes and, element by element, sign, integer and fraction bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.numeric import IntArray, Overflow, Rounding
from bitwright.train.layers import QFixedPoint

__all__ = ["Formats", "read_formats"]

_ROUNDING = {
    "TRN": Rounding.FLOOR, "RND": Rounding.HALF_UP, "RND_CONV": Rounding.HALF_EVEN, "TRN_ZERO": Rounding.TRUNCATE,
    "RND_ZERO": Rounding.HALF_ZERO, "RND_INF": Rounding.HALF_AWAY, "RND_MIN_INF": Rounding.HALF_DOWN,
    "S_RND": Rounding.HALF_UP, "S_RND_CONV": Rounding.HALF_EVEN,
}  # fmt: skip
"""What a mode computes at inference; the stochastic ones are their plain selves then."""
_OVERFLOW = {"WRAP": Overflow.WRAP, "SAT": Overflow.SATURATE, "SAT_SYM": Overflow.SATURATE_SYMMETRIC}


@dataclass(frozen=True)
class Formats:
    """Fixed-point formats: arrays of one shape that broadcast against what is quantized.

    integer: bits before the point, without the sign. Nothing is left of an element whose bits add up to 0 or less.
    """

    sign: IntArray
    integer: IntArray
    fraction: IntArray
    rounding: Rounding
    overflow: Overflow

    @property
    def live(self) -> NDArray[np.bool_]:
        """Which elements have bits at all."""
        return self.sign + self.integer + self.fraction > 0

    def layer(self, shape: tuple[int, ...], name: str) -> Any:
        """A layer that quantizes samples of `shape`; the formats' first axis is the batch's."""
        widths = self.sign.shape[1:]
        made = QFixedPoint(widths, self.rounding, self.overflow, name=name)
        made.build((None, *shape))
        made.set_formats(*(a[0] for a in (self.sign, self.integer, self.fraction)))
        return made

    def __call__(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Weights as the package quantizes them in float32."""
        scaled = np.asarray(values, np.float32) * np.exp2(self.fraction).astype(np.float32)
        codes = _WHOLE[self.rounding](scaled).astype(np.float64)
        width = np.maximum(self.integer + self.fraction, 0)
        high = np.exp2(width) - 1
        low = np.where(self.sign > 0, -high - 1, 0)
        match self.overflow:
            case Overflow.WRAP:
                codes = np.mod(codes - low, high - low + 1) + low
            case Overflow.SATURATE:
                codes = np.clip(codes, low, high)
            case Overflow.SATURATE_SYMMETRIC:
                codes = np.clip(codes, np.where(self.sign > 0, -high, 0), high)
        return np.where(self.live, codes * np.exp2(-self.fraction.astype(np.float64)), 0.0).astype(np.float32)


_HALF = np.float32(0.5)
_WHOLE: dict[Rounding, Any] = {
    Rounding.FLOOR: np.floor,
    Rounding.HALF_UP: lambda x: np.floor(x + _HALF),
    Rounding.HALF_EVEN: np.rint,
    Rounding.TRUNCATE: np.trunc,
    Rounding.HALF_ZERO: lambda x: np.sign(x) * np.ceil(np.abs(x) - _HALF),
    Rounding.HALF_AWAY: lambda x: np.sign(x) * np.floor(np.abs(x) + _HALF),
    Rounding.HALF_DOWN: lambda x: np.ceil(x - _HALF),
}


def read_formats(config: dict[str, Any], arrays: list[NDArray[Any]], where: str) -> Formats:
    """The formats of a quantizer, from its configuration and its variables in the order of the file.

    Bits are stored as floats and mean their nearest whole numbers, ties to even. Where they wrap the order is
    (fraction or bits, sign, integer, ...), else (integer, fraction, sign) or (bits, integer, sign).
    """
    for key in ("scaler", "affine"):
        if config.get(key) is not None:
            raise Unsupported(f"a quantizer with {key}={config[key]!r}", where=where, remedy="train without it")
    kind, modes = config.get("q_type"), (config.get("round_mode"), config.get("overflow_mode"))
    if kind not in ("kif", "kbi") or modes[0] not in _ROUNDING or modes[1] not in _OVERFLOW:
        raise Unsupported(
            f"a quantizer of the type {kind!r} with the modes {modes}", where=where,
            remedy="use kif or kbi, with TRN or RND, and WRAP, SAT or SAT_SYM",
        )  # fmt: skip
    place = next((n for n, a in enumerate(arrays) if a.dtype.kind in "biu"), -1)
    if place not in (1, 2) or len(arrays) < 3:
        raise InvalidModel("its quantizer's variables are not those of HGQ2", where=where, remedy="save it again")
    first, second, sign = (np.rint(arrays[n].astype(np.float64)) for n in ((0, 2, 1) if place == 1 else (0, 1, 2)))
    if place == 1:
        fraction, integer = (first, second) if kind == "kif" else (first - second, second)
    else:
        integer, fraction = (first, second) if kind == "kif" else (second, first - second)
    live = sign + integer + fraction > 0
    whole = [np.where(live, a, 0).astype(np.int64) for a in np.broadcast_arrays(sign, integer, fraction)]
    return Formats(whole[0], whole[1], whole[2], _ROUNDING[modes[0]], _OVERFLOW[modes[1]])
