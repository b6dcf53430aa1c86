"""QKeras's `qkeras.registry`."""

from __future__ import annotations

from bitwright.train.registry import Registry

__all__ = ["Registry"]
