"""Streaming designs: a dataflow program as Verilog, one module an actor, AXI4-Stream on both ends."""

from bitwright.backends.verilog.stream.emit import StreamEmitted, emit_stream
from bitwright.backends.verilog.stream.harness import StreamHarness, stream_harness
from bitwright.backends.verilog.stream.ports import StreamPort

__all__ = ["StreamEmitted", "StreamHarness", "StreamPort", "emit_stream", "stream_harness"]
