"""QKeras's `qkeras.autoqkeras`: searching for quantizers; see `bitwright.search.autoqkeras`."""

from __future__ import annotations

from bitwright.qkeras.autoqkeras import autoqkeras_internal, forgiving_metrics, quantization_config, utils
from bitwright.qkeras.autoqkeras.autoqkeras_internal import AutoQKeras, AutoQKerasScheduler, AutoQKHyperModel
from bitwright.qkeras.autoqkeras.quantization_config import default_quantization_config
from bitwright.qkeras.autoqkeras.utils import (
    get_quantization_dictionary,
    print_qmodel_summary,
    save_quantization_dict,
)

__all__ = [
    "AutoQKHyperModel",
    "AutoQKeras",
    "AutoQKerasScheduler",
    "autoqkeras_internal",
    "default_quantization_config",
    "forgiving_metrics",
    "get_quantization_dictionary",
    "print_qmodel_summary",
    "quantization_config",
    "save_quantization_dict",
    "utils",
]
