"""Errors say where, what, why and what to try, also after a trip through a pickle."""

from __future__ import annotations

import copy
import pickle

import pytest

from bitwright.core import errors
from bitwright.core.errors import BitwrightError, ToolFailed

KINDS = [getattr(errors, name) for name in errors.__all__]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_reads_where_what_why_remedy_in_that_order(kind: type[BitwrightError]) -> None:
    error = kind("no input quantizer", where="layer 'fc1'", why="the grid is open", remedy="add bw.QActivation")
    assert str(error) == "layer 'fc1': no input quantizer (the grid is open)\ntry: add bw.QActivation"
    assert str(kind("just this")) == "just this"
    assert error.args == (str(error),)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_survives_pickling_and_copying(kind: type[BitwrightError]) -> None:
    error = kind("what", where="where", why="why", remedy="remedy")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301
        assert type(again) is kind
        assert vars(again) == vars(error)
        assert str(again) == str(error)


def test_a_failed_tool_shows_the_tail_of_its_log_before_the_remedy_and_keeps_it_in_a_pickle() -> None:
    log = "\n".join(f"line {i}" for i in range(40))
    error = ToolFailed("yosys ended with 1", where="fc1.v", remedy="look at the log", log=log)
    lines = str(error).splitlines()
    assert lines[0] == "fc1.v: yosys ended with 1"
    assert lines[1:-1] == [f"  | line {i}" for i in range(25, 40)]
    assert lines[-1] == "try: look at the log"
    assert pickle.loads(pickle.dumps(error)).log == log  # noqa: S301


def test_one_except_clause_catches_the_family_and_values_stay_value_errors() -> None:
    assert all(issubclass(kind, BitwrightError) for kind in KINDS)
    assert issubclass(errors.InvalidValue, ValueError)
    assert issubclass(errors.ParseError, ValueError)
    assert issubclass(errors.ToolTimeout, errors.ToolFailed)
