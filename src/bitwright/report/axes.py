"""Axes: where a value lies, in percent of the plot, and which round values are labelled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bitwright.report import words

__all__ = ["Linear", "Logarithmic", "SignedLog", "Tick", "linear_ticks"]


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled position of the axis; `minor` ones go away on narrow screens."""

    at: float
    label: str
    minor: bool = False


@dataclass(frozen=True, slots=True)
class SignedLog:
    """The axis sign(v) * log2(1 + |v| / unit), which keeps zero and both signs on one logarithmic scale."""

    unit: float
    low: float
    high: float

    @classmethod
    def over(cls, edges: Sequence[float]) -> SignedLog:
        """The axis that just holds `edges`; its unit is a quarter of the smallest magnitude, rounded down."""
        sizes = [abs(edge) for edge in edges if edge]
        unit = 2.0 ** (math.floor(math.log2(min(sizes))) - 2) if sizes else 1.0
        low, high = min(edges, default=0.0), max(edges, default=0.0)
        return cls(unit, min(low, 0.0), max(high, 0.0) or unit)

    def at(self, value: float) -> float:
        """The position of `value` in percent."""
        low, high = self._scale(self.low), self._scale(self.high)
        return 100 * (self._scale(value) - low) / (high - low)

    def ticks(self) -> tuple[Tick, ...]:
        """Zero and powers of two on both sides, at most about nine, the outer ones first."""
        largest = math.floor(math.log2(max(self.high, -self.low)))
        powers = range(math.ceil(math.log2(self.unit * 2)), largest + 1)
        step = max(1, math.ceil(len(powers) / (4 if self.low < 0 else 8)))
        chosen = [power for power in reversed(powers) if (largest - power) % step == 0]
        values = [0.0] + [sign * 2.0**power for power in chosen for sign in (-1, 1)]
        inside = sorted(value for value in values if self.low * 1.02 <= value <= self.high * 1.02)
        kept = [value for value in inside if value == 0 or abs(self.at(value) - self.at(0)) > 7]
        return tuple(Tick(self.at(v), _power(v), minor=_is_minor(v, largest, step)) for v in kept)

    def _scale(self, value: float) -> float:
        return math.copysign(math.log2(1 + abs(value) / self.unit), value)


@dataclass(frozen=True, slots=True)
class Linear:
    """From `low` to `high`, evenly; a little wider than what it was made for."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Sequence[float], margin: float = 0.06, least: float = 1e-9) -> Linear:
        """The axis that holds `values` with `margin` of their spread on both sides, at least `least` wide."""
        low, high = min(values, default=0.0), max(values, default=1.0)
        more = max((high - low) * margin, (least - (high - low)) / 2, 0.0)
        return cls(low - more, high + more)

    def at(self, value: float) -> float:
        """The position of `value` in percent."""
        return 100 * (value - self.low) / (self.high - self.low)

    def values(self, many: int = 6) -> tuple[float, ...]:
        """Round values on the axis, about `many`, ascending.

        >>> Linear(0.7, 0.74).values(4)
        (0.7, 0.71, 0.72, 0.73, 0.74)
        """
        raw = (self.high - self.low) / many
        scale = 10.0 ** math.floor(math.log10(raw))
        step = next(scale * m for m in (1, 2, 2.5, 5, 10) if scale * m >= raw * (1 - 1e-9))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return tuple(round(index * step, 12) for index in range(first, last + 1))


@dataclass(frozen=True, slots=True)
class Logarithmic:
    """From `low` to `high`, both positive, by their ratio."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Sequence[float], margin: float = 0.05) -> Logarithmic:
        """The axis that holds the positive ones of `values`, with a margin, over at least a factor of 4."""
        sizes = [value for value in values if value > 0] or [1.0]
        low, high = min(sizes), max(sizes)
        more = max((high / low) ** margin, math.sqrt(max(4 * low / high, 1.0)), 1.02)
        return cls(low / more, high * more)

    def at(self, value: float) -> float:
        """The position of `value` in percent; what is not positive lies at the low end."""
        return 100 * math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)

    def ticks(self) -> tuple[Tick, ...]:
        """1, 2 and 5 times powers of ten; over many decades the powers alone. Close ones are minor."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        wide = math.log10(self.high / self.low) > 4
        values = [m * 10.0**power for power in decades for m in ((1,) if wide else (1, 2, 5))]
        inside = [value for value in values if self.low <= value <= self.high]
        return tuple(Tick(self.at(v), _short(v), minor=len(inside) > 4 and f"{v:.0e}"[0] != "1") for v in inside)


def linear_ticks(top: float) -> tuple[Tick, ...]:
    """Round numbers from 0 up to `top`, four or five of them.

    >>> [tick.label for tick in linear_ticks(4200)]
    ['0', '1,000', '2,000', '3,000', '4,000']
    """
    if top <= 0:
        return (Tick(0.0, "0"),)
    raw = top / 4
    scale = 10.0 ** math.floor(math.log10(raw))
    step = max(next(scale * m for m in (1, 2, 2.5, 5, 10) if scale * m * 1.2 >= raw), 1.0)
    values = [step * index for index in range(int(top / step + 1e-9) + 1)]
    return tuple(Tick(100 * v / top, words.count(v), minor=index % 2 == 1) for index, v in enumerate(values))


def _is_minor(value: float, top: int, step: int) -> bool:
    return value != 0 and (top - round(math.log2(abs(value)))) // step % 2 == 1


def _power(value: float) -> str:
    """`value`, a power of two or zero, as short as it can be read: 0.25 as ¼, 2**-9 as 2⁻⁹."""
    sign, size = ("−" if value < 0 else ""), abs(value)
    if size == 0 or 1 <= size < 10000:
        return f"{sign}{size:.0f}"
    if size in (0.5, 0.25, 0.125):
        return sign + {0.5: "½", 0.25: "¼", 0.125: "⅛"}[size]
    return f"{sign}2{str(round(math.log2(size))).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"


def _short(value: float) -> str:
    """A round number: 0.001, 500, 20,000, 5M."""
    if value >= 1e6:
        return f"{value / 1e6:,.0f}M"
    return f"{value:g}" if value < 1 else f"{value:,.0f}"
