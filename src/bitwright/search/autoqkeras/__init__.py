"""AutoQKeras: which quantizers, filters and learning rate a model should have, found by trials."""

from __future__ import annotations

from bitwright.search.autoqkeras.autoqk import AutoQKeras
from bitwright.search.autoqkeras.config import default_quantization_config
from bitwright.search.autoqkeras.hypermodel import AutoQKHyperModel
from bitwright.search.autoqkeras.scheduler import AutoQKerasScheduler
from bitwright.search.autoqkeras.summary import (
    get_quantization_dictionary,
    print_qmodel_summary,
    save_quantization_dict,
)

__all__ = [
    "AutoQKHyperModel",
    "AutoQKeras",
    "AutoQKerasScheduler",
    "default_quantization_config",
    "get_quantization_dictionary",
    "print_qmodel_summary",
    "save_quantization_dict",
]
