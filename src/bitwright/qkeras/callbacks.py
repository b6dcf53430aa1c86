"""QKeras's `qkeras.callbacks`."""

from __future__ import annotations

from bitwright.train.callbacks import QNoiseScheduler

__all__ = ["QNoiseScheduler"]
