"""Streaming designs: a dataflow program as Verilog, one module an actor, AXI4-Stream on both ends."""

from bitwright.backends.verilog.stream.emit import StreamEmitted, emit_stream
from bitwright.backends.verilog.stream.harness import StreamHarness, stream_harness
from bitwright.backends.verilog.stream.ports import StreamPort
from bitwright.backends.verilog.stream.registers import ControlMap, WritableMemory, control_map, rows_of

__all__ = [
    "ControlMap",
    "StreamEmitted",
    "StreamHarness",
    "StreamPort",
    "WritableMemory",
    "control_map",
    "emit_stream",
    "rows_of",
    "stream_harness",
]
