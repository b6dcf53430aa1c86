"""C++ from graphs: the emulator that anyone can include, and HLS for the vendors' compilers."""

from bitwright.backends.cpp.emulator import EmulatorFiles, emulator
from bitwright.backends.cpp.layers import emulate

__all__ = ["EmulatorFiles", "emulate", "emulator"]
