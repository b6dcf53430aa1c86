"""The door to the interpreter of flat integer programs: compiled where that is there, else in numpy."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.core.native import HAVE_NATIVE
from bitwright.core.twin.interpreter import COLUMNS, Instruction
from bitwright.core.twin.interpreter import Interpreter as TwinInterpreter

_Interpreter: Any = TwinInterpreter
if HAVE_NATIVE:
    with suppress(ImportError):  # compiled before the interpreter was
        from bitwright._native import Interpreter as _Interpreter

__all__ = ["COLUMNS", "IS_NATIVE", "LANES", "Code", "Instruction", "Interpreter"]

IS_NATIVE: bool = _Interpreter is not TwinInterpreter
"""Whether programs run compiled in this process."""

LANES = (16, 32, 64)
"""Bits that all words of a program may be held in."""

Array = NDArray[np.int64]
# About a millisecond of work: less is not worth a thread.
_STEPS_PER_THREAD = 1 << 23


@dataclass(frozen=True, slots=True)
class Code:
    """A program over numbered words: the entries, then the numbers, then the steps; arrays int64, C-contiguous.

    `steps` (k, 10): instruction, arguments a b c (words before it), shifts of a b c, then three numbers:

        SUM_pm           first + sum of p (arg << shift) - sum of m (arg << shift), modulo the lane
        SHIFT_RIGHT      a >> shift (floor)
        BITS             (a >> shift) & first
        CLIP             a in [first, second]
        AT_LEAST         a >= b
        AT_LEAST_NUMBER  a >= first
        AT_MOST_NUMBER   a <= first
        MUX              b where a is 1, else c
        TABLE            tables[second + a - first], of `third` entries
        MULTIPLY         a * b, modulo the lane

    `numbers` (n,) are words that are constant, `entries` (i, 2) the least and greatest code of each input, `exits`
    (o,) the words of the outputs. Every word must fit `lane_bits` bits, signed; shifts are less than those.
    """

    steps: Array
    tables: Array
    numbers: Array
    entries: Array
    exits: Array
    lane_bits: int


class Interpreter:
    """`code` made ready: call it with (batch, inputs) codes for (batch, outputs) codes.

    Memory is that of the words alive at once times at most 512 samples for each thread, beside the arrays.
    `threads` share a large batch; the result does not depend on them. Safe to call from several threads.
    Calling raises InvalidValue for a code outside its entry's range, InvalidProgram where a word has no entry
    in its table.

    >>> none = np.zeros(0, np.int64)
    >>> steps = np.array([[Instruction.SUM_11, 0, 1, 0, 3, 0, 0, -5, 0, 0]])
    >>> code = Code(steps, none, none, np.array([[0, 9], [0, 9]]), np.array([2]), 16)
    >>> Interpreter(code)(np.array([[1, 2], [9, 0]])).tolist()
    [[1], [67]]
    """

    def __init__(self, code: Code, threads: int = 1) -> None:
        self.code, self.threads = code, threads
        try:
            self._machine: Any = _Interpreter(
                code.steps, code.tables, code.numbers, code.entries, code.exits, code.lane_bits
            )
        except ValueError as error:
            raise InvalidProgram(str(error), where="interpreter") from None

    def __call__(self, inputs: Array) -> Array:
        """The outputs (batch, exits) of `inputs` (batch, entries)."""
        codes = np.ascontiguousarray(inputs, dtype=np.int64)
        outputs = np.empty((len(codes), len(self.code.exits)), dtype=np.int64)
        parts = min(self.threads, len(codes) * len(self.code.steps) // _STEPS_PER_THREAD, len(codes))
        if parts < 2:
            self._run(codes, outputs)
            return outputs
        edges = [len(codes) * part // parts for part in range(parts + 1)]
        with ThreadPoolExecutor(parts) as pool:
            list(pool.map(lambda a, b: self._run(codes[a:b], outputs[a:b]), edges[:-1], edges[1:]))
        return outputs

    def _run(self, inputs: Array, outputs: Array) -> None:
        try:
            self._machine.run(inputs, outputs)
        except IndexError as error:
            raise InvalidProgram(str(error), where="interpreter", remedy="check the program") from None
        except ArithmeticError as error:
            raise InvalidValue(str(error), where="interpreter", remedy="encode first") from None
