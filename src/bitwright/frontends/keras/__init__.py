"""Keras 3 models (ours and plain ones) into the integer graph."""

from bitwright.frontends.grid.walk import Finding, InputFormat
from bitwright.frontends.keras.explain import explain
from bitwright.frontends.keras.read import Reading, load_model, read_model
from bitwright.frontends.keras.truth import logits

__all__ = ["Finding", "InputFormat", "Reading", "explain", "load_model", "logits", "read_model"]
