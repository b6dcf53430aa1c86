"""Integer functions as nodes: rounding and cutting as a quantizer, steps as MultiThreshold, anything as a look-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bitwright.core.errors import Inexact
from bitwright.frontends.qonnx.write.file import Dialect
from bitwright.frontends.qonnx.write.quantizers import clipped, quantize, rounds
from bitwright.frontends.qonnx.write.writer import HOLDS, Floats, Tensor, Writer, unit_of, write
from bitwright.ir.graph import TensorType
from bitwright.ir.graph.ops import GraphOp, Map
from bitwright.ir.program import Node
from bitwright.numeric import IntArray, Ints, MapForm, Rounding, ShiftRoundSaturate, Thresholds

__all__: list[str] = []

_LEVELS = 1 << 12
_TABULATED = 1 << 16


@dataclass(frozen=True)
class _Case:
    """A Map where it stands: the tensor with its unit and the result's, the rows of its form, and codes (rows,)."""

    node: Node[GraphOp, TensorType]
    tensor: Tensor
    before: Floats
    after: Floats
    form: MapForm
    rows: IntArray
    low: IntArray
    high: IntArray

    @property
    def layer(self) -> str:
        return self.node.name

    @property
    def ends(self) -> tuple[IntArray, IntArray]:
        """The range of the results of each row, laid out as the rows."""
        least, most = self.form.image(self.low, self.high, np.arange(self.form.count))
        return least[self.rows], most[self.rows]


@write.on(Map)
def _(op: Map, writer: Writer, node: Node[GraphOp, TensorType], args: Sequence[Tensor]) -> Tensor:
    case = _case(op, writer, node, args[0])
    rounded = case.form if isinstance(case.form, ShiftRoundSaturate) else _rounding(case, writer.file.dialect)
    if rounded is not None:
        found = _saturated(writer, case, rounded)
        if found is not None:
            return found
    found = _counted(writer, case) if writer.file.dialect is Dialect.QONNX else None
    return found or _looked_up(writer, case)


def _case(op: Map, writer: Writer, node: Node[GraphOp, TensorType], tensor: Tensor) -> _Case:
    """Rows renumbered from 0, each with the codes that reach it."""
    position = node.args[0]
    type = writer.type(position)
    used, rows = np.unique(op.rows.array, return_inverse=True)
    rows = rows.reshape(op.rows.shape)
    each = np.broadcast_to(rows, type.shape)
    low, high = (np.broadcast_to(a, type.shape) for a in type.bounds())
    least, most = np.full(len(used), HOLDS, np.int64), np.full(len(used), -HOLDS, np.int64)
    np.minimum.at(least, each.ravel(), low.ravel())
    np.maximum.at(most, each.ravel(), high.ravel())
    before, after = writer.unit(position), unit_of(node.type.step)
    return _Case(node, tensor, before, after, op.form.select(used), rows, least, most)


_PLAIN = (Rounding.HALF_EVEN, Rounding.FLOOR, Rounding.HALF_AWAY, Rounding.CEIL, Rounding.HALF_UP)


def _rounding(case: _Case, dialect: Dialect) -> ShiftRoundSaturate | None:
    """The function as rounding of the same values and cutting, where it is just that."""
    if case.before.size > 1 or case.after.size > 1:
        return None
    power = round(np.log2(float(case.after.flat[0]) / float(case.before.flat[0])))
    if not -12 <= power <= 24:
        return None
    count = case.form.count
    rows, full = np.arange(count), lambda value: Ints(np.full(count, value))  # pyright: ignore[reportUnknownLambdaType]
    ends = [Ints(case.form(codes, rows)) for codes in (case.low, case.high)]
    if (ends[0].array > ends[1].array).any():
        return None
    probes = [_probes(case, row) for row in range(count)]
    wanted = [case.form(codes, np.full(len(codes), row)) for row, codes in enumerate(probes)]
    for rounding in _PLAIN[: 1 if power <= 0 else None]:
        if rounding is Rounding.HALF_AWAY and not rounds(rounding, dialect):
            continue
        form = ShiftRoundSaturate(full(1 << max(-power, 0)), full(0), full(max(power, 0)), rounding, ends[0], ends[1])
        if all((form(c, np.full(len(c), r)) == w).all() for r, (c, w) in enumerate(zip(probes, wanted, strict=True))):
            return form
    return None


