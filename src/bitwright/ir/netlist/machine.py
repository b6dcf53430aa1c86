"""`machine_of`: a netlist flattened for the interpreter, once; `run` goes through it."""

from __future__ import annotations

import weakref
from array import array
from collections.abc import Sequence

import numpy as np

from bitwright.core.cores import usable_cores
from bitwright.core.interpreter import COLUMNS, LANES, Code, Instruction, Interpreter
from bitwright.core.rules import Rules
from bitwright.ir.netlist.netlist import Netlist
from bitwright.ir.netlist.ops import (
    Add,
    AtLeast,
    Bits,
    Clip,
    Constant,
    Multiply,
    Mux,
    Register,
    Shift,
    Subtract,
    Sum,
    Table,
    Word,
)
from bitwright.numeric import Ints

__all__ = ["Flat", "flattened", "instruction", "machine_of"]

Row = tuple[int, int, int, int, int, int, int, int, int, int]
"""A row of `Code.steps`: instruction, three arguments, three shifts, three numbers."""


class Flat:
    """What the rules share: the numbers of the constant words, and the tables met so far."""

    def __init__(self) -> None:
        self.number: dict[int, int] = {}
        self.tables = array("q")
        self._offsets: dict[bytes, int] = {}

    def table(self, values: Ints) -> int:
        """Where the entries lie in `tables`; equal ones are kept once."""
        content = values.array.tobytes()
        offset = self._offsets.setdefault(content, len(self.tables))
        if offset == len(self.tables):
            self.tables.frombytes(content)
        return offset

    def sum(self, terms: Sequence[tuple[int, int, int]], constant: int = 0) -> Row:
        """The sum of one to three (word, shift, sign); constants become part of the number."""
        live = [term for term in terms if term[0] not in self.number]
        if live:
            gone = [term for term in terms if term[0] in self.number]
            constant += sum(sign * (self.number[word] << shift) for word, shift, sign in gone)
        else:
            live = list(terms)
        live.sort(key=lambda term: -term[2])
        minus = sum(sign < 0 for _, _, sign in live)
        (a, i, _), (b, j, _), (c, k, _) = (*live, *[(0, 0, 1)] * (3 - len(live)))
        return (_SUMS[len(live) - minus, minus], a, b, c, i, j, k, _wrapped(constant), 0, 0)


def _wrapped(number: int) -> int:
    """`number` modulo 2^64, signed: as int64 has it."""
    return ((number + (1 << 63)) & ((1 << 64) - 1)) - (1 << 63)


_SUMS = {(p, m): int(Instruction.sum(p, m)) for p in range(4) for m in range(4) if 1 <= p + m <= 3}
# As plain ints: a large netlist has a million of these.
_ADD, _SUBTRACT = _SUMS[2, 0], _SUMS[1, 1]
_SHIFT_RIGHT, _BITS, _CLIP = int(Instruction.SHIFT_RIGHT), int(Instruction.BITS), int(Instruction.CLIP)
_AT_LEAST, _AT_LEAST_NUMBER = int(Instruction.AT_LEAST), int(Instruction.AT_LEAST_NUMBER)
_AT_MOST_NUMBER, _MUX = int(Instruction.AT_MOST_NUMBER), int(Instruction.MUX)
_TABLE, _MULTIPLY = int(Instruction.TABLE), int(Instruction.MULTIPLY)

instruction: Rules[[Flat, tuple[int, ...]], Row | int] = Rules("netlist operator as an instruction")
"""(op, flat, words it reads) -> its row, or the word that has the same value."""


@instruction.on(Add)
def _(op: Add, flat: Flat, args: tuple[int, ...]) -> Row | int:
    a, b = args
    if a in flat.number or b in flat.number:
        return flat.sum(((a, op.left, 1), (b, op.right, 1)))
    return (_ADD, a, b, 0, op.left, op.right, 0, 0, 0, 0)


@instruction.on(Subtract)
def _(op: Subtract, flat: Flat, args: tuple[int, ...]) -> Row | int:
    a, b = args
    if a in flat.number or b in flat.number:
        return flat.sum(((a, op.left, 1), (b, op.right, -1)))
    return (_SUBTRACT, a, b, 0, op.left, op.right, 0, 0, 0, 0)


@instruction.on(Sum)
def _(op: Sum, flat: Flat, args: tuple[int, ...]) -> Row | int:
    return flat.sum(list(zip(args, op.shifts, op.signs, strict=True)), op.constant)


@instruction.on(Shift)
def _(op: Shift, flat: Flat, args: tuple[int, ...]) -> Row | int:
    if op.left >= 0:
        return flat.sum(((args[0], op.left, 1),)) if op.left else args[0]
    return (_SHIFT_RIGHT, args[0], 0, 0, -op.left, 0, 0, 0, 0, 0)


