"""Engines as Verilog: a sequencer, memories, a matrix unit and a maximum a lane, AXI4-Stream on both ends."""

from bitwright.backends.verilog.engine.actor import execute_module
from bitwright.backends.verilog.engine.emit import emit_engine

__all__ = ["emit_engine", "execute_module"]
