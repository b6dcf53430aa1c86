"""Many designs under one wrapper."""

from __future__ import annotations

import pytest

from bitwright.core.errors import InvalidValue
from bitwright.toolchain.combine import combine
from bitwright.toolchain.ports import Ports


def test_the_wrapper_holds_each_design_under_a_prefix() -> None:
    both = combine([("a", Ports((("x", 2),), (("y", 1),))), ("b", Ports((), (("y", 3),), clock=""))], top="all")
    assert both.text == (
        "module all (\n"
        "  input wire clk,\n"
        "  input wire [1:0] d0_x,\n"
        "  output wire [0:0] d0_y,\n"
        "  output wire [2:0] d1_y\n"
        ");\n"
        "  a d0_instance (\n"
        "    .clk(clk),\n"
        "    .x(d0_x),\n"
        "    .y(d0_y)\n"
        "  );\n"
        "  b d1_instance (\n"
        "    .y(d1_y)\n"
        "  );\n"
        "endmodule\n"
    )
    assert both.ports == Ports((("d0_x", 2),), (("d0_y", 1), ("d1_y", 3)))


def test_no_prefix_begins_another() -> None:
    prefixes = combine([(f"m{k}", Ports((("x", 1),), ())) for k in range(120)]).prefixes
    assert not [(a, b) for a in prefixes for b in prefixes if a != b and b.startswith(a)]


def test_combining_nothing_is_refused() -> None:
    with pytest.raises(InvalidValue, match="no designs"):
        combine([])
