"""QTools on a Keras model: `QTools`, and the objects that QKeras programs take apart."""

from __future__ import annotations

from bitwright.flow.qtools.adapter import QTools

__all__ = ["QTools"]
