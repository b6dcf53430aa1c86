"""LSTM, GRU and RNN, as ONNX writes them (gates in the order i o f c, and z r h).

Where a format of states was given, functions, states and what a GRU resets are rounded to it at the points that
`operators.Recurrent` names: so the executor stays what the integers are compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.cells import expanded
from bitwright.frontends.qonnx.execute.table import Frame, Values, compute, room
from bitwright.frontends.qonnx.model import Array, Node, Operator
from bitwright.numeric import Format

__all__ = ["rounded"]

Function = Callable[[Array], Array]
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def rounded(x: Array, grid: Format | None) -> Array:
    """`x` on a grid, half to even and saturated, in its own dtype."""
    if grid is None:
        return x
    step = np.asarray(float(grid.step), x.dtype)
    return (np.clip(np.rint(x / step), grid.low, grid.high) * step).astype(x.dtype)


@compute.on(o.Recurrent)
def _(op: o.Recurrent, args: Values, frame: Frame) -> tuple[Array, ...]:
    x, weights, recurrent, bias, lengths, first, cell, peephole = (*args, *[None] * 8)[:8]
    assert x is not None
    assert weights is not None
    assert recurrent is not None
    longest = x.shape[1 if op.batch_first else 0]
    if peephole is not None or (lengths is not None and (lengths != longest).any()):
        raise Unsupported("sequence lengths or peepholes", remedy="export sequences of one length, without peepholes")
    if op.batch_first:
        x = np.moveaxis(x, 0, 1)
        first, cell = (None if s is None else np.moveaxis(s, 0, 1) for s in (first, cell))
    steps, batch = x.shape[:2]
    hidden = recurrent.shape[-1]
    gates, count = _GATES[op.kind], len(op.directions)
    if weights.shape[:2] != (count, gates * hidden) or (bias is not None and bias.shape != (count, 2 * gates * hidden)):
        raise InvalidModel(f"weights of shape {weights.shape} for {count} x {gates} x {hidden}")
    room((steps, count, batch, gates * hidden))
    zeros = np.zeros((count, batch, hidden), x.dtype)
    outs, lasts, cells = list[Array](), list[Array](), list[Array]()
    for d, direction in enumerate(op.directions):
        functions = [_called(f, op.grid(f), frame) for f in op.functions(d)]
        b = np.zeros(2 * gates * hidden, x.dtype) if bias is None else bias[d]
        grids = op.settled(d)
        state = _settled(((zeros if first is None else first)[d], (zeros if cell is None else cell)[d]), grids)
        order = range(steps) if direction == "forward" else range(steps - 1, -1, -1)
        out = np.empty((steps, batch, hidden), x.dtype)
        for t in order:
            state = _settled(_step(op, functions, x[t] @ weights[d].T, state, recurrent[d], b, grids[2]), grids)
            out[t] = state[0]
        outs.append(out)
        lasts.append(state[0])
        cells.append(state[1])
    found = np.stack(outs, axis=1), np.stack(lasts), np.stack(cells)
    if op.batch_first:
        found = (found[0].transpose(2, 0, 1, 3), *(np.moveaxis(s, 0, 1) for s in found[1:]))
    return found if op.kind == "LSTM" else found[:2]


def _called(function: Operator, grid: Format | None, frame: Frame) -> Function:
    """An activation as a function of arrays."""

    def call(x: Array) -> Array:
        found = compute(function, [x], frame)
        assert not isinstance(found, tuple)
        return rounded(found, grid)

    return call


def _settled(state: tuple[Array, Array], grids: Sequence[Format | None]) -> tuple[Array, Array]:
    return rounded(state[0], grids[0]), rounded(state[1], grids[1])


def _step(
    op: o.Recurrent, functions: Sequence[Function], x: Array, state: tuple[Array, Array], recurrent: Array, bias: Array,
    reset: Format | None,
) -> tuple[Array, Array]:  # fmt: skip
    """One step of one direction; x (batch, gates * hidden) is the input's part of the gates."""
    before, cell = state
    half = len(bias) // 2

    def clipped(gate: Array) -> Array:
        return gate if op.clip is None else np.clip(gate, -np.float32(op.clip), np.float32(op.clip))

    if op.kind == "GRU":
        return _gru(op, functions, x + bias[:half], before, recurrent, bias[half:], clipped, reset), cell
    total = clipped(x + before @ recurrent.T + bias[:half] + bias[half:])
    if op.kind == "RNN":
        return functions[0](total), cell
    i, out, forget, c = np.split(total, 4, axis=-1)
    f, g, h = functions
    cell = f(forget) * cell + f(i) * g(c)
    return f(out) * h(cell), cell


def _gru(
    op: o.Recurrent, functions: Sequence[Function], x: Array, before: Array, recurrent: Array, bias: Array,
    clip: Callable[[Array], Array], reset: Format | None,
) -> Array:  # fmt: skip
    size = before.shape[-1]
    f, g = functions
    inner = before @ recurrent[: 2 * size].T + bias[: 2 * size]
    z, r = f(clip(x[:, :size] + inner[:, :size])), f(clip(x[:, size : 2 * size] + inner[:, size:]))
    last, offset = recurrent[2 * size :].T, bias[2 * size :]
    if op.linear_before_reset:
        fresh = r * rounded(before @ last + offset, reset)
    else:
        fresh = rounded(r * before, reset) @ last + offset
    h = g(clip(x[:, 2 * size :] + fresh))
    return (1 - z) * h + z * before


@compute.on(o.QuantLSTM)
def _(op: o.QuantLSTM, args: Values, frame: Frame) -> tuple[Array, ...]:
    x = args[0]
    if x is None or x.ndim != 3:
        raise InvalidModel("its input is no sequence", remedy="give it (batch, time, features)")
    names = tuple(f"in{i}" for i in range(len(args)))
    node = Node("cell", "QuantLSTMCell", "", 1, op, names, ("y", "h", "c"))
    told = expanded(node, x.shape[1 if op.batch_first else 0])
    values = {**told.constants, **{n: np.asarray(a) for n, a in zip(names, args, strict=True) if a is not None}}
    for node in told.nodes:
        room((*x.shape[:2], *values[node.inputs[0]].shape[-1:]))
        found = compute(node.op, [values[n] for n in node.inputs], frame)
        values[node.outputs[0]] = found[0] if isinstance(found, tuple) else found
    return values["y"], values["h"], values["c"]
