"""TFLite models of 8-bit integers: flatbuffers read as data, lowered with the arithmetic of TFLite's kernels."""

from bitwright.frontends.tflite.explain import explain
from bitwright.frontends.tflite.lower import read_model
from bitwright.frontends.tflite.model import Model, read_file

__all__ = ["Model", "explain", "read_file", "read_model"]
