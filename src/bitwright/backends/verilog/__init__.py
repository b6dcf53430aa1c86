"""Verilog-2005 from netlists: readable, lint-clean, one module per layer, with benches and port tables."""

from bitwright.backends.verilog.emit import Emitted, emit
from bitwright.backends.verilog.engine import emit_engine
from bitwright.backends.verilog.ports import PortBits, pack, port_bits, unpack, word_slices
from bitwright.backends.verilog.vhdl import vhdl_wrapper
from bitwright.backends.verilog.words import verilog

__all__ = [
    "Emitted",
    "PortBits",
    "emit",
    "emit_engine",
    "pack",
    "port_bits",
    "unpack",
    "verilog",
    "vhdl_wrapper",
    "word_slices",
]
