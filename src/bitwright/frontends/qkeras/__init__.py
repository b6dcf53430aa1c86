"""Models of QKeras and of Keras 2: files of other days as our models, read without TensorFlow."""

from bitwright.frontends.qkeras.read import SUFFIXES, is_foreign, model_from_json, read_qkeras

__all__ = ["SUFFIXES", "is_foreign", "model_from_json", "read_qkeras"]
