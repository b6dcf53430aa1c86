"""The doors between floats and codes: how inputs become codes, and what outputs mean.

Floats exist here and nowhere below. An encoder gives exactly the code that the model's own input
quantizer would; a decoder gives the value of a code and applies a float head such as softmax.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.numeric import IntArray, Ints, Overflow, Rounding, Steps, is_dyadic

__all__ = ["Decoder", "Encoder", "FixedEncoder", "GridEncoder", "Head", "LevelEncoder", "RoundEncoder"]

_FEW_LEVELS = 8


class Head(Enum):
    """A float function after the last integers: computed by `predict`, never by hardware."""

    NONE = "none"
    SOFTMAX = "softmax"
    LOG_SOFTMAX = "log_softmax"
    SIGMOID = "sigmoid"
    TANH = "tanh"

    def __call__(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """The head over the last axis."""
        match self:
            case Head.SOFTMAX:
                powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
                return powers / powers.sum(axis=-1, keepdims=True)
            case Head.LOG_SOFTMAX:
                shifted = logits - logits.max(axis=-1, keepdims=True)
                return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
            case Head.SIGMOID:
                # 1 / (1 + e**-x) without the overflow of e**-x.
                return np.exp(-np.logaddexp(0, -logits.astype(np.float64))).astype(np.float32)
            case Head.TANH:
                return np.tanh(logits)
            case Head.NONE:
                return logits


class Encoder(Protocol):
    """Floats to codes for one input: `encoder(x)` with x (batch, *shape) float32."""

    @property
    def source(self) -> int:
        """Which of the model's inputs it reads."""
        ...

    def __call__(self, x: NDArray[Any]) -> IntArray:
        """The codes of `x`; raises `InvalidValue` for NaN."""
        ...

    def sample(self, codes: IntArray) -> NDArray[np.float32]:
        """Floats that it encodes to `codes`."""
        ...

    def describe(self) -> dict[str, Any]:
        """What it does, for manifest and certificate."""
        ...


