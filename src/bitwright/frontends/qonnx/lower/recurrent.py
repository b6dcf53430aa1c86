"""LSTM, GRU and RNN: unrolled over time by the steps of `grid.recurrent`, where all values stay on a grid.

ONNX's cells have no quantizers inside. They are exact with activations that keep a grid (Relu, HardSigmoid with
alpha 0.25) as long as float32 holds the states; cells with float activations are refused by name, unless a format of
their states is given (`with_states`): then functions and states are rounded, in the executor too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import ConfigError, Inexact, InvalidModel, Unsupported
from bitwright.frontends.grid.chains import ENUMERATED, dyadic_fraction
from bitwright.frontends.grid.elementwise import Elementwise
from bitwright.frontends.grid.recurrent import Cell, Remedies, Step, gru_step, lstm_step, simple_step, unrolled
from bitwright.frontends.grid.walk import Lazy
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.cells import expanded
from bitwright.frontends.qonnx.execute import Frame, compute
from bitwright.frontends.qonnx.execute.recurrent import rounded
from bitwright.frontends.qonnx.functions import Pointwise
from bitwright.frontends.qonnx.lower.linear import dense, summed
from bitwright.frontends.qonnx.lower.read import step_node
from bitwright.frontends.qonnx.lower.reader import Reader, fixed, lower
from bitwright.frontends.qonnx.lower.values import Fixed, Live, Value
from bitwright.frontends.qonnx.model import Array, Model, Node, Operator
from bitwright.ir.graph.ops import Concat, Constant, Reshape, Slice
from bitwright.numeric import Format, Ints, Steps

__all__ = ["with_states"]

_INTO_KERAS = {"LSTM": (0, 2, 3, 1), "GRU": (0, 1, 2), "RNN": (0,)}
"""ONNX's gates (i o f c; z r h) in Keras's order (i f c o; z r h)."""
_WIDEST = 20
_OUT = (
    "give compile state_format='s8.4' (--state-format s8.4), the format of its states; or quantize inside the cell:"
    " Brevitas's QuantLSTM is exported step by step with its quantizers, bw.QLSTM and bw.QGRU are exact; or use"
    " activations Relu and HardSigmoid with alpha=0.25"
)
_REMEDIES = Remedies(_OUT, _OUT, _OUT, "use fewer steps or bits, or a cell with quantized states: bw.QLSTM or bw.QGRU",
                     "quantize the bias to the step of inputs x weights")  # fmt: skip
_FLOATS = (Pointwise.SIGMOID, Pointwise.TANH, Pointwise.SOFTSIGN, Pointwise.SOFTPLUS)


def with_states(model: Model, told: str | Format) -> Model:
    """`model` with functions and states of its LSTM, GRU and RNN rounded, as `operators.Recurrent.state` says.

    It computes what no file says, so that its executor differs from the file's by these roundings. Raises
    `ConfigError` for a model without such cells.
    """
    state = Format.parse(told) if isinstance(told, str) else told
    given = [replace(n.op, state=state) if isinstance(n.op, o.Recurrent) else n.op for n in model.nodes]
    nodes = tuple(replace(node, op=op) for node, op in zip(model.nodes, given, strict=True))
    if nodes == model.nodes:
        raise ConfigError(
            "state_format for a model without LSTM, GRU or RNN", where=f"model '{model.name}'", remedy="leave it out"
        )
    return replace(model, nodes=nodes)


@lower.on(o.Recurrent)
def _(op: o.Recurrent, node: Node, reader: Reader, args: list[Any]) -> list[Value]:
    live, weights, recurrent, bias, lengths, hidden, carry, peephole = (*args, *[None] * 8)[:8]
    source = reader.settled_codes(_sequence(op, node, live, lengths, peephole), node.name)
    given = reader.walk.type(source).step
    if not given.dyadic:
        raise Inexact(
            f"its input's step {given} is no power of two", where=f"node '{node.name}' ({node.kind})",
            why="float32 sums round then, and the error would go round the loop",
            remedy="give its input's quantizer a scale that is a power of two",
        )  # fmt: skip
    each: list[tuple[list[int], list[int]]] = []
    for d, direction in enumerate(op.directions):
        told = [None if v is None else _of(v, d, node) for v in (weights, recurrent, bias)]
        cell, step = _cell(op, d, told, node, reader)
        given_states = zip((hidden, carry)[: 2 if op.kind == "LSTM" else 1], op.settled(d), strict=False)
        states = [_start(v, grid, d, op, cell, node, reader) for v, grid in given_states]
        count = reader.walk.type(source).shape[0]
        order = range(count) if direction == "forward" else range(count)[::-1]
        outputs, last = unrolled(cell, step, source, states, order)
        each.append((outputs if direction == "forward" else outputs[::-1], last))
    if op.state is not None:
        why = f"its functions and states are rounded to {op.state.width} bits (state_format)"
        reader.walk.note(node.name, True, why)
    return _results(op, node, reader, each)


def _sequence(op: o.Recurrent, node: Node, live: Any, lengths: Any, peephole: Any) -> Live:
    """The input (time, features), if the cell can be exact at all."""
    where = f"node '{node.name}' ({node.kind})"
    whole = lengths is None or (isinstance(lengths, Fixed) and bool((lengths.values == live.shape[0]).all()))
    if not whole or peephole is not None:
        raise Unsupported(
            "sequence lengths or peepholes", where=where, remedy="export sequences of one length, without peepholes"
        )
    if not isinstance(live, Live) or len(live.shape) != 2 or live.batch != (0 if op.batch_first else 1):
        raise Unsupported(
            "its input is no sequence of (time, features) for each sample", where=where,
            remedy="give the model an input of (1, time, features): batch_first=True in PyTorch",
        )  # fmt: skip
    floats = {f.function.value for f in op.activations if isinstance(f, o.Unary) and f.function in _FLOATS}
    floats |= {f.kind for f in op.activations if isinstance(f, o.Parametric) and f.kind == "Elu"}
    if floats and op.state is None:
        raise Unsupported(
            f"its {' and '.join(sorted(floats))} yield floats", where=where,
            why="gates and states inside the loop would have to lie on a grid, and no quantizer stands there",
            remedy=_OUT,
        )  # fmt: skip
    return live


def _of(value: Any, direction: int, node: Node) -> NDArray[np.float32]:
    """What a direction takes of a constant (directions, ...); it lies on a grid of powers of two."""
    values = np.asarray(fixed(value, node, "weight"), np.float32)[direction]
    bits = dyadic_fraction(values)[1] if np.isfinite(values).all() else 64
    if bits > _WIDEST:
        raise Unsupported(
            f"its weights need {bits} bits", where=f"node '{node.name}' ({node.kind})",
            why="float32 may not round in a loop: weights and biases must be integers times a power of two",
            remedy="quantize them with scales that are powers of two",
        )  # fmt: skip
    return values


def _cell(
    op: o.Recurrent, direction: int, told: list[NDArray[np.float32] | None], node: Node, reader: Reader
) -> tuple[Cell, Step]:
    """The cell with Keras's layout of its weights, and its step."""
    order = _INTO_KERAS[op.kind]
    kernel, recurrent, bias = told
    assert kernel is not None
    assert recurrent is not None
    units = recurrent.shape[-1]

    def turned(values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(gates * units, ...) to (..., gates * units), the gates in Keras's order."""
        parts = values.reshape(len(order), units, *values.shape[1:])[list(order)]
        return parts.reshape(values.shape).T

    weights = {"kernel": turned(kernel), "recurrent_kernel": turned(recurrent)}
    if bias is not None:
        both = bias.reshape(2, len(order) * units)
        after = np.stack([turned(b) for b in both])
        weights["bias"] = after if op.linear_before_reset and op.kind == "GRU" else after[0] + after[1]

    def total(x: int, matrix: NDArray[np.float32], offset: NDArray[np.float32] | None) -> Lazy:
        lazy = summed(node, reader, reader.emitted(x), Fixed(matrix), offset, dense).lazy
        if op.state is None:
            _refuse_wide(reader, lazy, node)
        return lazy

    functions = [_piece(f, op.grid(f), op.clip, node) for f in op.functions(direction)]
    gate = None if op.kind == "RNN" else functions[0]
    last = op.functions(direction)[-1]
    new, leave = functions[-2] if op.kind == "LSTM" else functions[-1], _piece(last, op.grid(last), None, node)
    complement = Elementwise(node.name, lambda x: np.float32(1) - x, step=None if gate is None else gate.step)
    settled = [_rounding(grid, node) for grid in op.settled(direction)]
    cell = Cell(
        node.name, reader.walk, units, weights, total, None, new, leave, gate, complement, _REMEDIES, settled[2]
    )
    return cell, _step(op, settled)


def _refuse_wide(reader: Reader, lazy: Lazy, node: Node) -> None:
    """A state that gains bits with every step ends in sums whose functions nobody can enumerate."""
    if lazy.base is None:
        return
    low, high = reader.walk.type(lazy.base).bounds()
    span = int(high.max()) - int(low.min()) + 1
    if span > ENUMERATED:
        raise Inexact(
            f"a sum of its gates takes {span} codes", where=f"node '{node.name}' ({node.kind})",
            why=f"its states gain bits with every step, and at most {ENUMERATED} codes are enumerated",
            remedy=_REMEDIES.grows,
        )  # fmt: skip


def _step(op: o.Recurrent, settled: list[Elementwise | None]) -> Step:
    """One step, behind which states are rounded where they are to be."""

    def step(cell: Cell, x: int, states: list[int]) -> tuple[int, list[int]]:
        if op.kind == "GRU":
            found = gru_step(cell, x, states, op.linear_before_reset)[1]
        else:
            found = (lstm_step if op.kind == "LSTM" else simple_step)(cell, x, states)[1]
        kept = [cell.called(s, p, "state", _REMEDIES.state) for s, p in zip(found, settled, strict=False)]
        return kept[0], kept

    return step


def _rounding(grid: Format | None, node: Node) -> Elementwise | None:
    return None if grid is None else Elementwise(node.name, lambda x: rounded(x, grid), step=grid.step)


def _piece(function: Operator, grid: Format | None, clip: float | None, node: Node) -> Elementwise:
    """An activation behind the clip of its argument, as the executor computes it."""
    rising = not isinstance(function, o.Parametric) or (function.kind != "ThresholdedRelu" and function.alpha >= 0)

    def apply(x: Array) -> Array:
        values = x if clip is None else np.clip(x, -np.float32(clip), np.float32(clip))
        found = compute(function, [values], Frame())
        assert not isinstance(found, tuple)
        return rounded(found, grid)

    return Elementwise(node.name, apply, monotone=rising, step=None if grid is None else grid.step)


def _start(
    value: Value | None, grid: Format | None, direction: int, op: o.Recurrent, cell: Cell, node: Node, reader: Reader
) -> int:
    """The position of a direction's first state: zeros, a constant, or a live tensor (directions, units)."""
    if isinstance(value, Live):
        position = reader.settled_codes(value, node.name)
        ends = (direction, 0), (direction + 1, cell.units)
        row = reader.walk.emit(Slice(*ends, (1, 1)), [position], node.name)
        position = reader.walk.emit(Reshape((cell.units,)), [row], node.name)
        return cell.called(position, _rounding(grid, node), "state", _REMEDIES.state)
    values = np.zeros(cell.units)
    if value is not None:
        values = np.asarray(value.values, np.float32)[(0, direction) if op.batch_first else (direction, 0)]
        values = rounded(values, grid).astype(np.float64)
    fraction, bits = dyadic_fraction(values)
    if values.shape != (cell.units,) or bits > _WIDEST:
        raise InvalidModel(f"a first state of {values.shape} in {bits} bits", where=f"node '{node.name}'")
    codes = np.rint(np.ldexp(values, fraction)).astype(np.int64)
    return reader.walk.emit(Constant(Ints(codes)), [], node.name, Steps.of(Fraction(2) ** -fraction))


def _results(
    op: o.Recurrent, node: Node, reader: Reader, each: list[tuple[list[int], list[int]]]
) -> list[Value]:
    """Y (time, directions, units), Y_h and Y_c (directions, units), as far as somebody reads them."""
    walk, name = reader.walk, node.name
    units = walk.type(each[0][0][0]).shape[-1]
    read = [bool(n) and reader.counts.get(n, 0) > 0 for n in node.outputs]

    def joined(positions: list[int], shape: tuple[int, ...]) -> int:
        """Rows of (units,) as one tensor."""
        rows = [walk.emit(Reshape((1, units)), [p], name) for p in walk.aligned(positions, name)]
        flat = rows[0] if len(rows) == 1 else walk.emit(Concat(0), rows, name)
        return walk.emit(Reshape(shape), [flat], name)

    makers: list[Callable[[], int]] = [
        lambda: joined([o[t] for t in range(len(each[0][0])) for o, _ in each], (len(each[0][0]), len(each), units)),
        *(lambda s=s: joined([last[s] for _, last in each], (len(each), units)) for s in range(len(each[0][1]))),
    ]
    batches = (0, 0, 0) if op.batch_first else (2, 1, 1)
    unread = Live.plain(Lazy((0,), None))
    return [
        Live.plain(Lazy(walk.type(p).shape, p), batch) if (p := make() if wanted else None) is not None else unread
        for make, wanted, batch in zip(makers, read, batches, strict=False)
    ]


@lower.on(o.QuantLSTM)
def _(op: o.QuantLSTM, node: Node, reader: Reader, args: list[Any]) -> list[Value]:
    live = args[0]
    if not isinstance(live, Live) or len(live.shape) != 2 or live.batch != (0 if op.batch_first else 1):
        raise Unsupported(
            "its input is no sequence of (time, features) for each sample", where=f"node '{node.name}' ({node.kind})",
            remedy="give the model an input of (1, time, features): batch_first=True in Brevitas",
        )  # fmt: skip
    told = expanded(node, live.shape[0])
    reader.values.update((name, Fixed(values)) for name, values in told.constants.items())
    for name, count in told.counts():
        reader.counts[name] = reader.counts.get(name, 0) + count
    for inner in told.nodes:
        step_node(inner, reader)
    reader.walk.note(node.name, True, f"{live.shape[0]} steps unrolled, a quantizer behind every sum and product")
    return [reader.values[n] for n in node.outputs if n]
