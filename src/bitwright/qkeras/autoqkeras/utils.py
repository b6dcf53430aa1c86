"""QKeras's `qkeras.autoqkeras.utils`: see `bitwright.search.autoqkeras.summary`."""

from __future__ import annotations

from bitwright.search.autoqkeras.summary import (
    get_quantization_dictionary,
    print_qmodel_summary,
    save_quantization_dict,
)

__all__ = [
    "get_quantization_dictionary",
    "print_qmodel_summary",
    "save_quantization_dict",
]
