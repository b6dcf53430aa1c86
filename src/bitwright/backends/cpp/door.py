"""The doors between floats and codes as C++: exactly what the encoders and decoders of `ir.interface` do."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bitwright.backends.cpp.carriers import Carrier, carrier, holding
from bitwright.backends.cpp.tree import Array, Function, Item, Line, Statement, Struct, parameter
from bitwright.core.rules import Rules
from bitwright.ir.graph import TensorType
from bitwright.ir.interface import Decoder, FixedEncoder, GridEncoder, LevelEncoder, RoundEncoder
from bitwright.numeric import Overflow, Rounding

__all__ = ["decoder_struct", "encoder_body", "encoder_struct", "literal"]

_FLOAT_CODES = 1 << 22
_EXACT_FLOATS = 1 << 24

encoder_body: Rules[[TensorType], tuple[list[Item], list[Statement]]] = Rules("C++ of an encoder")


def encoder_struct(encoder: object, type: TensorType) -> Struct:
    """The struct `Code` whose `of(e, x)` is the code of float x at element e."""
    items, body = encoder_body(encoder, type)
    given = f"{parameter('std::size_t', 'e', body)}, {parameter('float', 'x', body)}"
    head = f"static {carrier(type).text} of({given}) noexcept"
    return Struct("Code", (*items, Function(head, tuple(body))))


def decoder_struct(decoder: Decoder, type: TensorType) -> Struct:
    """The struct `Value` whose `of(e, code)` is the value of a code at element e, before any head."""
    step = decoder.step.uniform
    steps = list[Item]()
    if decoder.table:
        values = tuple(literal(np.float32(v)) for v in decoder.table)
        steps = [Array("float", "values", values, "static constexpr")]
        line = Line(f"return values[static_cast<std::ptrdiff_t>(code) - ({decoder.start})];")
    elif step is not None and _is_power(step) and type.largest < _EXACT_FLOATS:
        line = Line(f"return static_cast<float>(code) * {literal(np.float32(float(step)))};")
    else:
        steps, index = _doubles("steps", np.broadcast_to(decoder.step.floats(), type.shape))
        line = Line(f"return static_cast<float>(static_cast<double>(code) * {index});")
    head = f"template <class X>\nstatic float of({parameter('std::size_t', 'e', [line])}, X code) noexcept"
    return Struct("Value", (*steps, Function(head, (line,))))


def _is_power(step: Fraction) -> bool:
    above, below = step.denominator, step.numerator
    return above & (above - 1) == 0 and below & (below - 1) == 0


def literal(value: np.float32 | float) -> str:
    """A float or double as C++ text that reads back as the same number.

    >>> literal(np.float32(0.1)), literal(255.0), literal(np.float32(np.inf))
    ('0.1f', '255.0', 'std::numeric_limits<float>::infinity()')
    """
    single = np.asarray(value).dtype == np.float32
    kind, tail = ("float", "f") if single else ("double", "")
    if np.isinf(value):
        return f"{'-' if value < 0 else ''}std::numeric_limits<{kind}>::infinity()"
    text = str(value)
    return text + tail if any(c in text for c in ".e") else f"{text}.0{tail}"


def _doubles(name: str, values: NDArray[np.float64]) -> tuple[list[Item], str]:
    """Values per element: a literal where all agree, else an array and how to read it."""
    flat = values.ravel()
    if (flat == flat[0]).all():
        return [], literal(float(flat[0]))
    channels = values.reshape(-1, values.shape[-1])
    if len(channels) > 1 and (channels == channels[0]).all():
        flat, index = channels[0], f"{name}[e % {values.shape[-1]}]"
    else:
        index = f"{name}[e]"
    return [Array("double", name, tuple(literal(float(v)) for v in flat), "static constexpr")], index


@encoder_body.on(RoundEncoder)
def _(encoder: RoundEncoder, type: TensorType) -> tuple[list[Item], list[Statement]]:
    above, below = encoder.step.denominator, encoder.step.numerator
    ends, out = (encoder.low, encoder.high), carrier(type).text
    largest = max(-encoder.low, encoder.high)
    if _is_power(encoder.step) and largest <= _EXACT_FLOATS:
        scaled = f"x * {literal(np.float32(above / below))}"
        kind = np.float32 if largest <= _FLOAT_CODES else float
    else:
        # As the encoder: the product is exact, so ties stay ties.
        scaled = f"static_cast<double>(x) * {literal(float(above))} / {literal(float(below))}"
        kind = float
    low, high = (literal(kind(end)) for end in ends)
    if kind is float and scaled.startswith("x"):
        scaled = f"static_cast<double>({scaled})"
    # Through an integer of the usual size, which vector units convert to.
    return [], [Line(f"return {_narrowed(f'detail::round_even({scaled}, {low}, {high})', out, largest)};")]


def _narrowed(value: str, out: str, largest: int) -> str:
    through = "std::int32_t" if largest < 1 << 31 else "std::int64_t"
    return f"detail::to<{out}>(static_cast<{through}>({value}))"


_WHOLE = {
    Rounding.FLOOR: "std::floor(s)",
    Rounding.CEIL: "std::ceil(s)",
    Rounding.TRUNCATE: "std::trunc(s)",
    Rounding.AWAY: "std::copysign(std::ceil(std::abs(s)), s)",
    Rounding.HALF_EVEN: "std::nearbyint(s)",
    Rounding.HALF_UP: "std::floor(s) + (s - std::floor(s) >= 0.5 ? 1.0 : 0.0)",
    Rounding.HALF_DOWN: "std::ceil(s) - (std::ceil(s) - s >= 0.5 ? 1.0 : 0.0)",
    Rounding.HALF_AWAY: "std::round(s)",
    Rounding.HALF_ZERO: "std::copysign(std::ceil(std::abs(s)) - (std::ceil(std::abs(s)) - std::abs(s) >= 0.5), s)",
}
"""Every mode on a double `s`."""


@encoder_body.on(FixedEncoder)
def _(encoder: FixedEncoder, type: TensorType) -> tuple[list[Item], list[Statement]]:
    named = (
        ("scales", np.exp2(encoder.fraction.array)),
        ("lows", encoder.low.array.astype(np.float64)),
        ("highs", encoder.high.array.astype(np.float64)),
    )
    told = [_doubles(name, np.broadcast_to(values, type.shape)) for name, values in named]
    scale, low, high = (read for _, read in told)
    lines = [
        Line(f"const double s = static_cast<double>(x) * {scale};"),
        Line(f"const double r = {_WHOLE[encoder.rounding]};"),
    ]
    value = f"r < {low} ? {low} : (r > {high} ? {high} : r)"
    if encoder.overflow is Overflow.WRAP:
        # A power of two: the quotient, its floor and what is left are exact.
        lines.append(Line(f"const double size = {high} - {low} + 1.0;"))
        lines.append(Line("const double left = r - size * std::floor(r / size);"))
        value = f"left > {high} ? left - size : left"
    lines.append(Line(f"return {_narrowed(value, carrier(type).text, type.largest)};"))
    return [item for items, _ in told for item in items], list(lines)


@encoder_body.on(GridEncoder)
def _(encoder: GridEncoder, type: TensorType) -> tuple[list[Item], list[Statement]]:
    named = (
        ("steps", np.broadcast_to(encoder.step.floats(), type.shape)),
        ("lows", np.broadcast_to(encoder.low.array, type.shape).astype(np.float64)),
        ("highs", np.broadcast_to(encoder.high.array, type.shape).astype(np.float64)),
    )
    items, reads = list[Item](), list[str]()
    for name, values in named:
        arrays, read = _doubles(name, values)
        items += arrays
        reads.append(read)
    step, low, high = reads
    value = f"detail::round_even(static_cast<double>(x) / {step}, {low}, {high})"
    return items, [Line(f"return {_narrowed(value, carrier(type).text, type.largest)};")]


@encoder_body.on(LevelEncoder)
def _(encoder: LevelEncoder, type: TensorType) -> tuple[list[Item], list[Statement]]:
    columns, count = encoder.levels.shape
    column = f"e % {columns}" if columns > 1 else ""
    base, direction = (_read(n, a, column) for n, a in (("base", encoder.base), ("direction", encoder.direction)))
    items: list[Item] = [*_told("base", encoder.base), *_told("direction", encoder.direction)]
    out = carrier(type).text
    if not count:
        return items, [Line(f"return detail::to<{out}>({base});")]
    levels = tuple(literal(np.float32(v)) for v in encoder.levels.ravel())
    items.append(Array("float", "levels", levels, "static constexpr"))
    first = f"levels + ({column}) * {count}" if column else "levels"
    found = f"detail::reached({first}, {count}, x)"
    kind = _code_type(encoder, count).text
    value = f"{base} + {direction} * static_cast<{kind}>({found})"
    return items, [Line(f"return detail::to<{out}>({value});")]


def _code_type(encoder: LevelEncoder, count: int) -> Carrier:
    largest = int(np.abs(encoder.base).max()) + count
    return Carrier(32) if largest < 1 << 31 else Carrier(64)


def _told(name: str, values: NDArray[np.int64]) -> list[Item]:
    if len(values) == 1:
        return [Line(f"static constexpr {holding(int(values[0]), int(values[0])).text} {name} = {int(values[0])};")]
    kind = holding(int(values.min()), int(values.max())).text
    return [Array(kind, name, tuple(str(int(v)) for v in values), "static constexpr")]


def _read(name: str, values: NDArray[np.int64], column: str) -> str:
    return f"{name}[{column}]" if len(values) > 1 else name
