"""HLS C++ of dataflow programs: actors as functions between the vendor's streams."""

from bitwright.backends.cpp.streaming.project import stream_project

__all__ = ["stream_project"]
