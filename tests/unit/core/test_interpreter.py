"""Both interpreters refuse the same programs and codes, and share batches among threads without a trace."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from bitwright.core import interpreter as door
from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.core.interpreter import Code, Instruction, Interpreter

KINDS = ("door", "twin")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "twin":
        monkeypatch.setattr(door, "_Interpreter", door.TwinInterpreter)
    return request.param


def code(*steps: list[int], tables: list[int] | None = None, lane_bits: int = 16) -> Code:
    """Two entries in [-8, 7], the number 5 (word 2), then `steps`; the last word is the output."""
    rows = np.array([row + [0] * (10 - len(row)) for row in steps], dtype=np.int64).reshape(-1, 10)
    table = np.array([] if tables is None else tables, dtype=np.int64)
    entries = np.array([[-8, 7]] * 2)
    return Code(rows, table, np.array([5]), entries, np.array([2 + len(rows)]), lane_bits)


ADD = [Instruction.SUM_20, 0, 1, 0, 0, 0, 0, 0]
LOOK_UP = [Instruction.TABLE, 0, 0, 0, 0, 0, 0, -8, 0, 16]


def test_a_program_without_steps_hands_its_number_on(kind: str) -> None:
    assert Interpreter(code())(np.zeros((3, 2), np.int64)).tolist() == [[5]] * 3
    assert Interpreter(code())(np.zeros((0, 2), np.int64)).shape == (0, 1)


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        (code([99]), "no such instruction"),
        (code([-1]), "no such instruction"),
        (code([Instruction.SUM_20, 0, 3]), "an argument comes later"),
        (code([Instruction.SUM_20, 0, -1]), "an argument comes later"),
        (code([Instruction.MUX, 0, 1, 3]), "an argument comes later"),
        (code([Instruction.SUM_20, 0, 1, 0, 0, 16]), "a shift leaves the lane"),
        (code([Instruction.SHIFT_RIGHT, 0, 0, 0, -1]), "a shift leaves the lane"),
        (code(LOOK_UP, tables=[0] * 15), "looks up beside the tables"),
        (code([*LOOK_UP[:8], -1, 16], tables=[0] * 16), "looks up beside the tables"),
        (code([*LOOK_UP[:8], 0, 0], tables=[0] * 16), "looks up beside the tables"),
        (code([*LOOK_UP[:8], 2**62, 2**62], tables=[0] * 16), "looks up beside the tables"),
        (replace(code(ADD), exits=np.array([4])), "an output names no word"),
        (replace(code(ADD), exits=np.array([-1])), "an output names no word"),
    ],
)
def test_programs_that_read_what_is_not_there_are_refused(kind: str, broken: Code, what: str) -> None:
    with pytest.raises(InvalidProgram, match=what):
        Interpreter(broken)


def test_a_code_outside_its_range_is_refused_even_where_no_step_reads_it(kind: str) -> None:
    machine = Interpreter(code([Instruction.SUM_10, 0]))
    assert machine(np.array([[3, 7]])).tolist() == [[3]]
    for bad in ([8, 0], [-9, 0], [0, 8], [2**40, 0]):
        with pytest.raises(InvalidValue, match="outside its range"):
            machine(np.array([[0, 0]] * 70 + [bad]))


def test_a_word_outside_its_table_is_an_error_and_reads_nothing(kind: str) -> None:
    machine = Interpreter(code([*LOOK_UP[:9], 4], tables=[9, 8, 7, 6]))
    assert machine(np.array([[-8, 0], [-5, 0]])).tolist() == [[9], [6]]
    for bad in (-4, 7):
        with pytest.raises(InvalidProgram, match="outside its table"):
            machine(np.array([[-8, 0], [bad, 0]]))


def test_threads_share_a_batch_without_a_trace(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "_STEPS_PER_THREAD", 100)
    program = code(ADD, [Instruction.MULTIPLY, 3, 2], [Instruction.SUM_12, 4, 0, 1, 0, 3, 1, 7])
    codes = np.random.default_rng(0).integers(-8, 8, (1501, 2))
    alone, shared = Interpreter(program)(codes), Interpreter(program, threads=4)(codes)
    a, b = codes.T
    assert (alone[:, 0] == (a + b) * 5 - (a << 3) - (b << 1) + 7).all()
    assert (alone == shared).all()
    codes[-1] = 100
    with pytest.raises(InvalidValue):
        Interpreter(program, threads=4)(codes)


def test_the_environment_can_force_the_twin() -> None:
    line = "from bitwright.core import interpreter; print(interpreter.IS_NATIVE)"
    environment = {**os.environ, "BITWRIGHT_NATIVE": "0"}
    done = subprocess.run([sys.executable, "-c", line], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
