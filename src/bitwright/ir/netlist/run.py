"""What netlist operators compute, and the range of what they compute."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.core.interpreter import IS_NATIVE
from bitwright.core.rules import Rules
from bitwright.ir.netlist.machine import machine_of
from bitwright.ir.netlist.netlist import Netlist, Port
from bitwright.ir.netlist.ops import (
    Add,
    AtLeast,
    Bits,
    Clip,
    Constant,
    Input,
    Multiply,
    Mux,
    Register,
    Shift,
    Subtract,
    Sum,
    Table,
)
from bitwright.numeric import IntArray

__all__ = ["evaluate", "evaluated", "run", "trace"]

evaluate: Rules[[list[IntArray]], IntArray] = Rules("netlist evaluation")


def run(program: Netlist, inputs: Sequence[IntArray]) -> list[IntArray]:
    """The steady-state outputs, (batch, *shape) per output port, for (batch, *shape) per input port.

    Registers pass their word on: `run` is the function, not the waveform. Memory is bounded by the words
    alive at once. The compiled interpreter does the work where it is there, else `evaluate` does: the same (a law)
    for every netlist that `check` accepts and whose words keep to their ranges.
    """
    return _interpreted(program, inputs) if IS_NATIVE else evaluated(program, inputs)


def _interpreted(program: Netlist, inputs: Sequence[IntArray]) -> list[IntArray]:
    columns = [codes.reshape(len(codes), len(p.words)) for p, codes in _ports(program, inputs)]
    batch = len(columns[0]) if columns else 1
    codes = columns[0] if len(columns) == 1 else np.concatenate([np.empty((batch, 0), np.int64), *columns], axis=1)
    try:
        found = machine_of(program)(codes)
    except InvalidValue:
        for port, given in zip(program.inputs, columns, strict=True):
            _require_range(program, port, given.T)
        raise
    ends = np.cumsum([len(port.words) for port in program.results])[:-1]
    parts = np.split(found, ends, axis=1)
    return [part.reshape(batch, *port.shape) for port, part in zip(program.results, parts, strict=True)]


def evaluated(program: Netlist, inputs: Sequence[IntArray]) -> list[IntArray]:
    """What `run` returns, by the rules of `evaluate` alone, a word after the other."""
    values = _inputs(program, inputs)
    last_use = _last_use(program)
    for position, node in enumerate(program.nodes):
        if isinstance(node.op, Input):
            continue
        values[position] = evaluate(node.op, [_present(values[a]) for a in node.args])
        for argument in node.args:
            if last_use[argument] == position:
                values[argument] = None
    return _collect(program, values, len(inputs[0]) if inputs else 1)


def trace(program: Netlist, inputs: Sequence[IntArray]) -> list[IntArray]:
    """Every word's values, (batch,) each; constants have shape ()."""
    values = _inputs(program, inputs)
    for position, node in enumerate(program.nodes):
        if not isinstance(node.op, Input):
            values[position] = evaluate(node.op, [_present(values[a]) for a in node.args])
    return [_present(v) for v in values]


def _present(value: IntArray | None) -> IntArray:
    assert value is not None
    return value


def _ports(program: Netlist, inputs: Sequence[IntArray]) -> list[tuple[Port, IntArray]]:
    if len(inputs) != len(program.inputs):
        raise InvalidValue(f"{len(inputs)} arrays for {len(program.inputs)} ports", where=program.name)
    given = [np.asarray(codes, dtype=np.int64) for codes in inputs]
    for port, codes in zip(program.inputs, given, strict=True):
        if codes.shape[1:] != port.shape:
            raise InvalidValue(f"shape {codes.shape[1:]} is not {port.shape}", where=f"port '{port.name}'")
        if len(codes) != len(given[0]):
            raise InvalidValue(f"{len(codes)} samples beside {len(given[0])}", where=f"port '{port.name}'")
    return list(zip(program.inputs, given, strict=True))


def _inputs(program: Netlist, inputs: Sequence[IntArray]) -> list[IntArray | None]:
    values: list[IntArray | None] = [None] * len(program.nodes)
    for port, codes in _ports(program, inputs):
        columns = np.ascontiguousarray(codes.reshape(len(codes), len(port.words)).T)
        _require_range(program, port, columns)
        for word, column in zip(port.words, columns, strict=True):
            values[word] = column
    return values


def _require_range(program: Netlist, port: Port, columns: IntArray) -> None:
    types = [program.nodes[word].type for word in port.words]
    low, high = (np.array([getattr(t, end) for t in types], dtype=np.int64) for end in ("low", "high"))
    if columns.size and ((columns.min(axis=1) < low).any() or (columns.max(axis=1) > high).any()):
        raise InvalidValue("a code lies outside its range", where=f"port '{port.name}'", remedy="encode first")


def _last_use(program: Netlist) -> list[int]:
    last = [-1] * len(program.nodes)
    for position, node in enumerate(program.nodes):
        for argument in node.args:
            last[argument] = position
    for position in program.outputs:
        last[position] = len(program.nodes)
    return last


def _collect(program: Netlist, values: list[IntArray | None], batch: int) -> list[IntArray]:
    out: list[IntArray] = []
    for port in program.results:
        columns = [np.broadcast_to(_present(values[w]), (batch,)) for w in port.words]
        out.append(np.stack(columns, axis=1).reshape(batch, *port.shape))
    return out


@evaluate.on(Constant)
def _(op: Constant, args: list[IntArray]) -> IntArray:
    return np.array(op.value, dtype=np.int64)


@evaluate.on(Add)
def _(op: Add, args: list[IntArray]) -> IntArray:
    return (args[0] << op.left) + (args[1] << op.right)


@evaluate.on(Subtract)
def _(op: Subtract, args: list[IntArray]) -> IntArray:
    return (args[0] << op.left) - (args[1] << op.right)


@evaluate.on(Sum)
def _(op: Sum, args: list[IntArray]) -> IntArray:
    total = np.array(op.constant, dtype=np.int64)
    for word, shift, sign in zip(args, op.shifts, op.signs, strict=True):
        total = total + (word << shift) if sign > 0 else total - (word << shift)
    return total


@evaluate.on(Shift)
def _(op: Shift, args: list[IntArray]) -> IntArray:
    return args[0] << op.left if op.left >= 0 else args[0] >> -op.left


@evaluate.on(Bits)
def _(op: Bits, args: list[IntArray]) -> IntArray:
    return (args[0] >> op.lowest) & ((1 << op.width) - 1)


@evaluate.on(Clip)
def _(op: Clip, args: list[IntArray]) -> IntArray:
    return np.clip(args[0], op.low, op.high)


@evaluate.on(AtLeast)
def _(op: AtLeast, args: list[IntArray]) -> IntArray:
    return (args[0] >= args[1]).astype(np.int64)


@evaluate.on(Mux)
def _(op: Mux, args: list[IntArray]) -> IntArray:
    return np.where(args[0] == 1, args[1], args[2])


@evaluate.on(Table)
def _(op: Table, args: list[IntArray]) -> IntArray:
    return op.values.array[args[0] - op.start]


@evaluate.on(Multiply)
def _(op: Multiply, args: list[IntArray]) -> IntArray:
    return args[0] * args[1]


@evaluate.on(Register)
def _(op: Register, args: list[IntArray]) -> IntArray:
    return args[0]