def _probes(case: _Case, row: int) -> IntArray:
    """Codes such that functions which rise agree everywhere where they agree on these."""
    low, high = int(case.low[row]), int(case.high[row])
    if not isinstance(case.form, Thresholds):
        return np.arange(low, high + 1)
    steps = case.form.thresholds.array[row]
    steps = steps[(steps > low) & (steps <= high)]
    return np.unique(np.concatenate([[low, high], steps, steps - 1]))


def _saturated(writer: Writer, case: _Case, form: ShiftRoundSaturate) -> Tensor | None:
    """As scale, offset and a quantizer; None where float32 does not hold it, or has no word for its rounding."""
    mul, add, shift = (a.array for a in (form.mul, form.add, form.shift))
    rounding, half = _worded(form.rounding if shift.any() else Rounding.HALF_EVEN, shift)
    most = np.maximum(np.abs(case.low), np.abs(case.high))
    rows = zip(mul.tolist(), most.tolist(), add.tolist(), shift.tolist(), strict=True)
    reach = [abs(m) * x + abs(a) + (1 << s) for m, x, a, s in rows]
    if max(reach) >= HOLDS or not rounds(rounding, writer.file.dialect):
        return None
    down = np.ldexp(1.0, -shift)
    factor = (mul * down)[case.rows] * case.after / case.before
    offset = (add * down + half)[case.rows] * case.after
    tensor = writer.scaled(case.tensor, factor, case.layer)
    tensor = writer.shifted(tensor, offset, case.layer)
    cut = _cuts(case, form)
    if not cut and not shift.any():
        return tensor
    return quantize(writer, tensor, case.after, case.ends, case.layer, rounding, cut)


def _worded(rounding: Rounding, shift: IntArray) -> tuple[Rounding, Floats]:
    """The same rounding as a floor or a ceiling of something a half aside, where no word says it."""
    half = np.where(shift > 0, 0.5, 0.0)
    match rounding:
        case Rounding.HALF_UP:
            return Rounding.FLOOR, half
        case Rounding.HALF_DOWN:
            return Rounding.CEIL, -half
        case _:
            return rounding, 0 * half


def _cuts(case: _Case, form: ShiftRoundSaturate) -> bool:
    """Whether the ends of the range are ever met from outside."""
    far = np.full(form.count, 1 << 40)
    free = replace(form, low=Ints(-far), high=Ints(far))
    rows = np.arange(form.count)
    return any((free(codes, rows) != form(codes, rows)).any() for codes in (case.low, case.high))


def _pieces(case: _Case, row: int) -> tuple[IntArray, IntArray] | None:
    """(thresholds, values) of a function on the codes that reach it; None where there are too many codes to ask."""
    low, high = int(case.low[row]), int(case.high[row])
    if isinstance(case.form, Thresholds):
        steps = case.form.thresholds.array[row]
        steps = np.unique(steps[(steps > low) & (steps <= high)])
    elif high - low < _TABULATED:
        steps = np.arange(low + 1, high + 1)
    else:
        return None
    values = case.form(np.concatenate([[low], steps]), np.full(len(steps) + 1, row))
    changes = values[1:] != values[:-1]
    return steps[changes], np.concatenate([values[:1], values[1:][changes]])


def _refuse(case: _Case, why: str) -> Inexact:
    return Inexact(
        "its function has no exact form in this dialect", where=f"layer '{case.layer}'", why=why,
        remedy='use dialect="qonnx", or a quantizer of fewer bits',
    )  # fmt: skip


def _counted(writer: Writer, case: _Case) -> Tensor | None:
    """As MultiThreshold: how many thresholds are reached; None where rows are not channels, or it has too many."""
    if not case.tensor.shape:
        return None
    channels = case.tensor.shape[-1]
    if case.rows.size not in (1, channels) or (case.rows.size > 1 and case.rows.shape[-1] != channels):
        return None
    found = [_pieces(case, row) for row in range(case.form.count)]
    known = [p for p in found if p is not None]
    turns = [_direction(values) for _, values in known]
    most = max((int(abs(v[-1] - v[0])) for _, v in known), default=0)
    if len(known) < len(found) or 0 in turns or not 0 < most <= _LEVELS:
        return None
    rows = case.rows.ravel()
    signs = np.array(turns)
    levels = np.array([_levels(p, turn, most, int(top)) for p, turn, top in zip(known, turns, case.high, strict=True)])
    # A function that falls is one that rises with the negated code, from its last value on.
    base = np.array([int(v[0] if turn > 0 else v[-1]) for (_, v), turn in zip(known, turns, strict=True)])
    tensor = writer.scaled(case.tensor, signs[case.rows] / case.before, case.layer)
    return _threshold(writer, case, tensor, levels[rows], base)


