"""A flat program of integer words over blocks of samples, in numpy: what the native interpreter does."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLUMNS", "Instruction", "Interpreter"]

Array = NDArray[np.int64]
COLUMNS = 10
"""Numbers a row of `steps` has: instruction, three arguments, three shifts, first, second, third."""
_BLOCK = 4096


class Instruction(IntEnum):
    """What one step does; a sum's name counts the arguments that are added and those that are subtracted."""

    SUM_10 = 0
    SUM_01 = 1
    SUM_20 = 2
    SUM_11 = 3
    SUM_02 = 4
    SUM_30 = 5
    SUM_21 = 6
    SUM_12 = 7
    SUM_03 = 8
    SHIFT_RIGHT = 9
    BITS = 10
    CLIP = 11
    AT_LEAST = 12
    AT_LEAST_NUMBER = 13
    AT_MOST_NUMBER = 14
    MUX = 15
    TABLE = 16
    MULTIPLY = 17

    @classmethod
    def sum(cls, plus: int, minus: int) -> Instruction:
        """The sum of `plus` arguments less the `minus` ones that follow them (one to three in all)."""
        return cls[f"SUM_{plus}{minus}"]

    @property
    def terms(self) -> tuple[int, int]:
        """(plus, minus) of a sum."""
        return int(self.name[-2]), int(self.name[-1])

    @property
    def arguments(self) -> int:
        """How many of the three arguments it reads."""
        if self.name.startswith("SUM_"):
            return sum(self.terms)
        return {Instruction.MUX: 3, Instruction.AT_LEAST: 2, Instruction.MULTIPLY: 2}.get(self, 1)


class Interpreter:
    """Steps one after the other; the arguments are those of `bitwright.core.interpreter.Code`."""

    def __init__(
        self, steps: Array, tables: Array, numbers: Array, entries: Array, exits: Array, lane_bits: int
    ) -> None:
        self.tables, self.entries, self.exits = tables, entries, exits
        self.numbers: list[int] = numbers.tolist()
        self.steps: list[_Step] = []
        last: dict[int, int] = {}
        for place, row in enumerate(steps.tolist()):
            op, args, numbers_ = _checked(row, len(entries) + len(numbers) + place, len(tables), lane_bits)
            last |= dict.fromkeys(args, place)
            self.steps.append((op, args, numbers_, []))
        if any(not 0 <= word < len(entries) + len(numbers) + len(steps) for word in exits.tolist()):
            raise ValueError("an output names no word")
        for word in set(last) - set(exits.tolist()):
            self.steps[last[word]][3].append(word)

    def run(self, inputs: Array, outputs: Array) -> None:
        """Fill `outputs` (batch, exits) from `inputs` (batch, entries)."""
        low, high = self.entries.T
        if inputs.size and ((inputs.min(axis=0) < low) | (inputs.max(axis=0) > high)).any():
            raise OverflowError("a code lies outside its range")
        for start in range(0, len(inputs), _BLOCK):
            self._block(inputs[start : start + _BLOCK], outputs[start : start + _BLOCK])

    def _block(self, inputs: Array, outputs: Array) -> None:
        words: list[Any] = [*np.ascontiguousarray(inputs.T), *(np.array(n) for n in self.numbers)]
        for op, args, numbers, done in self.steps:
            words.append(_RULES[op](self, op, [words[a] for a in args], numbers))
            for word in done:
                words[word] = None
        for place, word in enumerate(self.exits.tolist()):
            outputs[:, place] = words[word]


_Step = tuple[Instruction, list[int], list[int], list[int]]
def _checked(row: list[int], known: int, tables: int, lane_bits: int) -> tuple[Instruction, list[int], list[int]]:
    """A row's instruction, arguments and numbers, or ValueError for one that reads what is not there."""
    if row[0] not in list(Instruction):
        raise ValueError("no such instruction")
    op = Instruction(row[0])
    args, shifts, (start, offset, size) = row[1 : 1 + op.arguments], row[4 : 4 + op.arguments], row[7:]
    if any(not 0 <= word < known for word in args):
        raise ValueError("an argument comes later")
    if any(not 0 <= shift < lane_bits for shift in shifts):
        raise ValueError("a shift leaves the lane")
    if op is Instruction.TABLE and not (size >= 1 and 0 <= offset <= tables - size):
        raise ValueError("an instruction looks up beside the tables")
    return op, args, [*row[4:7], start, offset, size]


_Rule = Callable[[Interpreter, Instruction, list[Array], list[int]], Array]


def _sum(machine: Interpreter, op: Instruction, args: list[Array], n: list[int]) -> Array:
    plus, minus = op.terms
    total = np.array(n[3])
    for place in range(plus + minus):
        term = args[place] << n[place]
        total = total + term if place < plus else total - term
    return total


def _table(machine: Interpreter, op: Instruction, args: list[Array], n: list[int]) -> Array:
    index = args[0] - n[3]
    if index.size and (index.min() < 0 or index.max() >= n[5]):
        raise IndexError("a word lies outside its table")
    return machine.tables[n[4] + index]


_RULES: dict[Instruction, _Rule] = {
    **{op: _sum for op in Instruction if op.name.startswith("SUM_")},
    Instruction.SHIFT_RIGHT: lambda machine, op, args, n: args[0] >> n[0],
    Instruction.BITS: lambda machine, op, args, n: (args[0] >> n[0]) & n[3],
    Instruction.CLIP: lambda machine, op, args, n: np.minimum(np.maximum(args[0], n[3]), n[4]),
    Instruction.AT_LEAST: lambda machine, op, args, n: (args[0] >= args[1]).astype(np.int64),
    Instruction.AT_LEAST_NUMBER: lambda machine, op, args, n: (args[0] >= n[3]).astype(np.int64),
    Instruction.AT_MOST_NUMBER: lambda machine, op, args, n: (args[0] <= n[3]).astype(np.int64),
    Instruction.MUX: lambda machine, op, args, n: np.where(args[0] == 1, args[1], args[2]),
    Instruction.TABLE: _table,
    Instruction.MULTIPLY: lambda machine, op, args, n: args[0] * args[1],
}