@dataclass(frozen=True, slots=True)
class RoundEncoder:
    """code = clip(round half-even(x / step), low, high), for x as float32.

    Exact for steps that are a power of two, and for 1/n with n below 2**29 (pixels: 1/255).
    """

    source: int
    step: Fraction
    low: int
    high: int

    def __call__(self, x: NDArray[Any]) -> IntArray:
        """The codes of `x`; raises `InvalidValue` for NaN."""
        return self.floats(x).astype(np.int64)

    def floats(self, x: NDArray[Any]) -> NDArray[np.floating]:
        """The codes as floats (what the fast emulator starts from)."""
        above, below = self.step.denominator, self.step.numerator
        power = above & (above - 1) == 0 and below & (below - 1) == 0
        if power and max(-self.low, self.high) <= 1 << 24:
            with np.errstate(over="ignore"):  # infinity saturates like any other large value
                scaled = np.multiply(x, np.float32(above / below), dtype=np.float32)
        else:
            # The product is exact (24 bits times a short integer), so ties stay ties; one rounding is left at most.
            scaled = x.astype(np.float32).astype(np.float64) * above / below
        np.rint(scaled, out=scaled)
        np.clip(scaled, self.low, self.high, out=scaled)
        if scaled.size and np.isnan(scaled.min()):
            raise InvalidValue("the input holds NaN", where=f"input {self.source}", remedy="clean the data first")
        return scaled

    def sample(self, codes: IntArray) -> NDArray[np.float32]:
        """Floats that it encodes to `codes`."""
        return (codes * float(self.step)).astype(np.float32)

    def describe(self) -> dict[str, Any]:
        """As plain data."""
        return {"kind": "round_half_even", "step": str(self.step), "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class GridEncoder:
    """code = clip(round half-even(x / step), low, high) with a step and an interval per element."""

    source: int
    step: Steps
    low: Ints
    high: Ints

    def __call__(self, x: NDArray[Any]) -> IntArray:
        """The codes of `x`; raises `InvalidValue` for NaN."""
        scaled = np.rint(np.asarray(x, dtype=np.float64) / self.step.floats())
        if np.isnan(scaled).any():
            raise InvalidValue("the input holds NaN", where=f"input {self.source}", remedy="clean the data first")
        return np.clip(scaled, self.low.array, self.high.array).astype(np.int64)

    def sample(self, codes: IntArray) -> NDArray[np.float32]:
        """Floats that it encodes to `codes`."""
        return (codes * self.step.floats()).astype(np.float32)

    def describe(self) -> dict[str, Any]:
        """As plain data."""
        step = [str(s) for s in self.step.array.ravel()]
        return {
            "kind": "round_half_even",
            "step": step[0] if len(step) == 1 else step,
            "low": self.low.array.tolist(),
            "high": self.high.array.tolist(),
        }


@dataclass(frozen=True, slots=True)
class FixedEncoder:
    """code = overflow(rounding(x * 2**fraction), low, high), formats and intervals per element of one sample.

    Wrapping is modulo high - low + 1, a power of two, with 0 in [low, high]. Exact for every finite float32.
    """

    source: int
    fraction: Ints
    low: Ints
    high: Ints
    rounding: Rounding
    overflow: Overflow

    def __call__(self, x: NDArray[Any]) -> IntArray:
        """The codes of `x`; raises `InvalidValue` for NaN, and for infinities where they wrap."""
        scaled = np.asarray(x, dtype=np.float32).astype(np.float64) * np.exp2(self.fraction.array)
        if not np.isfinite(scaled).all() and (self.overflow is Overflow.WRAP or np.isnan(scaled).any()):
            raise InvalidValue(
                "the input holds NaN or infinity", where=f"input {self.source}", remedy="clean the data first"
            )
        low, high = self.low.array, self.high.array
        whole = _whole(self.rounding, scaled)
        if self.overflow is not Overflow.WRAP:
            return np.clip(whole, low, high).astype(np.int64)
        size = (high - low + 1).astype(np.float64)
        left = np.mod(whole, size)
        return np.where(left > high, left - size, left).astype(np.int64)

    def sample(self, codes: IntArray) -> NDArray[np.float32]:
        """Floats that it encodes to `codes`."""
        return (codes * np.exp2(-self.fraction.array)).astype(np.float32)

    def describe(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "kind": f"{self.rounding.value}, {self.overflow.value}",
            "fraction": self.fraction.array.tolist(),
            "low": self.low.array.tolist(),
            "high": self.high.array.tolist(),
        }


def _whole(rounding: Rounding, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """x rounded to whole numbers; exact, since a float32 takes 24 of the 53 bits."""
    half = np.float64(0.5)
    match rounding:
        case Rounding.HALF_EVEN:
            return np.rint(x)
        case Rounding.FLOOR:
            return np.floor(x)
        case Rounding.CEIL:
            return np.ceil(x)
        case Rounding.TRUNCATE:
            return np.trunc(x)
        case Rounding.AWAY:
            return np.copysign(np.ceil(np.abs(x)), x)
        case Rounding.HALF_UP:
            return np.floor(x) + (x - np.floor(x) >= half)
        case Rounding.HALF_DOWN:
            return np.ceil(x) - (np.ceil(x) - x >= half)
        case Rounding.HALF_AWAY:
            return np.copysign(np.floor(np.abs(x)) + (np.abs(x) - np.floor(np.abs(x)) >= half), x)
        case Rounding.HALF_ZERO:
            return np.copysign(np.ceil(np.abs(x)) - (np.ceil(np.abs(x)) - np.abs(x) >= half), x)


@dataclass(frozen=True, slots=True, eq=False)
class LevelEncoder:
    """code = low + direction * number of levels t with x >= t; levels (columns, n) float32, columns last axis.

    `columns` is 1 or the size of the last axis. Rows are padded with +inf.
    """

    source: int
    levels: NDArray[np.float32]
    base: IntArray
    direction: IntArray

    def floats(self, x: NDArray[Any]) -> NDArray[Any]:
        """The codes as floats where there are few levels (what the fast emulator starts from)."""
        few = len(self.levels) == 1 and self.levels.shape[1] <= _FEW_LEVELS
        if not few or abs(int(self.base[0])) >= 1 << 20:
            return self(x)
        given = np.asarray(x, dtype=np.float32)
        if given.size and np.isnan(given.min()):
            raise InvalidValue("the input holds NaN", where=f"input {self.source}", remedy="clean the data first")
        codes = np.full(given.shape, self.base[0], dtype=np.float32)
        step = np.float32(self.direction[0])
        for level in self.levels[0]:
            codes += (given >= level) * step
        return codes

    def __call__(self, x: NDArray[Any]) -> IntArray:
        """The codes of `x`; raises `InvalidValue` for NaN."""
        given = np.asarray(x, dtype=np.float32)
        if np.isnan(given).any():
            raise InvalidValue("the input holds NaN", where=f"input {self.source}", remedy="clean the data first")
        if len(self.levels) == 1:
            counted = np.searchsorted(self.levels[0], given, side="right")
            return self.base[0] + self.direction[0] * counted
        counted = np.empty(given.shape, dtype=np.int64)
        for column, levels in enumerate(self.levels):
            counted[..., column] = np.searchsorted(levels, given[..., column], side="right")
        return self.base + self.direction * counted

    def sample(self, codes: IntArray) -> NDArray[np.float32]:
        """Floats that it encodes to `codes`: the smallest of each code, or one below the first level."""
        if not self.levels.shape[1]:
            return np.zeros(np.shape(codes), dtype=np.float32)
        count = np.abs(codes - self.base)
        rows = np.arange(len(self.levels)) if len(self.levels) > 1 else np.zeros(1, dtype=np.int64)
        at = self.levels[np.broadcast_to(rows, count.shape), np.maximum(count - 1, 0)]
        return np.where(count > 0, at, np.nextafter(at, np.float32(-np.inf)))

    def describe(self) -> dict[str, Any]:
        """As plain data."""
        levels = [[float(v) for v in row if np.isfinite(v)] for row in self.levels]
        return {
            "kind": "levels",
            "levels": levels,
            "base": self.base.tolist(),
            "direction": self.direction.tolist(),
        }


@dataclass(frozen=True, slots=True)
class Decoder:
    """Codes of one output to what the model returns: value = code x step, then the float head.

    table: where functions of the model that keep the order of the codes are left to the decoder, the value of each
    code from `start` on, ascending; else empty.
    """

    step: Steps
    head: Head = Head.NONE
    start: int = 0
    table: tuple[float, ...] = ()

    def values(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        """The values before the head, float32 (exact while codes stay below 2**24)."""
        if self.table:
            return np.array(self.table, dtype=np.float32)[codes.astype(np.int64) - self.start]
        if codes.dtype == np.float32 and self.step.uniform is not None and is_dyadic(self.step.uniform):
            return codes * np.float32(float(self.step.uniform))
        return (codes * self.step.floats()).astype(np.float32)

    def codes(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """The codes that `values` before the head stand for, with a fraction where one lies between two codes."""
        if self.table:
            levels = np.array(self.table, dtype=np.float64)
            return np.interp(values, levels, np.arange(len(levels)) + float(self.start))
        return values / self.step.floats()

    def __call__(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        """What the model returns for these codes."""
        return self.head(self.values(codes))
