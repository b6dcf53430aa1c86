"""Every netlist operator that can be run can be written as Verilog."""

from __future__ import annotations

from bitwright.backends.verilog import verilog
from bitwright.ir.netlist import evaluate


def test_every_word_operator_that_runs_has_a_verilog_rule() -> None:
    assert evaluate.kinds - verilog.kinds == frozenset()
