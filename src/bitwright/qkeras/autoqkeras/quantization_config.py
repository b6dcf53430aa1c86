"""QKeras's `qkeras.autoqkeras.quantization_config`: see `bitwright.search.autoqkeras.config`."""

from __future__ import annotations

from bitwright.search.autoqkeras.config import (
    default_quantization_config,
)

__all__ = [
    "default_quantization_config",
]
