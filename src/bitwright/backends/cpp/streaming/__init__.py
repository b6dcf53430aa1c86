"""HLS C++ of dataflow programs: actors as functions between the vendor's streams."""

from bitwright.backends.cpp.streaming import rounds, search, units
from bitwright.backends.cpp.streaming.parts import described
from bitwright.backends.cpp.streaming.project import engine_project, framed_project, stream_project

__all__ = ["described", "engine_project", "framed_project", "rounds", "search", "stream_project", "units"]
