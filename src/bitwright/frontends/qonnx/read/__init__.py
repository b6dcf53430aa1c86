"""ONNX files in: protobuf to our own record."""

from bitwright.frontends.qonnx.read.file import NEWEST, OLDEST, parse_model, read_file

__all__ = ["NEWEST", "OLDEST", "parse_model", "read_file"]
