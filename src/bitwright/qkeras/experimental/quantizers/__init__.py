"""QKeras's `qkeras.experimental.quantizers`: power-of-two scales that training finds."""

# ruff: noqa: F403

from __future__ import annotations

from bitwright.qkeras.experimental.quantizers.quantizers_po2 import *
