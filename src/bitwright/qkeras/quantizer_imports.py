"""QKeras's `qkeras.quantizer_imports`: every quantizer, the experimental ones included."""

# ruff: noqa: F403

from __future__ import annotations

from bitwright.qkeras.experimental.quantizers import *
from bitwright.qkeras.quantizers import *
