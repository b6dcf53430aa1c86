"""The forms of a Map as C++: a struct `Map` whose `at(e, x)` gives the code of element `e`, without branches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from bitwright.backends.cpp.carriers import INT32, Carrier, Kinds, Machine
from bitwright.backends.cpp.tree import Array, For, Function, Line, Statement, Struct, parameter
from bitwright.core.rules import Rules
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import Map
from bitwright.numeric import IntArray, Ints, Rounding, ShiftRoundSaturate, Table, Thresholds

__all__ = ["Around", "body", "map_parts", "map_struct"]

_ADDED_UP = 8
"""Up to so many thresholds are compared one by one, which compilers turn into vector code."""
_LONGEST_TABLE = 1 << 14
_ENDLESS = 1 << 62


@dataclass(frozen=True, slots=True)
class Around:
    """What surrounds a map: the types of its argument and its result, and which function each element takes.

    `row` is the C++ expression of the row ("" where there is one only), `rows` the form's rows in
    the order of that expression.
    """

    source: TensorType
    result: TensorType
    row: str
    rows: IntArray
    each: IntArray
    """The form's row of every element, of the tensor's shape."""
    kinds: Kinds

    @property
    def low(self) -> int:
        """The lowest code that arrives."""
        return int(self.source.low.array.min())

    @property
    def high(self) -> int:
        """The highest code that arrives."""
        return int(self.source.high.array.max())

    @property
    def out(self) -> Carrier:
        """The type of the results."""
        return self.kinds.holding(*self.ends)

    @property
    def ends(self) -> tuple[int, int]:
        """The lowest and the highest result."""
        return int(self.result.low.array.min()), int(self.result.high.array.max())


body: Rules[[Around], tuple[list[Array], list[Statement]]] = Rules("C++ of a map's form")


def map_struct(op: Map, source: TensorType, result: TensorType) -> Struct:
    """The struct `Map` of `op` between tensors of the types `source` and `result`."""
    items, statements = map_parts(op, source, result, Machine())
    given = f"{parameter('std::size_t', 'e', statements)}, {parameter('X', 'x', statements)}"
    out = Machine().holding(int(result.low.array.min()), int(result.high.array.max()))
    head = f"template <class X>\nstatic constexpr {out.text} at({given}) noexcept"
    return Struct("Map", (*items, Function(head, tuple(statements))))


def map_parts(
    op: Map, source: TensorType, result: TensorType, kinds: Kinds
) -> tuple[list[Array], list[Statement]]:
    """Constants, and the statements that return the code of element `e` for the argument `x`."""
    around, picks = _around(op, source, result, kinds)
    items, statements = body(op.form, around)
    return [*picks, *items], statements


def _around(op: Map, source: TensorType, result: TensorType, kinds: Kinds) -> tuple[Around, list[Array]]:
    each = np.broadcast_to(op.rows.array, source.shape)
    used = np.unique(each)
    if len(used) == 1:
        return Around(source, result, "", used, each, kinds), []
    channels = each.reshape(-1, each.shape[-1])
    if (channels == channels[0]).all():
        index = "e" if len(channels) == 1 else f"e % {each.shape[-1]}"
        return Around(source, result, index, channels[0], each, kinds), []
    row = "detail::to<std::size_t>(rows[e])"
    return Around(source, result, row, used, each, kinds), [_numbers("rows", np.searchsorted(used, each), kinds)]


def _numbers(name: str, values: IntArray, kinds: Kinds, kind: Carrier | None = None) -> Array:
    narrow = kinds.holding(int(values.min()), int(values.max()))
    texts = tuple(str(v) for v in values.ravel().tolist())
    return Array((kind or narrow).text, name, texts, "static constexpr")


class _Parameters:
    """Numbers per row: literals where all rows agree, arrays where they differ."""

    def __init__(self, around: Around) -> None:
        self.around = around
        self.arrays: list[Array] = []

    def __call__(self, name: str, values: IntArray, kind: Carrier) -> str:
        """The expression of `values[row]`."""
        if (values == values[0]).all():
            return str(int(values[0]))
        self.arrays.append(_numbers(name, values, self.around.kinds, kind))
        return f"{name}[row]"

    def row(self, *, always: bool = False) -> list[Statement]:
        """The statement that finds the row, if anything reads it."""
        if not self.around.row or not (self.arrays or always):
            return []
        return [Line(f"const std::size_t row = {self.around.row};")]


@body.on(ShiftRoundSaturate)
def _(form: ShiftRoundSaturate, around: Around) -> tuple[list[Array], list[Statement]]:
    low_used, high_used = _clips(form, around)
    form = _without_zero_shifts(form.select(around.rows))
    kind = _working(form, around)
    get = _Parameters(around)
    mul, add = get("mul", form.mul.array, kind), get("add", form.add.array, kind)
    value = f"detail::to<{kind.text}>(x)"
    scaled = value if mul == "1" else f"{value} * {_signed(mul)}"
    lines = [Line(f"const {kind.text} total = {scaled if add == '0' else f'{scaled} + {_signed(add)}'};")]
    last = "total"
    if form.shift.array.any():
        lines.append(Line(f"const {kind.text} whole = {_rounded(form, get, kind)};"))
        last = "whole"
    ends = [np.clip(end.array, kind.low, kind.high) for end in (form.low, form.high)]
    if low_used and high_used:
        low, high = get("low", ends[0], kind), get("high", ends[1], kind)
        last = f"detail::clip<{kind.text}>({last}, {low}, {high})"
    elif low_used:
        low = get("low", ends[0], kind)
        last = f"detail::either<{kind.text}>({last} < {low}, {low}, {last})"
    elif high_used:
        high = get("high", ends[1], kind)
        last = f"detail::either<{kind.text}>({last} > {high}, {high}, {last})"
    return get.arrays, [*get.row(), *lines, Line(f"return detail::to<{around.out.text}>({last});")]


def _signed(number: str) -> str:
    return f"({number})" if number.startswith("-") else number


def _clips(form: ShiftRoundSaturate, around: Around) -> tuple[bool, bool]:
    """Whether the lower and the upper end of the saturation can be met at all."""
    free = replace(form, low=Ints(form.low.array * 0 - _ENDLESS), high=Ints(form.high.array * 0 + _ENDLESS))
    low, high = free.image(*around.source.bounds(), around.each)
    return bool((low < form.low.array[around.each]).any()), bool((high > form.high.array[around.each]).any())


def _without_zero_shifts(form: ShiftRoundSaturate) -> ShiftRoundSaturate:
    """Where only some rows shift, the others double and shift by one: every rounding is exact there."""
    still = form.shift.array == 0
    if still.all() or not still.any():
        return form
    twice = 1 + still
    return replace(
        form, mul=Ints(form.mul.array * twice), add=Ints(form.add.array * twice), shift=Ints(form.shift.array + still)
    )


def _working(form: ShiftRoundSaturate, around: Around) -> Carrier:
    mul, add, shift = (np.abs(a.array) for a in (form.mul, form.add, form.shift))
    x = around.source.largest
    bound = max(x * int(m) + int(a) + (1 << int(s)) for m, a, s in zip(mul, add, shift, strict=True))
    return around.kinds.reach(max(bound, x, *(abs(end) for end in around.ends)))


def _rounded(form: ShiftRoundSaturate, get: _Parameters, kind: Carrier) -> str:
    shifts = form.shift.array
    shift = get("shift", shifts, INT32)
    half = lambda less: get("half", (np.int64(1) << (shifts - 1)) - less, kind)  # noqa: E731
    ones = lambda: get("ones", (np.int64(1) << shifts) - 1, kind)  # noqa: E731
    match form.rounding:
        case Rounding.FLOOR:
            return f"total >> {shift}"
        case Rounding.CEIL:
            carry = ones()
        case Rounding.TRUNCATE:
            carry = f"detail::either<{kind.text}>(total < 0, {ones()}, 0)"
        case Rounding.AWAY:
            carry = f"detail::either<{kind.text}>(total < 0, 0, {ones()})"
        case Rounding.HALF_UP:
            carry = half(0)
        case Rounding.HALF_DOWN:
            carry = half(1)
        case Rounding.HALF_AWAY:
            carry = f"{half(0)} - (total < 0 ? 1 : 0)"
        case Rounding.HALF_ZERO:
            carry = f"{half(1)} + (total < 0 ? 1 : 0)"
        case Rounding.HALF_EVEN:
            carry = f"{half(1)} + ((total >> {shift}) & 1)"
    return f"(total + {carry}) >> {shift}"


@body.on(Thresholds)
def _(form: Thresholds, around: Around) -> tuple[list[Array], list[Statement]]:
    form = form.select(around.rows)
    span, count = around.high - around.low + 1, form.thresholds.shape[1]
    if count > _ADDED_UP and span * form.count <= _LONGEST_TABLE:
        codes = np.arange(around.low, around.high + 1)
        values = form(np.broadcast_to(codes, (form.count, span)), np.arange(form.count)[:, None])
        return body(Table(Ints([around.low] * form.count), Ints(values)), replace(around, rows=np.arange(form.count)))
    # No code lies beyond [low, high]: steps outside may move to the next place that no code tells apart.
    steps = np.clip(form.thresholds.array, around.low, around.high + 1)
    if count > _ADDED_UP:
        return _searched(steps, form.values.array, around)
    return _added_up(steps, form.values.array, around)


def _searched(steps: IntArray, values: IntArray, around: Around) -> tuple[list[Array], list[Statement]]:
    rows, count = steps.shape
    kind = around.kinds.reach(max(abs(around.low), abs(around.high) + 1))
    at = f"steps + row * {count}, {count}" if rows > 1 else f"steps, {count}"
    place = f"row * {count + 1} + found" if rows > 1 else "found"
    lines: list[Statement] = [
        *_Parameters(around).row(always=True),
        Line(f"const std::size_t found = detail::reached({at}, detail::to<{kind.text}>(x));"),
        Line(f"return detail::to<{around.out.text}>(values[{place}]);"),
    ]
    return [_numbers("steps", steps, around.kinds, kind), _numbers("values", values, around.kinds)], lines


def _added_up(steps: IntArray, values: IntArray, around: Around) -> tuple[list[Array], list[Statement]]:
    """The first value plus the jump at every threshold that is reached."""
    jumps = np.diff(values, axis=1)
    bounds = np.abs(values).max(axis=1) + np.abs(jumps).sum(axis=1)
    reach = around.kinds.reach
    kind, wide = reach(int(bounds.max())), reach(max(abs(around.low), abs(around.high) + 1))
    get = _Parameters(around)
    first = get("first", values[:, 0], kind)
    lines: list[Statement] = [Line(f"{kind.text} y = {first};")]
    if len(steps) == 1:
        for step, jump in _kept(steps[0], jumps[0], around.high):
            lines.append(Line(f"y += detail::to<{wide.text}>(x) >= {step} ? {jump} : 0;"))
    elif steps.shape[1]:
        count = steps.shape[1]
        get.arrays += [_numbers("steps", steps, around.kinds, wide), _numbers("jumps", jumps, around.kinds, kind)]
        at = f"row * {count} + i"
        jump = f"detail::either<{kind.text}>(detail::to<{wide.text}>(x) >= steps[{at}], jumps[{at}], 0)"
        lines.append(For("i", count, (Line(f"y += {jump};"),)))
    return get.arrays, [*get.row(), *lines, Line(f"return detail::to<{around.out.text}>(y);")]


def _kept(steps: IntArray, jumps: IntArray, high: int) -> Iterable[tuple[int, int]]:
    """The thresholds that change anything."""
    return [(int(s), int(j)) for s, j in zip(steps, jumps, strict=True) if s <= high and j]


@body.on(Table)
def _(form: Table, around: Around) -> tuple[list[Array], list[Statement]]:
    form = form.select(around.rows)
    wide = around.kinds.reach(max(abs(around.low), abs(around.high), int(np.abs(form.start.array).max())) * 2)
    get = _Parameters(around)
    start = get("start", form.start.array, wide)
    index = f"detail::to<std::size_t>(detail::to<{wide.text}>(x) - {_signed(start)})"
    row = f"row * {form.values.shape[1]} + " if form.count > 1 else ""
    lines = [
        *get.row(always=form.count > 1),
        Line(f"return detail::to<{around.out.text}>(values[{row}{index}]);"),
    ]
    return [*get.arrays, _numbers("values", form.values.array, around.kinds)], lines
