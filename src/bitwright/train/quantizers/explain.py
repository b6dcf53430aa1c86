"""`explained`: what a quantizer does, in a few lines for people."""

from __future__ import annotations

from fractions import Fraction
from math import log2
from typing import Any

import numpy as np

from bitwright.numeric import Format
from bitwright.train.quantizers.grid import Grid, power_of_two
from bitwright.train.quantizers.scales import is_auto

__all__ = ["explained"]

_FEW, _MANY = 8, 1 << 12


def explained(quantizer: Any) -> str:
    """Grid, ends, step, hardware format and gradient rule of a `BaseQuantizer`, one fact a line."""
    facts = [*_values(quantizer), ("gradient", quantizer.gradient), *_notes(quantizer)]
    wide = max(len(name) for name, _ in facts)
    return "\n".join([str(quantizer), *(f"  {name:{wide}}  {text}" for name, text in facts)])


def _values(quantizer: Any) -> list[tuple[str, str]]:
    grid, alpha = quantizer.grid(), getattr(quantizer, "alpha", None)
    if grid is not None:
        return _of_grid(quantizer, grid)
    if not quantizer.evenly_spaced:
        values = np.sort(quantizer.range())
        return [("grid", f"{len(values)} values, not evenly spaced"), *_ends(values[0], values[-1]), ("format", "none")]
    base = quantizer._base_grid()
    if is_auto(alpha):
        kind = "a power of two" if alpha == "auto_po2" else "any number"
        why = f"times a scale found from the data ({kind})"
    elif alpha is not None and np.ndim(alpha):
        why = f"times {np.size(alpha)} fixed scales from {np.min(alpha):g} to {np.max(alpha):g}"
    elif quantizer._mixed:
        why = f"mixed with {1 - float(quantizer.get_config()['qnoise_factor']):g} of the float value"
    elif alpha is None:
        why = "more than float32 tells apart as a sum"
    else:
        why = f"times {alpha!r}: float32 rounds these products"
    (name, text), *rest = _of_grid(quantizer, base)
    return [(name, f"{text}, {why}"), *rest]


def _of_grid(quantizer: Any, grid: Grid) -> list[tuple[str, str]]:
    powers = quantizer.powers
    many = not powers and grid.high - grid.low >= _MANY
    values = [] if many else quantizer._values(grid)
    count = grid.high - grid.low + 1 if many else len(values)
    few = f": {', '.join(_number(v) for v in values)}" if values and count <= _FEW else ""
    if quantizer.differs_along:
        few = ": those of all scales on one step"
    if powers:
        few = f": powers of two from {_number(powers[0])} to {_number(powers[-1])}"
    ends = _ends(grid.low * grid.step, grid.high * grid.step)
    return [("grid", f"{count} values{few}"), *ends, ("step", _number(grid.step)), ("format", _format(grid))]


def _ends(low: Any, high: Any) -> list[tuple[str, str]]:
    return [("min", _number(Fraction(float(low)))), ("max", _number(Fraction(float(high))))]


def _format(grid: Grid) -> str:
    if not power_of_two(grid.step):
        return f"{Format.holding(grid.low, grid.high)}, each code worth {_number(grid.step)}"
    return str(Format.holding(grid.low, grid.high, -int(log2(grid.step))))


def _number(value: Fraction) -> str:
    text = f"{float(value):g}"
    if power_of_two(value) and Fraction(text) != value:
        return f"2^{int(log2(value))}"
    return f"{text} (2^{int(log2(value))})" if power_of_two(value) and value.denominator > 1 else text


def _notes(quantizer: Any) -> list[tuple[str, str]]:
    notes: list[tuple[str, str]] = []
    if quantizer.always_random:
        notes.append(("chance", "decides in training and at inference: no hardware computes the same"))
    elif quantizer.seed_generator is not None:
        notes.append(("chance", "rounds in training; at inference it is deterministic"))
    if quantizer._noisy:
        factor = quantizer.get_config()["qnoise_factor"]
        notes.append(("noise", f"qnoise_factor is {factor:g}: 0 float, 1 quantized"))
    return notes
