"""QKeras's `qkeras.autoqkeras.autoqkeras_internal`: see `bitwright.search.autoqkeras`."""

from __future__ import annotations

from bitwright.search.autoqkeras.autoqk import AutoQKeras
from bitwright.search.autoqkeras.hypermodel import AutoQKHyperModel
from bitwright.search.autoqkeras.limits import REGISTERED as REGISTERED_LAYERS
from bitwright.search.autoqkeras.limits import SEQUENCES as SEQUENCE_LAYERS
from bitwright.search.autoqkeras.scheduler import AutoQKerasScheduler

Q_LAYERS = [f"Q{name}" for name in REGISTERED_LAYERS]
"""The classes that quantized layers have."""

__all__ = [
    "Q_LAYERS",
    "REGISTERED_LAYERS",
    "SEQUENCE_LAYERS",
    "AutoQKHyperModel",
    "AutoQKeras",
    "AutoQKerasScheduler",
]