@instruction.on(Bits)
def _(op: Bits, flat: Flat, args: tuple[int, ...]) -> Row | int:
    return (_BITS, args[0], 0, 0, op.lowest, 0, 0, _wrapped((1 << op.width) - 1), 0, 0)


@instruction.on(Clip)
def _(op: Clip, flat: Flat, args: tuple[int, ...]) -> Row | int:
    return (_CLIP, args[0], 0, 0, 0, 0, 0, op.low, op.high, 0)


@instruction.on(AtLeast)
def _(op: AtLeast, flat: Flat, args: tuple[int, ...]) -> Row | int:
    a, b = args
    if b in flat.number:
        return (_AT_LEAST_NUMBER, a, 0, 0, 0, 0, 0, flat.number[b], 0, 0)
    if a in flat.number:
        return (_AT_MOST_NUMBER, b, 0, 0, 0, 0, 0, flat.number[a], 0, 0)
    return (_AT_LEAST, a, b, 0, 0, 0, 0, 0, 0, 0)


@instruction.on(Mux)
def _(op: Mux, flat: Flat, args: tuple[int, ...]) -> Row | int:
    selector, a, b = args
    return (_MUX, selector, a, b, 0, 0, 0, 0, 0, 0)


@instruction.on(Table)
def _(op: Table, flat: Flat, args: tuple[int, ...]) -> Row | int:
    return (_TABLE, args[0], 0, 0, 0, 0, 0, op.start, flat.table(op.values), op.values.shape[0])


@instruction.on(Multiply)
def _(op: Multiply, flat: Flat, args: tuple[int, ...]) -> Row | int:
    a, b = args
    return (_MULTIPLY, a, b, 0, 0, 0, 0, 0, 0, 0)


@instruction.on(Register)
def _(op: Register, flat: Flat, args: tuple[int, ...]) -> Row | int:
    return args[0]


def flattened(program: Netlist) -> Code:
    """The instructions of `program`: its entries in the order of the ports, its outputs in theirs.

    The lanes are the narrowest that hold every word's range.
    """
    flat = Flat()
    entries = [word for port in program.inputs for word in port.words]
    constants = [i for i, node in enumerate(program.nodes) if isinstance(node.op, Constant)]
    words = [-1] * len(program.nodes)
    for number, position in enumerate((*entries, *constants)):
        words[position] = number
    numbers = [int(program.nodes[i].op.value) for i in constants]  # pyright: ignore[reportAttributeAccessIssue]
    flat.number = dict(enumerate(numbers, len(entries)))
    rows, count = array("q"), len(entries) + len(constants)
    for position, node in enumerate(program.nodes):
        if words[position] >= 0:
            continue
        made = instruction(node.op, flat, tuple([words[a] for a in node.args]))
        if isinstance(made, int):
            words[position] = made
        else:
            rows.extend(made)
            words[position] = count
            count += 1
    types = [node.type for node in program.nodes]
    return _code(flat, rows, numbers, [types[e] for e in entries], [words[o] for o in program.outputs], types)


def _code(
    flat: Flat, rows: array[int], numbers: list[int], entries: list[Word], exits: list[int], types: list[Word]
) -> Code:
    steps = np.array(rows, dtype=np.int64).reshape(-1, COLUMNS)
    low, high = min((t.low for t in types), default=0), max((t.high for t in types), default=0)
    low, high = min([low, *numbers]), max([high, *numbers])
    shifts = steps[:, 4:7]
    right = np.isin(steps[:, 0], (_SHIFT_RIGHT, _BITS))
    farthest = int(shifts[~right].max(initial=0))
    lanes = next((b for b in LANES if farthest < b and -(1 << b - 1) <= low and high < 1 << b - 1), LANES[-1])
    # What lies beyond the lane is all sign: dropping fewer bits drops them too.
    shifts[right] = np.minimum(shifts[right], lanes - 1)
    clips = steps[:, 0] == _CLIP
    steps[clips, 7:9] = steps[clips, 7:9].clip(-(1 << lanes - 1), (1 << lanes - 1) - 1)
    ranges = np.array([(t.low, t.high) for t in entries], dtype=np.int64).reshape(-1, 2)
    tables, fixed, last = (np.array(a, dtype=np.int64) for a in (flat.tables, numbers, exits))
    return Code(steps, tables, fixed, ranges, last, lanes)


_known: dict[int, tuple[weakref.ref[Netlist], Interpreter]] = {}


def machine_of(program: Netlist) -> Interpreter:
    """The interpreter of `program`, made at the first call and kept as long as the program is.

    It takes the codes of all input ports side by side, (batch, words), and returns those of all output ports.
    """
    key = id(program)
    held = _known.get(key)
    if held is not None and held[0]() is program:
        return held[1]
    machine = Interpreter(flattened(program), threads=min(usable_cores(), 8))
    _known[key] = (weakref.ref(program, lambda _: _known.pop(key, None)), machine)
    return machine