def _direction(values: IntArray) -> int:
    """1 where the values rise (or stay), -1 where they fall, 0 where they do neither."""
    steps = np.diff(values)
    return 1 if (steps >= 0).all() else -1 if (steps <= 0).all() else 0


def _levels(pieces: tuple[IntArray, IntArray], turn: int, most: int, top: int) -> IntArray:
    """One threshold for every step of one, for the code times `turn`; those that are too many lie beyond all codes."""
    steps, values = pieces
    each = np.repeat(steps, np.abs(np.diff(values)))
    each = each if turn > 0 else np.sort(1 - each)
    return np.concatenate([each, np.full(most - len(each), HOLDS)])


def _threshold(writer: Writer, case: _Case, tensor: Tensor, levels: IntArray, base: IntArray) -> Tensor:
    """The node; a base or a unit that differs between channels follows it, and then a quantizer that tells the grid."""
    alike = (base == base[0]).all() and case.after.size == 1
    unit = float(case.after.flat[0]) if alike else 1.0
    bias = float(base[0]) * unit if alike else 0.0
    held = writer.file.hold(np.unique(levels, axis=0) if (levels == levels[:1]).all() else levels, case.layer, "levels")
    layout = _layout(tensor)
    name = writer.file.quantizer(
        "MultiThreshold", [tensor.name, held], case.layer, out_scale=unit, out_bias=bias, out_dtype="FLOAT32",
        data_layout=layout,
    )  # fmt: skip
    counted = replace(tensor, name=name)
    if alike:
        return counted
    moved = writer.changed("Add", counted, base[case.rows], case.layer, 0.0)
    return quantize(writer, writer.scaled(moved, case.after, case.layer), case.after, case.ends, case.layer, cut=False)


def _layout(tensor: Tensor) -> str:
    """The axes of the file's tensor, the channels as C."""
    space = "HWDXY"[: max(len(tensor.shape) - 1, 0)] if len(tensor.shape) != 2 else "W"
    return f"NC{space}" if tensor.first else f"N{space}C"


def _looked_up(writer: Writer, case: _Case) -> Tensor:
    """As a table in a constant, one row behind the other."""
    starts, tables = list[int](), list[IntArray]()
    for row in range(case.form.count):
        first, last = _window(case, row)
        if last - first >= _TABULATED:
            raise _refuse(case, f"it changes over {last - first + 1} codes")
        starts.append(first)
        tables.append(case.form(np.arange(first, last + 1), np.full(last - first + 1, row)))
    width = max(len(t) for t in tables)
    if width * len(tables) >= HOLDS:
        raise _refuse(case, f"{len(tables)} tables of {width} codes")
    table = np.stack([np.pad(t, (0, width - len(t)), mode="edge") for t in tables])
    index = _index(writer, case, np.array(starts), np.array([len(t) for t in tables]), width)
    one = case.after.size == 1
    held = writer.file.hold(table.ravel() * (float(case.after.flat[0]) if one else 1.0), case.layer, "table")
    found = replace(case.tensor, name=writer.file.node("Gather", [held, index], case.layer, axis=0))
    if not one:
        found = writer.scaled(found, case.after, case.layer)
    return quantize(writer, found, case.after, case.ends, case.layer, cut=False)


def _window(case: _Case, row: int) -> tuple[int, int]:
    """The codes between which the function changes."""
    low, high = int(case.low[row]), int(case.high[row])
    if not isinstance(case.form, Thresholds):
        return low, high
    steps = case.form.thresholds.array[row]
    steps = steps[(steps > low) & (steps <= high)]
    return (int(steps[0]) - 1, int(steps[-1])) if len(steps) else (low, low)


def _index(writer: Writer, case: _Case, starts: IntArray, sizes: IntArray, width: int) -> str:
    """The place of each element in the tables, as integers.

    Every code is cut at the ends of its table, those that need no cut here, too: who reads the file knows one range
    for all elements of an input and so proves less, and a place below zero would count from the table's end.
    """
    codes = writer.scaled(case.tensor, 1 / case.before, case.layer)
    ends = starts[case.rows], (starts + sizes - 1)[case.rows]
    codes = clipped(writer, codes, np.ones(()), ends, case.layer)
    offsets = np.arange(len(starts)) * width - starts
    places = writer.shifted(codes, offsets[case.rows], case.layer)
    return writer.file.node("Cast", [places.name], case.layer, to=7)
