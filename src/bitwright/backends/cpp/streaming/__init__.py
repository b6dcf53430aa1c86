"""HLS C++ of dataflow programs: actors as functions between the vendor's streams."""

from bitwright.backends.cpp.streaming import units
from bitwright.backends.cpp.streaming.parts import described
from bitwright.backends.cpp.streaming.project import stream_project

__all__ = ["described", "stream_project", "units"]
