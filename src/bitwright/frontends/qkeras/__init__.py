"""Models of QKeras and of Keras 2: files of other days as our models, read without TensorFlow."""

from bitwright.frontends.qkeras.files import read_keras
from bitwright.frontends.qkeras.layers import make_layer
from bitwright.frontends.qkeras.network import Network, conversions, make_model
from bitwright.frontends.qkeras.objects import Context, plain
from bitwright.frontends.qkeras.read import SUFFIXES, explained_layers, is_foreign, model_from_json, read_qkeras

__all__ = [
    "SUFFIXES",
    "Context",
    "Network",
    "conversions",
    "explained_layers",
    "is_foreign",
    "make_layer",
    "make_model",
    "model_from_json",
    "plain",
    "read_keras",
    "read_qkeras",
]
