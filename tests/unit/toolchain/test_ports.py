"""Ports: what a simulator may be told about a module."""

from __future__ import annotations

import pytest

from bitwright.core.errors import InvalidValue
from bitwright.toolchain.ports import Ports


@pytest.mark.parametrize(
    "ports",
    [
        dict(inputs=(("x", 0),), outputs=()),
        dict(inputs=(("x", 1),), outputs=(("x", 1),)),
        dict(inputs=(("clk", 1),), outputs=()),
        dict(inputs=(("a b", 1),), outputs=()),
        dict(inputs=(), outputs=(), clock="not a name"),
    ],
)
def test_ports_that_no_module_can_have_are_refused(ports: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        Ports(**ports)  # type: ignore[arg-type]


def test_a_module_without_clock_may_call_an_input_clk() -> None:
    assert Ports((("clk", 1),), (), clock="").inputs == (("clk", 1),)
